"""Why the heads are split with view and permute, and not with one view."""

from __future__ import annotations

import streamlit as st

from engine.labs.view_or_permute import Routes, code, head_products, routes
from engine.ops.access import AffineMap, SameIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.notation import number
from engine.questions import Figure
from pages.ui.components.tensor_view import Panel, Travel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.views.questions.figure_html import figures_html

_ROWS, _HEADS = ("B", "L", "H", "d_k"), ("B", "H", "L", "d_k")
_PRINTED = 3  # heads
_PRODUCT = (
    "`query @ key_t` is one call for all heads; `query[h] @ key_t[h]` goes head after head. The scores {shape} at "
    "once and head by hand: `torch.equal` says {same}.{part}"
)


def draw() -> None:
    st.markdown(
        "`matmul` multiplies the last two axes; every axis in front of them is batch, computed each for itself. So the "
        "heads must stand in front: (B, H, L, d_k). A projection gives each token one row, with the heads side by side "
        "in it. The model cuts each row with `view` and moves the axes with `permute`. One `view` straight to that "
        "shape is shorter, and PyTorch accepts it."
    )
    batch, length, heads, d_k = lab_widgets.numbers(
        size_sliders.batch(4, 1), size_sliders.length(8, 4), size_sliders.heads(8, 3), size_sliders.d_k(8, 4)
    )
    split_routes = result(routes, batch, length, heads, d_k)
    st.markdown(
        f"In front: {(batch, heads, length, d_k)} @ {(batch, heads, d_k, length)} gives "
        f"{(batch, heads, length, length)}, "
        f"every token against every token, in each head. Without the permute: {(batch, length, heads, d_k)} @ "
        f"{(batch, length, d_k, heads)} gives {(batch, length, heads, heads)}, every head against every head, in each "
        "token."
    )
    script = code(batch, length, heads, d_k)
    if _kept_in_place(split_routes):
        _both(split_routes, heads, d_k)
        lab_widgets.lines(script, "the straight view beside the permute")
        if _owners(split_routes):
            lab_widgets.lines(script, "whose features stand in a row")
            _weights(split_routes)
            lab_widgets.lines(script, "attention on both routes")
            _product(length, heads, d_k)
            lab_widgets.lines(script, "all heads at once, and head by hand")
    lab_widgets.snippet(script)


def _kept_in_place(split_routes: Routes) -> bool:
    total = split_routes.rows.numel()
    share = split_routes.in_place / total
    options = ("all of them", "half or more, but not all", "fewer than half", "none")
    index = 0 if share == 1 else 1 if share >= 0.5 else 2 if share else 3
    return lab_widgets.predict(
        "places",
        f"Both routes give the shape {tuple(split_routes.permuted.shape)}. How many of the {total:,} numbers does the "
        "straight `view` put where `permute` puts them?",
        options,
        options[index],
        f"{split_routes.in_place:,} of {total:,} numbers stand in the same place, {total - split_routes.in_place:,} "
        "landed wrong.",
        wrong=lab_widgets.by_order(
            options,
            options[index],
            "Fewer stay right. `view` fills the new shape in the order of memory, token by token: the first head gets "
            "the first numbers there are, and they belong to all heads of the first tokens.",
            "More stay right. Memory begins with head 0 of token 0 on either route, and ends with the last head of the "
            "last token; with one head or one token there is nothing to swap.",
        ),
    )


