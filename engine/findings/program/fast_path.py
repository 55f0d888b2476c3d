"""An encoder of torch that leaves padding out, and zeros in its place."""

from __future__ import annotations

from collections.abc import Iterator

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops.numerics import measurable
from engine.record.trace import Step

_SENTENCE = (
    "In evaluation this encoder leaves padding out: {rows} of {all} rows of {name} are exactly 0, where training gives "
    "other numbers, and the longest sequence alone decides the length."
)
_FIX = (
    "read only the rows that are no padding, as with a masked mean; enable_nested_tensor=False in "
    "nn.TransformerEncoder computes every row"
)
# What the recorder calls the run of an encoder that leaves padding out.
_PACKED = "transformer_encoder"


@rule(fix=_FIX)
def padding_becomes_zero(known: Known) -> Iterator[Suspicion]:
    """The rows of padding that come out of nn.TransformerEncoder's fast path as zeros, and are read."""
    packed = [step for step in known.trace.steps if step.op in (_PACKED, "to_padded_tensor")]
    if not packed:
        return
    step = next((step for step in reversed(packed) if not step.value.is_nested), None)
    if step is None or not measurable(step.value) or step.value.dim() < 2:
        return
    empty = (step.value == 0).all(-1)
    if bool(empty.any()) and _is_added_up(known, step):
        shown = {"rows": int(empty.sum()), "all": empty.numel(), "name": step.name}
        yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _is_added_up(known: Known, step: Step) -> bool:
    """Whether something reads the rows of padding along with the others, or the program returns them."""
    return not any(
        reader.op in ("getitem", "masked_fill", "mul") for reader in known.trace.consumers.get(step.index, ())
    )
