"""Which model a config is of, and the model itself, with seeded weights or with none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine import variant_config
from engine.model.axis_names import AXIS_NAMES
from engine.model.variants.bert import Bert, BertEmbedding, BertPooler
from engine.model.variants.gpt2 import GPT2
from engine.model.variants.llama import Llama
from engine.model.variants.mistral import Mistral
from engine.model.variants.mixtral import Mixtral, MixtureOfExperts
from engine.model.variants.parts.causal_attention import CausalSelfAttention
from engine.model.variants.parts.decoder_masks import CausalPaddingMask, SlidingWindowMask
from engine.model.variants.parts.distance_bias import DistanceBias, PastBuckets, TwoWayBuckets
from engine.model.variants.parts.feed_forward import SwiGLU, TanhGeluFeedForward
from engine.model.variants.parts.grouped_attention import GroupedQueryAttention
from engine.model.variants.parts.rms_norm import RMSNorm
from engine.model.variants.parts.rotary import RotaryAngles, RotateHalves, RotateInterleaved
from engine.model.variants.t5 import T5, T5Decoder, T5FeedForward, UnscaledAttention
from engine.model.variants.vit import PatchEmbedding, ViT
from engine.model.weights import draw, undrawn
from engine.variant_config import VariantConfig

AxisNames = Sequence[tuple[str, Mapping[str, str]]]

# What the general axes L, L_k and H of a shape comment are, by module path; the first pattern that matches counts.
_OF_DECODER: AxisNames = (("*", {"L": "T", "L_k": "T"}),)
# Keys are turned before the heads of queries that share them get a copy each.
_OF_GROUPED: AxisNames = (("*.key_rotation", {"L": "T", "H": "H_kv"}), *_OF_DECODER)
# S of T5's keys and values are the tokens that are looked at: in the decoder's self-attention its own.
_OF_T5: AxisNames = (("decoder*.self_attention", {"L": "T", "L_k": "T", "S": "T"}), *AXIS_NAMES, ("*", {"L": "T"}))
_OF_ENCODER: AxisNames = (("*", {"L": "S", "L_k": "S"}),)


@dataclass(frozen=True)
class Variant:
    """A model beside the 2017 one.

    Attributes:
        construct: makes it from its config and the id of padding tokens.
        axis_names: what L and L_k of its shape comments stand for, by pattern of module path.
    """

    construct: Callable[[Any, int], nn.Module]
    axis_names: AxisNames


VARIANTS: Mapping[type[VariantConfig], Variant] = {
    variant_config.GPT2Config: Variant(GPT2, _OF_DECODER),
    variant_config.LlamaConfig: Variant(Llama, _OF_GROUPED),
    variant_config.MistralConfig: Variant(Mistral, _OF_GROUPED),
    variant_config.MixtralConfig: Variant(Mixtral, _OF_GROUPED),
    variant_config.BertConfig: Variant(Bert, _OF_ENCODER),
    variant_config.ViTConfig: Variant(lambda config, pad: ViT(config), _OF_ENCODER),
    variant_config.T5Config: Variant(T5, _OF_T5),
}

STAGED_MODULES = (
    BertEmbedding,
    BertPooler,
    CausalPaddingMask,
    CausalSelfAttention,
    DistanceBias,
    GroupedQueryAttention,
    MixtureOfExperts,
    PastBuckets,
    PatchEmbedding,
    RMSNorm,
    RotaryAngles,
    RotateHalves,
    RotateInterleaved,
    SlidingWindowMask,
    SwiGLU,
    T5Decoder,
    T5FeedForward,
    TanhGeluFeedForward,
    TwoWayBuckets,
    UnscaledAttention,
)
"""The modules of the variants that say the stages they are taught in."""


def variant_skeleton(config: VariantConfig, pad: int, device: str = "meta") -> nn.Module:
    """The model of a config in its dtype with nothing drawn.

    Args:
        config: of any variant.
        pad: the id of padding tokens.
        device: "meta" for shapes without a byte of memory.
    """
    model = undrawn(lambda: VARIANTS[type(config)].construct(config, pad), device)
    return model.to(getattr(torch, config.dtype))


def build_variant(config: VariantConfig, pad: int, device: torch.device) -> nn.Module:
    """The model of a config with its seeded weights, in evaluation mode, on the device.

    Args:
        config: of any variant. Its seed and dtype are those of the weights.
        pad: the id of padding tokens.
        device: where to.
    """
    model = undrawn(lambda: VARIANTS[type(config)].construct(config, pad), "cpu")
    draw(model, config.seed)
    return model.to(device=device, dtype=getattr(torch, config.dtype))
