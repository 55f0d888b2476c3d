"""T5 (Raffel et al. 2020, version 1.0): encoder and decoder with a learned bias for distances instead of positions."""

import math

from torch import Tensor, nn

from engine.model.masks import PaddingMask
from engine.model.variants.parts.attention_heart import COMPARE_STAGES, MIX_STAGES, compare, mix
from engine.model.variants.parts.decoder_masks import CausalPaddingMask
from engine.model.variants.parts.distance_bias import DistanceBias, PastBuckets, TwoWayBuckets
from engine.model.variants.parts.rms_norm import RMSNorm
from engine.variant_config import T5Config

EPS = 1e-6


class UnscaledAttention(nn.Module):
    """Attention whose scores are not divided by √d_k (its weights begin smaller instead), without biases.

    ``query_input`` is (B, L, d_model), ``memory`` (B, L_k, d_model); ``mask`` broadcasts onto (B, H, L, L_k).
    Returns (B, L, d_model).
    """

    def __init__(self, d_model: int, heads: int, d_k: int) -> None:
        super().__init__()
        self.heads, self.d_k = heads, d_k
        self.w_q = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_k = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_v = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_o = nn.Linear(heads * d_k, d_model, bias=False)

    def forward(self, query_input: Tensor, memory: Tensor, mask: Tensor, bias: Tensor | None = None) -> Tensor:
        batch, length = query_input.size(0), query_input.size(1)
        length_k = memory.size(1)
        query = self.w_q(query_input)  # (B, L, H*d_k)
        key = self.w_k(memory)  # (B, L_k, H*d_k)
        value = self.w_v(memory)  # (B, L_k, H*d_k)

        query = query.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        key = key.view(batch, length_k, self.heads, self.d_k)  # (B, L_k, H, d_k)
        value = value.view(batch, length_k, self.heads, self.d_k)  # (B, L_k, H, d_k)

        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        key = key.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)
        value = value.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)

        scores = compare(query, key)
        biased = scores if bias is None else scores + bias  # (B, H, L, L_k)
        concat = mix(biased, value, mask)
        output = self.w_o(concat)  # (B, L, d_model)
        return output

    # What its steps are called together where it is taught, in their order: a stage, with a ? where it may not run, and
    # the name and operation of each of its steps.
    stages = (
        ("Q K V", "query linear, key linear, value linear"),
        ("split heads", "query view, key view, value view, query permute, key permute, value permute"),
        *COMPARE_STAGES,
        ("bias?", "biased add"),
        *MIX_STAGES,
        ("W_O", "output linear"),
    )


class T5FeedForward(nn.Module):
    """Two layers with ReLU between them and no biases. ``x`` is (B, L, d_model); returns the same shape."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(d_model, d_ff, bias=False)
        self.w_2 = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.w_1(x)  # (B, L, d_ff)
        active = hidden.relu()  # (B, L, d_ff)
        output = self.w_2(active)  # (B, L, d_model)
        return output

    # What its steps are called together where it is taught, in their order: a stage, with a ? where it may not run, and
    # the name and operation of each of its steps.
    stages = (("expand", "hidden linear"), ("relu", "active relu"), ("contract", "output linear"))


class T5EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each on what was normalised and added to what was not.

    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.self_attention_norm = RMSNorm(config.d_model, EPS)
        self.self_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.feed_forward_norm = RMSNorm(config.d_model, EPS)
        self.feed_forward = T5FeedForward(config.d_model, config.d_ff)

    def forward(self, x: Tensor, mask: Tensor, bias: Tensor) -> Tensor:
        normed = self.self_attention_norm(x)
        attended = self.self_attention(normed, normed, mask, bias)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.feed_forward_norm(after_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = after_attention + fed  # (B, L, d_model)
        return after_feed_forward


class T5DecoderLayer(nn.Module):
    """Masked self-attention, attention to the encoder's memory, then feed-forward.

    ``x`` is (B, L, d_model), ``memory`` (B, L_k, d_model); returns (B, L, d_model).
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.self_attention_norm = RMSNorm(config.d_model, EPS)
        self.self_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.cross_attention_norm = RMSNorm(config.d_model, EPS)
        self.cross_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.feed_forward_norm = RMSNorm(config.d_model, EPS)
        self.feed_forward = T5FeedForward(config.d_model, config.d_ff)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor, memory_mask: Tensor, bias: Tensor) -> Tensor:
        normed = self.self_attention_norm(x)
        attended = self.self_attention(normed, normed, mask, bias)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.cross_attention_norm(after_attention)
        informed = self.cross_attention(normed, memory, memory_mask)
        after_cross_attention = after_attention + informed  # (B, L, d_model)
        normed = self.feed_forward_norm(after_cross_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = after_cross_attention + fed  # (B, L, d_model)
        return after_feed_forward


class T5Encoder(nn.Module):
    """The stack of encoder layers. ``x`` is (B, S, d_model); returns the memory, (B, S, d_model)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        buckets = TwoWayBuckets(config.buckets, config.max_distance)
        self.distance_bias = DistanceBias(buckets, config.buckets, config.heads)
        self.layers = nn.ModuleList(T5EncoderLayer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.d_model, EPS)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        bias = self.distance_bias(x)
        for layer in self.layers:
            x = layer(x, mask, bias)
        return self.norm(x)


class T5Decoder(nn.Module):
    """The stack of decoder layers. ``x`` is (B, T, d_model), ``memory`` (B, S, d_model); returns (B, T, d_model)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        buckets = PastBuckets(config.buckets, config.max_distance)
        self.distance_bias = DistanceBias(buckets, config.buckets, config.heads)
        self.layers = nn.ModuleList(T5DecoderLayer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.d_model, EPS)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor, memory_mask: Tensor) -> Tensor:
        bias = self.distance_bias(x)
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask, bias)
        return self.norm(x)


class T5(nn.Module):
    """From source and target token ids to the logits of every target place's next token.

    ``source`` is int64 (B, S), ``target`` int64 (B, T), already shifted right. Returns (B, T, V).
    """

    def __init__(self, config: T5Config, pad: int) -> None:
        super().__init__()
        self.d_model = config.d_model
        self.source_padding_mask = PaddingMask(pad)
        self.target_mask = CausalPaddingMask(pad)
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.encoder = T5Encoder(config)
        self.decoder = T5Decoder(config)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        # Source, target and answer share one table.
        self.head.weight = self.embedding.weight

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        source_mask = self.source_padding_mask(source)
        source_embedded = self.embedding(source)  # (B, S, d_model)
        memory = self.encoder(source_embedded, source_mask)

        target_mask = self.target_mask(target)
        target_embedded = self.embedding(target)  # (B, T, d_model)
        decoded = self.decoder(target_embedded, memory, target_mask, source_mask)

        # The table's vectors are about √d_model long, which would make the logits too large.
        scaled = decoded / math.sqrt(self.d_model)  # (B, T, d_model)
        logits = self.head(scaled)  # (B, T, V)
        return logits

    # What its steps are called together where it is taught, in their order: a stage, with a ? where it may not run, and
    # the name and operation of each of its steps.
    stages = (
        ("look up", "source_embedded embedding, target_embedded embedding"),
        ("scale", "scaled div"),
        ("logits", "logits linear"),
    )
