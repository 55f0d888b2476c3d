"""A decoder's attention sublayer as people write it, with seeded weights: what the bug lab breaks, a line at a time.

Its text is the lab's material as much as its numbers: scripts to copy are made of it.
"""

import math

import torch
from torch import Tensor, nn


class Sublayer(nn.Module):
    """The weights of one attention sublayer, d_model = H · d_k, with seeded numbers."""

    def __init__(self, heads: int, d_k: int, seed: int) -> None:
        super().__init__()
        self.heads, self.d_k = heads, d_k
        d_model = heads * d_k
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(d_model, d_model)
        self.w_v = nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)
        self.norm = nn.LayerNorm(d_model)
        draw = torch.Generator().manual_seed(seed)
        for linear in (self.w_q, self.w_k, self.w_v, self.w_o):
            nn.init.normal_(linear.weight, std=d_model**-0.5, generator=draw)
            nn.init.normal_(linear.bias, std=0.1, generator=draw)


def inputs(batch: int, length: int, length_k: int, d_model: int, most_padding: int, seed: int) -> tuple[Tensor, ...]:
    """Random tokens that ask (B, L, d_model) and that are asked (B, L_k, d_model), and which keys are padding (B, L_k).

    The first sentence ends with ``most_padding`` padded keys, the last of several with none, those between with some.

    Args:
        batch: how many sentences, B.
        length: how many tokens ask, L.
        length_k: how many are asked, L_k.
        d_model: the width of a token's vector.
        most_padding: how many keys of the first sentence are padding.
        seed: of the numbers.
    """
    draw = torch.Generator().manual_seed(seed + 1)
    x = torch.randn(batch, length, d_model, generator=draw)
    memory = torch.randn(batch, length_k, d_model, generator=draw)
    padded = torch.linspace(most_padding, 0, batch).round()
    padding = torch.arange(length_k) >= length_k - padded.unsqueeze(1)
    return x, memory, padding


def attention(layer: Sublayer, x: Tensor, memory: Tensor, padding: Tensor, future: Tensor | None) -> Tensor:
    """LayerNorm(x + MultiHead(x, memory, memory)) ("Attention Is All You Need", sections 3.1 and 3.2).

    Args:
        layer: the weights.
        x: (B, L, d_model), the tokens that ask.
        memory: (B, L_k, d_model), those that are asked; in self-attention the same.
        padding: (B, L_k), True at keys that must not be seen.
        future: (L, L_k), the same; None for none.

    Returns:
        (B, L, d_model).
    """
    batch, length, d_model = x.shape
    length_k = memory.size(1)

    query = layer.w_q(x)  # (B, L, d_model)
    key = layer.w_k(memory)  # (B, L_k, d_model)
    value = layer.w_v(memory)  # (B, L_k, d_model)

    query_cut = query.view(batch, length, layer.heads, layer.d_k)  # (B, L, H, d_k)
    key_cut = key.view(batch, length_k, layer.heads, layer.d_k)  # (B, L_k, H, d_k)
    value_cut = value.view(batch, length_k, layer.heads, layer.d_k)  # (B, L_k, H, d_k)
    query_heads = query_cut.permute(0, 2, 1, 3)  # (B, H, L, d_k)
    key_heads = key_cut.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)
    value_heads = value_cut.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)

    key_t = key_heads.transpose(-2, -1)  # (B, H, d_k, L_k)
    scores = query_heads @ key_t  # (B, H, L, L_k)
    scaled = scores / math.sqrt(layer.d_k)  # (B, H, L, L_k)

    per_query = padding.unsqueeze(1)  # (B, 1, L_k)
    padded = per_query.unsqueeze(1)  # (B, 1, 1, L_k)
    mask = padded if future is None else padded | future  # (B, 1, L, L_k)
    masked = scaled.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)
    weights = masked.softmax(dim=-1)  # (B, H, L, L_k)
    mixed = weights @ value_heads  # (B, H, L, d_k)

    moved = mixed.permute(0, 2, 1, 3)  # (B, L, H, d_k)
    packed = moved.contiguous()  # (B, L, H, d_k)
    concat = packed.view(batch, length, d_model)  # (B, L, d_model)
    output = layer.w_o(concat)  # (B, L, d_model)

    added = x + output  # (B, L, d_model)
    normed = layer.norm(added)  # (B, L, d_model)
    return normed
