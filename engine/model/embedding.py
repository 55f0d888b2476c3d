"""From token ids to vectors that know their place (paper, sections 3.4 and 3.5)."""

import math

import torch
from torch import Tensor, nn


class TokenEmbedding(nn.Module):
    """A learned vector for every token of the vocabulary, times √d_model (paper, section 3.4).

    ``tokens`` is (B, L); returns (B, L, d_model).
    """

    def __init__(self, vocab_size: int, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model
        self.table = nn.Embedding(vocab_size, d_model)

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.table(tokens)  # (B, L, d_model)
        scaled = embedded * math.sqrt(self.d_model)  # (B, L, d_model)
        return scaled

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        look up: embedded embedding
        scale: scaled mul
    """


class PositionalEncoding(nn.Module):
    """Adds sin and cos of the position at d_model / 2 frequencies (paper, section 3.5).

    PE(pos, 2i) = sin(pos / 10000^(2i / d_model)), PE(pos, 2i + 1) = cos of the same angle.
    ``x`` is (B, L, d_model); returns the same shape.
    """

    def forward(self, x: Tensor) -> Tensor:
        length, d_model = x.size(1), x.size(2)
        # Angles of a long sentence need more digits than half precision has.
        precision = torch.float64 if x.dtype == torch.float64 else torch.float32
        place = torch.arange(length, dtype=precision, device=x.device)  # (L)
        place_column = place.unsqueeze(1)  # (L, 1)
        even = torch.arange(0, d_model, 2, dtype=precision, device=x.device)  # (F)
        exponent = even * (-math.log(10000.0) / d_model)  # (F)
        frequency = exponent.exp()  # (F)
        angle = place_column * frequency  # (L, F)
        sine = angle.sin()  # (L, F)
        cosine = angle.cos()  # (L, F)
        pairs = torch.stack([sine, cosine], dim=-1)  # (L, F, P)
        waves = pairs.view(length, -1)  # (L, F*P)
        encoding = waves[:, :d_model]  # (L, d_model)
        encoding = encoding.to(x.dtype)  # (L, d_model)
        placed = x + encoding  # (B, L, d_model)
        return placed

    # The stages it is taught in, in their order: each with its steps by name and operation, and a ? if it may not run.
    stages = """
        place: place arange, place_column unsqueeze
        frequency: even arange, exponent mul, frequency exp
        angle: angle mul
        sine and cosine: sine sin, cosine cos
        interleave: pairs stack, waves view, encoding getitem, encoding to
        add: placed add
    """
