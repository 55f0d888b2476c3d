"""Normalization: a number less the mean of its row, divided by the standard deviation, scaled and shifted."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import like_output
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import Printed, constant, fill
from engine.ops.registry import Operation, Reads, operation
from engine.ops.terms import ListedValues, OperandValues, TermGroup
from engine.ops.window_access import ChannelBlock

# By whether there is a weight and a bias.
_NORMALIZED = {
    (False, False): (
        "is {own} less {mean}, the mean of {numbers}, divided by the root of their variance {variance} plus eps {eps}"
    ),
    (True, False): (
        "is {own} less {mean}, the mean of {numbers}, divided by the root of their variance {variance} plus "
        "eps {eps}, then times {weight}"
    ),
    (False, True): (
        "is {own} less {mean}, the mean of {numbers}, divided by the root of their variance {variance} plus "
        "eps {eps}, then plus {bias}"
    ),
    (True, True): (
        "is {own} less {mean}, the mean of {numbers}, divided by the root of their variance {variance} plus "
        "eps {eps}, then times {weight} and plus {bias}"
    ),
}
_ROOT_MEAN_SQUARE = {
    False: "is {own} divided by the root of {square}, the mean of the squares of {numbers}, plus eps {eps}",
    True: (
        "is {own} divided by the root of {square}, the mean of the squares of {numbers}, plus eps {eps}, then "
        "times {weight}"
    ),
}


@dataclass(frozen=True, eq=False)
class Scale:
    """What a normalized number is multiplied by, and what is added: 1 and nothing where there is neither."""

    weight: OperandValues | None
    bias: OperandValues | None

    @classmethod
    def of(cls, at: ElementContext) -> Scale:
        return cls(*(at.operand(name) if name in at.reads else None for name in ("weight", "bias")))

    @property
    def factor(self) -> Tensor:
        return torch.ones((), dtype=torch.float64) if self.weight is None else self.weight.numbers[0]

    @property
    def shift(self) -> Tensor:
        return torch.zeros((), dtype=torch.float64) if self.bias is None else self.bias.numbers[0]

    @property
    def both(self) -> tuple[bool, bool]:
        return self.weight is not None, self.bias is not None

    def weighted(self, x: OperandValues) -> tuple[OperandValues, ...]:
        """The numbers, each beside the weight."""
        if self.weight is None:
            return (x,)
        return x, ListedValues.of(self.weight, torch.zeros(len(x.raw), dtype=torch.long))

    def bias_group(self) -> tuple[TermGroup, ...]:
        return () if self.bias is None else (TermGroup("bias", (self.bias,), self.bias.numbers),)

    def applied(self, normalized: Printed) -> Printed:
        """The normalized number's arithmetic, scaled and shifted."""
        if self.weight is not None:
            normalized = fill("{0.alone} · {1}", torch.mul, normalized, self.weight.printed())
        if self.bias is not None:
            normalized = fill("{0.alone} + {1}", torch.add, normalized, self.bias.printed())
        return normalized


class Normalization(Operation):
    """Numbers that are normalized together: a row of a layer, a group of channels, a channel of the batch."""

    flops_per_element = 8
    default_eps = 1e-5
    # The number without weight and bias; all of it, with what its letters are.
    _NORMALIZED_FORMULA = "({own} − μ) / √(σ² + {eps})"
    _FORMULA = "{formula}, where μ and σ² are mean and variance of {row}"

    @abstractmethod
    def together(self, call: Call) -> AffineMap | None:
        """The numbers of the input that are normalized together with an element; None for a call of another kind."""

    @abstractmethod
    def scale_axes(self, call: Call) -> Sequence[int]:
        """The output's axes that weight and bias have."""

    def reads(self, call: Call) -> Reads:
        rows = self.together(call)
        if rows is None or call.shape("input") != call.step.shape:
            return None
        reads: dict[str, AccessMap] = {"input": rows}
        for name in ("weight", "bias"):
            if name in call.tensors:
                reads[name] = AffineMap(call.shape(name), tuple(map(SameIndex, self.scale_axes(call))))
        return reads

    def eps(self, call: Call) -> float:
        """What is added to the variance."""
        return float(call.value("eps", self.default_eps))

    def eps_written(self, call: Call) -> str:
        """The same, as somebody wrote it in the call."""
        return given(self.eps(call))

    def flops(self, call: Call) -> int:
        # Mean, variance (3), less the mean, divided, scaled and shifted.
        return call.step.value.numel() * self.flops_per_element

    def formula(self, cells: Cells) -> str:
        own, eps = cells.at("input", own=_whole(cells)), self.eps_written(cells.call)
        normalized = self._NORMALIZED_FORMULA.format(own=own, eps=eps)
        return self._FORMULA.format(formula=scaled_formula(cells, normalized), row=cells.at("input"))

    def derive(self, at: ElementContext) -> Derivation:
        x, scale, eps = at.operand("input"), Scale.of(at), self.eps(at.call)
        mean, position = x.numbers.mean(), _own_position(at, x)
        variance = (x.numbers - mean).square().mean()
        spread = (variance + eps).sqrt()
        # The mean is a part of the result too: every number of the row takes its n-th away.
        shares = torch.full_like(x.numbers, -1 / len(x.raw))
        shares[position] += 1
        group = TermGroup("x", scale.weighted(x), shares * x.numbers * scale.factor / spread)
        sentence = _NORMALIZED[scale.both].format(**described(at, mean, variance, eps), numbers=at.numbers("input"))
        arithmetic = normalized(x.printed(position), mean, variance, eps)
        result = (x.numbers[position] - mean) / spread * scale.factor + scale.shift
        # Rounding moves the mean as far as its numbers are large, and the variance by what it is taken from.
        size = (x.numbers[position].abs() + x.numbers.abs().mean()) / spread
        steep = result.sub(scale.shift).abs() * (x.numbers.square().mean() / (variance + eps)).sqrt()
        magnitude = _finite(size * scale.factor.abs() + steep + scale.shift.abs())
        return Derivation((group, *scale.bias_group()), result, sentence, scale.applied(arithmetic), magnitude)


