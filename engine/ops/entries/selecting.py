"""Operations that take some of the numbers: pieces, rows chosen by number, several tensors side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from engine.ops.access import AccessMap, AffineMap, AxisAccess, ConstIndex, GatherMap, NoAccess, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Guard
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of, like_output, same_index_of_input
from engine.ops.entries.rearranging import Moved, moved
from engine.ops.formula import Cells
from engine.ops.notation import number, sentence_name
from engine.ops.numerics import memory_shared
from engine.ops.registry import Movement, Reads, operation, register
from engine.ops.terms import TermGroup

_NUMBER = "is number {row} of {name}; {ids} = {value} chooses the row"
_IN_ROW = "is number {columns} in row {row} of {name}; {ids} = {value} chooses the row"
_IN_ROW_OF_TABLE = "is number {columns} in row {row} of the table {name}; {ids} = {value} chooses the row"
_IN_ROW_OF_TOKEN = "is number {columns} in row {row} (“{token}”) of the table {name}; {ids} = {value} chooses the row"
_BELOW_KEPT = "is set to {zero}: it lies below the part that {name} keeps"
_ABOVE_KEPT = "is set to {zero}: it lies above the part that {name} keeps"


class Selected(Moved):
    """One element of one input, perhaps more than once or not at all."""

    movement = Movement.SELECTS


class Expand(Selected):
    names: tuple[str, ...] = ("expand", "broadcast_to")
    signature = "input *rest"

    def reads(self, call: Call) -> Reads:
        return same_index_of_input(call)


@operation("expand_as", "input other")
class ExpandLike(Expand):
    """Stretched to the shape of another tensor."""


class Triangle(Selected):
    """The elements on one side of a diagonal, 0 on the other."""

    signature = "input diagonal?"

    def __init__(self, name: str) -> None:
        self.names = (name,)
        self.upper = name == "triu"

    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        diagonal = call.value("diagonal", 0)
        first, end = (diagonal, None) if self.upper else (None, diagonal + 1)
        when = Guard(len(shape) - 1, first, end, minus=len(shape) - 2)
        return {"input": like_output(shape, when=when)}

    def formula(self, cells: Cells) -> str:
        if cells.index is None:
            return f"{cells.at('input')} where {cells.guard('input')}, else 0"
        return cells.at("input") if cells.reads["input"].ranges(cells.index) is not None else self._zero(cells.call)

    def derive(self, at: ElementContext) -> Derivation:
        if at.is_read("input"):
            return moved(at, "input")
        template = _BELOW_KEPT if self.upper else _ABOVE_KEPT
        sentence = template.format(zero=self._zero(at.call), name=self.names[0])
        return Derivation((), torch.zeros((), dtype=at.call.step.dtype), sentence, magnitude=0.0)

    def _zero(self, call: Call) -> str:
        return number(torch.zeros((), dtype=call.step.dtype).item())


class Joined(Selected):
    """Several tensors side by side along an axis."""

    def formula(self, cells: Cells) -> str:
        names = [name for name, read in cells.reads.items() if not isinstance(read, NoAccess)]
        if cells.index is None:
            shown = [f"{cells.at(name)} where {cells.guard(name)}" for name in names[:2]]
            return "; ".join([*shown, "…"] if len(names) > 2 else shown)
        return cells.at(next(name for name in names if cells.reads[name].ranges(cells.index) is not None))

    def derive(self, at: ElementContext) -> Derivation:
        return moved(at, next(name for name in at.reads if at.is_read(name)))


@operation("stack", "*tensors dim?")
class Stack(Joined):
    def reads(self, call: Call) -> Reads:
        out = call.step.shape
        dim = axis_of(call.value("dim", 0), len(out))
        if len(call.tensors) != out[dim]:
            return None
        reads: dict[str, AccessMap] = {}
        for position, name in enumerate(call.tensors):
            shape = call.shape(name)
            axes = tuple(SameIndex(axis + (axis >= dim)) for axis in range(len(shape)))
            reads[name] = AffineMap(shape, axes, Guard(dim, position, position + 1))
        return reads


@operation("cat concat concatenate", "*tensors dim?")
class Concatenate(Joined):
    def reads(self, call: Call) -> Reads:
        out = call.step.shape
        dim = axis_of(call.value("dim", 0), len(out))
        first = 0
        reads: dict[str, AccessMap] = {}
        for name in call.tensors:
            shape = call.shape(name)
            if shape == (0,):  # torch lets an empty list pass whatever the rank of the others
                continue
            piece = {dim: SameIndex(dim, -first, 1)}
            reads[name] = like_output(shape, piece, Guard(dim, first, first + shape[dim]))
            first += shape[dim]
        return reads if first == out[dim] else None


@operation("narrow", "input dim start length")
class Narrow(Selected):
    def reads(self, call: Call) -> Reads:
        dim = axis_of(call.value("dim"), len(call.shape("input")))
        return _piece(call, dim, call.value("start") % max(1, call.shape("input")[dim]))


@operation("split", "input split_size dim?")
class Split(Selected):
    def reads(self, call: Call) -> Reads:
        dim = axis_of(call.value("dim", 0), len(call.shape("input")))
        size, output = call.value("split_size"), call.step.output
        return _piece(call, dim, output * size if isinstance(size, int) else sum(size[:output]))


@operation("chunk", "input chunks dim?")
class Chunk(Selected):
    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        dim = axis_of(call.value("dim", 0), len(shape))
        return _piece(call, dim, call.step.output * math.ceil(shape[dim] / call.value("chunks")))


@operation("select", "input dim index")
class Select(Selected):
    def reads(self, call: Call) -> Reads:
        shape = call.shape("input")
        return _one_index(call, call.value("index") % shape[call.value("dim")])


@operation("unbind", "input dim?")
class Unbind(Selected):
    def reads(self, call: Call) -> Reads:
        return _one_index(call, call.step.output)


class LookUp(Selected):
    """One row of a table, chosen by a number.

    Attributes:
        table: the parameter that holds the rows.
        ids: the parameter that holds the numbers.
        is_of_table: whether the rows are those of a table, which a word may have.
    """

    table, ids = "input", "index"
    is_of_table = False

    def derive(self, at: ElementContext) -> Derivation:
        if self.ids not in at.reads:
            return moved(at, self.table)
        x, chosen = at.operand(self.table), at.operand(self.ids)
        row = x.ranges[0].start
        token = at.token(x.parent, row) if self.is_of_table else None
        columns = ", ".join(str(indices.start) for indices in x.ranges[1:])
        if not columns:
            template = _NUMBER
        elif not self.is_of_table:
            template = _IN_ROW
        else:
            template = _IN_ROW_OF_TABLE if token is None else _IN_ROW_OF_TOKEN
        sentence = template.format(
            row=row,
            columns=columns,
            token=token,
            name=sentence_name(x.parent),
            ids=at.words(self.ids),
            value=number(chosen.raw[0].item()),
        )
        return Derivation((TermGroup("look-up", (x, chosen), x.raw),), x.raw[0], sentence, magnitude=0.0)

    def formula(self, cells: Cells) -> str:
        if cells.index is not None or self.ids not in cells.reads:
            return cells.at(self.table)
        read = cells.reads[self.table]
        rest = [cells.out(out) for out in read.follows.values()]
        row = cells.at(self.ids)
        return cells.at(self.table) + cells.subscript(", ".join([row.replace("_{", "[").replace("}", "]"), *rest]))


@operation("embedding", "input weight *rest")
class Embedding(LookUp):
    table, ids = "weight", "input"
    is_of_table = True

    def reads(self, call: Call) -> Reads:
        ids, table = call.args["input"].value, call.shape("weight")
        if ids.is_floating_point():
            return None
        row = GatherMap(table, 0, call.tensors.index("input"), (SameIndex(ids.dim()),), ids)
        return {"input": AffineMap(call.shape("input"), tuple(map(SameIndex, range(ids.dim())))), "weight": row}


def rows_by_number(call: Call, name: str) -> Reads:
    """What ``x[ids]`` and ``index_select`` along the first axis read, the numbers being the parameter ``name``."""
    ids, shape = call.args[name].value, call.shape("input")
    if ids.is_floating_point() or ids.element_size() == 1 or memory_shared(ids, call.args["input"].value):
        return None
    rest = tuple(SameIndex(ids.dim() + axis) for axis in range(len(shape) - 1))
    return {
        name: AffineMap(call.shape(name), tuple(map(SameIndex, range(ids.dim())))),
        "input": GatherMap(shape, 0, call.tensors.index(name), rest, ids),
    }


def _piece(call: Call, dim: int, start: int) -> Reads:
    """A piece of one axis, from ``start``."""
    shape = call.shape("input")
    return {"input": like_output(shape, {dim: SameIndex(dim, start, 1)})}


def _one_index(call: Call, at: int) -> Reads:
    """One index along an axis that is gone afterwards."""
    shape = call.shape("input")
    dim = axis_of(call.value("dim", 0), len(shape))
    kept = itertools.count()
    axes: Sequence[AxisAccess] = [
        ConstIndex(at) if axis == dim else SameIndex(next(kept)) for axis in range(len(shape))
    ]
    return {"input": AffineMap(shape, tuple(axes))}


register(Expand())
register(Triangle("triu"))
register(Triangle("tril"))
