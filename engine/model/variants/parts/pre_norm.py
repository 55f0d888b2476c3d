"""The layer of today's Transformers: the norm stands before each sublayer and not behind it (Xiong et al. 2020)."""

from typing import Any

from torch import Tensor, nn


class PreNormLayer(nn.Module):
    """Self-attention, then feed-forward, each on what was normalised and added to what was not.

    ``x`` is (B, L, d_model), ``context`` what the attention needs beside it, such as its mask; returns the shape of x.
    A variant says which norm, which attention and which feed-forward network.
    """

    self_attention_norm: nn.Module
    self_attention: nn.Module
    feed_forward_norm: nn.Module
    feed_forward: nn.Module

    def attend(self, x: Tensor, *context: Any) -> Tensor:
        """The attention of every token to the tokens of its own sequence. ``x`` and the result are (B, L, d_model)."""
        return self.self_attention(x, *context)

    def forward(self, x: Tensor, *context: Any) -> Tensor:
        normed = self.self_attention_norm(x)
        attended = self.attend(normed, *context)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.feed_forward_norm(after_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = after_attention + fed  # (B, L, d_model)
        return after_feed_forward
