"""Numbers of the program that are 0 in the dtype at hand."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.findings.finding import Suspicion, rule
from engine.findings.known import Known
from engine.ops import canonical_name
from engine.record.trace import Step

_SENTENCE = (
    "{number:g} is 0 in {dtype}, whose smallest number is {least:.2g}: {op} with it does the same as with nothing."
)
_WITH_A_NUMBER = frozenset(("add", "sub", "clamp", "clamp_min", "clip", "maximum", "masked_fill"))


@rule(fix="a number that the dtype holds, such as torch.finfo(x.dtype).eps, or this step in float32")
def number_lost_in_the_dtype(known: Known) -> Iterator[Suspicion]:
    """1e-9 in float16."""
    for step in known.trace.steps:
        if not step.dtype.is_floating_point or (canonical_name(step.op) or step.op.strip("_")) not in _WITH_A_NUMBER:
            continue
        for number in _numbers(step):
            if number and float(torch.tensor(number, dtype=step.dtype)) == 0:
                shown = {
                    "number": number,
                    "dtype": str(step.dtype).removeprefix("torch."),
                    "least": torch.finfo(step.dtype).smallest_normal * torch.finfo(step.dtype).eps,
                    "op": step.op,
                }
                yield Suspicion(step, _SENTENCE.format(**shown), shown)


def _numbers(step: Step) -> list[float]:
    return [float(leaf.value) for leaf in step.arguments if type(leaf.value) in (int, float)]
