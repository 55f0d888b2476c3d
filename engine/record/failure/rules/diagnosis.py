"""Which rule says why a call failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine import ops
from engine.record.failure.failing_call import FailingCall
from engine.record.failure.failure import Diagnosis
from engine.record.failure.rules import (
    attention_layers,
    axis_orders,
    broadcasting,
    convolutions,
    fused_attention,
    indices,
    joining,
    kinds,
    layers,
    patterns,
    products,
    reshaping,
    writing,
)

Rule = Callable[[FailingCall], Diagnosis | None]

_OF_OPERATION: dict[str, tuple[Rule, ...]] = {
    **dict.fromkeys(products.OPS, (products.product,)),
    "linear": (products.linear,),
    "scaled_dot_product_attention": (fused_attention.attention,),
    **dict.fromkeys(("view", "reshape", "view_as"), (reshaping.reshape,)),
    "unflatten": (reshaping.unflatten,),
    "permute": (axis_orders.permute,),
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), (axis_orders.transpose,)),
    "expand": (axis_orders.expand,),
    "repeat": (axis_orders.repeat,),
    **dict.fromkeys(("outer", "ger"), (axis_orders.outer,)),
    "topk": (axis_orders.topk,),
    "setitem": (writing.write,),
    **dict.fromkeys(convolutions.OPS, (convolutions.convolution,)),
    **dict.fromkeys(attention_layers.OPS, (attention_layers.layer,)),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), (joining.join,)),
    **dict.fromkeys(indices.OPS, (indices.index,)),
    **dict.fromkeys(layers.NORMS, (layers.norm,)),
    **dict.fromkeys(layers.LOSSES, (layers.labels,)),
    "einsum": (patterns.einsum,),
    **dict.fromkeys(("split", "split_with_sizes"), (joining.split,)),
    "where": (broadcasting.mask_dtype, broadcasting.broadcast),
    "masked_fill": (broadcasting.mask_dtype, broadcasting.broadcast),
}
# Operations that line their operands up from the right, whatever they compute.
_ARITHMETIC = frozenset(("add", "sub", "mul", "div", "pow", "remainder", "floor_divide", "addcmul", "addcdiv", "lerp"))
_COMPARING = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "maximum", "minimum", "where", "masked_scatter"))
_LOGIC = frozenset(f"{kind}_{name}" for kind in ("logical", "bitwise") for name in ("and", "or", "xor"))
_BROADCASTING = _ARITHMETIC | _COMPARING | _LOGIC | {"copy", "expand"}


def diagnose(call: FailingCall) -> Diagnosis | None:
    """Why this call failed; None where no rule knows."""
    for rule in _rules(call.op):
        try:
            diagnosis = rule(call)
        except Exception:
            # A rule that meets a call of a kind it was not written for must not hide the program's own error.
            continue
        if diagnosis is not None:
            return diagnosis
    return None


def _rules(op: str) -> Iterator[Rule]:
    yield kinds.devices
    # mm, bmm and matmul are one operation, and each takes tensors of other ranks.
    name = op if op in _OF_OPERATION else ops.canonical_name(op) or op
    yield from _OF_OPERATION.get(name, ())
    yield indices.dim_out_of_range
    if (ops.canonical_name(op) or op) in _BROADCASTING:
        yield broadcasting.broadcast
    yield kinds.dtypes
