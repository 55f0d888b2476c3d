"""The two ways in which an operation's formula is written: for one element, and for any element.

An operation writes its formula once, in terms of ``Cells``. With an ``ElementCells`` it is the formula of one element,
``scores[0,1,2,3] = Σ_d query[0,1,2,d] · key_t[0,1,d,3]``; with ``LetterCells`` that of any, as a card shows it:
``scores_{ij} = Σ_{d} query_{id} · key_t_{dj}``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from engine.ops.access import AccessMap, AffineMap, Index, NoAccess, UpToIndex
from engine.ops.axis_groups import FlatMap
from engine.ops.call import Call
from engine.ops.notation import format_element, format_operand, formula_name, index_letters

_FEATURE_LETTERS, _OTHER_LETTERS = "decfgq", "ijklmnop"
_SPARE_LETTERS = "rstuvwxyz"


class Cells(ABC):
    """The elements that one element of a call's output reads, as a formula writes them."""

    def __init__(self, call: Call, reads: Mapping[str, AccessMap]) -> None:
        self.call = call
        self.reads = reads

    @property
    def index(self) -> Index | None:
        """The index of the output's element, None where the formula is for any."""
        return None

    @abstractmethod
    def at(self, name: str, *, own: Sequence[int] = ()) -> str:
        """The element read of a parameter; letters run along the axes of which several are read.

        Args:
            name: the parameter; a number given in the call stands as it is.
            own: axes of the input that are read whole, but meant at the output's own index (softmax).
        """

    @abstractmethod
    def out(self, axis: int) -> str:
        """The output's index along one of its axes."""

    @abstractmethod
    def subscript(self, text: str) -> str:
        """``text`` as an index below a sign such as Σ or max."""

    @abstractmethod
    def guard(self, name: str) -> str:
        """The condition under which the parameter is read, empty where it always is."""

    def sigma(self, name: str, sign: str = "Σ") -> str:
        """``sign`` over the axes of a parameter of which several indices are read."""
        letters = self.running(name)
        if not letters:
            return sign
        read = self.reads[name]
        limits = []
        for letter, axis in zip(letters, read.running, strict=True):
            access = read.axes[axis] if isinstance(read, AffineMap) else None
            limits.append(f"{letter}≤{self.out(access.out)}" if isinstance(access, UpToIndex) else letter)
        return sign + self.subscript(",".join(limits))

    def running(self, name: str) -> tuple[str, ...]:
        """The letters that run along the axes of a parameter of which several indices are read."""
        letters = index_letters(running_axes(self.call, self.reads, name))
        read = self.reads.get(name)
        if not isinstance(read, AffineMap):
            return letters
        return tuple(
            read.axes[axis].running_letter or letter for axis, letter in zip(read.running, letters, strict=True)
        )


class ElementCells(Cells):
    """The elements that the output's element at ``index`` reads."""

    def __init__(self, call: Call, reads: Mapping[str, AccessMap], index: Index) -> None:
        super().__init__(call, reads)
        self._index = index

    @property
    def index(self) -> Index | None:
        return self._index

    def at(self, name: str, *, own: Sequence[int] = ()) -> str:
        operand, read = self.call.args[name], self.reads.get(name, NoAccess())
        ranges = read.ranges(self._index) or ()
        index = [str(self._index[axis] if axis in own else indices.start) for axis, indices in enumerate(ranges)]
        for axis, letter in zip(read.running, self.running(name), strict=True):
            # An element that reads nothing of this operand has no place in it.
            if index and axis not in own:
                running = read.axes[axis] if isinstance(read, AffineMap) else None
                index[axis] = letter if running is None else running.written_running_at(self._index, letter)
        return format_element(operand, index)

    def out(self, axis: int) -> str:
        return str(self._index[axis])

    def subscript(self, text: str) -> str:
        return f"_{text}" if len(text) == 1 else f"_{{{text}}}"

    def guard(self, name: str) -> str:
        return ""


