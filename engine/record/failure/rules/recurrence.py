"""nn.LSTM, nn.GRU and nn.RNN: inputs and states of other sizes than they were made for."""

from __future__ import annotations

from torch import nn

from engine.record.failure.candidates import transposed
from engine.record.failure.failure import Diagnosis, FailedOperand, OperandAxis

_INPUT = "{kind} was made for input_size {size}: {x} has {axis} on its last axis."
_STATE = "The state of {kind} is {needed}, layers and directions first: {x} is {shape}."
_LAYER = "nn.{kind}({size}, {hidden}{options}) for this input"
_OPTIONS = {"num_layers": 1, "bias": True, "batch_first": False, "bidirectional": False}
_OPTION = ", {name}={value}"


def input_size(layer: nn.RNNBase, x: FailedOperand) -> Diagnosis | None:
    """An input whose last axis is not the layer's input_size."""
    last = len(x.shape) - 1
    if not x.shape or x.shape[last] == layer.input_size:
        return None
    kind = type(layer).__name__
    reason = _INPUT.format(kind=kind, size=layer.input_size, x=x.name, axis=x.axis_text(last))
    turned = (each.text for each in transposed(x) if each.change(x.value).shape[-1] == layer.input_size)
    options = "".join(
        _OPTION.format(name=name, value=getattr(layer, name))
        for name, usual in _OPTIONS.items()
        if getattr(layer, name) != usual
    )
    rebuilt = _LAYER.format(kind=kind, size=x.shape[last], hidden=layer.hidden_size, options=options)
    return Diagnosis(reason, next(turned, rebuilt), (OperandAxis(0, last),))


def state_size(layer: nn.RNNBase, x: FailedOperand, needed: tuple[int, ...]) -> Diagnosis | None:
    """A state of another shape than the layer's.

    Args:
        layer: the layer that was called.
        x: the state that it was given.
        needed: the shape that it takes.

    Returns:
        Why it fails; None where the shape is right.
    """
    if x.shape == needed:
        return None
    reason = _STATE.format(kind=type(layer).__name__, needed=needed, x=x.name, shape=x.shape_text)
    turned = (each.text for each in transposed(x) if each.change(x.value).shape == needed)
    return Diagnosis(reason, next(turned, ""), tuple(OperandAxis(0, axis) for axis in range(len(x.shape))))
