"""Which sizes must agree."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine.labs.sizes_that_agree import AttentionRun, chain, code
from engine.labs.sizes_that_agree.attention_sizes import MOST, MOST_BATCH, MOST_HEADS, MOST_WIDTH, AttentionSizes
from engine.labs.sizes_that_agree.links import Link
from engine.ops.access import AffineMap, AllIndices, SameIndex
from engine.ops.notation import format_operand
from pages.ui.components.tensor_view import OperationCard, Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.panels import weights_panel
from pages.ui.labs.kit.sample_words import words
from pages.ui.labs.kit.shape_chips import meeting
from pages.ui.labs.sizes_that_agree import accidents

_QUERY, _KEYS = ("B", "H", "L", "d_k"), ("B", "H", "d_k", "L_k")
_WEIGHTS, _VALUES, _MIXED = ("B", "H", "L", "L_k"), ("B", "H", "L_k", "d_v"), ("B", "H", "L", "d_v")
_ROWS = ("B", "L", "d_model")
_USUAL = AttentionSizes()
_ROW = (SameIndex(0), SameIndex(1), SameIndex(2), AllIndices())
_COLUMN = (SameIndex(0), SameIndex(1), AllIndices(), SameIndex(3))


def draw() -> None:
    st.markdown(
        "Attention is two products and a softmax between them, then W_O and the residual. In each of these one size of "
        "the left must agree with one of the right. Set them as you like, and read what PyTorch says."
    )
    sizes = _attention_sizes()
    _examples()
    first = result(chain, sizes)
    whole = len(first.links) > 2
    if _works(first) and (not whole or _shape(first, sizes)):
        lab_widgets.section("products", "The two products: which sizes meet, and which are free")
        for link in first.links[:2]:
            _show_link(link)
        if whole:
            st.markdown("L, the number of queries, and d_v meet nothing in these products: they are free.")
            _computed(first, sizes)
        lab_widgets.lines(code(sizes), "the two products")
    if whole:
        sizes = _after(sizes)
    accidents.draw(sizes)
    lab_widgets.snippet(code(sizes))


def _attention_sizes() -> AttentionSizes:
    columns = st.columns(4)
    with columns[0]:
        batch = lab_widgets.number("batch", "Batch B", 1, MOST_BATCH, _USUAL.batch)
        heads = lab_widgets.number("heads", "Heads H", 1, MOST_HEADS, _USUAL.heads)
    with columns[1]:
        queries = lab_widgets.number("queries", "Number of queries, L", 1, MOST, _USUAL.queries)
        d_k = lab_widgets.number("d_k", "d_k of queries", 1, MOST, _USUAL.d_k)
    with columns[2]:
        keys = lab_widgets.number("keys", "Number of keys, L_k", 1, MOST, _USUAL.keys)
        d_k_of_keys = lab_widgets.number("d_k_of_keys", "d_k of keys", 1, MOST, _USUAL.d_k_of_keys)
    with columns[3]:
        values = lab_widgets.number("values", "Number of values", 1, MOST, _USUAL.values)
        d_v = lab_widgets.number("d_v", "d_v", 1, MOST, _USUAL.d_v)
    # What is after attention fits here, so that only attention is tried; its own sliders come below.
    width = heads * d_v
    return AttentionSizes(
        batch, heads, queries, keys, values, d_k, d_k_of_keys, d_v, width, _USUAL.d_model, _USUAL.d_model
    )


def _examples() -> None:
    fit = {"d_k": _USUAL.d_k, "d_k_of_keys": _USUAL.d_k, "keys": _USUAL.keys, "values": _USUAL.keys, "d_v": _USUAL.d_v}
    lab_widgets.examples(
        {
            "All agree": fit,
            "Keys with another d_k": fit | {"d_k_of_keys": 4},
            "One value too few": fit | {"values": _USUAL.keys - 1},
            "Another d_v": fit | {"d_v": 8},
        }
    )


def _works(run: AttentionRun) -> bool:
    options = ("both work", "`query @ key.transpose(-2, -1)` raises", "`weights @ value` raises")
    index = len(run.links) if run.links[-1].value is None and len(run.links) < 3 else 0
    rule = run.links[index - 1].rule if index else None
    sizes = [f"{link.left.shape[link.meet[0]]} = {link.right.shape[link.meet[1]]}" for link in run.links[:2]]
    return lab_widgets.predict(
        "works",
        "With these sizes, what do the two products do?",
        options,
        options[index],
        f"{rule.given[0].upper()}{rule.given[1:]}." if rule else f"d_k: {sizes[0]}. Keys and values: {sizes[1]}.",
        wrong={
            options[0]: f"Two sizes that meet are not the same here. {run.links[max(index, 1) - 1].rule.statement}",
            options[1]: "The scores only need queries and keys to be equally wide, and they are. How many there are of "
            "each, and how wide a value is, does not matter to them.",
            options[
                2
            ]: "Each key's weight needs a value to take, and there are as many values as keys. How wide a value "
            "is does not matter."
            if index == 0
            else "It never comes to that: the scores cannot be computed.",
        },
    )


def _show_link(link: Link) -> None:
    """A link of the chain: its shapes, and where sizes differ PyTorch's words beside plain ones."""
    with st.container(border=True):
        st.markdown(f"`{link.code}`")
        left, right, out = ((side.name, side.axes, side.shape) for side in (link.left, link.right, link.result))
        meeting(left, "+" if link.result.name == "summed" else "@", right, out, meet=link.meet)
        if link.agree:
            st.markdown(f":green[✓] {link.rule.statement}")
            return
        theirs, ours = st.columns(2, gap="large")
        with theirs:
            if link.error:
                st.markdown("What PyTorch says")
                st.code(link.error, language=None, wrap_lines=True)
                st.caption(link.reading)
            else:
                st.markdown(
                    "PyTorch says nothing. One of the two sizes is 1, and it repeats that number as often as needed "
                    "(broadcasting). The result has a shape that looks right."
                )
        with ours:
            st.markdown(
                f":orange[✗] {link.rule.statement} Here {link.rule.given}.\n\n**Works with:** {link.rule.remedy}."
            )
            if link.pairs:
                st.markdown(f"The first number of {link.result.name} would be {_sum(link)}.")


