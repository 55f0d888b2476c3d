"""A step, or a leaf it read, as a panel of the tensor view."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine import Leaf, Step, Trace
from engine.explain.value_range import is_never_negative
from engine.export.units import format_bytes
from engine.ops import reads
from engine.ops.access import GatherMap
from engine.ops.notation import number, sentence_name
from engine.record.statistics import NOTHING, Statistics, statistics
from engine.wording import counted
from pages.ui.components.tensor_view import AxisLabels, Panel
from pages.ui.views.row_names import written_rows

# Which hue a name has. What is not here has none.
_ROLES = {
    "query": "query",
    "key": "key",
    "key_t": "key",
    "value": "value",
    "scores": "scores",
    "scaled": "scores",
    "masked": "scores",
    "weights": "weights",
    "mixed": "output",
    "concat": "output",
    "output": "output",
    "mask": "mask",
    "padding": "mask",
    "future": "mask",
    "embedded": "embedding",
    "encoding": "embedding",
}
_MEMORY = {"view": "view of {whose}", "same": "the very tensor of {whose}", "overwritten": "written over {whose}"}
_PROBABILITIES = frozenset({"softmax", "sigmoid"})


def role_of(name: str) -> str:
    """The role of a tensor of this name, which has a hue; "" where it has none."""
    return _ROLES.get(name, "")


def panel_of(trace: Trace, step: Step) -> Panel:
    """The tensor of a step, with its axes, tokens, role and statistics.

    Args:
        trace: the trace of the step, which has the tokens.
        step: the step.
    """
    return Panel(
        title=step.name,
        value=_shown_value(step),
        axes=step.axes,
        labels=labels_of_step(trace, step),
        note=f"step {step.index}",
        role=role_of(step.name),
        scale=_scale(step),
        masked=None if step.unreadable else _masked(step),
        footer=summary(NOTHING if step.unreadable else step.statistics, step),
    )


def _shown_value(tensor: Step | Leaf) -> torch.Tensor:
    """The numbers of a tensor; only its shape where they are not those of the recording any more."""
    value: torch.Tensor = tensor.value
    return torch.empty(value.shape, dtype=value.dtype, device="meta") if tensor.unreadable else value


def _scale(step: Step) -> str:
    if step.op in _PROBABILITIES:
        return "probability"
    return "positive" if step.value.is_floating_point() and is_never_negative(step) else "auto"


def step_panels(trace: Trace, step: Step) -> list[Panel]:
    """The panels of a step: its inputs in order, and the step itself last."""
    before = [
        panel_of(trace, parent) if isinstance(parent, Step) else _leaf_panel(trace, step, number)
        for number, parent in enumerate(step.inputs)
    ]
    return [*before, panel_of(trace, step)]


def labels_of(trace: Trace, axes: Sequence[str | None]) -> tuple[AxisLabels, ...]:
    """What is named along each axis: the tokens of a length axis, the vocabulary along V.

    Args:
        trace: the trace whose tokens these are.
        axes: the symbols of a tensor's axes, None where unknown.

    Returns:
        For each axis a label for each position, or a list of them for each sentence; None where nothing is named.
    """
    return tuple(_labels(trace, axes, axis) for axis in range(len(axes)))


def labels_of_step(trace: Trace, step: Step) -> tuple[AxisLabels, ...]:
    """The same for a step, where the rows of a decoder are called by what is written there and what was read before.

    Args:
        trace: the trace of the step.
        step: the step.
    """
    labels, rows = labels_of(trace, step.axes), written_rows(trace, step)
    if rows is None:
        return labels
    axis, names = rows
    if axis == 0 or step.axes[0] != "B":
        return labels
    return (*labels[:axis], names, *labels[axis + 1 :])


def tokens_along(trace: Trace, symbol: str | None, sentence: int) -> tuple[str, ...] | None:
    """What stands along one axis of one sentence.

    Args:
        trace: the trace whose tokens these are.
        symbol: the axis; None where its name is unknown.
        sentence: its place in the batch.

    Returns:
        A token for each position; None for an axis along which nothing is named.
    """
    labels = trace.labels.get(symbol) if symbol else None
    if labels is None:
        return None
    own = labels[sentence] if not isinstance(labels[0], str) else labels
    return tuple(map(str, own))


def summary(numbers: Statistics, what: Step | Leaf) -> str:
    """One line under a tensor: mean ± std, extremes, zeros, what is not finite, dtype, bytes, and whose memory.

    Args:
        numbers: the statistics of the tensor.
        what: the tensor.
    """
    parts = []
    if numbers.mean is not None and what.value.dtype != torch.bool and what.value.is_floating_point():
        parts.append(f"mean {short(numbers.mean)} ± {short(numbers.std or 0.0)}")
    if numbers.min is not None and numbers.max is not None and what.value.dtype != torch.bool:
        show = short if what.value.is_floating_point() else "{:,.0f}".format
        parts.append(f"min {show(numbers.min)} · max {show(numbers.max)}")
    if what.value.dtype == torch.bool and numbers is not NOTHING:
        hidden = what.value.numel() - numbers.zeros
        parts.append(f"{hidden:,} of {what.value.numel():,} True")
    elif numbers.zeros:
        parts.append(counted(numbers.zeros, "{count} zero", "{count} zeros"))
    parts += [f"{count:,} {name}" for count, name in ((numbers.nan, "NaN"), (numbers.inf, "infinite")) if count]
    parts.append(str(what.value.dtype).removeprefix("torch."))
    parts.append(format_bytes(what.value.numel() * what.value.element_size()))
    if isinstance(what, Step):
        parts.append(memory_words(what))
        if not what.is_contiguous:
            parts.append("not contiguous")
    return " · ".join(parts)


def memory_words(step: Step) -> str:
    """Where a step's numbers are in memory, in words: new memory, or whose memory."""
    if step.memory == "new":
        return "new memory"
    owner = next((parent for parent in step.inputs if _shares(parent, step)), None)
    whose = f"step {owner.index}" if isinstance(owner, Step) else owner.name if owner is not None else "its input"
    return _MEMORY[step.memory].format(whose=whose)