class OverLastAxes(Normalization):
    """The numbers of one row, over as many of the last axes as the call names."""

    def together(self, call: Call) -> AffineMap | None:
        return _last_axes(call)

    def scale_axes(self, call: Call) -> Sequence[int]:
        return _normalized_axes(call)


@operation("layer_norm", "input normalized_shape weight? bias? eps? *rest")
class LayerNormalization(OverLastAxes):
    """Normalisation over the last axes, those of ``normalized_shape``."""


@operation("group_norm", "input num_groups weight? bias? eps? *rest")
class GroupNorm(Normalization):
    def together(self, call: Call) -> AffineMap | None:
        shape = call.shape("input")
        size = shape[1] // call.value("num_groups")
        group = AllIndices() if size == shape[1] else ChannelBlock(1, size, size)
        return AffineMap(shape, (SameIndex(0), group, *(AllIndices(),) * (len(shape) - 2)))

    def scale_axes(self, call: Call) -> Sequence[int]:
        return (1,)


@operation("rms_norm", "input normalized_shape weight? eps?")
class RMSNormalization(OverLastAxes):
    """A number divided by the root of the mean square of its row."""

    flops_per_element = 4
    _NORMALIZED_FORMULA = "{own} / √(q + {eps})"
    _FORMULA = "{formula}, where q is the mean square of {row}"

    def eps(self, call: Call) -> float:
        eps = call.value("eps")
        # Half precisions are computed in float32, and so is their eps.
        dtype = call.step.dtype if call.step.dtype == torch.float64 else torch.float32
        return torch.finfo(dtype).eps if eps is None else float(eps)

    def eps_written(self, call: Call) -> str:
        return super().eps_written(call) if call.value("eps") is not None else number(self.eps(call))

    def derive(self, at: ElementContext) -> Derivation:
        x, scale, eps = at.operand("input"), Scale.of(at), self.eps(at.call)
        position = _own_position(at, x)
        squares = x.numbers.square()
        square = squares.mean()
        root = (square + eps).sqrt()
        own = ListedValues.of(x, torch.tensor([position]))
        result = own.numbers[0] / root * scale.factor
        groups = (
            TermGroup("x", scale.weighted(own), result.reshape(1)),
            TermGroup("square", (x,), squares / len(squares), squares / squares.sum()),
        )
        sentence = _ROOT_MEAN_SQUARE[scale.weight is not None].format(
            own=_own_words(at),
            square=number(square.item()),
            numbers=at.numbers("input"),
            eps=self.eps_written(at.call),
            weight=at.words("weight") if scale.weight is not None else "",
        )
        normalized = fill(
            f"{{0}} / √({{1.alone}} + {self.eps_written(at.call)})",
            lambda value, mean: value / (mean + eps).sqrt(),
            own.printed(),
            constant(square.item()),
        )
        return Derivation(groups, result, sentence, scale.applied(normalized), _finite(3 * result.abs()))


def scaled_formula(cells: Cells, normalized: str) -> str:
    """The formula with the weight and the bias that the call was given."""
    weight = f" · {cells.at('weight')}" if "weight" in cells.reads else ""
    bias = f" + {cells.at('bias')}" if "bias" in cells.reads else ""
    return f"{normalized}{weight}{bias}"


def _normalized_axes(call: Call) -> range:
    sizes = call.value("normalized_shape")
    rank = len(call.shape("input"))
    return range(rank - (1 if isinstance(sizes, int) else len(sizes)), rank)


def _last_axes(call: Call) -> AffineMap:
    shape, together = call.shape("input"), _normalized_axes(call)
    return like_output(shape, dict.fromkeys(together, AllIndices()))


def _whole(cells: Cells) -> Sequence[int]:
    """The axes along which several numbers are normalized together."""
    return cells.reads["input"].running


def _own_position(at: ElementContext, x: OperandValues) -> int:
    """Where among the numbers that are normalized together the output's own stands."""
    position = 0
    for indices, index in zip(x.ranges, at.index, strict=True):
        position = position * len(indices) + index - indices.start
    return position


def _own_words(at: ElementContext) -> str:
    return at.describe(at.call.args["input"], at.index)


def described(at: ElementContext, mean: Tensor, variance: Tensor, eps: float) -> dict[str, str]:
    """What every sentence of this file names."""
    return {
        "own": _own_words(at),
        "mean": number(mean.item()),
        "variance": number(variance.item()),
        "eps": given(eps),
        **{name: at.words(name) for name in ("weight", "bias") if name in at.reads},
    }


def normalized(own: Printed, mean: Tensor, variance: Tensor, eps: float) -> Printed:
    """The number less the mean, divided by the root of the variance and eps."""
    return fill(
        f"({{0.alone}} − {{1}}) / √({{2.alone}} + {given(eps)})",
        lambda value, centre, square: (value - centre) / (square + eps).sqrt(),
        own,
        constant(mean.item()),
        constant(variance.item()),
    )


def _finite(magnitude: Tensor) -> float:
    return magnitude.item() if math.isfinite(magnitude.item()) else 0.0