def _sum(link: Link) -> str:
    """The sum with a question mark where a number has no partner."""
    rows, columns = (
        ("?" if value is None else format_operand(value, 2) for value in side) for side in zip(*link.pairs, strict=True)
    )
    return " + ".join(f"{a}·{b}" for a, b in zip(rows, columns, strict=True))


def _computed(run: AttentionRun, sizes: AttentionSizes) -> None:
    mixed, scores = run.links[1].value, run.links[0].value
    if mixed is None or scores is None or run.weights is None:
        return
    queries, keys = words(sizes.queries), words(sizes.keys)
    given = run.given
    st.caption("Point at a number of a result: the row and the column it was made of light up. They are equally long.")
    for name, panels, line in (
        (
            "scores",
            [
                Panel("query", given.query, _QUERY, (None, None, queries, None), role="query"),
                Panel("key transposed", given.key.transpose(-2, -1), _KEYS, (None, None, None, keys), role="key"),
                Panel("scores", scores, _WEIGHTS, (None, None, queries, keys), role="scores"),
            ],
            "query @ key.transpose(-2, -1)",
        ),
        (
            "mixed",
            [
                weights_panel(
                    run.weights, _WEIGHTS, (None, None, queries, keys), note="softmax of scores / √d_k", footer=""
                ),
                Panel("value", given.value, _VALUES, (None, None, keys, None), role="value"),
                Panel("mixed", mixed, _MIXED, (None, None, queries, None), role="output"),
            ],
            "weights @ value",
        ),
    ):
        maps = [AffineMap.of(panels[0].value, *_ROW), AffineMap.of(panels[1].value, *_COLUMN)]
        tensor_view(panels, key=f"labs.sizes.{name}", reads=maps, operation=OperationCard("matmul", code=line))


