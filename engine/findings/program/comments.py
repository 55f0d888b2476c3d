"""Shape comments that can't be true."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Finding, rule
from engine.findings.known import Known

_FIX = "correct the comment, or the line: one of them is wrong"


@rule
def comment_cannot_be_true(known: Known) -> Iterator[Finding]:
    """A shape comment that contradicts the sizes of its tensor."""
    for step in known.trace.steps:
        sentence = step.axes_contradiction
        if sentence is not None:
            yield Finding("comment_cannot_be_true", step, sentence, {"shape": step.shape}, _FIX)
