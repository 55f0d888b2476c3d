"""The functions of torch that compute attention in one call: inside is the documented formula."""

from __future__ import annotations

from typing import Any

from engine.record.inside import FusedCall, opens
from engine.record.openers import plain_attention


@opens("scaled_dot_product_attention")
def open_scaled_dot_product_attention(call: FusedCall) -> Any:
    """``F.scaled_dot_product_attention``."""
    return call.record(plain_attention.scaled_dot_product_attention, *call.args, **call.kwargs)


@opens("multi_head_attention_forward")
def open_multi_head_attention(call: FusedCall) -> Any:
    """``F.multi_head_attention_forward``, which ``nn.MultiheadAttention`` calls where it takes no fused path."""
    return call.record(plain_attention.multi_head_attention_forward, *call.args, **call.kwargs)