def _shape(run: AttentionRun, sizes: AttentionSizes) -> bool:
    mixed = run.links[1].result.shape
    lead = (sizes.batch, sizes.heads)
    others = ((sizes.queries, sizes.d_k), (sizes.keys, sizes.d_v), (sizes.queries, sizes.keys), (1, 1), (2, 2), (3, 3))
    choices = list(dict.fromkeys((mixed, *((*lead, *rest) for rest in others))))[:4]
    return lab_widgets.predict(
        "shape",
        f"Queries are {tuple(run.given.query.shape)}, keys {tuple(run.given.key.shape)}, values "
        f"{tuple(run.given.value.shape)}. Which shape has `mixed`?",
        tuple(map(str, sorted(choices))),
        str(mixed),
        f"L = {sizes.queries} comes from the queries, d_v = {sizes.d_v} from the values. d_k = {sizes.d_k} was summed "
        f"over in the first product, L_k = {sizes.keys} in the second.",
        wrong={
            str(
                choice
            ): f"The last two sizes of {choice} would be those of other axes. A product keeps the rows of its "
            "left and the columns of its right, and sums over what meets: one row for each query, as wide as a value."
            for choice in choices
        },
    )


def _after(sizes: AttentionSizes) -> AttentionSizes:
    """W_O and the residual, with sliders of their own."""
    lab_widgets.section("after", "After attention: W_O and the residual")
    st.markdown("The heads are laid side by side, W_O mixes them, and the result is added to x.")
    width = sizes.heads * sizes.d_v
    columns = st.columns(3)
    with columns[0]:
        w_in = lab_widgets.number("w_in", "W_O takes", 1, MOST_WIDTH, width, help="H·d_v, until you move it")
    with columns[1]:
        w_out = lab_widgets.number("w_out", "W_O gives", 1, MOST, _USUAL.w_out)
    with columns[2]:
        d_model = lab_widgets.number("d_model", "d_model, the width of x", 1, MOST, _USUAL.d_model)
    fit = {"w_in": width, "w_out": d_model}
    lab_widgets.examples(
        {
            "W_O fits": fit,
            "W_O takes one head": fit | {"w_in": sizes.d_v},
            "W_O gives one less": fit | {"w_out": max(1, d_model - 1)},
            "W_O gives 1": fit | {"w_out": 1},
        }
    )
    sizes = replace(sizes, w_in=w_in, w_out=w_out, d_model=d_model)
    run = result(chain, sizes)
    links = run.links[2:]
    options = (
        "both work, all sizes agree",
        "both work, though two sizes differ",
        "`w_o(concat)` raises",
        "`x + output` raises",
    )
    index = len(links) + 1 if links[-1].value is None else int(not all(link.agree for link in links))
    given = "; ".join(link.rule.given for link in links)
    if lab_widgets.predict(
        "after",
        "What do `w_o(concat)` and `x + output` do?",
        options,
        options[index],
        f"{given}.",
        wrong={
            options[0]: "Two of the sizes that meet differ: compare H·d_v with what W_O takes, and what W_O gives with "
            "d_model.",
            options[1]: "A sum works with different sizes only where one of them is 1, which is then repeated; that is "
            "not so here.",
            options[2]: "W_O takes as many numbers as H heads of d_v give side by side.",
            options[3]: "W_O gives as many numbers as x has, or a single one, which is repeated."
            if index < 2
            else "It never comes to that: W_O does not take what it is given.",
        },
    ):
        for link in links:
            _show_link(link)
        lab_widgets.lines(code(sizes), "W_O and the residual")
    return sizes
