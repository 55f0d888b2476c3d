"""Losses made of one difference an element: squared, absolute, or in another form; then often their mean or sum."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.ops.access import AffineMap, AllIndices
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import same_index
from engine.ops.formula import Cells
from engine.ops.notation import format_operand
from engine.ops.printed import constant, fill, long_sum, with_cells
from engine.ops.registry import Operation, Reads, register
from engine.ops.terms import TermGroup

_TEMPLATES = {
    "none": "is {words} of {x} and {y}",
    "sum": "is the sum of {losses}, each {words} of a number of {x} and its target, {y}",
    "mean": "is the mean of {losses}, each {words} of a number of {x} and its target, {y}",
}


def reduction(call: Call) -> str:
    """What becomes of the losses: "mean", "sum", or "none" where each is kept."""
    average, reduce = call.value("size_average"), call.value("reduce")
    if average is not None or reduce is not None:  # torch's old way to say it
        return "none" if reduce is False else "sum" if average is False else "mean"
    return str(call.value("reduction", "mean"))


def counted_losses(count: int) -> str:
    """1 loss, 20 losses."""
    return f"{count} loss" if count == 1 else f"{count} losses"


class DifferenceLoss(Operation):
    """A function of a number and its target, and what becomes of the losses.

    Args:
        name: what it goes by.
        signature: its parameters.
        function: the loss of one number, by torch, with the numbers of the call that shape it by name.
        template: the formula of one loss, {0} being the number and {1} the target.
        words: what one loss is called.
        meaning: what a name in the formula means.
        numbers: the names of the numbers that shape it, with what they are where nothing is given.
    """

    def __init__(
        self,
        name: str,
        signature: str,
        function: Callable[..., Tensor],
        template: str,
        words: str,
        meaning: str = "",
        **numbers: float,
    ) -> None:
        self.names = (name,)
        self.signature = signature
        self.function, self.template, self.words, self.meaning = function, template, words, meaning
        self.numbers = numbers

    def reads(self, call: Call) -> Reads:
        if any(name in call.tensors for name in ("weight", "pos_weight")) or len(call.tensors) != 2:
            return None
        if reduction(call) == "none":
            return same_index(call)
        if call.shape("input") != call.shape("target") or reduction(call) == "batchmean":
            return None
        return {
            name: AffineMap(call.shape(name), (AllIndices(),) * len(call.shape(name))) for name in ("input", "target")
        }

    def formula(self, cells: Cells) -> str:
        loss = with_cells(self._template(cells.call), cells.at("input"), cells.at("target"))
        kind = reduction(cells.call)
        if kind != "none":
            loss = f"{cells.sigma('input')} {loss}"
        if kind == "mean":
            loss = f"({loss}) / {cells.call.args['input'].value.numel()}"
        return f"{loss}, where {self._filled(cells.call, self.meaning)}" if self.meaning else loss

    def derive(self, at: ElementContext) -> Derivation:
        x, y, kind = at.operand("input"), at.operand("target"), reduction(at.call)
        given = {name: at.call.value(name, usual) for name, usual in self.numbers.items()}
        losses = self.function(x.numbers, y.numbers.to(x.numbers.dtype), reduction="none", **given)
        count = len(losses) if kind == "mean" else 1
        template = self._template(at.call)

        def loss(first: Tensor, second: Tensor) -> Tensor:
            return self.function(first, second, reduction="none", **given)

        added = long_sum(
            losses,
            lambda position: fill(template, loss, x.printed(position), y.printed(position), compound=len(losses) > 1),
        )
        arithmetic = added if count == 1 else fill("{} / {}", torch.div, added, constant(float(count)))
        sentence = _TEMPLATES[kind].format(
            words=self.words, x=at.words("input"), y=at.words("target"), losses=counted_losses(len(losses))
        )
        # A difference is rounded as its numbers are, and the loss moves with it.
        sizes = losses.abs() + (x.numbers.abs() + y.numbers.abs()) * (x.numbers - y.numbers).abs().clamp(max=1e6)
        magnitude = sizes.nan_to_num(posinf=math.nan).sum().item() / count
        group = TermGroup("loss", (x, y), losses / count)
        return Derivation(
            (group,), losses.sum() / count, sentence, arithmetic, magnitude if math.isfinite(magnitude) else 0.0
        )

    def flops(self, call: Call) -> int:
        each = 2 if reduction(call) == "none" else 3
        return each * max(call.args[name].value.numel() for name in ("input", "target"))

    def _template(self, call: Call) -> str:
        return self._filled(call, self.template)

    def _filled(self, call: Call, template: str) -> str:
        for name, usual in self.numbers.items():
            template = template.replace(f"[{name}]", format_operand(call.value(name, usual)))
        return template


_PLAIN = "input target size_average? reduce? reduction? weight?"
register(DifferenceLoss("mse_loss", _PLAIN, F.mse_loss, "({0.alone} − {1})²", "the squared difference"))
register(DifferenceLoss("l1_loss", _PLAIN, F.l1_loss, "|{0.alone} − {1}|", "the absolute difference"))
register(
    DifferenceLoss(
        "smooth_l1_loss",
        "input target size_average? reduce? reduction? beta?",
        F.smooth_l1_loss,
        "smooth_l1({0.alone} − {1})",
        "the absolute difference, squared where it is small,",
        "smooth_l1(d) is ½ d² / [beta] where |d| < [beta], else |d| − ½ · [beta]",
        beta=1.0,
    )
)
register(
    DifferenceLoss(
        "huber_loss",
        "input target reduction? delta?",
        F.huber_loss,
        "huber({0.alone} − {1})",
        "the squared difference, absolute where it is large,",
        "huber(d) is ½ d² where |d| < [delta], else [delta] · (|d| − ½ · [delta])",
        delta=1.0,
    )
)
register(
    DifferenceLoss(
        "binary_cross_entropy_with_logits",
        "input target weight? size_average? reduce? reduction?",
        F.binary_cross_entropy_with_logits,
        "(ln(1 + e^{0}) − {1} · {0})",
        "the binary cross-entropy",
    )
)
