"""BERT (Devlin et al. 2019): the encoder alone, with segments, learned positions and the norm after each sublayer."""

import torch
from torch import Tensor, nn

from engine.model.attention import MultiHeadAttention
from engine.model.layers import FeedForward, LayerNorm
from engine.model.masks import PaddingMask
from engine.variant_config import BertConfig

EPS = 1e-12


class BertEmbedding(nn.Module):
    """A token's vector, that of its place and that of its segment, added up and normalised (figure 2).

    ``tokens`` and ``segments`` are int64 (B, L); returns (B, L, d_model).
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.position_embedding = nn.Embedding(config.positions, config.d_model)
        self.segment_embedding = nn.Embedding(config.segments, config.d_model)
        self.embedding_norm = LayerNorm(config.d_model, EPS)

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        embedded = self.token_embedding(tokens)  # (B, L, d_model)
        place = torch.arange(tokens.size(1), device=tokens.device)  # (L)
        place_embedded = self.position_embedding(place)  # (L, d_model)
        segment_embedded = self.segment_embedding(segments)  # (B, L, d_model)
        placed = embedded + place_embedded  # (B, L, d_model)
        summed = placed + segment_embedded  # (B, L, d_model)
        return self.embedding_norm(summed)

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        look up: embedded embedding, place arange, place_embedded embedding, segment_embedded embedding
        add: placed add, summed add
    """


class BertLayer(nn.Module):
    """Self-attention, then feed-forward, each added to what came in and then normalised.

    ``x`` is (B, L, d_model); returns the same shape.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(config.d_model, config.heads, config.d_k, config.d_k)
        self.self_attention_norm = LayerNorm(config.d_model, EPS)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, "gelu")
        self.feed_forward_norm = LayerNorm(config.d_model, EPS)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        attended = self.self_attention(x, x, mask)
        after_attention = x + attended  # (B, L, d_model)
        normed = self.self_attention_norm(after_attention)
        fed = self.feed_forward(normed)
        after_feed_forward = normed + fed  # (B, L, d_model)
        return self.feed_forward_norm(after_feed_forward)


class BertPooler(nn.Module):
    """One vector for the whole text, from that of its first token. ``x`` is (B, L, d_model); returns (B, d_model)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.projection = nn.Linear(d_model, d_model)

    def forward(self, x: Tensor) -> Tensor:
        first = x[:, 0]  # (B, d_model)
        projected = self.projection(first)  # (B, d_model)
        pooled = projected.tanh()  # (B, d_model)
        return pooled

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        first token: first getitem
        project: projected linear
        tanh: pooled tanh
    """


class Bert(nn.Module):
    """From token ids and segments to a vector for every token and one for the text.

    ``tokens`` and ``segments`` are int64 (B, L). Returns (B, L, d_model) and (B, d_model).
    """

    def __init__(self, config: BertConfig, pad: int) -> None:
        super().__init__()
        self.padding_mask = PaddingMask(pad)
        self.embedding = BertEmbedding(config)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.layers))
        self.pooler = BertPooler(config.d_model)

    def forward(self, tokens: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        mask = self.padding_mask(tokens)
        x = self.embedding(tokens, segments)
        for layer in self.layers:
            x = layer(x, mask)
        pooled = self.pooler(x)
        return x, pooled
