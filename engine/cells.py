"""Which cells of an input the elements of an output read, as data.

The JSON form of a read, one for each input tensor (``Read.to_json``):

``{"kind": "affine", "axes": [...]}``
    one spec for each axis of the input:

    - ``{"out": j}``  the output's index along its axis j; 0 where the input has size 1 there (broadcasting)
    - ``{"out": j, "start": s, "step": t}``  s + t × that index, as in a slice
    - ``{"all": true}``  every index
    - ``{"at": k}``  always index k

    with ``"when": {"out": j, "first": a, "end": b}``, only output elements whose index along j is in a … b − 1 read
    this input at all (stack, cat); with ``"minus": i`` in it, it is the index along j minus that along i (triu,
    tril). ``first`` or ``end`` is left out where there is no limit.
``{"kind": "flat"}``
    the element at the same place in row-major order (view, reshape)
``{"kind": "gather", "axis": a, "ids": p, "rest": [...]}``
    along axis a the index is the number that input p holds at the leading output indexes; ``rest`` has a spec for
    every other axis, in order (embedding)
``{"kind": "none"}``
    nothing
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Shape = tuple[int, ...]
Index = tuple[int, ...]
Box = tuple[range, ...]


@dataclass(frozen=True)
class Follow:
    """The output's index along axis ``out``; of a slice, ``start + step * index``."""

    out: int
    start: int | None = None
    step: int = 1

    def places(self, size: int, index: Index) -> range:
        if self.start is None:
            place = 0 if size == 1 else index[self.out]
        else:
            place = self.start + self.step * index[self.out]
        return range(place, place + 1)

    def to_json(self) -> dict[str, Any]:
        if self.start is None:
            return {"out": self.out}
        return {"out": self.out, "start": self.start, "step": self.step}


@dataclass(frozen=True)
class Whole:
    """Every index of the axis."""

    def places(self, size: int, index: Index) -> range:
        return range(size)

    def to_json(self) -> dict[str, Any]:
        return {"all": True}


@dataclass(frozen=True)
class Fixed:
    """One index, the same for every output element."""

    at: int

    def places(self, size: int, index: Index) -> range:
        return range(self.at, self.at + 1)

    def to_json(self) -> dict[str, Any]:
        return {"at": self.at}


Spec = Follow | Whole | Fixed


@dataclass(frozen=True)
class When:
    """The condition under which an output element reads an input at all: first <= index[out] - index[minus] < end."""

    out: int
    first: int | None = None
    end: int | None = None
    minus: int | None = None

    def holds(self, index: Index) -> bool:
        place = index[self.out] - (0 if self.minus is None else index[self.minus])
        return (self.first is None or self.first <= place) and (self.end is None or place < self.end)

    def to_json(self) -> dict[str, Any]:
        limits = {"out": self.out, "first": self.first, "end": self.end, "minus": self.minus}
        return {key: value for key, value in limits.items() if value is not None}


class Read(ABC):
    """What the elements of an output read of one input."""

    @abstractmethod
    def box(self, index: Index) -> Box | None:
        """The cells that the output element at ``index`` reads, as one range for each input axis; None for none."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The read as plain data; its format is at the top of this file."""

    def cells(self, index: Index) -> tuple[Index, ...]:
        """The same cells one by one, in row-major order."""
        box = self.box(index)
        return () if box is None else tuple(itertools.product(*box))


@dataclass(frozen=True)
class Affine(Read):
    """Along every axis of the input: follow the output, take all, or stay at one place."""

    shape: Shape
    axes: tuple[Spec, ...]
    when: When | None = None

    def box(self, index: Index) -> Box | None:
        if self.when is not None and not self.when.holds(index):
            return None
        return tuple(spec.places(size, index) for spec, size in zip(self.axes, self.shape, strict=True))

    def to_json(self) -> dict[str, Any]:
        form: dict[str, Any] = {"kind": "affine", "axes": [spec.to_json() for spec in self.axes]}
        return form if self.when is None else {**form, "when": self.when.to_json()}


@dataclass(frozen=True)
class Flat(Read):
    """The same place in row-major order, in another shape."""

    shape: Shape
    out_shape: Shape

    def box(self, index: Index) -> Box | None:
        place = 0
        for size, position in zip(self.out_shape, index, strict=True):
            place = place * size + position
        cell = []
        for size in reversed(self.shape):
            place, position = divmod(place, size)
            cell.append(range(position, position + 1))
        return tuple(reversed(cell))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "flat"}


@dataclass(frozen=True)
class Gather(Read):
    """Along ``axis`` the index is looked up in another input, number ``ids``, at the leading output indexes."""

    shape: Shape
    axis: int
    ids: int
    rest: tuple[Spec, ...]
    numbers: Tensor = field(repr=False, compare=False)

    def box(self, index: Index) -> Box | None:
        # x[-1] counts from the end.
        row = int(self.numbers[index[: self.numbers.dim()]]) % self.shape[self.axis]
        sizes = [size for axis, size in enumerate(self.shape) if axis != self.axis]
        others = [spec.places(size, index) for spec, size in zip(self.rest, sizes, strict=True)]
        return (*others[: self.axis], range(row, row + 1), *others[self.axis :])

    def to_json(self) -> dict[str, Any]:
        rest = [spec.to_json() for spec in self.rest]
        return {"kind": "gather", "axis": self.axis, "ids": self.ids, "rest": rest}


@dataclass(frozen=True)
class Nothing(Read):
    """No element of this input: only its shape, dtype or device counted."""

    def box(self, index: Index) -> Box | None:
        return None

    def to_json(self) -> dict[str, Any]:
        return {"kind": "none"}
