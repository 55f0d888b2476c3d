"""Greedy decoding: the likeliest token, again and again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def greedy(likeliest: Callable[[Tensor], Tensor], begin: Tensor, end: int | None, most: int) -> Tensor:
    """Writes a token at a time; each is chosen after all that were written before it.

    Args:
        likeliest: chooses the next token of each sentence, (B), from all that were read so far, (B, T).
        begin: the token that each sentence begins with, int64 (B, 1).
        end: the token after which a sentence is complete; None where all write ``most`` tokens.
        most: the largest number of tokens.

    Returns:
        What was written, int64 (B, at most ``most``), without the first token. It stops once every sentence has its
        end; what follows an end means nothing.
    """
    tokens = begin  # (B, T)
    while tokens.size(1) <= most and (end is None or not (tokens == end).any(dim=1).all()):
        following = likeliest(tokens)  # (B)
        tokens = torch.cat([tokens, following.unsqueeze(1)], dim=1)  # (B, T + 1)
    return tokens[:, 1:]
