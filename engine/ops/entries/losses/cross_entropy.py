"""Cross-entropy: from the logits, or from their logarithmic probabilities, to the one number that training lowers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from engine.ops.access import AccessMap, AffineMap, AllIndices, AxisAccess, GatherMap, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.losses.differences import reduction
from engine.ops.entries.losses.loss_rows import LossRows, class_axis, gives_probabilities
from engine.ops.formula import Cells
from engine.ops.notation import given
from engine.ops.registry import Operation, Reads, operation

_ROW_LETTERS = "nlmk"
_ONE_LEFT_OUT = "{sentence}; 1 of the {all} targets is {ignored} and left out"
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


# What the letters of a formula stand for, without and with a weight for each class.
_WHERE_SPREAD = (
    "where p is the softmax of {scores} over c and q what the target gives to c",
    "where p is the softmax of {scores} over c and q what the target gives to c and w its class's weight {weight}",
)
_WHERE_LOGITS = (
    "where p is the softmax of {scores} over c at c = {target}",
    "where p is the softmax of {scores} over c at c = {target} and w its class's weight {weight}",
)
_WHERE_LOGARITHMS = (
    "where x is {scores} at c = {target}",
    "where x is {scores} at c = {target} and w its class's weight {weight}",
)


@operation("nll_loss", "input target weight? size_average? ignore_index? reduce? reduction?")
class NllLoss(Operation):
    """The logarithmic probability of each target, with the other sign."""

    logits = False

    def reads(self, call: Call) -> Reads:
        shape, target = call.shape("input"), call.shape("target")
        axis = class_axis(call)
        rest = shape[:axis] + shape[axis + 1 :]
        if target not in (rest, shape) or (gives_probabilities(call) and not self.logits):
            return None
        if reduction(call) == "none":
            rows: list[AxisAccess] = list(map(SameIndex, range(len(rest))))
        else:
            rows = [AllIndices(letter) for letter in _ROW_LETTERS[: len(rest)]]
        whole = (*rows[:axis], AllIndices("c"), *rows[axis:])
        reads: dict[str, AccessMap] = {
            "input": AffineMap(shape, whole),
            "target": AffineMap(target, whole if gives_probabilities(call) else tuple(rows)),
        }
        chosen = reduction(call) == "none" and not gives_probabilities(call) and not bool(_ignored(call).any())
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
        rows = logits // max(1, call.shape("input")[class_axis(call)])
        return (4 * logits if self.logits else 0) + 2 * rows

    def formula(self, cells: Cells) -> str:
        call = cells.call
        if gives_probabilities(call) or call.value("label_smoothing", 0.0):
            loss, meanings = "Σ_c −q · ln p", _WHERE_SPREAD
        elif self.logits:
            loss, meanings = "−ln p", _WHERE_LOGITS
        else:
            loss, meanings = "−x", _WHERE_LOGARITHMS
        is_weighted = "weight" in call.tensors
        meaning = meanings[is_weighted].format(
            scores=cells.at("input"), target=cells.at("target"), weight=cells.at("weight") if is_weighted else ""
        )
        loss = f"w · {loss}" if is_weighted else loss
        kind = reduction(call)
        if kind == "sum":
            loss = f"Σ ({loss})"
        elif kind == "mean":
            loss = f"(Σ ({loss})) / {'Σ w' if is_weighted else 'n'}"
        return f"{loss}, {meaning}"

    def derive(self, at: ElementContext) -> Derivation:
        rows, kind = LossRows.of(at, self.logits), reduction(at.call)
        left_out, ignored = int(rows.ignored.sum()), given(at.call.value("ignore_index", -100))
        if left_out == len(rows.labels):
            template = _IGNORED if kind == "none" else _ALL_LEFT_OUT[kind]
            sentence = template.format(target=at.words("target"), ignored=ignored, all=left_out)
            return Derivation((rows.target_group(),), rows.result, sentence, None, 0.0)
        kind = "one" if len(rows.labels) == 1 else kind
        sentence = self._templates(at.call)[kind].format(**rows.described(at))
        if left_out:
            template = _ONE_LEFT_OUT if left_out == 1 else _LEFT_OUT
            sentence = template.format(sentence=sentence, count=left_out, all=len(rows.labels), ignored=ignored)
        size = rows.magnitude.item()
        magnitude = size if math.isfinite(size) else 0.0
        return Derivation(rows.groups(), rows.result, sentence, rows.arithmetic(), magnitude)

    def _templates(self, call: Call) -> Mapping[str, str]:
        if not self.logits:
            return _OF_LOGARITHMS
        if gives_probabilities(call):
            return _SPREAD
        if call.value("label_smoothing", 0.0):
            return _SMOOTHED
        return _WEIGHTED if "weight" in call.tensors else _OF_LOGITS


@operation("cross_entropy", "input target weight? size_average? ignore_index? reduce? reduction? label_smoothing?")
class CrossEntropy(NllLoss):
    logits = True


def _ignored(call: Call) -> Tensor:
    target: Tensor = call.args["target"].value
    return target == call.value("ignore_index", -100)
