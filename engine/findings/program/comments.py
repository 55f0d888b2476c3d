"""Shape comments that can't be true, and symbols that are used for two sizes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.record.axis_names.notes import is_hint

_FIX = "correct the comment, or the line: one of them is wrong"
_FIX_SYMBOL = "two names for two sizes, such as L and L_k"


@rule()
def comment_cannot_be_true(known: Known) -> Iterator[Suspicion]:
    """A shape comment that contradicts the sizes of its tensor."""
    for step in known.trace.steps:
        sentence = step.axes_contradiction
        if sentence is not None and not is_hint(sentence):
            yield Suspicion(step, sentence, {"shape": step.shape}, _FIX)


@rule()
def symbol_has_two_sizes(known: Known) -> Iterator[Suspicion]:
    """A hint: one symbol of the shape comments with two sizes in one run of a function."""
    for step in known.trace.steps:
        sentence = step.axes_contradiction
        if sentence is not None and is_hint(sentence):
            yield Suspicion(step, sentence, {"shape": step.shape}, _FIX_SYMBOL, is_hint=True)
