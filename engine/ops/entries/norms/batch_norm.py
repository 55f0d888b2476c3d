"""Normalization by channel, with the statistics of the batch or with those that were kept while the model trained."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from engine.ops.access import AffineMap, AllIndices, AxisAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output
from engine.ops.entries.norms.normalization import Normalization, Scale, described, normalized, scaled_formula
from engine.ops.formula import Cells
from engine.ops.registry import Reads, operation
from engine.ops.terms import TermGroup

_RUNNING = {
    (False, False): (
        "is {own} less the running mean {running_mean} = {mean}, divided by the root of the running variance "
        "{running_var} = {variance} plus eps {eps}"
    ),
    (True, False): (
        "is {own} less the running mean {running_mean} = {mean}, divided by the root of the running variance "
        "{running_var} = {variance} plus eps {eps}, then times {weight}"
    ),
    (False, True): (
        "is {own} less the running mean {running_mean} = {mean}, divided by the root of the running variance "
        "{running_var} = {variance} plus eps {eps}, then plus {bias}"
    ),
    (True, True): (
        "is {own} less the running mean {running_mean} = {mean}, divided by the root of the running variance "
        "{running_var} = {variance} plus eps {eps}, then times {weight} and plus {bias}"
    ),
}


@operation("batch_norm", "input running_mean running_var weight? bias? training? momentum? eps? *rest")
class BatchNorm(Normalization):
    """In training with the statistics of the batch, else with those that were kept while it trained."""

    # Which examples are normalized together: all of the batch.
    examples: AxisAccess = AllIndices()

    def together(self, call: Call) -> AffineMap | None:
        shape = call.shape("input")
        if self._kept(call):
            return like_output(shape)
        return AffineMap(shape, (self.examples, SameIndex(1), *(AllIndices(),) * (len(shape) - 2)))

    def scale_axes(self, call: Call) -> Sequence[int]:
        return (1,)

    def reads(self, call: Call) -> Reads:
        reads = super().reads(call)
        if reads is None or not self._kept(call):
            return reads
        running = {name: AffineMap(call.shape(name), (SameIndex(1),)) for name in ("running_mean", "running_var")}
        return {**reads, **running}

    def formula(self, cells: Cells) -> str:
        if not self._kept(cells.call):
            return super().formula(cells)
        x, mean, variance = (cells.at(name) for name in ("input", "running_mean", "running_var"))
        normalized = f"({x} − {mean}) / √({variance} + {self.eps_written(cells.call)})"
        return scaled_formula(cells, normalized)

    def derive(self, at: ElementContext) -> Derivation:
        if not self._kept(at.call):
            return super().derive(at)
        x, running_mean, running_var = (at.operand(name) for name in ("input", "running_mean", "running_var"))
        scale, eps = Scale.of(at), self.eps(at.call)
        mean, variance = running_mean.numbers[0], running_var.numbers[0]
        factor = scale.factor / (variance + eps).sqrt()
        groups = (
            TermGroup("x", (*scale.weighted(x), running_var), x.numbers * factor),
            TermGroup("mean", (running_mean,), -running_mean.numbers * factor),
            *scale.bias_group(),
        )
        sentence = _RUNNING[scale.both].format(
            **described(at, mean, variance, eps),
            running_mean=at.words("running_mean"),
            running_var=at.words("running_var"),
        )
        arithmetic = normalized(x.printed(), mean, variance, eps)
        result = (x.numbers[0] - mean) * factor + scale.shift
        return Derivation(groups, result, sentence, scale.applied(arithmetic))

    def _kept(self, call: Call) -> bool:
        return not call.value("training", False) and isinstance(call.value("running_mean"), Tensor)


@operation("instance_norm", "input running_mean? running_var? weight? bias? use_input_stats? momentum? eps? *rest")
class InstanceNorm(BatchNorm):
    """One channel of one example at a time."""

    examples = SameIndex(0)

    def _kept(self, call: Call) -> bool:
        return not call.value("use_input_stats", True) and isinstance(call.value("running_mean"), Tensor)
