"""A step, or a leaf it read, as a panel of the tensor view."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine import Leaf, Step, Trace
from engine.export.units import format_bytes
from engine.ops import reads
from engine.ops.access import GatherMap
from engine.ops.notation import number, sentence_name
from engine.record.statistics import Statistics, statistics
from pages.ui.components.tensor_view import AxisLabels, Panel

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
_PROBABILITIES = frozenset({"softmax", "sigmoid"})


def role_of(name: str) -> str:
    """The role of a tensor of this name, which has a hue; "" where it has none."""
    return _ROLES.get(name, "")


def panel_of(trace: Trace, step: Step) -> Panel:
    """The tensor of a step, with its axes, tokens, role and statistics."""
    return Panel(
        title=step.name,
        value=step.value,
        axes=step.axes,
        labels=labels_of(trace, step.axes),
        note=f"step {step.index}",
        role=role_of(step.name),
        scale="probability" if step.op in _PROBABILITIES else "auto",
        masked=_masked(step),
        footer=summary(step.statistics, step),
    )


def stage_of(trace: Trace, step: Step) -> list[Panel]:
    """What a step read, and the step itself last."""
    before = [
        panel_of(trace, one) if isinstance(one, Step) else _leaf_panel(trace, step, place)
        for place, one in enumerate(step.inputs)
    ]
    return [*before, panel_of(trace, step)]


def labels_of(trace: Trace, axes: Sequence[str | None]) -> tuple[AxisLabels, ...]:
    """What stands along each axis: the tokens of a length axis, the vocabulary along V."""
    return tuple(_labels(trace, axes, place) for place in range(len(axes)))


def summary(numbers: Statistics, what: Step | Leaf) -> str:
    """One line under a tensor: mean ± std, extremes, zeros, what is not finite, dtype, bytes, and whose memory."""
    parts = []
    if numbers.mean is not None and what.value.dtype != torch.bool and what.value.is_floating_point():
        parts.append(f"mean {short(numbers.mean)} ± {short(numbers.std or 0.0)}")
    if numbers.min is not None and numbers.max is not None and what.value.dtype != torch.bool:
        said = short if what.value.is_floating_point() else "{:,.0f}".format
        parts.append(f"min {said(numbers.min)} · max {said(numbers.max)}")
    if what.value.dtype == torch.bool:
        hidden = what.value.numel() - numbers.zeros
        parts.append(f"{hidden:,} of {what.value.numel():,} True")
    elif numbers.zeros:
        parts.append(f"{numbers.zeros:,} zeros")
    parts += [f"{count:,} {name}" for count, name in ((numbers.nan, "NaN"), (numbers.inf, "infinite")) if count]
    parts.append(str(what.value.dtype).removeprefix("torch."))
    parts.append(format_bytes(what.value.numel() * what.value.element_size()))
    if isinstance(what, Step):
        parts.append(memory_words(what))
        if not what.is_contiguous:
            parts.append("not contiguous")
    return " · ".join(parts)


def memory_words(step: Step) -> str:
    """Where a step's numbers live, in words."""
    if step.memory == "new":
        return "new memory"
    of = next((parent for parent in step.inputs if _shares(parent, step)), None)
    whose = f"step {of.index}" if isinstance(of, Step) else of.name if of is not None else "its input"
    return {"view": f"view of {whose}", "same": f"the very tensor of {whose}", "overwritten": f"written over {whose}"}[
        step.memory
    ]


def short(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return number(value, digits=3)


def _leaf_panel(trace: Trace, step: Step, place: int) -> Panel:
    leaf = step.inputs[place]
    axes = _leaf_axes(step, place)
    return Panel(
        title=sentence_name(leaf),
        value=leaf.value,
        axes=axes,
        labels=labels_of(trace, axes),
        note=leaf.kind,
        role="parameter" if leaf.kind == "parameter" else "",
        footer=summary(statistics(leaf.value), leaf),
    )


def _leaf_axes(step: Step, place: int) -> tuple[str | None, ...]:
    """The axes of something no step made, from how the step reads it.

    An axis that moves with one of the output's is that one; one that is summed over is the one summed over in the
    tensor beside it. The rows of a table that token ids choose from are the vocabulary.
    """
    leaf, maps = step.inputs[place], reads(step)
    unknown: tuple[str | None, ...] = (None,) * leaf.value.dim()
    if maps is None:
        return unknown
    read = maps[place]
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


def _labels(trace: Trace, axes: Sequence[str | None], place: int) -> AxisLabels:
    symbol = axes[place]
    if symbol is None or symbol not in trace.labels:
        return None
    labels = trace.labels[symbol]
    # One list for each sentence needs the batch to choose it by; without it there is one only if all are alike.
    if symbol == "V" or (axes[0] == "B" and place > 0):
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
