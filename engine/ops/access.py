"""Which cells of an input the elements of an output read, as data.

The JSON form of an access map, one for each input tensor (``AccessMap.to_json``):

``{"kind": "affine", "axes": [...]}``
    one entry for each axis of the input:

    - ``{"out": j}``  the output's index along its axis j; 0 where the input has size 1 there (broadcasting)
    - ``{"out": j, "start": s, "step": t}``  s + t × that index, as in a slice
    - ``{"all": true}``  every index
    - ``{"upto": j}``  every index up to the output's along its axis j (cumsum)
    - ``{"at": k}``  always index k
    - ``{"window": …}``, ``{"taps": …}``, ``{"block": …}``  several that lie together (``engine.ops.window_access``)

    with ``"when": {"out": j, "first": a, "end": b}``, only output elements whose index along j is in a … b − 1 read
    this input at all (stack, cat); with ``"minus": i`` in it, it is the index along j minus that along i (triu,
    tril). ``first`` or ``end`` is left out where there is no limit. With ``"when": {"region": [[a, b], null, ...],
    "inside": true}`` only those whose index is in a … b − 1 along every output axis that has limits, or, with false,
    only the others (x[1:3] = y).
``{"kind": "flat"}``
    the element at the same position in row-major order (view, reshape)
``{"kind": "gather", "axis": a, "ids": p, "rest": [...]}``
    along axis a the index is the number that input p holds at the leading output indexes; ``rest`` has an entry for
    every other axis, in order (embedding)
``{"kind": "none"}``
    nothing
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from engine.ops.conditions import Condition

Shape = tuple[int, ...]
Index = tuple[int, ...]
Ranges = tuple[range, ...]


class AxisAccess(ABC):
    """Which indices of one axis of an input an output element reads."""

    @property
    def follows(self) -> int | None:
        """The output axis whose index this one is, None where it is no output axis's index as it stands."""
        return None

    @property
    def runs(self) -> bool:
        """Whether several indices are read for one output element, as by a sum."""
        return False

    @property
    def partial(self) -> bool:
        """Whether those are some of the axis, and others for another output element."""
        return False

    @property
    def running_letter(self) -> str:
        """The letter that runs in a formula, empty where the axis's symbol says which."""
        return ""

    def written_running(self, letters: Sequence[str], letter: str) -> str:
        """The index in a formula where ``letter`` runs, the output's own indices being ``letters``."""
        return letter

    def written_running_at(self, index: Index, letter: str) -> str:
        """The same for the output element at ``index``."""
        return letter

    @abstractmethod
    def indices(self, size: int, index: Index) -> range:
        """The indices that the output element at ``index`` reads, of an axis of ``size``."""

    @abstractmethod
    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        """The index in a formula.

        Args:
            size: of the input's axis.
            letters: the output's own indices, by output axis.
            out_shape: the output's shape.

        Returns:
            The text; None for an index that runs.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The entry of the JSON form for this axis."""