def _both(split_routes: Routes, heads: int, d_k: int) -> None:
    batch, length = split_routes.rows.shape[:2]
    labels = words(length)
    permuted = AffineMap.of(split_routes.rows, SameIndex(0), SameIndex(2), SameIndex(1), SameIndex(3))
    viewed = FlatMap(tuple(split_routes.rows.shape), tuple(split_routes.viewed.shape))
    lab_widgets.section("routes", "Both routes, side by side")
    st.caption(
        "A colour is a token, from dark to light along its features. Look at the rows of the two results: on the left "
        "each is one token's. Replay moves the cells."
    )
    names = (None, None, labels, None)
    tensor_view(
        [
            Panel("rows", split_routes.rows, _ROWS, (None, labels, None, None), note="cut into heads"),
            Panel("permuted", split_routes.permuted, _HEADS, names, role="query", note="cut, then permute"),
            Panel("viewed", split_routes.viewed, _HEADS, names, role="query", note="straight view"),
        ],
        key="labs.routes.both",
        reads=[viewed],
        travel=Travel(1, (2, 3), keeps=True, beside=permuted),
    )
    left, right = st.columns(2, gap="large")
    left.code(f"query.view({batch}, {length}, {heads}, {d_k}).permute(0, 2, 1, 3)", language="python")
    right.code(f"query.view({batch}, {heads}, {length}, {d_k})", language="python")


def _owners(split_routes: Routes) -> bool:
    length = split_routes.rows.size(1)
    index = min(1, length - 1)
    owners = split_routes.owners[0, index].unique().tolist()
    options = ("its own", "another token's", "several tokens'")
    labels = words(length)
    return lab_widgets.predict(
        "owners",
        f"After the straight `view`, row {index} of head 0 should be `{labels[index]}`. Whose features are in it?",
        options,
        options[0] if owners == [index] else options[1] if len(owners) == 1 else options[2],
        f"Its features belong to: {', '.join(f'`{labels[token]}`' for token in owners)}.",
        wrong={
            options[0]: f"`view` counts on in memory: before row {index} of head 0 it has used up only the {index} × "
            f"{split_routes.rows.size(3)} numbers of row 0, and what comes next still belongs to the heads of an "
            "earlier "
            "token.",
            options[
                1
            ]: "A row may begin with one token's numbers and go on with another's, or hold its own: `view` only "
            "counts on in memory.",
            options[2]: f"A row is {split_routes.rows.size(3)} numbers, as long as one head's part of one token. It "
            "starts where such a part starts, so it holds no mixture.",
        },
    )


def _weights(split_routes: Routes) -> None:
    lab_widgets.section("weights", "What attention then computes")
    labels = words(split_routes.rows.size(1))
    for column, weights, route in zip(
        st.columns(2, gap="large"), split_routes.weights, ("cut, then permute", "straight view"), strict=True
    ):
        with column:
            panel = weights_panel(
                weights,
                ("B", "H", "L", "L_k"),
                (None, None, labels, labels),
                note=route,
                footer="each row sums to 1, on either route",
            )
            tensor_view([panel], key=f"labs.routes.weights.{route}")
    if split_routes.output_difference:
        st.markdown(
            "Nothing fails: both are proper weights, and both outputs have the right shape. But after the straight "
            "`view` a row that is named after one token may ask with features of others. After merging the heads the "
            f"two outputs differ by up to {number(split_routes.output_difference)}."
        )
    else:
        st.markdown("With these sizes both routes are the same, and so are the outputs, bit for bit.")


def _product(length: int, heads: int, d_k: int) -> None:
    lab_widgets.section("product", "All heads multiplied at once, then head by hand")
    products = result(head_products, length, heads, d_k)
    part = f" The first {_PRINTED} of {heads} heads are printed." if heads > _PRINTED else ""
    st.markdown(_PRODUCT.format(shape=tuple(products.at_once.shape), same=products.same, part=part))
    figures = (
        Figure("query", ("H", "L", "d_k")),
        Figure("key_t", ("H", "d_k", "L_k")),
        Figure("scores", ("H", "L", "L_k"), "query @ key_t: all heads at once"),
        Figure("by_hand", ("H", "L", "L_k"), "query[h] @ key_t[h]: head after head"),
    )
    tensors = (products.query, products.key_t, products.at_once, products.by_hand)
    st.html(figures_html(figures, [tensor[:_PRINTED] for tensor in tensors]))
