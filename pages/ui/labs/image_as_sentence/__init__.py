"""An image as a sentence: cut into patches, through the same encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from engine.labs.image_as_sentence import code, cut, patches_of
from engine.labs.image_as_sentence.pictures import NAMES, SIDES, Picture, drawn
from pages.ui.labs.image_as_sentence import attention, cost, first_layer, order, patch_cut
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.image_html import picture
from pages.ui.labs.kit.image_upload import MOST_MEGABYTES, NoPictureError, Upload, decoded

_OWN = "your own"
# What is shown where a file cannot be read: the name of a drawn picture, or the last file that could be read.
_UPLOADED, _SHOWN = "labs.image.uploaded", "labs.image.shown"


@dataclass(frozen=True)
class _Uploaded:
    """The last file that could be read, and the id under which Streamlit knows the last one of all.

    ``side`` is how many pixels a side it was brought to.
    """

    file: str
    side: int
    upload: Upload | None
    trouble: str = ""


def draw() -> None:
    st.markdown(
        "The encoder reads rows of numbers, (B, S, d_model), and never asks what they stand for. The Vision "
        "Transformer (ViT, Dosovitskiy et al. 2021) cuts an image into square patches, turns each into one such row, "
        "and gives them to the encoder as if they were the words of a sentence."
    )
    left, right = st.columns([3, 5], gap="large")
    with right:
        sides, patches = st.columns(2)
        with sides:
            side = int(lab_widgets.pick("side", "Picture, pixels a side", tuple(map(str, SIDES))))
        image = _picture(side)
        with patches:
            patch = int(lab_widgets.pick("patch", "Patch, pixels a side", tuple(map(str, patches_of(side))), "8"))
        cut_image = result(cut, image.rgb, patch)
        counted = patch_cut.count(cut_image, patch)
    with left:
        st.html(
            picture(
                cut_image.image[0],
                f"{image.description}, cut into square patches",
                f"{side} × {side} pixels, cut into patches of {patch} × {patch}.",
                patch=patch,
            )
        )
    script = _script(image, patch, first_layer.USUAL)
    if counted:
        st.markdown(patch_cut.formulas(side, patch))
    if counted and patch_cut.ways(cut_image, patch, image.description):
        lab_widgets.lines(script(), "cut into patches")
        lab_widgets.lines(script(), "a straight view")
        script = _model(image, patch)
    lab_widgets.snippet(script())


def _script(image: Picture, patch: int, sizes: first_layer.VisionSizes) -> Callable[..., str]:
    return partial(code, image.rgb, patch, sizes.d_model, sizes.heads, sizes.layers, sizes.seed, sizes.spread)


def _model(image: Picture, patch: int) -> Callable[..., str]:
    """Draws the parts on the model, each once the questions before it are answered; returns the lab's script."""
    sizes = first_layer.sizes()
    script = _script(image, patch, sizes)
    if first_layer.sentence(image, patch, sizes):
        lab_widgets.lines(script(), "tokens by a convolution")
        if order.shuffled(image, patch, sizes):
            lab_widgets.lines(script(), "patches in another order")
            focus, looked = attention.looks(image, patch, sizes)
            script = partial(script, **focus)
            if looked:
                lab_widgets.lines(script(), "where a token looks")
                if cost.counted(image, patch, sizes):
                    lab_widgets.lines(script(), "what half the patch costs")
    return script


def _picture(side: int) -> Picture:
    """The picture that was chosen, drawn here or brought along; the one shown last until there is such a one."""
    name = lab_widgets.pick("picture", "Picture", (*NAMES, _OWN))
    if name != _OWN:
        st.session_state[_SHOWN] = name
        return drawn(name, side)
    own = _own(side)
    if own is not None:
        return own
    shown = st.session_state.get(_SHOWN, NAMES[0])
    return drawn(shown, side) if isinstance(shown, str) else decoded(shown, side).picture


def _own(side: int) -> Picture | None:
    file = st.file_uploader(
        f"A PNG or JPEG; its middle square is brought to {side} × {side} pixels. It is kept in memory, never on disk.",
        type=["png", "jpg", "jpeg"],
        key="labs.image.file",
        max_upload_size=MOST_MEGABYTES,
    )
    if file is None:
        return None
    before = st.session_state.get(_UPLOADED)
    if before is None or (before.file, before.side) != (file.file_id, side):
        try:
            before = _Uploaded(file.file_id, side, decoded(file.getvalue(), side))
            st.session_state[_SHOWN] = file.getvalue()
        except NoPictureError as trouble:
            before = _Uploaded(file.file_id, side, None, str(trouble))
        st.session_state[_UPLOADED] = before
    if before.trouble:
        st.warning(f"{before.trouble} The picture shown before is still here.")
    if before.upload is None:
        return None
    st.caption(before.upload.scaling)
    return before.upload.picture
