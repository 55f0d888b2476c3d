"""The model's own embedding, positional encoding and encoder, small enough to run while somebody waits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.config import Config
from engine.labs.xavier import draw_xavier
from engine.model.embedding import PositionalEncoding, TokenEmbedding
from engine.model.masks import CausalMask
from engine.model.transformer import Encoder

D_MODEL, HEADS, VOCABULARY = 16, 4, 64


class SmallEncoder(nn.Module):
    """The encoder's side of the Transformer, with the positional encoding left out on request.

    ``tokens`` is int64 (B, L); returns (B, L, d_model).
    """

    def __init__(self, layers: int, seed: int = 0) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(VOCABULARY, D_MODEL)
        self.position = PositionalEncoding()
        self.encoder = Encoder(Config(d_model=D_MODEL, heads=HEADS, encoder_layers=layers, vocab_size=VOCABULARY))
        draw = torch.Generator().manual_seed(seed)
        nn.init.normal_(self.embedding.table.weight, std=D_MODEL**-0.5, generator=draw)
        draw_xavier(self.encoder.modules(), draw)

    def forward(self, tokens: Tensor, *, encoding: bool, causal: bool = False) -> Tensor:
        embedded = self.embedding(tokens)
        placed = self.position(embedded) if encoding else embedded
        mask = CausalMask()(tokens) if causal else None
        return self.encoder(placed, mask)
