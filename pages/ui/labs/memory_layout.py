"""What transpose, permute and contiguous do to memory."""

from __future__ import annotations

from functools import partial

import streamlit as st
import torch

from engine.export.units import format_bytes
from engine.labs.memory_layout import AXES, WRITTEN, Layout, Merge, code, layout
from engine.labs.phrases import by_count
from engine.ops.access import AffineMap, SameIndex
from pages.ui.components.memory_ribbon import Ribbon, ribbon
from pages.ui.components.tensor_view import OperationCard, Panel, Travel, tensor_view
from pages.ui.labs.kit import lab_widgets, size_sliders
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.sample_words import words

_STRIDE_FITS = ":green[✓] stride of {outer} is {stride} = {size} × {inner_stride}, size × stride of {inner}"
_STRIDE_DIFFERS = (
    ":orange[✗] stride of {outer} is {stride} ≠ {size} × {inner_stride} = {needed}, size × stride of {inner}"
)
_SWAPS = {"L and H": (0, 1), "H and d_k": (1, 2), "L and d_k": (0, 2)}
_ORDERS = {
    ", ".join(AXES[axis] for axis in order): order
    for order in ((1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0), (0, 1, 2))
}


def draw() -> None:
    st.markdown(
        "A tensor is numbers in a row, its storage, and a stride for each axis: how far one step along that axis goes "
        "in the row. `transpose` swaps two axes, `permute` takes them all. Here are the queries of one sentence, cut "
        "into heads. Each number is its own place in memory, so you can see where it went."
    )
    st.markdown(
        "**When must you call `contiguous()`?** After `transpose` or `permute`, before `view`. Or call `reshape`, "
        "which "
        "copies where it has to."
    )
    length, heads, d_k = lab_widgets.numbers(
        size_sliders.length(6, 3), size_sliders.heads(4, 2), size_sliders.d_k(6, 4)
    )
    operation, axes = _operation()
    query_layout = result(layout, length, heads, d_k, operation, axes)
    script = code(length, heads, d_k, operation, axes)
    if _strides(query_layout):
        _moved(query_layout)
        lab_widgets.lines(script, "what moved")
        if _refused(query_layout):
            lab_widgets.lines(script, "what view merges")
            _merges(query_layout)
            if _sharing(query_layout):
                _written(query_layout)
                lab_widgets.lines(script, "what contiguous copies")
    lab_widgets.snippet(script)


def _operation() -> tuple[str, tuple[int, ...]]:
    left, right = st.columns([1, 2])
    with left:
        operation = lab_widgets.pick("operation", "Operation", ("transpose", "permute", "none"))
    with right:
        if operation == "transpose":
            return operation, _SWAPS[lab_widgets.pick("swap", "Swap", tuple(_SWAPS))]
        if operation == "permute":
            return operation, _ORDERS[lab_widgets.pick("order", "New order of the axes", tuple(_ORDERS))]
    return operation, ()


def _strides(query_layout: Layout) -> bool:
    before, after = query_layout.query.stride(), query_layout.moved.stride()
    fresh = torch.empty(query_layout.moved.shape).stride()
    choices = dict.fromkeys((after, before, fresh, before[::-1], (1, 1, 1), (0, 0, 0), (2, 2, 2)))
    jumps = ", ".join(f"{stride} for {axis}" for axis, stride in zip(AXES, before, strict=True))
    return lab_widgets.predict(
        "strides",
        f"The query has shape {tuple(query_layout.query.shape)}. One step goes {jumps}: its strides are {before}. "
        f"What are the strides of `{query_layout.call}`, whose shape is {tuple(query_layout.moved.shape)}?",
        tuple(map(str, sorted(list(choices)[:3]))),
        str(after),
        f"Each axis takes its own jump along to its new place. No number moves: {query_layout.unmoved} of "
        f"{query_layout.query.numel()} numbers lie where they lay in memory.",
        wrong=_other_strides(query_layout, list(choices)[:3]),
    )


def _other_strides(query_layout: Layout, choices: list[tuple[int, ...]]) -> dict[str, str]:
    """Feedback on every wrong choice of strides."""
    before, after = query_layout.query.stride(), query_layout.moved.stride()
    fresh = torch.empty(query_layout.moved.shape).stride()
    first = query_layout.axes[0]
    wrong = {
        str(strides): f"No axis jumps like this: the strides of `{query_layout.name}` are {before} in the new order of "
        f"the axes, {', '.join(query_layout.axes)}."
        for strides in choices
    }
    wrong[str(fresh)] = (
        f"{fresh} is what a new tensor of this shape would have, its numbers written anew in the new order. Nothing "
        "was "
        f"written here: that is what `contiguous()` does afterwards."
    )
    wrong[str(before)] = (
        f"The numbers stay where they are, and that is why the strides cannot stay: the first axis is now {first}, and "
        f"one step along {first} goes {after[0]} numbers further in memory, not {before[0]}."
    )
    return wrong


