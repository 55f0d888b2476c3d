"""Ten published architectures from transformers, small, with random weights, and an input for each.

All axes have sizes of their own, so that a size names its axis: no size equals another or is the product of two
others, except where the model itself multiplies them (``heads * head_dim``). A test that must not tell axes by their
size takes ``EQUAL`` instead, in which as many axes as the models allow have four entries.

Needs transformers: a test module calls ``pytest.importorskip("transformers")`` before it builds anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

ATTENTION = ("eager", "sdpa")


@dataclass(frozen=True)
class ModelSizes:
    """The sizes that the architectures share; what is left out of one follows from these.

    Attributes:
        batch: sequences, B.
        length: tokens of the only sequence, or of what an encoder reads, L or S.
        target: tokens of what a decoder reads, T.
        heads: heads where query, key and value have as many; there the model is ``heads * head_dim`` wide.
        key_heads: heads of key and value where several queries share one (grouped-query attention).
        groups: queries to a key there: ``key_heads * groups`` heads in all.
        head_dim: size of one head, d_k; even, for rotary positions.
        hidden: width of the models whose heads do not determine it (T5, Llama, Mistral, Qwen2, Mixtral); a multiple of
            ``query_heads``, which some of them ask for.
        feed_forward: width inside the feed-forward part, d_ff.
        vocabulary: number of tokens there are, V.
        experts: experts of a mixture.
        channels: channels of an image.
        patch: side of an image's patch.
        patches: patches down and across an image.
        mel: mel bins of an audio frame; there are twice as many frames as ``length``.
    """

    batch: int = 5
    length: int = 7
    target: int = 11
    heads: int = 3
    key_heads: int = 3
    groups: int = 2
    head_dim: int = 8
    hidden: int = 36
    feed_forward: int = 68
    vocabulary: int = 61
    experts: int = 4
    channels: int = 4
    patch: int = 6
    patches: tuple[int, int] = (2, 9)
    mel: int = 13

    @property
    def model_width(self) -> int:
        """d_model where the heads determine it."""
        return self.heads * self.head_dim

    @property
    def query_heads(self) -> int:
        """Heads of the query in grouped-query attention."""
        return self.key_heads * self.groups


DIFFERENT = ModelSizes()
EQUAL = ModelSizes(
    batch=4, length=4, target=4, heads=4, key_heads=4, groups=1, head_dim=4, hidden=16, feed_forward=16, vocabulary=16,
    experts=4, channels=4, patch=4, patches=(2, 2), mel=4,
)  # fmt: skip


@dataclass(frozen=True)
class PublishedModel:
    """A model in eval mode, and the keyword arguments to call it with."""

    name: str
    model: nn.Module
    inputs: Mapping[str, Any]


def published_model(name: str, attention: str = "eager", sizes: ModelSizes = DIFFERENT) -> PublishedModel:
    """Builds one of ``ARCHITECTURES`` with random weights, the same ones every time.

    Args:
        name: its name in ``ARCHITECTURES``. "Mixtral" has its experts one by one, "Mixtral, grouped" multiplies
            them all at once (``torch._grouped_mm``, for which ``hidden`` and ``feed_forward`` are multiples of four).
        attention: "eager", written in plain operations, or "sdpa", the fused call.
        sizes: the sizes of its axes.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        model, inputs = ARCHITECTURES[name](attention, sizes)
    return PublishedModel(name, model.eval(), inputs)


def _tokens(sizes: ModelSizes, length: int) -> Tensor:
    return torch.randint(3, sizes.vocabulary, (sizes.batch, length))


def _padding_mask(sizes: ModelSizes) -> Tensor:
    """All tokens of a sequence but the last of the first one are read."""
    mask = torch.ones(sizes.batch, sizes.length, dtype=torch.long)
    mask[0, -1] = 0
    return mask


def _text(sizes: ModelSizes) -> dict[str, Tensor]:
    return {"input_ids": _tokens(sizes, sizes.length), "attention_mask": _padding_mask(sizes)}


def _text_pair(sizes: ModelSizes) -> dict[str, Tensor]:
    return {**_text(sizes), "decoder_input_ids": _tokens(sizes, sizes.target)}


def _gpt2(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=sizes.vocabulary, n_positions=2 * sizes.length, n_embd=sizes.model_width, n_layer=2,
        n_head=sizes.heads, n_inner=sizes.feed_forward, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        attn_implementation=attention,
    )  # fmt: skip
    return GPT2LMHeadModel(config), _text(sizes)