class LetterCells(Cells):
    """The elements that any element of the output reads, its index being a letter for each axis.

    An axis along which every tensor has the output's own index, such as the batch of a matrix product, is left out,
    and so is one of size 1 along which nothing is read.

    Args:
        call: the call.
        reads: its access maps by parameter.
        hide: whether such axes are left out.
    """

    def __init__(self, call: Call, reads: Mapping[str, AccessMap], *, hide: bool = True) -> None:
        super().__init__(call, reads)
        taken = {letter for name in reads for letter in self.running(name)}
        self._new = _new_axes(call, reads)
        self.letters = _output_letters(call.step.axes, taken, self._new)
        self._hidden = _shared_axes(call, reads) | self._new if hide else frozenset[int]()

    def at(self, name: str, *, own: Sequence[int] = ()) -> str:
        operand, read = self.call.args[name], self.reads.get(name, NoAccess())
        if operand.kind == "argument":
            return format_operand(operand.value)
        index = read.written(self.letters, self.call.step.shape, self.running(name))
        if index is None or isinstance(read, NoAccess):
            return formula_name(operand)
        for axis in own:
            index[axis] = self.letters[axis]
        hidden = {axis for axis, out in read.follows.items() if out in self._hidden and axis not in read.running}
        return formula_name(operand) + self._index([text for axis, text in enumerate(index) if axis not in hidden])

    def out(self, axis: int) -> str:
        return self.letters[axis]

    def subscript(self, text: str) -> str:
        return f"_{{{text}}}"

    def guard(self, name: str) -> str:
        read = self.reads.get(name)
        when = read.when if isinstance(read, AffineMap) else None
        return "" if when is None else when.written(self.letters)

    def result(self, name: str) -> str:
        """The output's own element."""
        return name + self._index([letter for axis, letter in enumerate(self.letters) if axis not in self._hidden])

    def _index(self, index: Sequence[str]) -> str:
        if not index:
            return ""
        return self.subscript("".join(index) if all(len(text) == 1 for text in index) else ", ".join(index))


def running_axes(call: Call, reads: Mapping[str, AccessMap], name: str) -> tuple[str | None, ...]:
    """The symbols of the axes of which several indices are read for one output element.

    Args:
        call: the call.
        reads: what it reads of each parameter.
        name: the parameter.

    Returns:
        A symbol for each such axis, in the parameter's order; None for one without a name.
    """
    read = reads.get(name)
    if read is None:
        return ()
    symbols = call.axes(name)
    return tuple(symbols[axis] for axis in read.running)


def _new_axes(call: Call, reads: Mapping[str, AccessMap]) -> set[int]:
    """The output's axes of size 1 along which nothing is read, as unsqueeze and keepdim make them."""
    if any(isinstance(read, FlatMap) for read in reads.values()):
        return set()  # a view reads all of its axes together
    followed = {out for read in reads.values() for out in read.follows.values()}
    return {axis for axis, size in enumerate(call.step.shape) if size == 1 and axis not in followed}


def _shared_axes(call: Call, reads: Mapping[str, AccessMap]) -> frozenset[int]:
    """The output's axes along which every tensor that is read has the output's own index."""
    axes = set(range(len(call.step.shape)))
    maps = [read for read in reads.values() if not isinstance(read, NoAccess)]
    for read in maps:
        if isinstance(read, FlatMap) or (isinstance(read, AffineMap) and (read.when is not None or read.moves(()))):
            return frozenset()
        shape = getattr(read, "shape", ())
        axes &= {
            out
            for axis, out in read.follows.items()
            if shape[axis] == call.step.shape[out] and axis not in read.running
        }
    return frozenset(axes if maps else ())


def _output_letters(symbols: Sequence[str | None], taken: set[str], new: set[int]) -> tuple[str, ...]:
    """A letter for each axis of the output: b, h, i, j, … by what the axis is, none that is taken.

    An axis of size 1 along which nothing is read, as unsqueeze and keepdim make it, has the index 0 and no letter.
    """
    letters: list[str] = []
    for axis, symbol in enumerate(symbols):
        if axis in new:
            letters.append("0")
            continue
        wanted = {"B": "b", "H": "h"}.get(symbol or "", "")
        feature = symbol is not None and "d_" in symbol
        choices = wanted + (_FEATURE_LETTERS if feature else _OTHER_LETTERS) + _OTHER_LETTERS + _SPARE_LETTERS
        letter = next((letter for letter in choices if letter not in taken), "a")
        taken = taken | {letter}
        letters.append(letter)
    return tuple(letters)