def _moved(query_layout: Layout) -> None:
    lab_widgets.section("moved", "Before and after")
    _pictures(query_layout)
    facts, notes = st.columns(2, gap="large")
    with facts:
        names = ["query"] if query_layout.call == "query" else ["query", query_layout.name]
        tensors = [query_layout.query, query_layout.moved][: len(names)]
        st.markdown(_table(["", *names], _facts(tensors)))
    with notes:
        if query_layout.stories[0]:
            st.markdown(query_layout.stories[0])
        if query_layout.twin:
            st.markdown(f"`{query_layout.twin}` gives the same numbers with the same strides.")
        elif query_layout.call.startswith("query.permute") and query_layout.order != (0, 1, 2):
            st.markdown("All three axes change place. One `transpose` swaps two, so it takes two of them.")
    st.markdown("##### The storage, and the order in which it is read")
    steps, near = len(query_layout.jumps), query_layout.jumps.count(1)
    all_steps = by_count(steps, "{count} step", "{count} steps")
    far_steps = by_count(steps - near, "{count} jump", "{count} jumps")
    ribbon(
        Ribbon(
            name=query_layout.name,
            shape=tuple(query_layout.moved.shape),
            stride=query_layout.moved.stride(),
            axes=query_layout.axes,
            order=query_layout.order,
            reading=query_layout.reading,
            above="storage of query, by place in memory",
            below=f"{query_layout.name}, in the order in which it is read: last axis fastest",
            label=f"Reading {query_layout.name} takes {all_steps}: {near} to the next number in memory, {far_steps}. "
            "Point at a number, or read one after the other.",
        ),
        key="labs.memory_layout.ribbon",
    )


def _pictures(query_layout: Layout) -> None:
    labels = words(query_layout.query.size(0))
    along = {"L": labels}
    query = Panel("query", query_layout.query, AXES, (labels, None, None), role="query", scale="ids")
    if query_layout.call == "query":
        tensor_view([query], key="labs.memory_layout.query")
        return
    moved = Panel(
        query_layout.name,
        query_layout.moved,
        query_layout.axes,
        tuple(along.get(axis) for axis in query_layout.axes),
        role="query",
        scale="ids",
    )
    follow = [SameIndex(query_layout.order.index(axis)) for axis in range(len(AXES))]
    tensor_view(
        [query, moved],
        key="labs.memory_layout.moved",
        reads=[AffineMap.of(query_layout.query, *follow)],
        operation=OperationCard(title=query_layout.call.partition(".")[2].partition("(")[0], code=query_layout.call),
        travel=Travel(0, (1, 2), keeps=True),
    )


def _refused(query_layout: Layout) -> bool:
    count = sum(bool(merge.error) for merge in query_layout.merges)
    options = ("none", "one", "two", "all three")
    first, second, third = query_layout.axes
    because = "; ".join(
        f"{_joined(merge.axes)}: {'raises' if merge.error else 'works'}" for merge in query_layout.merges
    )
    return lab_widgets.predict(
        "refused",
        f"`view` can merge axes that stand side by side: {first} and {second}, {second} and {third}, or all three. "
        f"How many of these does it refuse for `{query_layout.name}`?",
        options,
        options[count],
        f"{because}.",
        wrong=lab_widgets.by_order(
            options,
            options[count],
            "More of them raise. `view` copies nothing, so the merged axis must do with one stride; once axes are "
            "swapped, the jumps of two neighbours no longer fit each other.",
            "Fewer raise. Two neighbours that lie one after the other in memory as before can still be made one, and "
            "an "
            "axis of size 1 never stands in the way.",
        ),
    )


def _merges(query_layout: Layout) -> None:
    lab_widgets.experts("which axes view can merge, by their strides", "merges", partial(_rule, query_layout))


def _rule(query_layout: Layout) -> None:
    lab_widgets.section("merges", "Which axes view can merge")
    st.markdown(
        "`view` copies nothing, so the merged axis must do with one stride. That works where a step along the outer "
        "axis goes exactly as far as the whole inner one: stride of the outer = size of the inner × its stride. An "
        "axis of size 1 is never stepped along, and asks for nothing."
    )
    for column, merge in zip(st.columns(3), query_layout.merges, strict=True):
        with column, st.container(border=True):
            _one_merge(query_layout, merge)
    errors = list(dict.fromkeys(merge.error for merge in query_layout.merges if merge.error))
    for error in errors:
        st.markdown("What PyTorch says:")
        st.code(error, language=None, wrap_lines=True)
    if errors:
        st.markdown(
            "Its “contiguous subspaces” are runs of axes that hold to this rule. `reshape` tries the same, and copies "
            "where `view` raises."
        )


