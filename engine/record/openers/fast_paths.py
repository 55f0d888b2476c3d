"""The fused paths of torch's own attention modules: inside is the same module on its plain path, with its weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from engine.record.folded_calls import NAME as PACKED_RUN
from engine.record.inside import FusedCall, opens

# What torch calls a mask (B, L) of the keys that are padding; the other kinds are masks of pairs.
_PADDING = 1


@opens("_transformer_encoder_layer_fwd")
def open_encoder_layer(call: FusedCall) -> Any:
    """``nn.TransformerEncoderLayer`` in evaluation without gradients."""
    if not isinstance(call.module, nn.TransformerEncoderLayer):
        return None
    source, mask, kind = call.args[0], call.args[18], call.args[19]
    masks = {"src_key_padding_mask": mask} if kind == _PADDING else {"src_mask": _per_head(mask)}
    return call.record(_with_tensors(call.module, call.module_tensors), source, **masks)


@opens(PACKED_RUN)
def open_encoder(call: FusedCall) -> Any:
    """``nn.TransformerEncoder`` that left the padding out: what it does up to its last norm."""
    source, is_token = call.args[:2]
    encoder = _with_tensors(call.module, call.module_tensors)
    encoder.norm = None
    return call.record(encoder, source, src_key_padding_mask=~is_token)


@opens("_native_multi_head_attention")
def open_attention(call: FusedCall) -> Any:
    """``nn.MultiheadAttention`` in evaluation without gradients, each token attending to all."""
    if not isinstance(call.module, nn.MultiheadAttention):
        return None
    query, mask = call.args[0], call.args[9]
    weights: dict[str, Any] = {"need_weights": call.args[10], "average_attn_weights": call.args[11]}
    masks = {"key_padding_mask": mask} if call.args[12] == _PADDING else {"attn_mask": _per_head(mask)}
    return call.record(_with_tensors(call.module, call.module_tensors), query, query, query, **weights, **masks)


def _per_head(mask: Tensor | None) -> Tensor | None:
    """A mask of pairs (B, H, L, L) as the modules take it: (B·H, L, L)."""
    return mask if mask is None or mask.dim() < 4 else mask.flatten(0, 1)


def _with_tensors(module: Any, tensors: Mapping[str, Tensor]) -> Any:
    """A copy of a module that holds these parameters and buffers; the numbers are shared, not copied."""
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return copy.deepcopy(module, {id(own[name]): tensor for name, tensor in tensors.items()})
