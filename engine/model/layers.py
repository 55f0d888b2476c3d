"""The encoder's and the decoder's layers, and what they are made of (paper, figure 1)."""

import torch
from torch import Tensor, nn

from engine.config import Config
from engine.model.attention import MultiHeadAttention


class LayerNorm(nn.Module):
    """Every token's vector to mean 0 and variance 1, then scaled and shifted by what was learned.

    The same numbers as torch.nn.LayerNorm, one operation a line. ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, d_model: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=-1, keepdim=True)  # (B, L, 1)
        centred = x - mean  # (B, L, d_model)
        variance = x.var(dim=-1, keepdim=True, correction=0)  # (B, L, 1)
        # eps keeps a constant vector from being divided by 0.
        safe = variance + self.eps  # (B, L, 1)
        deviation = safe.sqrt()  # (B, L, 1)
        normalised = centred / deviation  # (B, L, d_model)
        scaled = normalised * self.weight  # (B, L, d_model)
        shifted = scaled + self.bias  # (B, L, d_model)
        return shifted

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        mean: mean mean
        centre: centred sub
        variance: variance var
        divide: safe add, deviation sqrt, normalised div
        scale and shift: scaled mul, shifted add
    """


class FeedForward(nn.Module):
    """The same two-layer network for every token on its own (paper, section 3.3).

    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, d_model: int, d_ff: int, activation: str) -> None:
        super().__init__()
        self.w_1 = nn.Linear(d_model, d_ff)
        self.w_2 = nn.Linear(d_ff, d_model)
        self.activation = nn.functional.gelu if activation == "gelu" else nn.functional.relu

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.w_1(x)  # (B, L, d_ff)
        active = self.activation(hidden)  # (B, L, d_ff)
        output = self.w_2(active)  # (B, L, d_model)
        return output

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        expand: hidden linear
        relu?: active relu
        gelu?: active gelu
        contract: output linear
    """


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each added to what came in and normalised.

    ``x`` is (B, L, d_model); ``mask`` hides keys. Returns (B, L, d_model).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.self_attention = MultiHeadAttention(config.d_model, config.heads, config.d_k, config.d_v)
        self.self_attention_norm = LayerNorm(config.d_model)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, config.activation)
        self.feed_forward_norm = LayerNorm(config.d_model)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if self.norm_first:
            normed = self.self_attention_norm(x)
            attended = self.self_attention(normed, normed, mask)
            after_attention = x + attended  # (B, L, d_model)
            normed = self.feed_forward_norm(after_attention)
            fed = self.feed_forward(normed)
            after_feed_forward = after_attention + fed  # (B, L, d_model)
            return after_feed_forward

        attended = self.self_attention(x, x, mask)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.self_attention_norm(after_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = normed + fed  # (B, L, d_model)
        return self.feed_forward_norm(after_feed_forward)


class DecoderLayer(nn.Module):
    """Masked self-attention, attention to the encoder's memory, then feed-forward.

    ``x`` is (B, L, d_model), ``memory`` (B, L_k, d_model); ``mask`` hides the decoder's own keys, ``memory_mask``
    the memory's. Returns (B, L, d_model).
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm_first = config.norm_first
        self.self_attention = MultiHeadAttention(config.d_model, config.heads, config.d_k, config.d_v)
        self.self_attention_norm = LayerNorm(config.d_model)
        self.cross_attention = MultiHeadAttention(config.d_model, config.heads, config.d_k, config.d_v)
        self.cross_attention_norm = LayerNorm(config.d_model)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, config.activation)
        self.feed_forward_norm = LayerNorm(config.d_model)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None) -> Tensor:
        if self.norm_first:
            normed = self.self_attention_norm(x)
            attended = self.self_attention(normed, normed, mask)
            after_attention = x + attended  # (B, L, d_model)
            normed = self.cross_attention_norm(after_attention)
            informed = self.cross_attention(normed, memory, memory_mask)
            after_cross_attention = after_attention + informed  # (B, L, d_model)
            normed = self.feed_forward_norm(after_cross_attention)
            fed = self.feed_forward(normed)
            after_feed_forward = after_cross_attention + fed  # (B, L, d_model)
            return after_feed_forward

        attended = self.self_attention(x, x, mask)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.self_attention_norm(after_attention)
        informed = self.cross_attention(normed, memory, memory_mask)
        after_cross_attention = normed + informed  # (B, L, d_model)
        normed = self.cross_attention_norm(after_cross_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = normed + fed  # (B, L, d_model)
        return self.feed_forward_norm(after_feed_forward)