def _one_merge(query_layout: Layout, merge: Merge) -> None:
    st.markdown(f"**{_joined(merge.axes)}**: `{query_layout.name}.view({', '.join(map(str, merge.sizes))})`")
    for condition in merge.conditions:
        template = _STRIDE_FITS if condition.holds else _STRIDE_DIFFERS
        st.markdown(
            template.format(
                outer=condition.outer,
                stride=condition.stride,
                size=condition.size,
                inner_stride=condition.inner_stride,
                needed=condition.size * condition.inner_stride,
                inner=condition.inner,
            )
        )
    if not merge.conditions:
        st.markdown(":green[✓] at most one of them is longer than 1")
    by_view = "`view` raises" if merge.error else "`view` works"
    by_reshape = (
        "`reshape` shares the memory" if merge.reshape_shares else f"`reshape` copies {format_bytes(merge.nbytes)}"
    )
    st.markdown(f"{by_view}, {by_reshape}.")


def _sharing(query_layout: Layout) -> bool:
    write = query_layout.through_view
    options = ("in `query` alone", "in `copied` alone", "in both", "in neither")
    index = {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}
    return lab_widgets.predict(
        "sharing",
        f"`copied = {query_layout.name}.contiguous()`, and then `{query_layout.name}{list(write.index)} = {WRITTEN}`. "
        "Where is that number read afterwards?",
        options,
        options[index[write.query == WRITTEN, write.copied == WRITTEN]],
        f"`query{list(write.query_index)}` is {_number(write.query)}, `copied{list(write.index)}` is "
        f"{_number(write.copied)}.",
        wrong=_shared(query_layout),
    )


def _shared(query_layout: Layout) -> dict[str, str]:
    """Feedback on where a written number is read."""
    name = query_layout.name
    same = query_layout.copied.data_ptr() == query_layout.moved.data_ptr()
    copy = (
        f"`{name}` was contiguous already, so `contiguous()` returned the tensor itself: all names stand for the same "
        "memory."
        if same
        else f"`contiguous()` wrote every number anew into memory of its own: what is written through `{name}` later "
        "does not reach `copied`."
    )
    return {
        "in `query` alone": copy,
        "in `copied` alone": f"The write goes through `{name}`, which is a view of `query`: it has no memory of its "
        "own. "
        f"{copy}",
        "in both": copy,
        "in neither": f"`{name}` is a view: it has no memory of its own, so the number is written into that of "
        "`query`.",
    }


def _written(query_layout: Layout) -> None:
    lab_widgets.section("contiguous", "What contiguous does: whose memory it is")
    view, copy = query_layout.through_view, query_layout.through_copy
    was = int(query_layout.query[view.query_index])
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(_table(["", query_layout.name, "copied"], _facts([query_layout.moved, query_layout.copied])))
    with right:
        names = ["query", query_layout.name, "copied"]
        rows = [["before", *[str(was)] * 3]]
        for label, write in ((f"written through {query_layout.name}", view), ("written into copied", copy)):
            values = (write.query, write.moved, write.copied)
            rows.append([label, *(f"**{_number(value)}**" if value == WRITTEN else str(value) for value in values)])
        if query_layout.call == "query":
            names, rows = names[1:], [[row[0], *row[2:]] for row in rows]
        st.markdown(_table(["", *names], rows))
        written_elements = f"`{query_layout.name}{list(view.index)}` and `copied{list(view.index)}`"
        at = (
            written_elements if query_layout.call == "query" else f"`query{list(view.query_index)}`, {written_elements}"
        )
        st.caption(f"The number at {at}. Each write is made on fresh tensors.")
    if query_layout.copied.data_ptr() == query_layout.moved.data_ptr():
        st.markdown(
            f"{query_layout.stories[1]} So `contiguous` returned the tensor itself, and they share every number."
        )
    else:
        st.markdown(
            f"{query_layout.stories[1]} The copy costs {format_bytes(query_layout.copied.nbytes)}, lies in the order "
            "of the lower row above, and from then on leads a life of its own."
        )


def _facts(tensors: list[torch.Tensor]) -> list[list[str]]:
    return [
        ["shape", *(str(tuple(tensor.shape)) for tensor in tensors)],
        ["strides", *(str(tensor.stride()) for tensor in tensors)],
        ["data_ptr()", *(f"{tensor.data_ptr():#x}" for tensor in tensors)],
        ["storage", *(format_bytes(tensor.untyped_storage().nbytes()) for tensor in tensors)],
        ["contiguous", *("yes" if tensor.is_contiguous() else "no" for tensor in tensors)],
    ]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _joined(axes: tuple[str, ...]) -> str:
    return f"{', '.join(axes[:-1])} and {axes[-1]}"


def _number(value: int) -> str:
    return str(value).replace("-", "−")
