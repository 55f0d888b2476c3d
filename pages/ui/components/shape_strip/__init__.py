"""The strip: every tensor of a block as a box in order of the data, with sides that follow a dragged size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engine.axes import axis
from engine.graph.strip_box import Strip, StripBox
from pages.ui.app.palette import NEUTRAL, ROLE, axis_colour
from pages.ui.components.mount.sent_once import SentOnce
from pages.ui.components.shape_strip.layout_library import library_of

_HERE = Path(__file__).parent
_component = SentOnce("shape_strip", _HERE / "strip.css", _HERE / "strip.js")
# On its own and always the same, so that Streamlit sends its 40 kB once to each browser and then only names them.
_library = st.components.v2.component(
    "tensor_shape_explorer.strip_layout",
    js=library_of(_HERE / "dagre" / "dagre.min.mjs"),
)


@dataclass(frozen=True)
class StripPart:
    """A part of a model that can be pressed: what that reports, and what people call it."""

    value: str
    title: str


@dataclass(frozen=True)
class ModelMap:
    """The whole model one size down, from which a block is chosen.

    Args:
        strip: a box for each block.
        title: what people call all of it.
        hues: the role of each box, ``""`` for one without a hue.
        labels: what each box is called.
        on_pick: gets the index of the step whose box was pressed.
    """

    strip: Strip
    title: str
    hues: Sequence[str]
    labels: Sequence[str]
    on_pick: Callable[[int], None]


@dataclass(frozen=True)
class StripContents:
    """What a strip shows.

    Args:
        strip: the boxes.
        run: tells one trace from another.
        open_step: the index of the step that is open, which is marked.
        title: what people call the block.
        hues: the role of each box, ``""`` for one without a hue.
        blocks: the modules around the block and the block, the outermost first.
        siblings: those beside the block.
        block: the value of the one that is drawn.
        folds: its parts that a person folds and unfolds.
        folded: the values of those that are one box now.
        whole: the map above the boxes; None where there is nothing to choose between.
    """

    strip: Strip
    run: str
    open_step: int | None
    title: str
    hues: Sequence[str]
    blocks: Sequence[StripPart] = ()
    siblings: Sequence[StripPart] = ()
    block: str = ""
    folds: Sequence[StripPart] = ()
    folded: Collection[str] = ()
    whole: ModelMap | None = None


def shape_strip(
    contents: StripContents,
    *,
    key: str,
    on_pick: Callable[[int], None],
    on_block: Callable[[str], None],
    on_fold: Callable[[str], None] | None = None,
) -> None:
    """Draws a strip. Two may stand on a page, each with its own key.

    Args:
        contents: what it shows.
        key: the component's.
        on_pick: gets the index of the step whose box was pressed.
        on_block: gets the value of the block that was chosen.
        on_fold: gets the value of the part that was folded or unfolded.
    """
    whole = contents.whole
    _mount(
        strip_data(contents),
        key,
        on_map_change=_ignore if whole is None else partial(_picked, key, "map", whole.strip, whole.on_pick),
        on_pick_change=partial(_picked, key, "pick", contents.strip, on_pick),
        on_block_change=partial(_chosen, key, "block", (*contents.blocks, *contents.siblings), on_block),
        on_fold_change=partial(_chosen, key, "fold", contents.folds, on_fold or _ignore),
    )


def strip_data(contents: StripContents) -> dict[str, Any]:
    """What the browser is sent of a strip.

    Args:
        contents: what it shows.

    Returns:
        What the component's script reads.
    """
    whole, run, open_step = contents.whole, contents.run, contents.open_step
    return _data(contents.strip, run, open_step, contents.title, contents.hues) | {
        "folds": [[fold.value, fold.title, fold.value in contents.folded] for fold in contents.folds],
        "blocks": [
            *([block.value, block.title, False] for block in contents.blocks),
            *([block.value, block.title, True] for block in contents.siblings),
        ],
        "block": contents.block,
        "map": None if whole is None else _map(whole, run, open_step),
    }


def _map(whole: ModelMap, run: str, open_step: int | None) -> dict[str, Any]:
    data = _data(whole.strip, run, open_step, whole.title, whole.hues)
    return data | {"labels": list(whole.labels), "blocks": [], "block": "", "folds": []}


def _data(strip: Strip, run: str, open_step: int | None, title: str, hues: Sequence[str]) -> dict[str, Any]:
    symbols = {symbol for box in strip.boxes for symbol in box.axes if symbol}
    return {
        "run": run,
        "title": title,
        "here": open_step,
        "boxes": [_box(box, hue) for box, hue in zip(strip.boxes, hues, strict=True)],
        "sizes": dict(strip.sizes),
        "names": {symbol: spoken(symbol) for symbol in symbols},
        "tones": {symbol or "": _tones(symbol) for symbol in (*symbols, None)},
        "hues": {hue: [tone.light, tone.dark] for hue, tone in {**ROLE, "": NEUTRAL}.items()},
    }


def _mount(data: Mapping[str, Any], key: str, **listeners: Any) -> None:
    with st.container(gap=None):
        _library(key=f"{key}:layout", data=0, height="content")
        _component.mount(key=key, data=data, height="content", **listeners)


def spoken(symbol: str) -> str:
    """What a screen reader calls an axis: ``source`` for S."""
    return axis(symbol).name.removesuffix(" length")


def _box(box: StripBox, hue: str) -> dict[str, Any]:
    kept = ("step", "first", "name", "op", "axes", "shape", "parents", "lane", "folded", "itemsize", "flops", "wrong")
    sent: dict[str, Any] = {name: getattr(box, name) for name in (*kept, "module")}
    return {**sent, "small": box.is_small, "failed": box.is_failed, "hue": hue}


def _tones(symbol: str | None) -> list[str]:
    return [axis_colour(symbol), axis_colour(symbol, dark=True)]


def _picked(key: str, name: str, strip: Strip, on_pick: Callable[[int], None]) -> None:
    step = st.session_state[key][name]
    if step in {box.step for box in strip.boxes if box.step is not None}:  # a browser is not trusted
        on_pick(step)


def _chosen(key: str, name: str, parts: Sequence[StripPart], on_choice: Callable[[str], None]) -> None:
    value = st.session_state[key][name]
    if value in {part.value for part in parts}:
        on_choice(value)


def _ignore(*value: object) -> None:
    """A strip without folds, or without a map, reports none."""
