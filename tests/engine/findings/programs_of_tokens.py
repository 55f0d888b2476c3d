"""Twins whose programs begin with token ids: positions, padding, labels, weights; and masks and numbers lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from engine import Trace
from tests.engine.findings.programs import (
    WIDTH,
    Attention,
    B,
    D,
    H,
    L,
    Twins,
    attend,
    drawn,
    later,
    merge,
    pad_mask,
    recorded,
    split,
)

F = torch.nn.functional
WORDS = 19
PLACES = 16


def table(rows: int = WORDS, seed: int = 3) -> nn.Embedding:
    made = nn.Embedding(rows, WIDTH)
    nn.init.normal_(made.weight, generator=torch.Generator().manual_seed(seed))
    return made


def halves(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((-second, first), -1)


def neighbours(x: Tensor) -> Tensor:
    return torch.stack((-x[..., 1::2], x[..., 0::2]), -1).flatten(-2)


def angles(repeat: Callable[[Tensor], Tensor]) -> Tensor:
    frequency = 10000.0 ** (-torch.arange(0, D, 2) / D)
    return repeat(torch.arange(L)[:, None] * frequency)


def twice_over(x: Tensor) -> Tensor:
    return torch.cat((x, x), -1)


def each_twice(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, -1)


def rotary(
    of_query: Callable[[Tensor], Tensor], of_key: Callable[[Tensor], Tensor], repeat: Callable[[Tensor], Tensor]
) -> Trace:
    """Attention that turns its queries and keys."""
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(3)]

    def attention(x: Tensor) -> Tensor:
        query, key, value = (split(layer(x)) for layer in layers)
        cos, sin = angles(repeat).cos(), angles(repeat).sin()
        query = query * cos + of_query(query) * sin
        key = key * cos + of_key(key) * sin
        weights = (query @ key.transpose(-2, -1) / math.sqrt(D)).softmax(-1)
        return merge(weights @ value)

    return recorded(attention, drawn(B, L, WIDTH))


class Cached(nn.Module):
    """Learned positions are added to new tokens, whose keys go behind those of three tokens before."""

    def __init__(self, first: int, looked_up: bool) -> None:
        super().__init__()
        self.table, self.places = table(), table(PLACES, seed=4)
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.first, self.looked_up = first, looked_up

    def forward(self, ids: Tensor, past_key: Tensor, past_value: Tensor) -> Tensor:
        last = self.first + ids.size(1)
        rows = self.places.weight[self.first : last]
        places = self.places(torch.arange(self.first, last)) if self.looked_up else rows
        x = self.table(ids) + places
        query, key, value = (split(layer(x)) for layer in self.layers)
        key, value = torch.cat((past_key, key), 2), torch.cat((past_value, value), 2)
        weights = (query @ key.transpose(-2, -1) / math.sqrt(D)).softmax(-1)
        return weights @ value


def cached(first: int, looked_up: bool = True, new: int = 1) -> Trace:
    past = drawn(B, H, 3, D, seed=1), drawn(B, H, 3, D, seed=2)
    return recorded(Cached(first, looked_up), torch.ones(B, new, dtype=torch.long), *past)


class Placed(nn.Module):
    """Learned positions are added to tokens, some of which are padding."""

    def __init__(self, counts_tokens: bool) -> None:
        super().__init__()
        self.table, self.places, self.attention = table(), table(PLACES, seed=4), Attention()
        self.counts_tokens = counts_tokens

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.size(1))
        if self.counts_tokens:
            places = ((ids != 0).long().cumsum(-1) - 1).clamp(min=0)
        x = self.table(ids) + self.places(places)
        return self.attention(x, pad_mask(ids))


LEFT = torch.tensor([[0, 0, 3, 4, 5], [1, 2, 3, 4, 5]])
RIGHT = LEFT.flip(1)


class Language(nn.Module):
    """A causal language model of one attention, and its loss."""

    def __init__(self, weight: Callable[[nn.Embedding], nn.Parameter] | None = None) -> None:
        super().__init__()
        self.table, self.attention = table(), Attention()
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        nn.init.normal_(self.head.weight, generator=torch.Generator().manual_seed(5))
        if weight is not None:
            self.head.weight = weight(self.table)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        x = x + self.attention(x, later(ids.size(1)))
        return self.head(x)


IDS = torch.tensor([[3, 9, 4, 11, 6, 2], [5, 1, 8, 7, 10, 4]])


def loss(logits_until: int | None, labels: Callable[[Tensor], Tensor]) -> Trace:
    model = Language()

    def compared(ids: Tensor) -> Tensor:
        logits = model(ids)[:, :logits_until]
        return F.cross_entropy(logits.reshape(-1, WORDS), labels(ids).reshape(-1))

    return recorded(compared, IDS)


def normalised(eps: float) -> Trace:
    def weights(scores: Tensor) -> Tensor:
        raised = scores.exp()
        total = raised.sum(-1, keepdim=True)
        return raised / (total + eps)

    return recorded(weights, drawn(L, L).half())


def commented(right: bool) -> Trace:
    def two_names(x: Tensor, memory: Tensor) -> Tensor:
        query = x * 1.0  # (B, L, D)
        key = memory * 1.0  # (B, K, D)
        return query @ key.mT

    def one_name(x: Tensor, memory: Tensor) -> Tensor:
        query = x * 1.0  # (B, L, D)
        key = memory * 1.0  # (B, L, D)
        return query @ key.mT

    return recorded(two_names if right else one_name, drawn(B, L, D), drawn(B, L + 2, D, seed=1))


def added_mask(mask: Tensor) -> Trace:
    return attend(mask, hide=lambda scores, mask: scores + mask)


TOKEN_TWINS: Mapping[str, Twins] = {
    "rotary_pairs_mixed": Twins(
        lambda: rotary(halves, neighbours, twice_over), lambda: rotary(halves, halves, twice_over)
    ),
    "added_positions_restart_with_a_cache": Twins(lambda: cached(0), lambda: cached(3)),
    "padding_on_the_other_side": Twins(
        lambda: recorded(Placed(False), LEFT), lambda: recorded(Placed(False), RIGHT)
    ),
    "labels_shifted_wrongly": Twins(
        lambda: loss(None, lambda ids: ids), lambda: loss(-1, lambda ids: ids[:, 1:])
    ),
    "weights_tied_in_name_only": Twins(
        lambda: recorded(Language(lambda table: nn.Parameter(table.weight.detach().clone())), IDS),
        lambda: recorded(Language(lambda table: table.weight), IDS),
    ),
    "number_lost_in_the_dtype": Twins(lambda: normalised(1e-9), lambda: normalised(1e-3)),
    "mask_hides_nothing": Twins(
        lambda: added_mask(later().float()), lambda: added_mask(later().float() * -1e9)
    ),
    "symbol_has_two_sizes": Twins(lambda: commented(False), lambda: commented(True)),
}  # fmt: skip
