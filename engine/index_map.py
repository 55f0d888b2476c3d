"""For each operation, as data, which elements of its inputs one element of its output reads.

One map serves the arithmetic of a number, the cells that light up on hover, and the einops form of a layout step. The
kinds of reads, and their JSON form, are in ``engine.cells``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.arguments import BINARY, CONSTRUCTOR, COPYING, REDUCTION, RESHAPING, UNARY, Call, bind
from engine.cells import Affine, Fixed, Flat, Follow, Gather, Nothing, Read, Shape, Spec, When, Whole
from engine.trace import Step


def reads(step: Step) -> tuple[Read, ...] | None:
    """What one element of ``step`` reads of each of ``step.inputs``; None for an operation that is not known here."""
    call = bind(step)
    return None if call is None else reads_of(call)


def reads_of(call: Call) -> tuple[Read, ...] | None:
    """``reads`` of a call whose parents already have their names."""
    found = _RULES[call.op](call)
    return None if found is None else tuple(found.get(name, Nothing()) for name in call.tensors)


# Parameter → what is read of the tensor given as it; None where the call is not of a known kind.
Found = Mapping[str, Read] | None


def _every_place(call: Call) -> Found:
    """The same index of every input, with broadcasting."""
    out = call.step.shape
    found = {}
    for name in call.tensors:
        shape = call.shape(name)
        skipped = len(out) - len(shape)
        if skipped < 0 or any(size not in (1, wide) for size, wide in zip(shape, out[skipped:], strict=True)):
            return None
        found[name] = Affine(shape, tuple(Follow(skipped + axis) for axis in range(len(shape))))
    return found


def _input_place(call: Call) -> Found:
    """The same index of the input alone; another tensor only lends its shape, dtype or device."""
    found = _every_place(call)
    return None if found is None else {"input": found["input"]}


def _dropout(call: Call) -> Found:
    # In training it draws random numbers, and no index map says which.
    idle = call.step.memory == "same" or call.value("training", True) is False
    return _input_place(call) if idle else None


def _flat(call: Call) -> Found:
    shape = call.shape("input")
    # view(dtype) reads other numbers out of the same bytes.
    same = math.prod(shape) == math.prod(call.step.shape) and call.given["input"].value.dtype == call.step.dtype
    return {"input": Flat(shape, call.step.shape)} if same else None


def _nothing(call: Call) -> Found:
    return {}


def _linear(call: Call) -> Found:
    out = len(call.step.shape)
    shape, weight = call.shape("input"), call.shape("weight")
    rows: tuple[Spec, ...] = (Follow(out - 1),) if len(weight) == 2 else ()
    leading = len(shape) - 1
    if weight[-1:] != shape[-1:] or (*shape[:-1], *weight[:-1]) != call.step.shape:
        return None
    found: dict[str, Read] = {
        "input": Affine(shape, (*map(Follow, range(leading)), Whole())),
        "weight": Affine(weight, (*rows, Whole())),
    }
    if "bias" in call.tensors:
        bias = call.shape("bias")
        if bias not in (weight[:-1], (1,), ()):
            return None
        found["bias"] = Affine(bias, rows[: len(bias)] or (Fixed(0),) * len(bias))
    return found


def _matmul(call: Call) -> Found:
    out = len(call.step.shape)
    left, right = call.shape("input"), call.shape("other")
    if not left or not right or left[-1] != right[-2:][0]:
        return None
    batch = out - (len(left) > 1) - (len(right) > 1)

    def leading(shape: Shape) -> list[Spec]:
        return [Follow(batch - (len(shape) - 2) + axis) for axis in range(len(shape) - 2)]

    row: list[Spec] = [*leading(left), Follow(batch), Whole()] if len(left) > 1 else [Whole()]
    column: list[Spec] = [*leading(right), Whole(), Follow(out - 1)] if len(right) > 1 else [Whole()]
    return {"input": Affine(left, tuple(row)), "other": Affine(right, tuple(column))}


def _reduction(call: Call) -> Found:
    shape = call.shape("input")
    gone = reduced_axes(call)
    keep = len(call.step.shape) == len(shape)
    kept = itertools.count()
    axes: list[Spec] = []
    for axis in range(len(shape)):
        if axis in gone:
            axes.append(Whole())
        else:
            axes.append(Follow(axis if keep else next(kept)))
    return {"input": Affine(shape, tuple(axes))}


def reduced_axes(call: Call) -> tuple[int, ...]:
    """The axes a reduction adds up over: all of them where ``dim`` is not given."""
    rank = len(call.shape("input"))
    dim = call.value("dim")
    if isinstance(dim, bool):  # x.var(False): the switch that comes without a dim
        dim = None
    dims = (dim,) if isinstance(dim, int) else tuple(dim or ())
    return tuple(sorted(_axis(dim, rank) for dim in dims)) if dims else tuple(range(rank))


def _softmax(call: Call) -> Found:
    shape = call.shape("input")
    dim = call.value("dim")
    if dim is None:
        return None
    row = _axis(dim, len(shape))
    return {"input": Affine(shape, tuple(Whole() if a == row else Follow(a) for a in range(len(shape))))}


def _embedding(call: Call) -> Found:
    ids, table = call.given["input"].value, call.shape("weight")
    if ids.is_floating_point():
        return None
    return {
        "input": Affine(call.shape("input"), tuple(map(Follow, range(ids.dim())))),
        "weight": Gather(table, 0, call.tensors.index("input"), (Follow(ids.dim()),), ids),
    }


def _rows_by_number(call: Call) -> Found:
    """x[ids] and index_select along the first axis."""
    ids, shape = call.given["other"].value, call.shape("input")
    if ids.is_floating_point() or ids.element_size() == 1 or call.value("dim", 0) != 0:
        return None
    rest = tuple(Follow(ids.dim() + axis) for axis in range(len(shape) - 1))
    return {
        "other": Affine(call.shape("other"), tuple(map(Follow, range(ids.dim())))),
        "input": Gather(shape, 0, call.tensors.index("other"), rest, ids),
    }


def _getitem(call: Call) -> Found:
    if "other" in call.tensors:
        return _rows_by_number(call)
    shape = call.shape("input")
    key = call.value("other")
    items = list(key) if isinstance(key, tuple) else [key]
    if not all(i is None or i is Ellipsis or isinstance(i, slice) or type(i) is int for i in items):
        return None
    missing = len(shape) - sum(item is not None and item is not Ellipsis for item in items)
    where = items.index(Ellipsis) if Ellipsis in items else len(items)
    items[where : where + 1] = [slice(None)] * missing
    axes: list[Spec] = []
    out = itertools.count()
    for item in items:
        if item is None:
            next(out)
            continue
        size = shape[len(axes)]
        if isinstance(item, slice):
            start, _, stride = item.indices(size)
            axes.append(Follow(next(out)) if (start, stride) == (0, 1) else Follow(next(out), start, stride))
        else:
            axes.append(Fixed(item % size))
    return {"input": Affine(shape, tuple(axes))}


def _permuted(call: Call, order: Sequence[int]) -> Found:
    """Output axis j is input axis order[j]."""
    shape = call.shape("input")
    return {"input": Affine(shape, tuple(Follow(order.index(axis)) for axis in range(len(shape))))}


def _permute(call: Call) -> Found:
    rank = len(call.shape("input"))
    return _permuted(call, [_axis(dim, rank) for dim in call.values("dims")])


def _swapped(call: Call, first: int, second: int) -> Found:
    order = list(range(len(call.shape("input"))))
    if order:
        order[first], order[second] = order[second], order[first]
    return _permuted(call, order)


def _transpose(call: Call) -> Found:
    rank = len(call.shape("input"))
    return _swapped(call, _axis(call.value("dim0"), rank), _axis(call.value("dim1"), rank))


def _t(call: Call) -> Found:
    return _swapped(call, 0, -1)


def _last_two(call: Call) -> Found:
    return _swapped(call, -2, -1)


def _reversed(call: Call) -> Found:
    return _permuted(call, range(len(call.shape("input")))[::-1])


def _unsqueeze(call: Call) -> Found:
    shape = call.shape("input")
    new = _axis(call.value("dim"), len(shape) + 1)
    return {"input": Affine(shape, tuple(Follow(axis + (axis >= new)) for axis in range(len(shape))))}


def _squeeze(call: Call) -> Found:
    shape = call.shape("input")
    given = call.value("dim", call.values("dims"))
    dims = (given,) if isinstance(given, int) else tuple(given)
    asked = {_axis(dim, len(shape)) for dim in dims} if dims else set(range(len(shape)))
    kept = itertools.count()
    axes = tuple(Fixed(0) if a in asked and size == 1 else Follow(next(kept)) for a, size in enumerate(shape))
    return {"input": Affine(shape, axes)}


def _stack(call: Call) -> Found:
    out = call.step.shape
    dim = _axis(call.value("dim", 0), len(out))
    if len(call.tensors) != out[dim]:
        return None
    found = {}
    for number, name in enumerate(call.tensors):
        shape = call.shape(name)
        axes = tuple(Follow(axis + (axis >= dim)) for axis in range(len(shape)))
        found[name] = Affine(shape, axes, When(dim, number, number + 1))
    return found


def _cat(call: Call) -> Found:
    out = call.step.shape
    dim = _axis(call.value("dim", 0), len(out))
    first = 0
    found = {}
    for name in call.tensors:
        shape = call.shape(name)
        if shape == (0,):  # torch lets an empty list pass whatever the rank of the others
            continue
        axes = tuple(Follow(axis, -first, 1) if axis == dim else Follow(axis) for axis in range(len(shape)))
        found[name] = Affine(shape, axes, When(dim, first, first + shape[dim]))
        first += shape[dim]
    return found if first == out[dim] else None


def _triangle(call: Call) -> Found:
    shape = call.shape("input")
    column, row = len(shape) - 1, len(shape) - 2
    diagonal = call.value("diagonal", 0)
    limit = {"first": diagonal} if call.op == "triu" else {"end": diagonal + 1}
    when = When(column, minus=row, **limit)
    return {"input": Affine(shape, tuple(map(Follow, range(len(shape)))), when)}


def _cut(call: Call, dim: int, start: int) -> Found:
    """A piece of one axis, from ``start``."""
    shape = call.shape("input")
    axes = tuple(Follow(axis, start, 1) if axis == dim else Follow(axis) for axis in range(len(shape)))
    return {"input": Affine(shape, axes)}


def _narrow(call: Call) -> Found:
    dim = _axis(call.value("dim"), len(call.shape("input")))
    return _cut(call, dim, call.value("start") % max(1, call.shape("input")[dim]))


def _split(call: Call) -> Found:
    dim = _axis(call.value("dim", 0), len(call.shape("input")))
    size = call.value("split_size")
    output = call.step.output
    return _cut(call, dim, output * size if isinstance(size, int) else sum(size[:output]))


def _chunk(call: Call) -> Found:
    shape = call.shape("input")
    dim = _axis(call.value("dim", 0), len(shape))
    return _cut(call, dim, call.step.output * math.ceil(shape[dim] / call.value("chunks")))


def _one_of(call: Call, place: int) -> Found:
    """One index along an axis that is gone afterwards."""
    shape = call.shape("input")
    dim = _axis(call.value("dim", 0), len(shape))
    kept = itertools.count()
    return {"input": Affine(shape, tuple(Fixed(place) if a == dim else Follow(next(kept)) for a in range(len(shape))))}


def _select(call: Call) -> Found:
    return _one_of(call, call.value("index") % call.shape("input")[call.value("dim")])


def _unbind(call: Call) -> Found:
    return _one_of(call, call.step.output)


def _axis(dim: int, rank: int) -> int:
    return dim % rank if rank else 0


def _table(*rows: tuple[Iterable[str], Callable[[Call], Found]]) -> Mapping[str, Callable[[Call], Found]]:
    return {op: rule for ops, rule in rows for op in ops}


_RULES = _table(
    (UNARY | BINARY | {"masked_fill", "where"}, _every_place),
    (COPYING | {"expand", "expand_as"}, _input_place),
    (RESHAPING, _flat),
    (CONSTRUCTOR, _nothing),
    (REDUCTION, _reduction),
    (("softmax", "log_softmax"), _softmax),
    (("triu", "tril"), _triangle),
    (("dropout",), _dropout),
    (("linear",), _linear),
    (("matmul",), _matmul),
    (("embedding",), _embedding),
    (("index_select",), _rows_by_number),
    (("getitem",), _getitem),
    (("permute",), _permute),
    (("transpose",), _transpose),
    (("t",), _t),
    (("mT",), _last_two),
    (("T",), _reversed),
    (("unsqueeze",), _unsqueeze),
    (("squeeze",), _squeeze),
    (("stack",), _stack),
    (("cat",), _cat),
    (("select",), _select),
    (("narrow",), _narrow),
    (("unbind",), _unbind),
    (("split",), _split),
    (("chunk",), _chunk),
)
