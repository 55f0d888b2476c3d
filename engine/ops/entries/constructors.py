"""Tensors made of nothing but a call's own numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from engine.ops.access import AffineMap, AllIndices, AxisAccess, NoAccess, SameIndex
from engine.ops.call import Call
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import same_index_of_input
from engine.ops.entries.rearranging import moved
from engine.ops.formula import Cells
from engine.ops.notation import given, number
from engine.ops.printed import constant, fill, with_cells
from engine.ops.registry import Operation, Reads, operation, register

_COUNTED = "is {formula}: arange counts, and reads no tensor"
_SPACED = "is number {ordinal} of {steps} from {start} to {end} at equal distances"


class Constructor(Operation):
    """A new tensor that reads no other; one that is given lends its shape, dtype and device."""

    signature = "*rest"

    def reads(self, call: Call) -> Reads:
        return {}

    def flops(self, call: Call) -> int:
        return 0


class Progression(Constructor):
    """Numbers at equal distances."""

    @abstractmethod
    def start_and_step(self, call: Call) -> tuple[float, float]:
        """The first number, and how far apart two neighbours are."""

    def formula(self, cells: Cells) -> str:
        start, step = self.start_and_step(cells.call)
        return with_cells("{0.alone} + {1} · {2}", given(start), cells.out(0), given(step))


@operation("arange")
class Arange(Progression):
    def derive(self, at: ElementContext) -> Derivation:
        start, step = self.start_and_step(at.call)
        magnitude = abs(start) + abs(step * at.index[0])
        sentence = _COUNTED.format(formula=self.formula(at.cells))
        arithmetic = fill(
            "{0.alone} + {1} · {2}", lambda a, i, b: a + i * b, constant(start), constant(at.index[0]), constant(step)
        )
        return Derivation((), _scalar(start + step * at.index[0]), sentence, arithmetic, magnitude)

    def start_and_step(self, call: Call) -> tuple[float, float]:
        given = call.values("rest")
        start = call.value("start", given[0] if len(given) > ("end" not in call.args) else 0)
        return start, call.value("step", given[2] if len(given) > 2 else 1)


class Filled(Constructor):
    """The same number everywhere. A size may be the number of a tensor without axes."""

    signature = "*sizes"
    _SENTENCE = "is {value}: {op} writes the same number everywhere, and reads none"

    def __init__(self, names: str, fill: float) -> None:
        self.names = tuple(names.split())
        self.fill = fill

    def filling(self, call: Call) -> float:
        """The number."""
        return self.fill

    def formula(self, cells: Cells) -> str:
        return self._shown(cells.call)

    def derive(self, at: ElementContext) -> Derivation:
        filling = self.filling(at.call)
        sentence = self._SENTENCE.format(value=self._shown(at.call), op=at.call.step.op)
        return Derivation((), _scalar(filling), sentence, magnitude=abs(filling))

    def _shown(self, call: Call) -> str:
        return number(_scalar(self.filling(call)).to(call.step.dtype).item())


class FilledLike(Filled):
    """A tensor is given first: it lends its dtype and device, and its shape where no other is given."""

    signature = "input *sizes"


class Full(Filled):
    """The number that is given, everywhere."""

    signature = "*rest"

    def filling(self, call: Call) -> float:
        filling: float = call.value("value") if "value" in call.args else call.values("rest")[-1]
        return filling


class FullLike(Full):
    signature = "input *rest"


class FilledInPlace(Full):
    """``fill_``: a tensor overwritten with one number, or with the number of a tensor without axes."""

    signature = "input value"

    def reads(self, call: Call) -> Reads:
        return {"value": AffineMap((), ())} if "value" in call.tensors else {}

    def filling(self, call: Call) -> float:
        value: float | Tensor = call.value("value")
        return value.item() if isinstance(value, Tensor) else value

    def derive(self, at: ElementContext) -> Derivation:
        return moved(at, "value") if "value" in at.call.tensors else super().derive(at)


@operation("eye")
class Identity(Constructor):
    """``eye``: 1 on the diagonal, 0 elsewhere."""

    def formula(self, cells: Cells) -> str:
        return f"1 where {cells.out(0)} = {cells.out(1)}, else 0"

    def derive(self, at: ElementContext) -> Derivation:
        row, column = at.index
        sentence = "is 1: it lies on the diagonal" if row == column else "is 0: it lies off the diagonal"
        return Derivation((), _scalar(int(row == column)), sentence)


@operation("linspace", "start end steps? *rest")
class EvenlySpaced(Progression):
    """``linspace``: so many numbers from one to another, at equal distances."""

    def derive(self, at: ElementContext) -> Derivation:
        start, distance = self.start_and_step(at.call)
        end, steps = at.call.value("end"), at.call.step.shape[0]
        sentence = _SPACED.format(ordinal=at.index[0] + 1, steps=steps, start=given(start), end=given(end))
        result = torch.tensor(start + distance * at.index[0], dtype=torch.float64)
        if not at.call.step.dtype.is_floating_point:
            result = torch.linspace(start, end, steps, dtype=at.call.step.dtype)[at.index]
        return Derivation((), result, sentence, magnitude=abs(start) + abs(end))

    def start_and_step(self, call: Call) -> tuple[float, float]:
        start, end, steps = call.value("start"), call.value("end"), call.step.shape[0]
        return float(start), (end - start) / max(1, steps - 1)


class TriangleIndices(Constructor):
    """``tril_indices`` and ``triu_indices``: a row of rows and a row of columns."""

    signature = "row col offset? *rest"
    _SENTENCES = (
        "is {value}: the row of number {ordinal} of the elements that {name} keeps",
        "is {value}: the column of number {ordinal} of the elements that {name} keeps",
    )

    def __init__(self, name: str, function: Callable[..., Tensor]) -> None:
        self.names = (name,)
        self.function = function

    def formula(self, cells: Cells) -> str:
        return f"the row (0) or the column (1), {cells.out(0)}, of element number {cells.out(1)} that is kept"

    def derive(self, at: ElementContext) -> Derivation:
        row, col, offset = at.call.value("row"), at.call.value("col"), at.call.value("offset", 0)
        result = self.function(row, col, offset)[at.index]
        sentence = self._SENTENCES[at.index[0]].format(
            value=result.item(),
            ordinal=at.index[1] + 1,
            name=self.names[0].removesuffix("_indices"),
        )
        return Derivation((), result, sentence, magnitude=0.0)


class Uninitialised(Constructor):
    """Memory as it was found."""

    names: tuple[str, ...] = ("empty",)
    _SENTENCE = "was not computed: {op} leaves memory as it finds it"

    def formula(self, cells: Cells) -> str:
        return "whatever stood in that memory"

    def derive(self, at: ElementContext) -> Derivation:
        return Derivation((), None, self._SENTENCE.format(op=at.call.step.op), magnitude=0.0)


@operation("empty_like new_empty new_empty_strided", "input *rest")
class UninitialisedLike(Uninitialised):
    """What lies in memory, in the shape of another tensor."""


class Drawn(Constructor):
    """Random numbers.

    Args:
        names: the usual name first.
        law: how they were drawn.
        like: whether a tensor is given first.
    """

    _SENTENCE = "was drawn at random: {law}"

    def __init__(self, names: str, law: str, *, like: bool = False) -> None:
        self.names = tuple(names.split())
        self.law = law
        self.signature = "input *rest" if like else "*rest"

    def formula(self, cells: Cells) -> str:
        return "a random number"

    def derive(self, at: ElementContext) -> Derivation:
        return Derivation((), None, self._SENTENCE.format(law=self.law), magnitude=0.0)


class DrawnByProbability(Drawn):
    """Random numbers whose probabilities are given: those of the row, or the element's own."""

    def __init__(self, names: str, law: str, *, row: bool) -> None:
        super().__init__(names, law, like=True)
        self.row = row

    def reads(self, call: Call) -> Reads:
        shape, rank = call.shape("input"), len(call.step.shape)
        if call.step.memory == "overwritten":  # bernoulli_(0.5)
            return {}
        if len(shape) != rank:
            return None
        axes: list[AxisAccess] = [SameIndex(axis) for axis in range(rank)]
        if self.row:
            axes[-1] = AllIndices()
        return {"input": AffineMap(shape, tuple(axes))}

    def formula(self, cells: Cells) -> str:
        if "input" not in cells.reads or isinstance(cells.reads["input"], NoAccess):
            return super().formula(cells)
        return f"drawn with {cells.at('input')}"


