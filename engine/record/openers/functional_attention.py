"""The functions of torch that compute attention in one call: inside is the documented formula."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from engine.record.inside import FusedCall, opens
from engine.record.openers import plain_attention


@opens("scaled_dot_product_attention")
def open_scaled_dot_product_attention(call: FusedCall) -> Any:
    """``F.scaled_dot_product_attention``."""
    return _open(call, plain_attention.scaled_dot_product_attention)


@opens("multi_head_attention_forward")
def open_multi_head_attention(call: FusedCall) -> Any:
    """``F.multi_head_attention_forward``, which ``nn.MultiheadAttention`` calls where it takes no fused path."""
    return _open(call, plain_attention.multi_head_attention_forward)


def _open(call: FusedCall, plain: Callable[..., Any]) -> Any:
    given = inspect.signature(plain).bind(*call.args, **call.kwargs)
    given.apply_defaults()
    drops = given.arguments["dropout_p"] > 0 and given.arguments.get("training", True)
    if not drops or call.is_replayed:
        return call.record(plain, *call.args, **call.kwargs)
    given.arguments["dropout_p"] = 0.0
    return call.before_dropout(call.record(plain, *given.args, **given.kwargs))
