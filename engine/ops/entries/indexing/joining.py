"""Several tensors side by side or broadcast together, and tensors cut into pieces."""

from __future__ import annotations

from engine.ops.access import AccessMap, AffineMap, SameIndex
from engine.ops.call import Call
from engine.ops.conditions import Guard
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.entries.accesses import axis_of
from engine.ops.entries.indexing.repeating import one_axis
from engine.ops.entries.rearranging import moved
from engine.ops.entries.selecting import Joined, Selected
from engine.ops.formula import Cells
from engine.ops.index_access import following
from engine.ops.registry import Reads, operation, register


class StackedShape(Joined):
    """``vstack``, ``hstack``, ``dstack`` and ``column_stack``: cat, after tensors of fewer axes were given some.

    Args:
        names: the usual name first.
        dim: the axis along which they are joined.
        as_column: whether a single axis stands for a column, not for a row.
    """

    signature = "*tensors"

    def __init__(self, names: str, dim: int, *, as_column: bool = False) -> None:
        self.names = tuple(names.split())
        self.dim, self.as_column = dim, as_column

    def reads(self, call: Call) -> Reads:
        out = call.step.shape
        dim = min(self.dim, len(out) - 1)
        first = 0
        reads: dict[str, AccessMap] = {}
        for name in call.tensors:
            shape = call.shape(name)
            lent = 0 if self.as_column or self.dim == 2 else max(0, len(out) - len(shape))
            lent = 1 if self.dim == 2 and len(shape) == 1 else lent
            output_axes = [lent + axis for axis in range(len(shape))]
            extent = shape[output_axes.index(dim)] if dim in output_axes else 1
            axes = tuple(SameIndex(at, -first, 1) if at == dim else SameIndex(at) for at in output_axes)
            reads[name] = AffineMap(shape, axes, Guard(dim, first, first + extent))
            first += extent
        return reads if first == out[dim] else None


class OneOfSeveral(Selected):
    """Each output is one of the tensors given, broadcast."""

    signature = "*tensors"

    def formula(self, cells: Cells) -> str:
        return cells.at(_own(cells.call))

    def derive(self, at: ElementContext) -> Derivation:
        return moved(at, _own(at.call))


def _own(call: Call) -> str:
    return call.tensors[call.step.output]


@operation("meshgrid")
class Meshgrid(OneOfSeveral):
    def reads(self, call: Call) -> Reads:
        position = call.step.output
        if call.value("indexing") == "xy" and position < 2:
            position = 1 - position if len(call.tensors) > 1 else position
        shape = call.shape(_own(call))
        return {_own(call): AffineMap(shape, (SameIndex(position),) * len(shape))}


@operation("broadcast_tensors")
class BroadcastTensors(OneOfSeveral):
    def reads(self, call: Call) -> Reads:
        shape = call.shape(_own(call))
        return {_own(call): AffineMap(shape, following(shape, 0, len(call.step.shape)))}


@operation("tensor_split", "input sections dim?")
class TensorSplit(Selected):
    """``tensor_split``: so many pieces as equal as can be, or pieces that begin at these indices."""

    def reads(self, call: Call) -> Reads:
        shape, piece = call.shape("input"), call.step.output
        dim = axis_of(call.value("dim", 0), len(shape))
        sections = call.value("sections")
        if isinstance(sections, int):
            size, longer = divmod(shape[dim], sections)
            start = piece * size + min(piece, longer)
        else:
            start = slice(sections[piece - 1] if piece else 0, None).indices(shape[dim])[0]
        return {"input": AffineMap(shape, one_axis(len(shape), {dim: SameIndex(dim, start, 1)}))}


register(StackedShape("vstack row_stack", 0))
register(StackedShape("hstack", 1))
register(StackedShape("dstack", 2))
register(StackedShape("column_stack", 1, as_column=True))