class FromNumbers(Constructor):
    """``torch.tensor`` and its like: numbers written in the program, or those of another tensor."""

    names: tuple[str, ...] = ("tensor", "as_tensor", "asarray", "scalar_tensor", "from_numpy")
    signature = "input *rest"
    numbers = "input"
    _SENTENCE = "is {value}: the program gave this number"

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call) if self.numbers in call.tensors else {}

    def formula(self, cells: Cells) -> str:
        if self.numbers in cells.call.tensors:
            return cells.at(self.numbers)
        return "the number that the program gives for this place"

    def derive(self, at: ElementContext) -> Derivation:
        if self.numbers in at.call.tensors:
            return moved(at, self.numbers)
        written = torch.as_tensor(at.call.value(self.numbers))[at.index].to(at.call.step.dtype)
        sentence = self._SENTENCE.format(value=number(written.item()))
        return Derivation((), written, sentence, magnitude=abs(float(written)))


@operation("new_tensor")
class NewFromNumbers(FromNumbers):
    numbers = "rest0"


def _scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


_UNIFORM = "every number from 0 to 1 is as likely"
_NORMAL = "by the standard normal distribution"
_WHOLE = "every whole number of the range is as likely"

register(Filled("ones", 1))
register(Filled("zeros", 0))
register(FilledLike("ones_like new_ones", 1))
register(FilledLike("zeros_like new_zeros zero", 0))
register(Full("full", 0))
register(FullLike("full_like new_full", 0))
register(FilledInPlace("fill", 0))
register(Uninitialised())
register(FromNumbers())
register(TriangleIndices("tril_indices", torch.tril_indices))
register(TriangleIndices("triu_indices", torch.triu_indices))
register(Drawn("rand", _UNIFORM))
register(Drawn("rand_like", _UNIFORM, like=True))
register(Drawn("randn", _NORMAL))
register(Drawn("randn_like", _NORMAL, like=True))
register(Drawn("randint", _WHOLE))
register(Drawn("randint_like random", _WHOLE, like=True))
register(Drawn("randperm", "every order of the numbers is as likely"))
register(Drawn("uniform", "every number of the range is as likely", like=True))
register(Drawn("normal", "by the normal distribution of the mean and deviation given", like=True))
register(Drawn("exponential", "by the exponential distribution", like=True))
register(DrawnByProbability("bernoulli", "1 with the probability that is given, else 0", row=False))
register(DrawnByProbability("multinomial", "an index, with the weights that are given", row=True))
