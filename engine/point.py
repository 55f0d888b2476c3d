"""One element of a step: what it read, and how it was made of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.arguments import Call
from engine.cells import Affine, Read, Whole
from engine.formula import element, pointed
from engine.printed import Printed
from engine.terms import Column, Group
from engine.trace import Step, Trace

_ROLES = {"input": "x", "other": "y"}


@dataclass(frozen=True, eq=False)
class Made:
    """How one element was made.

    ``said`` goes on from the element's name to a sentence; ``formula`` and ``arithmetic`` are what stands between
    the equals signs, None for an operation that has no arithmetic. ``magnitude`` is how large the numbers were
    that were added and rounded on the way: the sum of the contributions' absolute values where None.
    """

    groups: tuple[Group, ...]
    result: Tensor
    said: str
    formula: str
    arithmetic: Printed | None = None
    magnitude: float | None = None


@dataclass(frozen=True, eq=False)
class Point:
    """One element of a step, and what it read."""

    trace: Trace
    step: Step
    index: tuple[int, ...]
    call: Call
    reads: Mapping[str, Read]

    def column(self, name: str) -> Column:
        """The elements read of one parameter; a number given in the call is a column of one."""
        parent = self.call.given[name]
        role = _ROLES.get(name, name)
        if name not in self.reads:
            value = parent.value
            raw = torch.tensor([value], dtype=torch.float64 if isinstance(value, float) else None)
            return Column(parent, role, (), raw, self._wide(raw))
        box = self.reads[name].box(self.index)
        if box is None:
            raise LookupError(f"{self.step.op} reads nothing of {name} here")
        cells = parent.value.detach()[tuple(slice(places.start, places.stop) for places in box)]
        raw = cells.cpu().reshape(-1)
        return Column(parent, role, box, raw, self._wide(raw))

    def _wide(self, raw: Tensor) -> Tensor:
        if self.step.dtype.is_floating_point or raw.is_floating_point():
            return raw.double()
        return raw.long()

    def running(self, name: str) -> tuple[str | None, ...]:
        """The axes of an input that are read whole, by symbol."""
        read, parent = self.reads[name], self.call.given[name]
        if not isinstance(read, Affine):
            return ()
        symbols = parent.axes if isinstance(parent, Step) else (None,) * len(read.axes)
        return tuple(symbol for symbol, spec in zip(symbols, read.axes, strict=True) if isinstance(spec, Whole))

    def cell(self, name: str, running: Sequence[str] = ()) -> str:
        """The element read of a parameter, in a formula; letters run along the axes that are read whole."""
        letter = iter(running)
        return element(self.call.given[name], [next(letter) if p is None else p for p in self._places(name)])

    def words(self, name: str) -> str:
        """The element read of a parameter, in a sentence."""
        return pointed(self.trace, self.call.given[name], self._places(name))

    def _places(self, name: str) -> list[int | None]:
        """The index read of a parameter, None along every axis that is read whole."""
        read = self.reads.get(name)
        box = (read.box(self.index) if read else None) or ()
        specs = read.axes if isinstance(read, Affine) else (None,) * len(box)
        return [None if isinstance(spec, Whole) else places.start for places, spec in zip(box, specs, strict=True)]
