"""FLOPs of one operation, from its shapes.

A multiplication and an addition are one FLOP each, so a matrix product of n terms a cell costs 2n a cell, as
torch.utils.flop_counter counts it. Element-wise operations cost one for every element they write, reductions one for
every element they read, layout operations and look-ups none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

# Per element: subtract the largest, exp, add up, divide (softmax) or take the log and subtract (log_softmax).
_SOFTMAX = 4
_PER_OUTPUT = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "pow",
        "neg",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "sin",
        "cos",
        "tanh",
        "relu",
        "gelu",
        "sigmoid",
        "abs",
        "square",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "bitwise_and",
        "bitwise_or",
        "bitwise_not",
        "bitwise_xor",
        "logical_and",
        "logical_or",
        "logical_not",
        "masked_fill",
        "where",
        "maximum",
        "minimum",
        "clamp",
        "rsub",
        "rdiv",
        "floordiv",
        "floor_divide",
        "remainder",
        "add_",
        "sub_",
        "mul_",
        "div_",
        "masked_fill_",
        "relu_",
        "exp_",
    ]
)
_PER_INPUT = {"sum": 1, "mean": 1, "amax": 1, "amin": 1, "argmax": 1, "max": 1, "min": 1, "var": 3, "std": 3}
_FREE = frozenset(
    [
        "view",
        "reshape",
        "permute",
        "transpose",
        "contiguous",
        "t",
        "T",
        "mT",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "flatten",
        "unflatten",
        "getitem",
        "stack",
        "cat",
        "concat",
        "chunk",
        "split",
        "unbind",
        "clone",
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "type",
        "arange",
        "zeros",
        "ones",
        "full",
        "empty",
        "tensor",
        "zeros_like",
        "ones_like",
        "full_like",
        "empty_like",
        "triu",
        "tril",
        "embedding",
        "index_select",
        "gather",
        "detach",
        "data",
        "swapaxes",
        "movedim",
        "narrow",
        "select",
        "repeat",
        "roll",
        "dropout",
        "view_as",
        "reshape_as",
        "setitem",
        "copy_",
    ]
)


def flops(op: str, given: Sequence[Tensor], value: Tensor) -> int | None:
    """FLOPs of ``op`` on the tensors it was given, in that order; None for an operation not known here."""
    cells = value.numel()
    if op in _FREE:
        return 0
    if op in _PER_OUTPUT:
        return cells
    if op in _PER_INPUT:
        return given[0].numel() * _PER_INPUT[op]
    if op in ("softmax", "log_softmax"):
        return cells * _SOFTMAX
    if op in ("matmul", "mm", "bmm"):
        return 2 * cells * given[0].size(-1)
    if op == "linear":
        bias = cells if len(given) > 2 else 0
        return 2 * cells * given[1].size(-1) + bias
    if op == "scaled_dot_product_attention":
        query, key, mixed = given[:3]
        pairs = math.prod(query.shape[:-1]) * key.size(-2)
        return pairs * (2 * query.size(-1) + 2 * mixed.size(-1) + _SOFTMAX)
    return None