def short(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return number(value, digits=3)


def _leaf_panel(trace: Trace, step: Step, number: int) -> Panel:
    leaf = step.inputs[number]
    axes = leaf_axes(step, number)
    return Panel(
        title=sentence_name(leaf),
        value=_shown_value(leaf),
        axes=axes,
        labels=labels_of(trace, axes),
        note=leaf.kind,
        role="parameter" if leaf.kind == "parameter" else "",
        footer=summary(NOTHING if leaf.unreadable else statistics(leaf.value), leaf),
    )


def leaf_axes(step: Step, number: int) -> tuple[str | None, ...]:
    """The axes of a tensor that no step made, from how a step reads it.

    An axis that moves with an axis of the output is that axis; one that is summed over is the axis summed over in the
    other input. The rows of a table that token ids choose from are the vocabulary.

    Args:
        step: the step.
        number: of the input among those of the step.
    """
    leaf, maps = step.inputs[number], reads(step)
    unknown: tuple[str | None, ...] = (None,) * leaf.value.dim()
    if maps is None:
        return unknown
    read = maps[number]
    if not read.follows and not read.running:
        return step.axes if leaf.value.shape == step.value.shape else unknown
    summed = [
        parent.axes[axis]
        for parent, other in zip(step.inputs, maps, strict=True)
        if isinstance(parent, Step)
        for axis in other.running
    ]
    running = summed[0] if summed else None
    axes = [running if axis in read.running else None for axis in range(leaf.value.dim())]
    for axis, out in read.follows.items():
        axes[axis] = step.axes[out]
    if isinstance(read, GatherMap):
        axes[read.axis] = "V"
    return tuple(axes)


def _labels(trace: Trace, axes: Sequence[str | None], axis: int) -> AxisLabels:
    symbol = axes[axis]
    if symbol is None or symbol not in trace.labels:
        return None
    labels = trace.labels[symbol]
    # One list for each sentence needs the batch to choose it by; without it there is one only if all are alike.
    if symbol == "V" or (axes[0] == "B" and axis > 0):
        return labels
    return labels[0] if len(set(labels)) == 1 else None


def _masked(step: Step) -> torch.Tensor | None:
    if step.op == "masked_fill":
        return step.inputs[1].value
    if step.op == "softmax" and isinstance(step.inputs[0], Step) and step.inputs[0].op == "masked_fill":
        return _masked(step.inputs[0])
    return None


def _shares(parent: Step | Leaf, step: Step) -> bool:
    return parent.value.untyped_storage()._cdata == step.value.untyped_storage()._cdata
