"""Cross-entropy: from the logits, or from their logarithmic probabilities, to the one number that training lowers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, GatherMap, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.losses.differences import counted_losses, reduction
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import Printed, constant, fill, long_sum
from engine.ops.registry import Operation, Reads, register
from engine.ops.terms import ListedValues, OperandValues, TermGroup

_ROW_LETTERS = "nlmk"
_LEFT_OUT = "{sentence}; {count} of the {all} targets are {ignored} and left out"
_IGNORED = "is 0, because its target {target} is {ignored}, which is left out"
_OF_LOGITS = {
    "one": (
        "is the cross-entropy of the logits {row} for the target {target} = {label}: the logarithm of the sum of "
        "e^logit, {whole}, less the target's logit {logit}; softmax gives the target {percent} %"
    ),
    "sum": (
        "is the sum of {losses}, one for every target of {target}: the logarithm of the sum of e^logit over its "
        "logits in {row}, less the logit of its target; the largest is {largest}, for target {label} with the logit "
        "{logit}, to which softmax gives {percent} %"
    ),
    "mean": (
        "is the mean of {losses}, one for every target of {target}: the logarithm of the sum of e^logit over its "
        "logits in {row}, less the logit of its target; the largest is {largest}, for target {label} with the logit "
        "{logit}, to which softmax gives {percent} %"
    ),
}
_WEIGHTED = {
    "one": (
        "is the cross-entropy of the logits {row} for the target {target} = {label}, −ln of what softmax gives it, "
        "{percent} %, times its class's weight {weight}"
    ),
    "sum": (
        "is the sum of {losses}, one for every target of {target}: −ln of what softmax over the logits in {row} gives "
        "it, times its class's weight; the largest is {largest}, for target {label}, to which softmax gives {percent} %"
    ),
    "mean": (
        "is the mean of {losses}, one for every target of {target}: −ln of what softmax over the logits in {row} gives "
        "it, times its class's weight, their sum divided by that of the weights, {divisor}; the largest is {largest}, "
        "for target {label}, to which softmax gives {percent} %"
    ),
}
_SMOOTHED = {
    "one": (
        "is the cross-entropy of the logits {row} for the target {target} = {label} with label smoothing: the target's "
        "class counts {sharp} and every class {smooth} more, each times −ln of what softmax gives it and its weight"
    ),
    "sum": (
        "is the sum of {losses} of the logits {row} for the targets {target} with label smoothing: a target's class "
        "counts {sharp} and every class {smooth} more, each times −ln of what softmax gives it and its weight"
    ),
    "mean": (
        "is the mean of {losses} of the logits {row} for the targets {target} with label smoothing: a target's class "
        "counts {sharp} and every class {smooth} more, each times −ln of what softmax gives it and its weight, their "
        "sum divided by {divisor}"
    ),
}
_SPREAD = {
    "one": (
        "is the cross-entropy of the logits {row} for the probabilities {target}: each class's probability times −ln "
        "of what softmax gives it, added up"
    ),
    "sum": (
        "is the sum of {losses} of the logits {row} for the probabilities {target}: each class's probability times "
        "−ln of what softmax gives it"
    ),
    "mean": (
        "is the mean of {losses} of the logits {row} for the probabilities {target}: each class's probability times "
        "−ln of what softmax gives it, their sum divided by {divisor}"
    ),
}
_ALL_LEFT_OUT = {
    "sum": "is 0, because all {all} targets of {target} are {ignored} and left out",
    "mean": "is NaN: all {all} targets of {target} are {ignored} and left out, and the mean of no losses is 0 / 0",
}
_OF_LOGARITHMS = {
    "one": "is the logarithmic probability of the target {target} = {label}, with the other sign, times {weight}",
    "sum": "is the sum of {losses}, one for every target of {target}: its logarithmic probability in {row} with the "
    "other sign, times its class's weight where there is one; the largest is {largest}, for target {label}",
    "mean": "is the mean of {losses}, one for every target of {target}: its logarithmic probability in {row} with the "
    "other sign; their sum, weighted where classes have weights, is divided by {divisor}; the largest is {largest}, "
    "for target {label}",
}


class NllLoss(Operation):
    """The logarithmic probability of each target, with the other sign."""

    names = ("nll_loss",)
    signature = "input target weight? size_average? ignore_index? reduce? reduction?"
    logits = False

    def reads(self, call: Call) -> Reads:
        shape, target = call.shape("input"), call.shape("target")
        axis = _class_axis(call)
        rest = shape[:axis] + shape[axis + 1 :]
        if target not in (rest, shape) or (_probabilities(call) and not self.logits):
            return None
        if reduction(call) == "none":
            rows: list[AxisAccess] = list(map(SameIndex, range(len(rest))))
        else:
            rows = [AllIndices(letter) for letter in _ROW_LETTERS[: len(rest)]]
        whole = (*rows[:axis], AllIndices("c"), *rows[axis:])
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, whole),
            "target": AffineMap(target, whole if _probabilities(call) else tuple(rows)),
        }
        chosen = reduction(call) == "none" and not _probabilities(call) and not bool(_ignored(call).any())
        ids = call.args["target"].value
        if chosen and not self.logits:
            reads["input"] = GatherMap(shape, axis, call.tensors.index("target"), tuple(rows), ids)
        if "weight" in call.tensors:
            weight = call.shape("weight")
            chosen = chosen and not call.value("label_smoothing", 0.0)
            reads["weight"] = (
                GatherMap(weight, 0, call.tensors.index("target"), (), ids)
                if chosen
                else AffineMap(weight, (AllIndices("c"),))
            )
        return reads

    def flops(self, call: Call) -> int:
        logits = call.args["input"].value.numel()
        rows = logits // max(1, call.shape("input")[_class_axis(call)])
        return (4 * logits if self.logits else 0) + 2 * rows

    def formula(self, cells: Cells) -> str:
        call = cells.call
        if _probabilities(call) or call.value("label_smoothing", 0.0):
            loss = "Σ_c −q · ln p"
            meaning = f"where p is the softmax of {cells.at('input')} over c and q what the target gives to c"
        elif self.logits:
            loss, meaning = "−ln p", f"where p is the softmax of {cells.at('input')} over c at c = {cells.at('target')}"
        else:
            loss, meaning = "−x", f"where x is {cells.at('input')} at c = {cells.at('target')}"
        if "weight" in call.tensors:
            loss = f"w · {loss}"
            meaning += f" and w its class's weight {cells.at('weight')}"
        kind = reduction(call)
        if kind == "sum":
            loss = f"Σ ({loss})"
        elif kind == "mean":
            loss = f"(Σ ({loss})) / {'Σ w' if 'weight' in call.tensors else 'n'}"
        return f"{loss}, {meaning}"

    def derive(self, at: ElementContext) -> Derivation:
        rows, kind = _Rows.of(at, self.logits), reduction(at.call)
        left_out, ignored = int(rows.ignored.sum()), given(at.call.value("ignore_index", -100))
        if left_out == len(rows.labels):
            template = _IGNORED if kind == "none" else _ALL_LEFT_OUT[kind]
            sentence = template.format(target=at.words("target"), ignored=ignored, all=left_out)
            return Derivation((rows.target_group(),), rows.result, sentence, None, 0.0)
        kind = "one" if len(rows.labels) == 1 else kind
        sentence = self._templates(at.call)[kind].format(**rows.described(at))
        if left_out:
            sentence = _LEFT_OUT.format(sentence=sentence, count=left_out, all=len(rows.labels), ignored=ignored)
        size = rows.magnitude.item()
        magnitude = size if math.isfinite(size) else 0.0
        return Derivation(rows.groups(), rows.result, sentence, rows.arithmetic(), magnitude)

    def _templates(self, call: Call) -> Mapping[str, str]:
        if not self.logits:
            return _OF_LOGARITHMS
        if _probabilities(call):
            return _SPREAD
        if call.value("label_smoothing", 0.0):
            return _SMOOTHED
        return _WEIGHTED if "weight" in call.tensors else _OF_LOGITS


class CrossEntropy(NllLoss):
    names = ("cross_entropy",)
    signature = "input target weight? size_average? ignore_index? reduce? reduction? label_smoothing?"
    logits = True


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of logits, or of logarithmic probabilities, that one number of the loss is made of.

    Attributes:
        x, target, weight: what was read; weight is None where classes have none.
        places: where each number of a row stands among those read of x, (rows, classes).
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
    places: Tensor
    numbers: Tensor
    logarithms: Tensor
    labels: Tensor
    given_to: Tensor
    ignored: Tensor
    divisor: Tensor
    logits: bool

    @classmethod
    def of(cls, at: ElementContext, logits: bool) -> _Rows:
        x, target = at.operand("input"), at.operand("target")
        weight = at.operand("weight") if "weight" in at.reads else None
        axis, sizes = _class_axis(at.call), [len(indices) for indices in x.ranges]
        places = torch.arange(len(x.raw)).reshape(sizes).movedim(axis, -1).reshape(-1, sizes[axis])
        numbers = x.numbers[places]
        classes, smoothing = at.call.shape("input")[axis], float(at.call.value("label_smoothing", 0.0))
        count = len(places)
        weights = torch.ones(classes, dtype=torch.float64)
        if weight is not None:
            weights = weight.numbers.expand(classes).clone() if len(weight.raw) == 1 else weight.numbers
        if _probabilities(at.call):
            labels, ignored = torch.full((count,), -1), torch.zeros(count, dtype=torch.bool)
            shares = target.numbers.double()[places]
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
        return cls(x, target, weight, places, numbers, logarithms, labels, shares, ignored, divisor, logits)

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
        operands = [ListedValues.of(self.x, self.places.reshape(-1)[counted])]
        by_class = len(self.target.raw) != len(self.labels)
        operands.append(ListedValues.of(self.target, self.places.reshape(-1)[counted] if by_class else rows))
        if self.weight is not None:
            classes = counted % self.numbers.shape[-1] if len(self.weight.raw) > 1 else torch.zeros_like(counted)
            operands.append(ListedValues.of(self.weight, classes))
        groups = [TermGroup("loss", tuple(operands), self.each.reshape(-1)[counted] / self.divisor)]
        if len(self.labels) == 1 and self.logits:
            powers = (self.numbers[0] - self.numbers[0].max()).exp()
            ordered = ListedValues.of(self.x, self.places[0])
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
            below = long_sum(powers, lambda place: constant(powers[place].item()))
            return fill(
                "{0.alone} + ln({1.alone}) − {2}",
                lambda largest, total, own: largest + total.log() - own,
                constant(top.item()),
                below,
                constant(row[label].item()),
            )
        losses = self.each.sum(-1)[~self.ignored]
        added = long_sum(losses, lambda place: constant(losses[place].item()))
        return fill("{} / {}", torch.div, added, constant(self.divisor.item())) if self.divisor != 1 else added

    def described(self, at: ElementContext) -> dict[str, str]:
        """What the sentences name; the row with the largest loss stands for all."""
        losses, smoothing = self.each.sum(-1), float(at.call.value("label_smoothing", 0.0))
        row = int(losses.nan_to_num(posinf=math.inf).argmax())
        label = max(0, int(self.labels[row]))
        place = label if self.numbers.shape[-1] > label else 0
        return {
            "row": at.words("input"),
            "target": at.words("target"),
            "label": str(int(self.labels[row])),
            "logit": number(self.numbers[row, place].item()),
            "whole": number(self.numbers[row].logsumexp(-1).item()),
            "percent": number(100 * self.logarithms[row, place].exp().item(), 3),
            "losses": counted_losses(int((~self.ignored).sum())),
            "largest": number(losses[row].item()),
            "divisor": number(self.divisor.item()),
            "weight": number(self.given_to[row].sum().item()),
            "sharp": number(1 - smoothing),
            "smooth": number(smoothing / at.call.shape("input")[_class_axis(at.call)]),
        }


def _class_axis(call: Call) -> int:
    return 0 if len(call.shape("input")) == 1 else 1


def _probabilities(call: Call) -> bool:
    """Whether the target has a probability for every class."""
    target: Tensor = call.args["target"].value
    return target.is_floating_point()


def _ignored(call: Call) -> Tensor:
    target: Tensor = call.args["target"].value
    return target == call.value("ignore_index", -100)


register(NllLoss())
register(CrossEntropy())
