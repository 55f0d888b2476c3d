"""Two traces compared."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.compare.pairing import pair_steps
from engine.compare.verdicts import Judge, StepPair, Verdict
from engine.record.trace import Step, Trace

_SAME = "The two traces have the same numbers, up to rounding."


@dataclass(frozen=True, eq=False)
class TraceComparison:
    """The steps of two traces side by side.

    Attributes:
        pairs: every step of both, with its partner or alone, in execution order.
        first: the pair at which a difference was made that rounding does not explain; a step without a partner where
            that made it. None where there is no such difference.
    """

    pairs: tuple[StepPair, ...]
    first: StepPair | None

    @property
    def alone(self) -> tuple[StepPair, ...]:
        """The steps that have no partner."""
        return tuple(pair for pair in self.pairs if pair.a is None or pair.b is None)

    @property
    def sentence(self) -> str:
        """Where the traces part, in one sentence."""
        return _SAME if self.first is None else self.first.sentence


def compare(a: Trace, b: Trace) -> TraceComparison:
    """Pairs the steps of two traces, and finds where the first difference was made.

    The traces may be of one program with other settings, dtype, device or weights, of a port and its original, or of a
    fused and a plain form. Steps are paired by path, name and operation, then by what they read, then by operation
    and shape, and at last by their numbers. A step made a difference where its call gives other numbers for what its
    partner read; where it gives the same, the difference was handed on.

    Args:
        a: the trace as it should be.
        b: the trace that is held against it.

    Returns:
        The pairs in the order of ``b``, and the first that made a difference.
    """
    with torch.no_grad():
        pairs = tuple(Judge(a, b).judged(pair_steps(a, b)))
    return TraceComparison(pairs, _first(pairs))


def _first(pairs: tuple[StepPair, ...]) -> StepPair | None:
    """The pair that made the first difference, or the step without partner that did."""
    alone = {step: pair for pair in pairs for step in _steps(pair) if pair.a is None or pair.b is None}
    for pair in pairs:
        if pair.verdict not in (Verdict.HANDED_ON, Verdict.MADE_HERE):
            continue
        # A step between what was paired: it changed what this pair read.
        between = [parent for step in _steps(pair)[::-1] for parent in step.inputs if parent in alone]
        if pair.verdict is Verdict.HANDED_ON and between and isinstance(between[0], Step):
            return _earliest(between[0], alone)
        return pair
    return None


def _earliest(step: Step, alone: dict[Step, StepPair]) -> StepPair:
    """The first of a row of steps without partners that ends in this one."""
    while True:
        behind = [parent for parent in step.inputs if isinstance(parent, Step) and parent in alone]
        if not behind:
            return alone[step]
        step = behind[0]


def _steps(pair: StepPair) -> list[Step]:
    return [step for step in (pair.a, pair.b) if step is not None]
