"""What people call the modules of a model that are named in code's way: one table for the graph and the timeline.

The names are those of the built-in Transformer, of torch.nn and of the published models in Hugging Face's transformers.
A name that is not here is shown as it is, with spaces for underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ModuleName(NamedTuple):
    """What a module of some name is called.

    Attributes:
        title: on a frame, in a sentence and in the path of a step.
        box: on its own box in the graph, where there is room to say more; by default the title.
        stage: in the timeline, below the part of the model that it lies in; by default the title.
    """

    title: str
    box: str = ""
    stage: str = ""


class CountWords(NamedTuple):
    """How several layers of a stack are spoken of together.

    Attributes:
        whole_of_one, whole_of_many: all of a stack, ``count`` of them.
        one_more, many_more: the rest of a stack, of which others are drawn open.
        single, span: the layer ``first``, or the layers from ``first`` to ``last``.
    """

    whole_of_one: str
    whole_of_many: str
    one_more: str
    many_more: str
    single: str
    span: str


class LayerWords(NamedTuple):
    """How the layers of a stack are spoken of.

    Attributes:
        title: one of them, by its ``number``; ``list`` is the name of the list.
        owned: several, where the stack lies in a module, the ``owner``.
        alone: several, where it lies in the model itself.
    """

    title: str
    owned: CountWords
    alone: CountWords


_LAYERS = LayerWords(
    "layer {number}",
    CountWords(
        "{count} {owner} layer",
        "{count} {owner} layers",
        "{count} more {owner} layer with other weights",
        "{count} more {owner} layers with other weights",
        "{owner} layer {first}",
        "{owner} layers {first} to {last}",
    ),
    CountWords(
        "{count} layer",
        "{count} layers",
        "{count} more layer with other weights",
        "{count} more layers with other weights",
        "layer {first}",
        "layers {first} to {last}",
    ),
)
_BLOCKS = LayerWords(
    "block {number}",
    CountWords(
        "{count} {owner} block",
        "{count} {owner} blocks",
        "{count} more {owner} block with other weights",
        "{count} more {owner} blocks with other weights",
        "{owner} block {first}",
        "{owner} blocks {first} to {last}",
    ),
    CountWords(
        "{count} block",
        "{count} blocks",
        "{count} more block with other weights",
        "{count} more blocks with other weights",
        "block {first}",
        "blocks {first} to {last}",
    ),
)
_MEMBERS = CountWords(
    "{list}: {count}",
    "{list}: {count}",
    "{list}: {count} more with other weights",
    "{list}: {count} more with other weights",
    "{list} {first}",
    "{list} {first} to {last}",
)
OTHER_LAYERS = LayerWords("{list} {number}", _MEMBERS, _MEMBERS)
"""For a list of a name that is not in ``STACKS``."""

STACKS: Mapping[str, LayerWords] = {
    "layers": _LAYERS,
    "layer": _LAYERS,
    "h": _LAYERS,
    "blocks": _BLOCKS,
    "block": _BLOCKS,
    "resblocks": _BLOCKS,
    "transformer_blocks": _BLOCKS,
}
"""What a list of layers is called in code → how its layers are spoken of."""

_SELF_ATTENTION = ModuleName("self-attention")
_CROSS_ATTENTION = ModuleName("cross-attention")
_FEED_FORWARD = ModuleName("feed-forward")
_TOKEN_EMBEDDING = ModuleName("token embedding")
_POSITION_EMBEDDING = ModuleName("position embedding")
_SUBLAYER_NORM = ModuleName("norm")  # LayerNorm or RMSNorm

MODULES: Mapping[str, ModuleName] = {
    # The built-in Transformer
    "source_embedding": ModuleName("source embedding", box="embedding × √d_model"),
    "target_embedding": ModuleName("target embedding", box="embedding × √d_model"),
    "source_position": ModuleName("source positional encoding", box="+ positional encoding"),
    "target_position": ModuleName("target positional encoding", box="+ positional encoding"),
    "source_padding_mask": ModuleName("source padding mask", box="padding mask"),
    "target_padding_mask": ModuleName("target padding mask", box="padding mask"),
    "self_attention": ModuleName("self-attention", box="multi-head self-attention"),
    "cross_attention": ModuleName("cross-attention", box="multi-head cross-attention"),
    "feed_forward": _FEED_FORWARD,
    "self_attention_norm": _SUBLAYER_NORM,
    "cross_attention_norm": _SUBLAYER_NORM,
    "feed_forward_norm": _SUBLAYER_NORM,
    # Attention
    "self_attn": _SELF_ATTENTION,
    "SelfAttention": _SELF_ATTENTION,
    "attn": ModuleName("attention"),
    "cross_attn": _CROSS_ATTENTION,
    "crossattention": _CROSS_ATTENTION,
    "encoder_attn": _CROSS_ATTENTION,
    "EncDecAttention": _CROSS_ATTENTION,
    "multihead_attn": _CROSS_ATTENTION,  # of torch.nn.TransformerDecoderLayer
    # The two-layer network of every token
    "mlp": _FEED_FORWARD,
    "ffn": _FEED_FORWARD,
    "feedforward": _FEED_FORWARD,
    "DenseReluDense": _FEED_FORWARD,
    # Embeddings
    "wte": _TOKEN_EMBEDDING,
    "embed_tokens": _TOKEN_EMBEDDING,
    "word_embeddings": _TOKEN_EMBEDDING,
    "wpe": _POSITION_EMBEDDING,
    "embed_positions": _POSITION_EMBEDDING,
    "position_embeddings": _POSITION_EMBEDDING,
    "patch_embeddings": ModuleName("patch embedding"),
    "rotary_emb": ModuleName("rotary embedding"),
    # Ends of a model
    "ln_f": ModuleName("final norm"),
    "final_layer_norm": ModuleName("final norm"),
    "lm_head": ModuleName("head"),
    "cls": ModuleName("head"),
}
"""The last part of a module's path → what people call it."""


def title_of(name: str) -> str:
    """What people call a module by the last part of its path."""
    return MODULES[name].title if name in MODULES else name.replace("_", " ")


def box_label(name: str) -> str:
    """What stands on the closed box of a module."""
    return (MODULES[name].box if name in MODULES else "") or title_of(name)


def stage_label(name: str) -> str:
    """What a module is called in the timeline, where what it lies in stands above it."""
    if name in MODULES:
        return MODULES[name].stage or MODULES[name].title
    return "norm" if name.endswith("_norm") else title_of(name)
