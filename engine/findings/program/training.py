"""Dropout or batch normalisation in training mode in what looks like an evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.record.trace import Leaf, Step

_DROPOUT = (
    "Dropout sets each number to 0 with probability {p:g} although no gradients are recorded: two runs give two "
    "results."
)
_NORM = (
    "Batch normalisation uses the statistics of this batch, and changes the running ones, although no gradients are "
    "recorded."
)
_DROPOUTS = frozenset(("dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"))


@rule(fix="model.eval() before evaluating")
def training_mode_in_evaluation(known: Known) -> Iterator[Suspicion]:
    """Training mode where parameters want gradients and nothing records any."""
    steps = known.trace.steps
    if any(step.value.requires_grad for step in steps):
        return
    wanted = (parent for step in steps for parent in step.inputs if isinstance(parent, Leaf))
    if not any(parent.kind == "parameter" and parent.value.requires_grad for parent in wanted):
        return
    for step in steps:
        probability = _dropped(step)
        if probability:
            sentence = _DROPOUT.format(p=probability)
            yield Suspicion(step, sentence, {"p": probability})
        elif step.op == "batch_norm" and _argument(step, "training", 0) is True:
            yield Suspicion(step, _NORM, {})


def _dropped(step: Step) -> float:
    """The probability with which a step drops numbers, 0 where it drops none."""
    if step.op in _DROPOUTS and _argument(step, "training", 1, True) is True:
        return _number(_argument(step, "p", 0, 0.5))
    if step.op == "scaled_dot_product_attention":
        return _number(_argument(step, "dropout_p", -1, 0.0))
    if step.op == "multi_head_attention_forward" and _argument(step, "training", -1, True) is True:
        unnamed = [leaf.value for leaf in step.arguments if not leaf.name and type(leaf.value) is float]
        return unnamed[0] if unnamed else 0.0
    return 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, float | int) else 0.0


def _argument(step: Step, name: str, position: int, usual: object = None) -> object:
    """An argument by its name or its place among those that are no tensors."""
    for leaf in step.arguments:
        if leaf.name == name:
            return leaf.value
    unnamed = [leaf.value for leaf in step.arguments if not leaf.name]
    return unnamed[position] if 0 <= position < len(unnamed) else usual
