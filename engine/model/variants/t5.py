"""T5 (Raffel et al. 2020, version 1.0): encoder and decoder with a learned bias for distances instead of positions."""

import math
from typing import Any

from torch import Tensor, nn

from engine.model.masks import PaddingMask
from engine.model.variants.parts.attention_heart import COMPARE_STAGES, MIX_STAGES, SPLIT_STAGES, compare, mix
from engine.model.variants.parts.decoder_masks import CausalPaddingMask
from engine.model.variants.parts.distance_bias import DistanceBias, PastBuckets, TwoWayBuckets
from engine.model.variants.parts.key_value_cache import EncoderDecoderCache, LayerKeyValues, TwoSidedKeyValues
from engine.model.variants.parts.pre_norm import PreNormLayer
from engine.model.variants.parts.rms_norm import RMSNorm
from engine.variant_config import T5Config

EPS = 1e-6


class UnscaledAttention(nn.Module):
    """Attention whose scores are not divided by √d_k (its weights begin smaller instead), without biases.

    ``query_input`` is (B, L, d_model), ``memory`` (B, L_k, d_model); ``mask`` broadcasts onto (B, H, L, L_k).
    Returns (B, L, d_model). With a ``cache`` the keys and values of ``memory`` are put after those that it keeps;
    without a ``memory`` those are all there are.
    """

    def __init__(self, d_model: int, heads: int, d_k: int) -> None:
        super().__init__()
        self.heads, self.d_k = heads, d_k
        self.w_q = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_k = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_v = nn.Linear(d_model, heads * d_k, bias=False)
        self.w_o = nn.Linear(heads * d_k, d_model, bias=False)

    def forward(
        self,
        query_input: Tensor,
        memory: Tensor | None,
        mask: Tensor,
        bias: Tensor | None = None,
        cache: LayerKeyValues | None = None,
    ) -> Tensor:
        if memory is None and cache is not None:
            query = self.query_alone(query_input)
            key, value = cache.kept()
        else:
            # Without a cache there is always a memory.
            query, key, value = self.projected(query_input, memory)  # type: ignore[arg-type]
            if cache is not None:
                key, value = cache.append(key, value)

        scores = compare(query, key)
        biased = scores if bias is None else scores + bias  # (B, H, L, L_k)
        concat = mix(biased, value, mask)
        output = self.w_o(concat)  # (B, L, d_model)
        return output

    def projected(self, query_input: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, L, d_k) of the tokens that ask; keys and values (B, H, S, d_k) of those of ``memory``."""
        batch, length, length_k = query_input.size(0), query_input.size(1), memory.size(1)
        query = self.w_q(query_input)  # (B, L, H*d_k)
        key = self.w_k(memory)  # (B, S, H*d_k)
        value = self.w_v(memory)  # (B, S, H*d_k)

        query = query.view(batch, length, self.heads, self.d_k)  # (B, L, H, d_k)
        key = key.view(batch, length_k, self.heads, self.d_k)  # (B, S, H, d_k)
        value = value.view(batch, length_k, self.heads, self.d_k)  # (B, S, H, d_k)

        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        key = key.permute(0, 2, 1, 3)  # (B, H, S, d_k)
        value = value.permute(0, 2, 1, 3)  # (B, H, S, d_k)
        return query, key, value

    def query_alone(self, query_input: Tensor) -> Tensor:
        """Queries (B, H, L, d_k) alone, where the keys and values that they meet are in a cache."""
        query = self.w_q(query_input)  # (B, L, H*d_k)
        query = query.view(query.size(0), query.size(1), self.heads, self.d_k)  # (B, L, H, d_k)
        query = query.permute(0, 2, 1, 3)  # (B, H, L, d_k)
        return query

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = f"""
        {SPLIT_STAGES}
        {COMPARE_STAGES}
        bias?: biased add
        {MIX_STAGES}
        W_O: output linear
    """


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

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        expand: hidden linear
        relu: active relu
        contract: output linear
    """


