"""The classic notebook on multi-head attention, line by line: first which shape a line prints, then its tensor."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import streamlit as st

from engine import Step
from engine.labs.notebook import PAD, NotebookLine, Replay, code, nearest, replay, with_the_length_left_open
from engine.labs.notebook.shapes import options
from engine.labs.phrases import by_count
from engine.labs.script_cells import cells
from engine.ops import reads
from pages.ui.components.tensor_view import Panel, tensor_view
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.cached import result
from pages.ui.labs.kit.lab_widgets import Slider
from pages.ui.labs.kit.line_table import Cell, Code, Row, Shape, line_table
from pages.ui.views.operation_card import card_of
from pages.ui.views.percentage import percent
from pages.ui.views.rearrange_animation import travel_of
from pages.ui.views.tensor_panels import panel_of, step_panels

_BATCH, _LENGTH, _WIDTH, _HEADS = (1, 12, 10), (1, 24, 20), (4, 512, 512), (1, 16, 8)  # from, to, the classic one
_UP_TO_HERE, _ALL = "lines run so far", "every line"
# Of the arithmetic, which lines belong together.
_GROUPS = {"linear": "the four projections", "matmul": "q @ k_t and weights @ v"}

# What makes the shape of a line what it is, by name and operation.
_WHY = {
    ("batch", "tensor"): "A row for each sentence, each as long as the longest: {L} ids.",
    ("embedded", "embedding"): "Each of the {B} × {L} ids is replaced by its row of the table, {D} numbers wide.",
    ("q", "linear"): "A linear layer changes the last axis alone, here from {D} to {D}. The heads stand side by side.",
    ("q", "view"): "`view` cuts each row of {D} into {H} pieces of {K}. No number moves.",
    ("q", "transpose"): "Axes 1 and 2 change places: the {H} heads stand in front of the {L} tokens.",
    ("k_t", "transpose"): "The last two axes change places, for the product needs d_k of q beside d_k of k.",
    ("scores", "matmul"): "Rows of {K} times columns of {K}: d_k is summed away, a number stays for each of "
    "{L} queries and {L} keys.",
    ("scaled", "div"): "Every number is divided by √{K}. No axis changes.",
    (
        "weights",
        "softmax",
    ): "`softmax` makes each row of {L} sum to 1. `dim` says along which axis, and the axis stays.",
    ("mixed", "matmul"): "({L}, {L}) times ({L}, {K}): the keys are summed away, {K} features of v stay.",
    ("moved", "transpose"): "Axes 1 and 2 change back: each token has its {H} heads beside each other again.",
    ("packed", "contiguous"): "`contiguous` is about memory. No axis changes.",
    ("concat", "view"): "{H} heads of {K} side by side are {D} numbers for each token.",
    (
        "output",
        "linear",
    ): "W_O changes the last axis alone, from {D} to {D}. What comes out is as large as what came in.",
}


def draw() -> None:
    st.markdown(
        "The classic notebook takes ten sentences of different lengths from token ids to the output of multi-head "
        "attention. Say which shape a line prints, then see what it made. Choose a line in the table to go there."
    )
    batch, length, d_model, heads = _sizes()
    run = result(replay, batch, length, d_model, heads)
    if run.error:
        _rule(d_model, heads)
    steps, table = st.columns([2, 3], gap="medium")
    with steps:
        line = run.lines[lab_widgets.number("line", "Line", 1, run.raised or len(run.lines), 1) - 1]
        known = _line(run, line, batch, length, d_model, heads)
    with table:
        _table(run, line, known)
    script = code(batch, length, d_model, heads)
    if known and line.step:
        _stage(run, line.step)
        # The first that has the line: later ones repeat it where they need it.
        lab_widgets.lines(script, next(name for name, text in cells(script).items() if f"\n{line.code}" in text))
    if run.error:
        _left_open(batch, length, d_model, heads)
    else:
        _whole(run, script)
    lab_widgets.snippet(script)


def _sizes() -> tuple[int, int, int, int]:
    batch, length, d_model, heads = lab_widgets.numbers(
        Slider("batch", "Batch B", *_BATCH),
        Slider("length", "Length L of the longest sentence", *_LENGTH),
        Slider("d_model", "d_model", *_WIDTH),
        Slider("heads", "Heads H", *_HEADS),
    )
    classic = {"batch": _BATCH[2], "length": _LENGTH[2], "d_model": _WIDTH[2], "heads": _HEADS[2]}
    if (batch, length, d_model, heads) != tuple(classic.values()):
        _offer("Back to the classic sizes", **classic)
    return batch, length, d_model, heads


def _rule(d_model: int, heads: int) -> None:
    """What must divide, and the nearest sizes that do."""
    widths, counts = nearest(d_model, heads, _WIDTH[:2], _HEADS[:2])
    d_k, rest = divmod(d_model, heads)
    with st.container(border=True):
        left_over = by_count(rest, "{count} is left over", "{count} are left over")
        st.markdown(
            f"**d_model must be a multiple of the number of heads.** {d_model} is not a multiple of {heads}: "
            f"{heads} heads of {d_k} take {heads * d_k} numbers of each token's {d_model}, and {left_over}. The "
            "nearest sizes that work:"
        )
        with st.container(horizontal=True):
            for count in counts:
                _offer(by_count(count, "{count} head", "{count} heads"), heads=count)
            for width in widths:
                _offer(f"d_model {width}", d_model=width)


def _offer(label: str, **values: int) -> None:
    st.button(
        label, key="labs.notebook.offer." + ".".join(values) + f".{label}", on_click=lab_widgets.move, kwargs=values
    )


def _line(run: Replay, line: NotebookLine, batch: int, length: int, d_model: int, heads: int) -> bool:
    """The line that is next, and what it prints once a person has said so; whether that is open."""
    last = run.raised or len(run.lines)
    with st.container(horizontal=True):
        for label, index in (("← Back", line.number - 1), ("Next line →", line.number + 1), ("To the end", last)):
            st.button(
                label,
                key=f"labs.notebook.{label}",
                on_click=lab_widgets.move,
                kwargs={"line": index},
                disabled=not 1 <= index <= last or index == line.number,
            )
    st.code(f"{line.code}\nprint(tuple({line.name}.shape))", language="python", wrap_lines=True)
    if line.step is None:
        st.markdown(f"Line {line.number} raises. PyTorch says:")
        st.code(run.error, language=None, wrap_lines=True)
        st.markdown(
            f"`view` only regroups the numbers that are there: {batch} × {length} × {d_model} = "
            f"{batch * length * d_model:,}. The shape asked for holds {batch} × {length} × {heads} × "
            f"{d_model // heads} = {batch * length * heads * (d_model // heads):,}."
        )
        return True
    shapes = options(line, batch, length, d_model, heads)
    if not shapes:
        st.markdown(f"As with the queries: it prints `{line.step.shape}`. L_k is L again, for the tokens looked at.")
        return True
    why = _WHY[line.deed].format(B=batch, L=length, D=d_model, H=heads, K=d_model // heads)
    return lab_widgets.predict(
        f"line {line.number}",
        "What does this line print?",
        [str(shape) for shape in shapes],
        str(line.step.shape),
        f"{why}{_batch_note(run, line)}",
        wrong={str(shape): _not_this_shape(line.step, shape) for shape in shapes},
    )


def _not_this_shape(step: Step, shape: tuple[int, ...]) -> str:
    """Feedback on a shape that a line does not print."""
    if math.prod(shape) != step.value.numel():
        held, given = math.prod(shape), step.value.numel()
        return f"{shape} holds {held:,} numbers, this line gives {given:,}, of the axes {_axes(step)}."
    if sorted(shape) == sorted(step.shape):
        return f"{shape} has the right sizes in another order: the axes of `{step.name}` are {_axes(step)}."
    return f"{shape} holds as many numbers, but is cut another way: the axes of `{step.name}` are {_axes(step)}."


def _axes(step: Step) -> str:
    return ", ".join(f"{symbol or '?'} = {size}" for symbol, size in zip(step.axes, step.shape, strict=True))


def _batch_note(run: Replay, line: NotebookLine) -> str:
    if line.name != "batch":
        return ""
    padding = len(run.lengths) * max(run.lengths) - sum(run.lengths)
    return f" The sentences have {', '.join(map(str, run.lengths))} tokens; {padding:,} places are filled with id 0."


def _table(run: Replay, line: NotebookLine, known: bool) -> None:
    shown = lab_widgets.pick("shapes", "Shapes in the table", (_UP_TO_HERE, _ALL))
    rows = [_row(run, row, shown == _ALL or row.number < line.number + known) for row in run.lines]
    line_table(
        ("line", "shape", "memory", "FLOPs"),
        rows,
        chosen=line.number - 1,
        key="labs.notebook.lines",
        on_choose=lambda index: lab_widgets.move(line=index + 1),
    )


def _row(run: Replay, line: NotebookLine, known: bool) -> Row:
    code_cell = Code(f"{line.number:>2} {line.code}")
    if line.step is None:
        raised = line.number == run.raised
        return Row([code_cell, "raises" if raised else "not reached", "", ""], "bad" if raised else "unknown")
    if not known:
        return Row([code_cell, "?", "", ""], "unknown")
    cells: list[Cell] = [
        code_cell,
        Shape(line.step.axes, line.step.shape),
        {"new": "new", "view": "view", "same": "same tensor"}[line.step.memory],
        _short(line.step.flops or 0),
    ]
    return Row(cells)


def _short(flops: int) -> str:
    """A count in three digits, which is enough to compare lines by."""
    for size, unit in ((10**6, "M"), (10**3, "k")):
        if flops >= size:
            return f"{flops / size:.3g} {unit}"
    return str(flops or "")


def _stage(run: Replay, step: Step) -> None:
    st.markdown(f"##### What `{step.name}` holds")
    if step.name == "batch":
        tensor_view([_padded(run, step)], key="labs.notebook.ids")
        return
    card = card_of(run.trace, step)
    tensor_view(
        [replace(row, note=_by_line(row.note), footer=_by_line(row.footer)) for row in step_panels(run.trace, step)],
        key="labs.notebook.stage",
        reads=reads(step),
        operation=replace(card, facts=[(name, _by_line(fact)) for name, fact in card.facts]),
        travel=travel_of(step),
    )


def _by_line(text: str) -> str:
    """Steps are counted from 0; here each is a line, and those are counted from 1."""
    return re.sub(r"\bstep (\d+)", lambda match: f"line {int(match[1]) + 1}", text)


def _padded(run: Replay, step: Step) -> Panel:
    """The ids, hatched where they are padding."""
    plain = panel_of(run.trace, step)
    return replace(plain, note="token ids", masked=step.value == PAD, hatched="padding", scale="ids")


def _whole(run: Replay, script: str) -> None:
    st.markdown("##### The whole run")
    left, right = st.columns(2, gap="large")
    with left:
        _copied(run)
    with right:
        _arithmetic(run)
    if padding := run.to_padding:
        st.markdown(
            f"The exercise has no mask, so the real tokens look at padding too: it gets {percent(padding)} of "
            "their attention on average. A padding mask makes that 0."
        )
        lab_widgets.lines(script, "attention to padding")


def _left_open(batch: int, length: int, d_model: int, heads: int) -> None:
    shape, error = with_the_length_left_open(batch, length, d_model, heads)
    raises, runs = "raise an error too", "run, with a wrong length"
    lab_widgets.predict(
        "open",
        "Many write `q.view(batch_size, -1, heads, d_k)` and let PyTorch infer the length. What would that do here?",
        (raises, runs),
        raises if error else runs,
        f"PyTorch says: {error}."
        if error
        else f"It gives {shape}: {shape[1]} tokens where there are {length}, each made of pieces of others. Nothing "
        "fails until much later, if at all.",
        wrong={
            raises: "−1 is whatever makes the count come out. The numbers can be divided by heads times d_k here, so "
            "PyTorch finds a length, and it is not the true one.",
            runs: "−1 needs a whole number, and the numbers that are there do not divide into heads of d_k.",
        },
    )


def _copied(run: Replay) -> None:
    packed = next(line.step for line in run.lines if line.name == "packed")
    assert packed is not None
    copied, same = "it copies them into the order in which they are read", "nothing: it hands back the same tensor"
    views = sum(line.step.memory == "view" for line in run.lines if line.step)
    (parent,) = packed.inputs
    lab_widgets.predict(
        "contiguous",
        f"`packed = moved.contiguous()` changes no shape. What does it do with the {packed.value.numel():,} numbers?",
        (copied, same),
        same if packed.memory == "same" else copied,
        f"`moved` has strides {parent.value.stride()}, `packed` {packed.stride}. Of the {len(run.lines)} lines "
        f"{views} are views, which write no numbers at all.",
        wrong={
            copied: "`moved` lies in memory in the order in which it is read already, so there is nothing to copy.",
            same: "The transpose before it moved no number, it only changed the strides. Read in order, `moved` jumps "
            "about in memory, and the next line, `view`, cannot do with that.",
        },
    )


def _arithmetic(run: Replay) -> None:
    cost = dict.fromkeys((*_GROUPS.values(), "everything else"), 0)
    for line in run.lines:
        if line.step:
            cost[_GROUPS.get(line.step.op, "everything else")] += line.step.flops or 0
    total = sum(cost.values())
    most = max(cost, key=lambda name: cost[name])
    lab_widgets.predict(
        "arithmetic",
        "Which lines take most of the arithmetic?",
        tuple(cost),
        most,
        f"Shares of {total:,} FLOPs: {', '.join(f'{name} {percent(row / total)}' for name, row in cost.items())}.",
        wrong={
            name: f"Only {percent(row / total)} is in {name}. The projections take 2·D·D for each token and grow with "
            "the width, the two products 2·L·D each and grow with the length; the rest is done once for each number."
            for name, row in cost.items()
        },
    )
