"""Calls that find elements by index, mask, order or search, in every form published models use, to try the registry on.

By what the call is: a program whose last step it is, and the kind and shape of each of its tensors. What a name has in
brackets tells forms of one operation apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

FLOAT, BOOL, IDS = "float", "bool", "ids"
Example = tuple[Callable[..., Tensor], *tuple[tuple[str, tuple[int, ...]], ...]]

_X = (FLOAT, (3, 4))
_SQUARE = (FLOAT, (3, 3))
_CUBE = (FLOAT, (3, 2, 3))


def _set(key: Callable[..., object]) -> Callable[..., None]:
    """``x[key(ids...)] = y`` as a program of x, y and the ids."""
    return lambda x, y, *ids: x.__setitem__(key(*ids), y)


INDEXING_EXAMPLES: dict[str, Example] = {
    # getitem
    "getitem (a row by number)": (lambda x, i: x[i], _X, (IDS, ())),
    "getitem (rows)": (lambda x, i: x[i], _X, (IDS, (2, 2))),
    "getitem (row and column)": (lambda x, i, j: x[i, j], _X, (IDS, (2,)), (IDS, (2,))),
    "getitem (rows and columns broadcast)": (lambda x, i, j: x[i, j], _X, (IDS, (2, 1)), (IDS, (3,))),
    "getitem (columns)": (lambda x, i: x[:, i], _X, (IDS, (2,))),
    "getitem (last axis)": (lambda x, i: x[..., i], (FLOAT, (2, 1, 3)), (IDS, (2,))),
    "getitem (apart)": (lambda x, i, j: x[i, :, j], _CUBE, (IDS, (2,)), (IDS, (2,))),
    "getitem (with a slice and a new axis)": (lambda x, i: x[1:, None, i], _X, (IDS, (2,))),
    "getitem (a number of its own between)": (lambda x, i: x[i, 1], _CUBE, (IDS, (2,))),
    "getitem (a batch and its last token)": (lambda x, i: x[torch.arange(2), i], (FLOAT, (2, 3, 2)), (IDS, (2,))),
    "getitem (from the end)": (lambda x, i: x[i - 3], _X, (IDS, (2,))),
    "getitem (a list)": (lambda x: x[[0, 2, 0]], _X),
    "getitem (a list of columns)": (lambda x: x[:, [3, -1]], _X),
    "getitem (a step)": (lambda x: x[::2, 1::2], _X),
    "getitem (a mask of rows)": (lambda x: x[torch.tensor([True, False, True])], _X),
    "getitem (a mask of elements)": (lambda x: x[torch.arange(12).reshape(3, 4) % 3 == 0], _X),
    "getitem (a mask beside numbers)": (lambda x, i: x[torch.tensor([True, False, True]), i], _X, (IDS, (2,))),
    "getitem (a mask of the last axis)": (lambda x: x[:, torch.tensor([True, False, True, False])], _X),
    "gather (columns)": (lambda x, i: x.gather(1, i), _X, (IDS, (3, 2))),
    "gather (rows, fewer)": (lambda x, i: torch.gather(x, 0, i), _X, (IDS, (2, 3))),
    "gather (by keyword)": (lambda x, i: x.gather(dim=-1, index=i), (FLOAT, (2, 3)), (IDS, (2, 1))),
    "index_select (columns)": (lambda x, i: x.index_select(1, i), _X, (IDS, (2,))),
    "index_select (by keyword)": (lambda x, i: torch.index_select(x, dim=0, index=i), _X, (IDS, (2,))),
    "take_along_dim": (lambda x, i: torch.take_along_dim(x, i, 1), _X, (IDS, (3, 2))),
    "take_along_dim (broadcast)": (lambda x, i: torch.take_along_dim(x, i, dim=1), _X, (IDS, (1, 2))),
    "take": (torch.take, (FLOAT, (3,)), (IDS, (2, 2))),
    "masked_select": (lambda x: x.masked_select(torch.tensor([True, False, True, False])), _X),
    # setitem and its like
    "setitem (a row)": (lambda x, y: x.__setitem__(1, y), _X, (FLOAT, (4,))),
    "setitem (a number)": (lambda x: x.__setitem__((slice(None), slice(0, 2)), 7.0), _X),
    "setitem (a step)": (lambda x, y: x.__setitem__((slice(None), slice(1, None, 2)), y), _X, (FLOAT, (3, 2))),
    "setitem (a new axis in front)": (lambda x, y: x.__setitem__((None, 1), y), _X, (FLOAT, (1, 4))),
    "setitem (a new axis between)": (
        lambda x, y: x.__setitem__((slice(1, None), None, slice(0, 2)), y),
        *(_X, (FLOAT, (1, 2, 1, 2))),
    ),
    "setitem (one number along a new axis)": (lambda x: x.__setitem__((None, slice(None), 2), 7.0), _X),
    "setitem (rows by number)": (_set(lambda i: i), _X, (FLOAT, (2, 4)), (IDS, (2,))),
    "setitem (one number to rows)": (lambda x, i: x.__setitem__(i, 3.0), _X, (IDS, (2,))),
    "setitem (a row to rows)": (_set(lambda i: i), _X, (FLOAT, (4,)), (IDS, (2,))),
    "setitem (elements)": (_set(lambda i, j: (i, j)), _SQUARE, (FLOAT, (2,)), (IDS, (2,)), (IDS, (2,))),
    "setitem (columns)": (_set(lambda i: (slice(None), i)), _SQUARE, (FLOAT, (3, 2)), (IDS, (2,))),
    "setitem (a list)": (lambda x, y: x.__setitem__([2, 0], y), _X, (FLOAT, (2, 4))),
    "setitem (where a mask is True)": (
        lambda x, y: x.__setitem__(torch.tensor([True, False, True]), y),
        *(_X, (FLOAT, (2, 4))),
    ),
    "setitem (columns behind a new axis)": (
        _set(lambda i: (slice(None), None, i)),
        *(_SQUARE, (FLOAT, (3, 1, 2)), (IDS, (2,))),
    ),
    "setitem (a new axis between numbers)": (
        _set(lambda i, j: (i, None, j)),
        *(_SQUARE, (FLOAT, (2, 1)), (IDS, (2,)), (IDS, (2,))),
    ),
    "setitem (where a mask behind a new axis is True)": (
        lambda x, y: x.__setitem__((None, torch.tensor([True, False, True])), y),
        *(_X, (FLOAT, (1, 2, 4))),
    ),
    "_pack_padded_sequence": (
        lambda x: torch._VF._pack_padded_sequence(x, torch.tensor([3, 1]), True)[0],
        (FLOAT, (2, 3, 2)),
    ),
    "_pad_packed_sequence": (
        lambda x: torch._VF._pad_packed_sequence(x, torch.tensor([2, 2, 1]), False, -1.0, 4)[0],
        (FLOAT, (5, 2)),
    ),
    "_pad_packed_sequence (batch first)": (
        lambda x: torch._VF._pad_packed_sequence(x, torch.tensor([2, 1]), True, 0.0, 2)[0],
        (FLOAT, (3, 1)),
    ),
    "setitem (one number where a mask is True)": (lambda x, m: x.__setitem__(m, 5.0), _X, (BOOL, (3, 4))),
    "setitem (a row where a mask is True)": (lambda x, y, m: x.__setitem__(m, y), _X, (FLOAT, (4,)), (BOOL, (3,))),
    "index_put": (lambda x, y, i: x.index_put((i,), y), _X, (FLOAT, (2, 4)), (IDS, (2,))),
    "index_put (added)": (
        lambda x, y, i, j: x.index_put_((i, j), y, accumulate=True),
        *(_SQUARE, (FLOAT, (3,)), (IDS, (3,)), (IDS, (3,))),
    ),
    "index_put (added by position)": (lambda x, y, i: x.index_put((i,), y, True), _X, (FLOAT, (2, 4)), (IDS, (2,))),
    "masked_scatter": (
        lambda x, y: x.masked_scatter(torch.arange(12).reshape(3, 4) % 2 == 0, y),
        *(_X, (FLOAT, (2, 3))),
    ),
    "masked_scatter (broadcast mask)": (
        lambda x, y: x.masked_scatter(torch.tensor([[True], [False], [True]]), y),
        *(_X, (FLOAT, (8,))),
    ),
    "scatter": (lambda x, i, y: x.scatter(1, i, y), _SQUARE, (IDS, (3, 2)), (FLOAT, (3, 2))),
    "scatter (a larger source)": (lambda x, i, y: x.scatter(0, i, y), _X, (IDS, (2, 3)), (FLOAT, (3, 4))),
    "scatter (one number)": (lambda x, i: x.scatter(1, i, 9.0), _SQUARE, (IDS, (3, 2))),
    "scatter (one number by keyword)": (lambda x, i: x.scatter_(1, i, value=9.0), _SQUARE, (IDS, (3, 2))),
    "scatter (by keyword)": (lambda x, i, y: x.scatter(dim=1, index=i, src=y), _SQUARE, (IDS, (3, 1)), (FLOAT, (3, 1))),
    "scatter_add": (lambda x, i, y: x.scatter_add(1, i, y), _SQUARE, (IDS, (3, 3)), (FLOAT, (3, 3))),
    **{
        f"scatter_add ({how})": (
            lambda x, i, y, how=how, own=own: x.scatter_reduce(1, i, y, how, include_self=own),
            *(_SQUARE, (IDS, (3, 3)), (FLOAT, (3, 3))),
        )
        for how, own in (("sum", True), ("prod", False), ("mean", True), ("amax", True), ("amin", False))
    },
    "index_add": (lambda x, i, y: x.index_add(0, i, y), _X, (IDS, (2,)), (FLOAT, (2, 4))),
    "index_add (twice as much)": (
        lambda x, i, y: x.index_add_(1, i, y, alpha=2),
        *(_SQUARE, (IDS, (2,)), (FLOAT, (3, 2))),
    ),
    "index_copy": (lambda x, i, y: x.index_copy(1, i, y), _SQUARE, (IDS, (2,)), (FLOAT, (3, 2))),
    "index_fill": (lambda x, i: x.index_fill(0, i, 3.0), _X, (IDS, (2,))),
    "copy_": (lambda x, y: x.copy_(y), _X, (FLOAT, (4,))),
    # repeated, rolled, padded
    "repeat": (lambda x: x.repeat(2, 1, 2), (FLOAT, (2, 3))),
    "repeat (a tuple)": (lambda x: x.repeat((2, 2)), (FLOAT, (1, 3))),
    "repeat (tile)": (lambda x: torch.tile(x, (2,)), (FLOAT, (2, 3))),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, dim=1), (FLOAT, (2, 3))),
    "repeat_interleave (all numbers)": (lambda x: torch.repeat_interleave(x, 2), (FLOAT, (2, 3))),
    "repeat_interleave (by keyword)": (lambda x: x.repeat_interleave(repeats=3, dim=0), (FLOAT, (2, 3))),
    "repeat_interleave (each its own)": (
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), dim=0),
        (FLOAT, (3, 2)),
    ),
    "roll": (lambda x: x.roll(1, -1), (FLOAT, (2, 3))),
    "roll (two axes)": (lambda x: torch.roll(x, shifts=(-1, 2), dims=(0, 1)), (FLOAT, (3, 4))),
    "flip": (lambda x: x.flip(0), (FLOAT, (3, 2))),
    "flip (two axes)": (lambda x: torch.flip(x, dims=(0, -1)), (FLOAT, (3, 2))),
    "flipud": (torch.flipud, (FLOAT, (3, 2))),
    "fliplr": (torch.fliplr, (FLOAT, (3, 2))),
    **{
        f"rot90 ({turns} times)": (lambda x, turns=turns: torch.rot90(x, turns, (0, 1)), (FLOAT, (2, 3)))
        for turns in (1, 2, 3)
    },
    "pad": (lambda x: F.pad(x, (1, 2)), (FLOAT, (2, 3))),
    "pad (two axes, cut on one side)": (lambda x: F.pad(x, (0, -1, 2, 0), value=-5.0), (FLOAT, (2, 3))),
    **{
        f"pad ({mode})": (lambda x, mode=mode: F.pad(x, (2, 1), mode=mode), (FLOAT, (1, 2, 3)))
        for mode in ("reflect", "replicate", "circular")
    },
    "unfold": (lambda x: x.unfold(1, 2, 1), (FLOAT, (2, 4))),
    "unfold (patches)": (lambda x: F.unfold(x, 2, stride=2), (FLOAT, (1, 2, 4, 4))),
    "unfold (overlapping patches)": (lambda x: F.unfold(x, (1, 2), dilation=(1, 2)), (FLOAT, (1, 2, 2, 4))),
    "diagonal": (lambda x: x.diagonal(1), _X),
    "diagonal (of two axes)": (lambda x: x.diagonal(dim1=1, dim2=2), _CUBE),
    "diag": (lambda x: torch.diag(x, 1), (FLOAT, (3,))),
    "diag (below)": (lambda x: torch.diag(x, -1), (FLOAT, (3,))),
    "diag (of a matrix)": (lambda x: torch.diag(x), _X),
    "diag (for a batch)": (torch.diag_embed, (FLOAT, (2, 3))),
    # side by side
    "cat (an empty cache)": (lambda x: torch.cat([torch.tensor([]), x], -2), (FLOAT, (1, 2, 3))),
    "vstack": (lambda x, y: torch.vstack([x, y]), (FLOAT, (3,)), (FLOAT, (2, 3))),
    "hstack": (lambda x, y: torch.hstack([x, y]), (FLOAT, (2, 1)), (FLOAT, (2, 3))),
    "hstack (rows)": (lambda x, y: torch.hstack([x, y]), (FLOAT, (2,)), (FLOAT, (3,))),
    "dstack": (lambda x, y: torch.dstack([x, y]), (FLOAT, (2, 3)), (FLOAT, (2, 3))),
    "column_stack": (lambda x, y: torch.column_stack([x, y]), (FLOAT, (2,)), (FLOAT, (2, 3))),
    "meshgrid": (lambda x: torch.meshgrid(x, indexing="ij")[0], (FLOAT, (3,))),
    "broadcast_tensors": (lambda x: torch.broadcast_tensors(x)[0], (FLOAT, (3, 1))),
    "tensor_split": (lambda x: x.tensor_split(1, dim=1)[0], (FLOAT, (2, 5))),
    # in order
    "topk": (lambda x: x.topk(2).values, (FLOAT, (2, 4))),
    "topk (smallest, first axis)": (lambda x: torch.topk(x, 2, dim=0, largest=False).values, (FLOAT, (4, 2))),
    "sort": (lambda x: x.sort().values, (FLOAT, (2, 4))),
    "sort (descending)": (lambda x: torch.sort(x, dim=0, descending=True).values, (FLOAT, (4, 2))),
    "argsort": (lambda x: x.argsort(-1), (FLOAT, (2, 4))),
    "argsort (descending)": (lambda x: torch.argsort(x, descending=True, stable=True), (FLOAT, (2, 4))),
    "msort": (torch.msort, (FLOAT, (4, 2))),
    "kthvalue": (lambda x: x.kthvalue(2).values, (FLOAT, (2, 4))),
    "median": (lambda x: x.median(-1).values, (FLOAT, (2, 4))),
    "cummax": (lambda x: x.cummax(1).values, (FLOAT, (2, 4))),
    "cummin": (lambda x: x.cummin(0).values, (FLOAT, (4, 2))),
    "cumprod": (lambda x: x.cumprod(0), (FLOAT, (3, 2))),
    "logcumsumexp": (lambda x: x.logcumsumexp(1), (FLOAT, (2, 3))),
    "max (of two tensors)": (torch.max, (FLOAT, (2, 3)), (FLOAT, (3,))),
    "min (of two tensors)": (lambda x, y: torch.min(x, y), (FLOAT, (2, 3)), (FLOAT, (2, 1))),
    "max (of all)": (lambda x: x.max(), (FLOAT, (2, 3))),
    "max (by keyword)": (lambda x: x.max(dim=0, keepdim=True).values, (FLOAT, (2, 3))),
    # searches
    "searchsorted": (
        lambda x: torch.searchsorted(torch.tensor([0.5, 1.0, 1.5]), x),
        (FLOAT, (2, 3)),
    ),
    "searchsorted (right)": (
        lambda x: torch.searchsorted(torch.tensor([[0.5, 1.0, 1.5], [0.7, 0.9, 1.1]]), x, right=True),
        (FLOAT, (2, 3)),
    ),
    "bucketize": (lambda x: torch.bucketize(x, torch.tensor([0.5, 1.0, 1.5])), (FLOAT, (2, 3))),
    "isin": (torch.isin, (IDS, (2, 3)), (IDS, (2,))),
    "any": (lambda x: x.any(-1), (BOOL, (2, 3))),
    "any (of all)": (torch.any, (BOOL, (2, 1))),
    "all": (lambda x: x.all(dim=0, keepdim=True), (BOOL, (2, 3))),
    "count_nonzero": (lambda x: torch.count_nonzero(x, dim=1), (BOOL, (2, 3))),
    "nonzero": (lambda: torch.tensor([[1, 0, 2], [0, 0, 3]]).nonzero(),),
    "nonzero (as a tuple)": (lambda: torch.tensor([[1, 0, 2], [0, 0, 3]]).nonzero(as_tuple=True)[1],),
    "where (alone)": (lambda: torch.where(torch.tensor([[True, False], [False, True]]))[0],),
    "isnan": (lambda x: torch.isnan((x - 1) / 0), (FLOAT, (2, 3))),
    "isinf": (lambda x: torch.isinf((x - 1) / 0), (FLOAT, (2, 3))),
    "isfinite": (lambda x: torch.isfinite((x - 1) / 0), (FLOAT, (2, 3))),
    "_grouped_mm": (
        lambda x, w: torch._grouped_mm(x, w, offs=torch.tensor([1, 1, 4], dtype=torch.int32)),
        *((FLOAT, (4, 4)), (FLOAT, (3, 4, 4))),
    ),
    # made of nothing
    "ones_like (new_ones)": (lambda x: x.new_ones(2, 3), (FLOAT, (2,))),
    "zeros_like (new_zeros)": (lambda x: x.new_zeros((2, 3)), (FLOAT, (2,))),
    "zeros_like (zero_)": (lambda x: x.zero_(), (FLOAT, (2,))),
    "full_like (new_full)": (lambda x: x.new_full((2, 3), -2.5), (FLOAT, (2,))),
    "full_like (by keyword)": (lambda x: torch.full_like(x, fill_value=3), (FLOAT, (2,))),
    "fill": (lambda x: x.fill_(2.5), (FLOAT, (2,))),
    "eye": (lambda: torch.eye(3, 4),),
    "linspace": (lambda: torch.linspace(-1, 2, 5),),
    "linspace (one number)": (lambda: torch.linspace(3, 4, 1),),
    "tril_indices": (lambda: torch.tril_indices(3, 3),),
    "triu_indices": (lambda: torch.triu_indices(3, 4, 1),),
    "tensor (as_tensor)": (lambda: torch.as_tensor([1.5, 2.5]),),
    "tensor (scalar_tensor)": (lambda: torch.scalar_tensor(1.5),),
    "new_tensor": (lambda x: x.new_tensor([1.5, 2.5]), (FLOAT, (2,))),
}  # fmt: skip

# Random numbers, which nothing says.
DRAWN_EXAMPLES: dict[str, Example] = {
    "rand": (lambda: torch.rand(2, 3),),
    "rand_like": (torch.rand_like, (FLOAT, (2, 3))),
    "randn": (lambda: torch.randn(2, 3),),
    "randn_like": (torch.randn_like, (FLOAT, (2, 3))),
    "randint": (lambda: torch.randint(0, 5, (2, 3)),),
    "randint_like": (lambda x: torch.randint_like(x, 5), (FLOAT, (2, 3))),
    "randperm": (lambda: torch.randperm(4),),
    "uniform": (lambda x: x.uniform_(0, 1), (FLOAT, (2, 3))),
    "normal": (lambda x: x.normal_(0, 1), (FLOAT, (2, 3))),
    "exponential": (lambda x: x.exponential_(), (FLOAT, (2, 3))),
    "bernoulli": (lambda x: torch.bernoulli(x / 4), (FLOAT, (2, 3))),
    "multinomial": (lambda x: torch.multinomial(x, 2), (FLOAT, (2, 3))),
}  # fmt: skip

# The position of the largest so far is 0 for the first of a row, whatever that is.
POSITIONS_SO_FAR = ("cummax", "cummin")

_IN_WORDS = (
    *("index_select", "gather", "take_along_dim", "take", "masked_select", "index_put", "masked_scatter", "scatter"),
    *("scatter_add", "index_add", "index_copy", "_grouped_mm"),
)
# Where the formula of any element names the tensor that chooses, or says in words what is read.
_PLAIN = ("getitem (a step)", "setitem (a row)", "setitem (a number)")
TOLD_IN_WORDS = (
    "index_select",
    *(name for name in INDEXING_EXAMPLES if name.partition(" (")[0] in _IN_WORDS),
    *(name for name in INDEXING_EXAMPLES if name.startswith(("getitem", "setitem")) and name not in _PLAIN),
    *("repeat_interleave (each its own)", "pad (reflect)", "pad (replicate)"),
    *("unfold (patches)", "unfold (overlapping patches)"),
)
