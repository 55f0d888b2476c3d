"""What the program raised."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known

_SENTENCE = "{expression} raised {error}: {reason}"


@rule()
def raised(known: Known) -> Iterator[Suspicion]:
    """The call that raised, with the reason and what would work."""
    failure = known.trace.failure
    if failure is None:
        return
    last = known.trace.steps[-1] if known.trace.steps else None
    shown = {
        "expression": failure.expression or failure.op or "the program",
        "error": failure.error,
        "reason": failure.reason,
    }
    evidence = {**shown, "shapes": tuple(operand.shape for operand in failure.operands), "line": failure.line}
    yield Suspicion(last, _SENTENCE.format(**shown), evidence, failure.remedy or None)
