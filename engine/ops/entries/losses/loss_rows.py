"""The rows of logits, or of logarithmic probabilities, that a loss is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.call import Call
from engine.ops.element_context import ElementContext
from engine.ops.entries.losses.differences import counted_losses, reduction
from engine.ops.notation import number
from engine.ops.printed import Printed, constant, fill, long_sum
from engine.ops.terms import ListedValues, OperandValues, TermGroup


@dataclass(frozen=True, eq=False)
class LossRows:
    """The rows of logits, or of logarithmic probabilities, that one number of the loss is made of.

    Attributes:
        x, target, weight: what was read; weight is None where classes have none.
        positions: where each number of a row stands among those read of x, (rows, classes).
        numbers: the numbers themselves.
        logarithms: their logarithmic probabilities.
        labels: each row's target, −1 where that is a probability for every class.
        given_to: what each class's −ln p is multiplied by, (rows, classes).
        ignored: which rows are left out.
        divisor: what the sum is divided by: 1 where it is not.
        logits: whether ``numbers`` are logits.
    """

    x: OperandValues
    target: OperandValues
    weight: OperandValues | None
    positions: Tensor
    numbers: Tensor
    logarithms: Tensor
    labels: Tensor
    given_to: Tensor
    ignored: Tensor
    divisor: Tensor
    logits: bool

    @classmethod
    def of(cls, at: ElementContext, logits: bool) -> LossRows:
        x, target = at.operand("input"), at.operand("target")
        weight = at.operand("weight") if "weight" in at.reads else None
        axis, sizes = class_axis(at.call), [len(indices) for indices in x.ranges]
        positions = torch.arange(len(x.raw)).reshape(sizes).movedim(axis, -1).reshape(-1, sizes[axis])
        numbers = x.numbers[positions]
        classes, smoothing = at.call.shape("input")[axis], float(at.call.value("label_smoothing", 0.0))
        count = len(positions)
        weights = torch.ones(classes, dtype=torch.float64)
        if weight is not None:
            weights = weight.numbers.expand(classes).clone() if len(weight.raw) == 1 else weight.numbers
        if gives_probabilities(at.call):
            labels, ignored = torch.full((count,), -1), torch.zeros(count, dtype=torch.bool)
            shares = target.numbers.double()[positions]
            divisor = torch.tensor(float(count), dtype=torch.float64)
        else:
            labels = target.raw.long()
            ignored = labels == at.call.value("ignore_index", -100)
            safe = labels.masked_fill(ignored, 0)
            shares = torch.nn.functional.one_hot(safe, classes).double()
            divisor = (weights[safe] * ~ignored).sum()
        shares = (shares * (1 - smoothing) + smoothing / classes) * weights * ~ignored[:, None]
        if numbers.shape[-1] != classes:  # of nll_loss only the target's number was read
            shares = shares.gather(1, labels[:, None])
        logarithms = numbers.log_softmax(-1) if logits else numbers
        divisor = divisor if reduction(at.call) == "mean" else torch.ones((), dtype=torch.float64)
        return cls(x, target, weight, positions, numbers, logarithms, labels, shares, ignored, divisor, logits)

    @property
    def plain(self) -> bool:
        """Whether this is −ln p of one target and nothing else."""
        return self.weight is None and bool((self.labels >= 0).all()) and int((self.given_to != 0).sum()) == 1

    @property
    def each(self) -> Tensor:
        """What each number puts into the loss of its row; one that the target gives nothing puts nothing in."""
        losses = -self.given_to * self.logarithms
        return losses if bool((self.labels < 0).all()) else losses.where(self.given_to != 0, 0.0)

    @property
    def total(self) -> Tensor:
        return self.each.sum()

    @property
    def result(self) -> Tensor:
        return self.total / self.divisor

    @property
    def magnitude(self) -> Tensor:
        """How large the numbers are that were rounded on the way."""
        size = self.each.abs().sum()
        if self.logits:
            top = self.numbers.amax(-1, keepdim=True)
            spread = ((self.numbers - top).abs() * self.logarithms.exp()).nan_to_num(0.0).sum(-1)
            rows = (
                2 + top[:, 0].abs() + spread + (self.logarithms.abs() * (self.given_to != 0)).nan_to_num(0.0).amax(-1)
            )
            size = size + (rows * self.given_to.abs().sum(-1)).sum()
        return size / self.divisor

    def groups(self) -> tuple[TermGroup, ...]:
        """Every number that counts beside its target, then, of a single row, all its logits by their exponentials."""
        counted = (self.given_to != 0).reshape(-1).nonzero()[:, 0]
        rows = counted // self.numbers.shape[-1]
        operands = [ListedValues.of(self.x, self.positions.reshape(-1)[counted])]
        by_class = len(self.target.raw) != len(self.labels)
        operands.append(ListedValues.of(self.target, self.positions.reshape(-1)[counted] if by_class else rows))
        if self.weight is not None:
            classes = counted % self.numbers.shape[-1] if len(self.weight.raw) > 1 else torch.zeros_like(counted)
            operands.append(ListedValues.of(self.weight, classes))
        groups = [TermGroup("loss", tuple(operands), self.each.reshape(-1)[counted] / self.divisor)]
        if len(self.labels) == 1 and self.logits:
            powers = (self.numbers[0] - self.numbers[0].max()).exp()
            ordered = ListedValues.of(self.x, self.positions[0])
            groups.append(TermGroup("x", (ordered,), powers, powers / powers.sum()))
        return tuple(groups)

    def target_group(self) -> TermGroup:
        """The target alone, of a row that is left out."""
        return TermGroup("target", (self.target,), torch.zeros(len(self.target.raw), dtype=torch.float64))

    def arithmetic(self) -> Printed:
        if self.plain and self.logits:
            row, label = self.numbers[0], int(self.labels[0])
            top = row.max()
            top = top if top.isfinite() else torch.zeros_like(top)
            powers = (row - top).exp()
            below = long_sum(powers, lambda position: constant(powers[position].item()))
            return fill(
                "{0.alone} + ln({1.alone}) − {2}",
                lambda largest, total, own: largest + total.log() - own,
                constant(top.item()),
                below,
                constant(row[label].item()),
            )
        losses = self.each.sum(-1)[~self.ignored]
        added = long_sum(losses, lambda position: constant(losses[position].item()))
        return fill("{} / {}", torch.div, added, constant(self.divisor.item())) if self.divisor != 1 else added

    def described(self, at: ElementContext) -> dict[str, str]:
        """What the sentences name; the row with the largest loss stands for all."""
        losses, smoothing = self.each.sum(-1), float(at.call.value("label_smoothing", 0.0))
        row = int(losses.nan_to_num(posinf=math.inf).argmax())
        label = max(0, int(self.labels[row]))
        column = label if self.numbers.shape[-1] > label else 0
        return {
            "row": at.words("input"),
            "target": at.words("target"),
            "label": str(int(self.labels[row])),
            "logit": number(self.numbers[row, column].item()),
            "whole": number(self.numbers[row].logsumexp(-1).item()),
            "percent": number(100 * self.logarithms[row, column].exp().item(), 3),
            "losses": counted_losses(int((~self.ignored).sum())),
            "largest": number(losses[row].item()),
            "divisor": number(self.divisor.item()),
            "weight": number(self.given_to[row].sum().item()),
            "sharp": number(1 - smoothing),
            "smooth": number(smoothing / at.call.shape("input")[class_axis(at.call)]),
        }


def class_axis(call: Call) -> int:
    """The axis of the input along which the classes lie."""
    return 0 if len(call.shape("input")) == 1 else 1


def gives_probabilities(call: Call) -> bool:
    """Whether the target has a probability for every class."""
    target: Tensor = call.args["target"].value
    return target.is_floating_point()