@dataclass(frozen=True)
class SameIndex(AxisAccess):
    """The output's index along axis ``out``; of a slice, ``start + step * index``."""

    out: int
    start: int | None = None
    step: int = 1

    @property
    def follows(self) -> int | None:
        return self.out if self.start is None else None

    def indices(self, size: int, index: Index) -> range:
        if self.start is None:
            position = 0 if size == 1 else index[self.out]
        else:
            position = self.start + self.step * index[self.out]
        return range(position, position + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        letter = letters[self.out]
        if self.start is None:
            return "0" if size == 1 and out_shape[self.out] != 1 else letter
        scaled = letter if self.step == 1 else f"{self.step}{letter}"
        return f"{scaled} + {self.start}" if self.start > 0 else f"{scaled} − {-self.start}" if self.start else scaled

    def to_json(self) -> dict[str, Any]:
        if self.start is None:
            return {"out": self.out}
        return {"out": self.out, "start": self.start, "step": self.step}


class RunningAccess(AxisAccess):
    """Several indices of the axis for one output element: in a formula a letter runs along them."""

    @property
    def runs(self) -> bool:
        return True

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        return None


@dataclass(frozen=True)
class AllIndices(RunningAccess):
    """Every index of the axis. In a formula ``running_letter`` runs along it, where one is given."""

    running_letter: str = ""

    def indices(self, size: int, index: Index) -> range:
        return range(size)

    def to_json(self) -> dict[str, Any]:
        return {"all": True}


class PartOfAxis(RunningAccess):
    """Some indices of the axis, and others for another output element."""

    @property
    def partial(self) -> bool:
        return True


@dataclass(frozen=True)
class UpToIndex(PartOfAxis):
    """Every index up to the output's along axis ``out``, that one included."""

    out: int
    running_letter: str = ""

    @property
    def follows(self) -> int | None:
        return self.out

    def indices(self, size: int, index: Index) -> range:
        return range(min(size, index[self.out] + 1))

    def to_json(self) -> dict[str, Any]:
        return {"upto": self.out}


@dataclass(frozen=True)
class ConstIndex(AxisAccess):
    """One index, the same for every output element."""

    at: int

    def indices(self, size: int, index: Index) -> range:
        return range(self.at, self.at + 1)

    def written(self, size: int, letters: Sequence[str], out_shape: Shape) -> str | None:
        return str(self.at)

    def to_json(self) -> dict[str, Any]:
        return {"at": self.at}


class AccessMap(ABC):
    """What the elements of an output read of one input."""

    @abstractmethod
    def ranges(self, index: Index) -> Ranges | None:
        """The cells that the output element at ``index`` reads, as one range for each input axis; None for none."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The map as plain data; its format is at the top of this file."""

    def cells(self, index: Index) -> tuple[Index, ...]:
        """The same cells one by one, in row-major order."""
        ranges = self.ranges(index)
        return () if ranges is None else tuple(itertools.product(*ranges))

    @property
    def follows(self) -> Mapping[int, int]:
        """Input axis → the output axis along which it has the same index, for every axis that has one."""
        return {}

    @property
    def running(self) -> tuple[int, ...]:
        """The input axes of which several indices are read for one output element."""
        return ()

    def written(self, letters: Sequence[str], out_shape: Shape, running: Sequence[str] = ()) -> list[str] | None:
        """The index of the cell that is read, in a formula, by input axis; None where no formula says it.

        Args:
            letters: the output's own indices, by output axis.
            out_shape: the output's shape.
            running: the letters of the axes in ``running``.
        """
        return None

    def moves(self, out_shape: Shape) -> bool:
        """Whether every input cell stands in the output once, and not all of them where they stood."""
        return False

    def order(self) -> tuple[int, ...] | None:
        """The input's axes in the order in which the output has them, one of size 1 first; None for no permutation."""
        return None


@dataclass(frozen=True)
class AffineMap(AccessMap):
    """Along every axis of the input: follow the output, take all, or stay at one index."""

    shape: Shape
    axes: tuple[AxisAccess, ...]
    when: Condition | None = None

    @classmethod
    def of(cls, tensor: Tensor, *axes: AxisAccess, when: Condition | None = None) -> AffineMap:
        """The map of a tensor, one entry for each of its axes."""
        return cls(tuple(tensor.shape), axes, when)

    def ranges(self, index: Index) -> Ranges | None:
        if self.when is not None and not self.when.holds(index):
            return None
        return tuple(access.indices(size, index) for access, size in zip(self.axes, self.shape, strict=True))

    def to_json(self) -> dict[str, Any]:
        form: dict[str, Any] = {"kind": "affine", "axes": [access.to_json() for access in self.axes]}
        return form if self.when is None else {**form, "when": self.when.to_json()}

    @property
    def follows(self) -> Mapping[int, int]:
        return {axis: access.follows for axis, access in enumerate(self.axes) if access.follows is not None}

    @property
    def running(self) -> tuple[int, ...]:
        return tuple(axis for axis, access in enumerate(self.axes) if access.runs)

    def written(self, letters: Sequence[str], out_shape: Shape, running: Sequence[str] = ()) -> list[str] | None:
        letter = iter(running)
        indices = []
        for access, size in zip(self.axes, self.shape, strict=True):
            text = access.written(size, letters, out_shape)
            indices.append(access.written_running(letters, next(letter)) if text is None else text)
        return indices

    def moves(self, out_shape: Shape) -> bool:
        order = self.order()
        if order is None:
            return False
        outputs = [self.follows[axis] for axis in range(len(self.shape)) if axis in self.follows]
        return outputs != sorted(outputs)

    def order(self) -> tuple[int, ...] | None:
        if self.when is not None or self.running:
            return None
        if any(axis not in self.follows and size != 1 for axis, size in enumerate(self.shape)):
            return None
        return tuple(sorted(range(len(self.shape)), key=lambda axis: self.follows.get(axis, -1)))


@dataclass(frozen=True)
class GatherMap(AccessMap):
    """Along ``axis`` the index is looked up in another input, number ``ids``, at the leading output indexes.

    Attributes:
        shape: of the input that is read.
        axis: the axis of it that is looked up.
        ids: the number of the input that holds the indices.
        rest: how its other axes are read, in their order.
        numbers: the indices themselves, for reading here.
    """

    shape: Shape
    axis: int
    ids: int
    rest: tuple[AxisAccess, ...]
    numbers: Tensor = field(repr=False, compare=False)

    def ranges(self, index: Index) -> Ranges | None:
        # x[-1] counts from the end.
        row = int(self.numbers[index[: self.numbers.dim()]]) % self.shape[self.axis]
        sizes = [size for axis, size in enumerate(self.shape) if axis != self.axis]
        others = [access.indices(size, index) for access, size in zip(self.rest, sizes, strict=True)]
        return (*others[: self.axis], range(row, row + 1), *others[self.axis :])

    def to_json(self) -> dict[str, Any]:
        rest = [access.to_json() for access in self.rest]
        return {"kind": "gather", "axis": self.axis, "ids": self.ids, "rest": rest}

    @property
    def follows(self) -> Mapping[int, int]:
        axes = [axis for axis in range(len(self.shape)) if axis != self.axis]
        pairs = zip(axes, self.rest, strict=True)
        return {axis: access.follows for axis, access in pairs if access.follows is not None}


@dataclass(frozen=True)
class NoAccess(AccessMap):
    """No element of this input: only its shape, dtype or device counted."""

    def ranges(self, index: Index) -> Ranges | None:
        return None

    def to_json(self) -> dict[str, Any]:
        return {"kind": "none"}