def _bert(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=sizes.vocabulary, hidden_size=sizes.model_width, num_hidden_layers=2,
        num_attention_heads=sizes.heads, intermediate_size=sizes.feed_forward,
        max_position_embeddings=2 * sizes.length, attn_implementation=attention,
    )  # fmt: skip
    return BertModel(config), _text(sizes)


def _t5(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=sizes.vocabulary, d_model=sizes.hidden, d_kv=sizes.head_dim, d_ff=sizes.feed_forward, num_layers=2,
        num_heads=sizes.heads, pad_token_id=2, eos_token_id=1, decoder_start_token_id=2, attn_implementation=attention,
    )  # fmt: skip
    return T5ForConditionalGeneration(config), _text_pair(sizes)


def _decoder_only(config: str, model: str) -> Callable[[str, ModelSizes], tuple[nn.Module, dict[str, Tensor]]]:
    """Llama and the models that are built like it."""

    def build(attention: str, sizes: ModelSizes, **more: Any) -> tuple[nn.Module, dict[str, Tensor]]:
        import transformers

        settings = getattr(transformers, config)(
            vocab_size=sizes.vocabulary, hidden_size=sizes.hidden, intermediate_size=sizes.feed_forward,
            num_hidden_layers=2, num_attention_heads=sizes.query_heads, num_key_value_heads=sizes.key_heads,
            head_dim=sizes.head_dim, max_position_embeddings=4 * sizes.length, bos_token_id=0, eos_token_id=1,
            pad_token_id=2, attn_implementation=attention, **more,
        )  # fmt: skip
        return getattr(transformers, model)(settings), _text(sizes)

    return build


def _mixtral(experts: str) -> Callable[[str, ModelSizes], tuple[nn.Module, dict[str, Tensor]]]:
    build_decoder = _decoder_only("MixtralConfig", "MixtralForCausalLM")

    def build(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
        model, inputs = build_decoder(attention, sizes, num_local_experts=sizes.experts, num_experts_per_tok=2)
        model.set_experts_implementation(experts)
        return model, inputs

    return build


def _vit(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import ViTConfig, ViTModel

    height, width = (sizes.patch * count for count in sizes.patches)
    config = ViTConfig(
        hidden_size=sizes.model_width, num_hidden_layers=2, num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward, image_size=(height, width), patch_size=sizes.patch,
        num_channels=sizes.channels, attn_implementation=attention,
    )  # fmt: skip
    return ViTModel(config), {"pixel_values": torch.randn(sizes.batch, sizes.channels, height, width)}


def _whisper(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=sizes.vocabulary, num_mel_bins=sizes.mel, d_model=sizes.model_width, encoder_layers=2,
        decoder_layers=2, encoder_attention_heads=sizes.heads, decoder_attention_heads=sizes.heads,
        encoder_ffn_dim=sizes.feed_forward, decoder_ffn_dim=sizes.feed_forward, max_source_positions=sizes.length,
        max_target_positions=2 * sizes.target, pad_token_id=2, bos_token_id=0, eos_token_id=1,
        decoder_start_token_id=2, attn_implementation=attention,
    )  # fmt: skip
    frames = torch.randn(sizes.batch, sizes.mel, 2 * sizes.length)
    inputs = {"input_features": frames, "decoder_input_ids": _tokens(sizes, sizes.target)}
    return WhisperForConditionalGeneration(config), inputs


def _bart(attention: str, sizes: ModelSizes) -> tuple[nn.Module, dict[str, Tensor]]:
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=sizes.vocabulary, d_model=sizes.model_width, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=sizes.heads, decoder_attention_heads=sizes.heads,
        encoder_ffn_dim=sizes.feed_forward, decoder_ffn_dim=sizes.feed_forward,
        max_position_embeddings=2 * sizes.target, pad_token_id=2, bos_token_id=0, eos_token_id=1,
        decoder_start_token_id=1, forced_eos_token_id=1, attn_implementation=attention,
    )  # fmt: skip
    return BartForConditionalGeneration(config), _text_pair(sizes)


ARCHITECTURES: Mapping[str, Callable[[str, ModelSizes], tuple[nn.Module, dict[str, Tensor]]]] = {
    "GPT-2": _gpt2,
    "BERT": _bert,
    "T5": _t5,
    "Llama": _decoder_only("LlamaConfig", "LlamaForCausalLM"),
    "Mistral": _decoder_only("MistralConfig", "MistralForCausalLM"),
    "Qwen2": _decoder_only("Qwen2Config", "Qwen2ForCausalLM"),
    "ViT": _vit,
    "Whisper": _whisper,
    "BART": _bart,
    "Mixtral": _mixtral("eager"),
    "Mixtral, grouped": _mixtral("grouped_mm"),
}
