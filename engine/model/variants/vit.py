"""The Vision Transformer (Dosovitskiy et al. 2021): an encoder over the patches of an image and a class token."""

from typing import Any

import torch
from torch import Tensor, nn

from engine.model.attention import MultiHeadAttention
from engine.model.layers import FeedForward, LayerNorm
from engine.model.variants.parts.pre_norm import PreNormLayer
from engine.variant_config import ViTConfig

EPS = 1e-12


class PatchEmbedding(nn.Module):
    """An image as a sequence: a class token, then a vector for every patch, each with that of its place (equation 1).

    ``image`` is (B, C, Hpx, Wpx); returns (B, L, d_model), of which L is 1 + N.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.patch = config.patch
        self.projection = nn.Linear(config.channels * config.patch * config.patch, config.d_model)
        self.class_token = nn.Parameter(torch.zeros(1, 1, config.d_model))
        self.position = nn.Parameter(torch.zeros(1, config.length, config.d_model))

    def forward(self, image: Tensor) -> Tensor:
        columns = nn.functional.unfold(image, self.patch, stride=self.patch)  # (B, C*p*p, N)
        patches = columns.transpose(1, 2)  # (B, N, C*p*p)
        embedded = self.projection(patches)  # (B, N, d_model)
        class_token = self.class_token.expand(image.size(0), -1, -1)  # (B, 1, d_model)
        sequence = torch.cat([class_token, embedded], dim=1)  # (B, L, d_model)
        placed = sequence + self.position  # (B, L, d_model)
        return placed

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        cut into patches: columns unfold, patches transpose
        project: embedded linear
        class token: class_token expand, sequence cat
        place: placed add
    """


class ViTLayer(PreNormLayer):
    """One of ViT's layers (equations 2 and 3): the encoder's attention, without a mask."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.self_attention_norm = LayerNorm(config.d_model, EPS)
        self.self_attention = MultiHeadAttention(config.d_model, config.heads, config.d_k, config.d_k)
        self.feed_forward_norm = LayerNorm(config.d_model, EPS)
        self.feed_forward = FeedForward(config.d_model, config.d_ff, "gelu")

    def attend(self, x: Tensor, *context: Any) -> Tensor:
        return self.self_attention(x, x, *context)


class ViT(nn.Module):
    """From an image to the logits of its class. ``image`` is (B, C, Hpx, Wpx); returns (B, classes)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.embedding = PatchEmbedding(config)
        self.layers = nn.ModuleList(ViTLayer(config) for _ in range(config.layers))
        self.norm = LayerNorm(config.d_model, EPS)
        self.head = nn.Linear(config.d_model, config.classes)

    def forward(self, image: Tensor) -> Tensor:
        x = self.embedding(image)
        for layer in self.layers:
            x = layer(x)
        normed = self.norm(x)
        summary = normed[:, 0]  # (B, d_model)
        logits = self.head(summary)  # (B, classes)
        return logits