class T5EncoderLayer(PreNormLayer):
    """One of the encoder's layers, which takes a mask and the bias of every distance."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.self_attention_norm = RMSNorm(config.d_model, EPS)
        self.self_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.feed_forward_norm = RMSNorm(config.d_model, EPS)
        self.feed_forward = T5FeedForward(config.d_model, config.d_ff)

    def attend(self, x: Tensor, *context: Any) -> Tensor:
        return self.self_attention(x, x, *context)


class T5DecoderLayer(nn.Module):
    """Masked self-attention, attention to the encoder's memory, then feed-forward.

    ``x`` is (B, L, d_model), ``memory`` (B, L_k, d_model), None where the cache has its keys and values already;
    returns (B, L, d_model).
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.self_attention_norm = RMSNorm(config.d_model, EPS)
        self.self_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.cross_attention_norm = RMSNorm(config.d_model, EPS)
        self.cross_attention = UnscaledAttention(config.d_model, config.heads, config.d_k)
        self.feed_forward_norm = RMSNorm(config.d_model, EPS)
        self.feed_forward = T5FeedForward(config.d_model, config.d_ff)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None,
        mask: Tensor,
        memory_mask: Tensor,
        bias: Tensor,
        cache: TwoSidedKeyValues | None = None,
    ) -> Tensor:
        normed = self.self_attention_norm(x)
        attended = self.self_attention(normed, normed, mask, bias, cache and cache.own)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.cross_attention_norm(after_attention)
        informed = self.cross_attention(normed, memory, memory_mask, None, cache and cache.of_memory)
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
    """The stack of decoder layers. ``x`` is (B, L, d_model), ``memory`` (B, S, d_model); returns (B, L, d_model).

    ``target`` are all tokens so far, int64 (B, T), of which ``x`` are the last: their distances get the bias.
    """

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        buckets = PastBuckets(config.buckets, config.max_distance)
        self.distance_bias = DistanceBias(buckets, config.buckets, config.heads)
        self.layers = nn.ModuleList(T5DecoderLayer(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.d_model, EPS)

    def forward(
        self,
        x: Tensor,
        target: Tensor,
        memory: Tensor | None,
        mask: Tensor,
        memory_mask: Tensor,
        cache: EncoderDecoderCache | None = None,
    ) -> Tensor:
        bias = self.distance_bias(target)
        if cache is not None:
            bias = bias[:, :, -x.size(1) :]  # (1, H, L, L_k)
        for number, layer in enumerate(self.layers):
            x = layer(x, memory, mask, memory_mask, bias, None if cache is None else cache.layers[number])
        return self.norm(x)

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = "rows of the new tokens?: bias getitem"


class T5(nn.Module):
    """From source and target token ids to the logits of every target place's next token.

    ``source`` is int64 (B, S), ``target`` int64 (B, T), already shifted right. Returns (B, T, V). With a ``cache`` it
    reads the source once, of the target only the tokens that it has not read yet, and returns the logits of those.
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

    def forward(self, source: Tensor, target: Tensor, cache: EncoderDecoderCache | None = None) -> Tensor:
        source_mask = self.source_padding_mask(source)
        memory = None
        if cache is None or not cache.read:
            source_embedded = self.embedding(source)  # (B, S, d_model)
            memory = self.encoder(source_embedded, source_mask)

        target_mask = self.target_mask(target)
        tokens = target
        if cache is not None:
            tokens, target_mask = cache.unread(target, target_mask)
        target_embedded = self.embedding(tokens)  # (B, L, d_model)
        decoded = self.decoder(target_embedded, target, memory, target_mask, source_mask, cache)

        # The table's vectors are about √d_model long, which would make the logits too large.
        scaled = decoded / math.sqrt(self.d_model)  # (B, L, d_model)
        logits = self.head(scaled)  # (B, L, V)
        return logits

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        look up: source_embedded embedding, target_embedded embedding
        scale: scaled div
        logits: logits linear
    """
