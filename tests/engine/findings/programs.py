"""For every rule a program that is wrong in that way alone, and its right twin; each is written as people do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine import Trace, record

F = torch.nn.functional
B, L, H, D = 2, 5, 4, 8
WIDTH = H * D
PAD = 0


@dataclass(frozen=True)
class Twins:
    """A wrong program and a right one, each with the trace that it gives; ``program`` says how it was called."""

    wrong: Callable[[], Trace]
    right: Callable[[], Trace]
    companions: tuple[str, ...] = ()


def recorded(function: Callable[..., object], *args: object, **kwargs: object) -> Trace:
    with torch.no_grad():
        return record(function, *args, **kwargs)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Attention(nn.Module):
    """Multi-head attention whose parts can be exchanged for wrong ones."""

    def __init__(self, **parts: Callable[..., Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.w_q, self.w_k, self.w_v, self.w_o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.parts = {**RIGHT, **parts}

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        parts = self.parts
        query, key, value = (parts["split"](layer(x)) for layer in (self.w_q, self.w_k, self.w_v))
        query = parts["prepare"](query)
        scores = query @ key.transpose(-2, -1)
        scaled = parts["scale"](scores)
        if mask is not None:
            scaled = parts["hide"](scaled, mask)
        weights = parts["softmax"](scaled)
        mixed = weights @ value
        merged = parts["merge"](mixed)
        return self.w_o(merged)


def split(x: Tensor) -> Tensor:
    return x.view(x.size(0), x.size(1), H, D).transpose(1, 2)


def merge(mixed: Tensor) -> Tensor:
    return mixed.transpose(1, 2).reshape(mixed.size(0), mixed.size(2), WIDTH)


RIGHT: Mapping[str, Callable[..., Tensor]] = {
    "split": split,
    "prepare": lambda query: query,
    "scale": lambda scores: scores / math.sqrt(D),
    "hide": lambda scores, mask: scores.masked_fill(mask, -math.inf),
    "softmax": lambda scores: scores.softmax(-1),
    "merge": merge,
}


def attend(mask: Tensor | None = None, x: Tensor | None = None, **parts: Callable[..., Tensor]) -> Trace:
    x = drawn(B, L, WIDTH) if x is None else x
    return recorded(Attention(**parts), x, *(() if mask is None else (mask,)))


def later(length: int = L, shift: int = 1) -> Tensor:
    return torch.ones(length, length, dtype=torch.bool).triu(shift)


def tokens(rows: int = B, length: int = L) -> Tensor:
    ids = torch.randint(1, 9, (rows, length), generator=torch.Generator().manual_seed(1))
    for row in range(rows):
        ids[row, length - 1 - row % 2 :] = PAD
    return ids


class Padded(nn.Module):
    """Attention over embedded tokens, with a mask that is made of them."""

    def __init__(self, make_mask: Callable[[Tensor], Tensor | None]) -> None:
        super().__init__()
        self.attention = Attention()
        self.table = nn.Embedding(9, WIDTH)
        nn.init.normal_(self.table.weight, generator=torch.Generator().manual_seed(2))
        self.make_mask = make_mask

    def forward(self, ids: Tensor) -> Tensor:
        return self.attention(self.table(ids), self.make_mask(ids))


def pad_mask(ids: Tensor) -> Tensor:
    return (ids == PAD)[:, None, None, :]


def grouped(repeat: Callable[[Tensor], Tensor]) -> Trace:
    def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        key, value = repeat(key), repeat(value)
        weights = (query @ key.transpose(-2, -1) / math.sqrt(D)).softmax(-1)
        return weights @ value

    return recorded(attention, drawn(B, 4, L, D), drawn(B, 2, L, D, seed=1), drawn(B, 2, L, D, seed=2))


def cached(past_offset: int) -> Trace:
    """One block of rotary attention that reads keys from before."""
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(3)]
    past = 3

    def rotate(x: Tensor, places: Tensor) -> Tensor:
        frequency = 10000.0 ** (-torch.arange(0, D, 2) / D)
        angle = places[:, None] * frequency
        angle = torch.cat((angle, angle), -1)
        first, second = x.chunk(2, -1)
        return x * angle.cos() + torch.cat((-second, first), -1) * angle.sin()

    def attention(x: Tensor, past_key: Tensor, past_value: Tensor) -> Tensor:
        query, key, value = (split(layer(x)) for layer in layers)
        places = torch.arange(past_offset, past_offset + x.size(1))
        query, key = rotate(query, places), rotate(key, places)
        key = torch.cat((past_key, key), 2)
        value = torch.cat((past_value, value), 2)
        weights = (query @ key.transpose(-2, -1) / math.sqrt(D)).softmax(-1)
        return weights @ value

    return recorded(attention, drawn(B, 1, WIDTH), drawn(B, H, past, D, seed=1), drawn(B, H, past, D, seed=2))


def sdpa_with_cache(**switches: object) -> Trace:
    return recorded(
        lambda query, key, value: F.scaled_dot_product_attention(query, key, value, **switches),
        drawn(B, H, 2, D),
        drawn(B, H, 6, D, seed=1),
        drawn(B, H, 6, D, seed=2),
    )


class Positioned(nn.Module):
    """Torch's attention over tokens with learned positions, with a residual sum."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, H, batch_first=batch_first)
        self.table = nn.Embedding(9, WIDTH)
        self.places = nn.Parameter(drawn(L, WIDTH))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids) + self.places
        attended, _ = self.attention(x, x, x, need_weights=False)
        return x + attended


class Leaking(nn.Module):
    """A causal attention before a second one that is not, or a mean over the tokens."""

    def __init__(self, leaks: bool) -> None:
        super().__init__()
        self.first, self.second = Attention(), Attention()
        self.norm = nn.LayerNorm(WIDTH)
        self.leaks = leaks

    def forward(self, x: Tensor) -> Tensor:
        x = x * 1.0
        x = x + self.first(x, later(x.size(1)))
        centred = x - x.mean(dim=1, keepdim=True) if self.leaks else x
        return x + self.second(self.norm(centred), later(x.size(1)))


def decoder(masked: bool) -> Trace:
    model = nn.Transformer(WIDTH, H, 1, 1, WIDTH, batch_first=True, dropout=0.0).eval()
    table = nn.Embedding(9, WIDTH)

    def translate(source: Tensor, target: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(target.size(1)) if masked else None
        return model(table(source), table(target), tgt_mask=mask)

    return recorded(translate, torch.ones(B, 4, dtype=torch.long), torch.ones(B, L, dtype=torch.long))


def halves(number: float) -> Trace:
    def scores(query: Tensor, key: Tensor, keep: Tensor) -> Tensor:
        return (query @ key.mT + (1 - keep) * number).softmax(-1)

    keep = torch.ones(L, L).tril()
    return recorded(scores, drawn(L, D).half(), drawn(L, D, seed=1).half(), keep.half())


def encoder(nested: bool) -> Trace:
    layer = nn.TransformerEncoderLayer(WIDTH, H, WIDTH, batch_first=True, dropout=0.0)
    model = nn.TransformerEncoder(layer, 1, enable_nested_tensor=nested).eval()
    padding = torch.zeros(B, L, dtype=torch.bool)
    padding[0, 3:] = True
    return recorded(lambda x: model(x, src_key_padding_mask=padding).mean(1), drawn(B, L, WIDTH))


def dropped(training: bool) -> Trace:
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(0.1)).train(training)
    return recorded(model, drawn(B, WIDTH))


def scaled_in_place(in_place: bool) -> Trace:
    layer = nn.Linear(WIDTH, WIDTH)

    def attention(x: Tensor) -> Tensor:
        x = layer(x)
        query = x.view(B, L, H, D)
        if in_place:
            query *= D**-0.5
        else:
            query = query * D**-0.5
        weights = (query.transpose(1, 2) @ split(x).mT).softmax(-1)
        return x + merge(weights @ split(x))

    return recorded(attention, drawn(B, L, WIDTH))


def difference(wrong: bool) -> Trace:
    layer = nn.Linear(WIDTH, 1)

    def loss(x: Tensor, wanted: Tensor) -> Tensor:
        predicted = layer(x) if wrong else layer(x).squeeze(-1)
        return (predicted - wanted).square().mean()

    return recorded(loss, drawn(6, WIDTH), drawn(6, seed=1))


def raising(transposed: bool) -> Trace:
    def merged(x: Tensor) -> Tensor:
        mixed = x.transpose(1, 2)
        return mixed.view(B, L, WIDTH) if transposed else mixed.reshape(B, L, WIDTH)

    try:
        return recorded(merged, drawn(B, H, L, D))
    except RuntimeError as error:
        return error.trace  # type: ignore[attr-defined]


def not_a_number(wrong: bool) -> Trace:
    return recorded(lambda x: (x - x).div(x.sub(x) if wrong else x) + 1, drawn(B, L))


def infinite(wrong: bool) -> Trace:
    return recorded(lambda x: (x * (90 if wrong else 1)).exp().sum(-1), drawn(B, L).abs() + 1)


def hidden_row(number: float) -> Trace:
    mask = later().clone()
    mask[2] = True
    mask[:, 2] = False
    mask[2] = True
    return attend(mask, hide=lambda scores, mask: scores.masked_fill(mask, number))


def commented(right: bool) -> Trace:
    def wrong_comment(x: Tensor) -> Tensor:
        moved = x.transpose(1, 2)  # (B, 5, 32)
        return moved

    def right_comment(x: Tensor) -> Tensor:
        moved = x.transpose(1, 2)  # (B, 32, 5)
        return moved

    return recorded(right_comment if right else wrong_comment, drawn(B, L, WIDTH))


TWINS: Mapping[str, Twins] = {
    "heads_split_without_moving_axes": Twins(
        lambda: attend(split=lambda x: x.view(x.size(0), H, x.size(1), D)), attend
    ),
    "features_dealt_out_to_heads": Twins(
        lambda: attend(split=lambda x: x.view(x.size(0), x.size(1), D, H).permute(0, 3, 1, 2)), attend
    ),
    "heads_merged_without_moving_back": Twins(lambda: attend(merge=lambda x: x.reshape(B, L, WIDTH)), attend),
    "shared_heads_in_another_order": Twins(
        lambda: grouped(lambda x: x.repeat(1, 2, 1, 1)), lambda: grouped(lambda x: x.repeat_interleave(2, 1))
    ),
    "softmax_over_another_axis": Twins(lambda: attend(softmax=lambda x: x.softmax(-2)), attend),
    "scores_scaled_twice": Twins(lambda: attend(prepare=lambda query: query / math.sqrt(D)), attend),
    "scores_scaled_by_another_root": Twins(lambda: attend(scale=lambda x: x / math.sqrt(WIDTH)), attend),
    "saturated_softmax": Twins(
        lambda: attend(x=drawn(B, L, WIDTH) * 30, scale=lambda x: x), lambda: attend(scale=lambda x: x)
    ),
    "mask_inverted": Twins(
        lambda: attend(~later(), x=drawn(B, L, WIDTH)), lambda: attend(later(), x=drawn(B, L, WIDTH)), ("first_nan",)
    ),
    "causal_mask_shifted": Twins(lambda: attend(later(shift=2)), lambda: attend(later())),
    "causal_mask_at_the_wrong_corner": Twins(
        lambda: sdpa_with_cache(is_causal=True),
        lambda: sdpa_with_cache(attn_mask=torch.ones(2, 6, dtype=torch.bool).tril(4)),
    ),
    "everything_hidden": Twins(lambda: hidden_row(-1e9), lambda: attend(later())),
    "mask_of_keys_on_queries": Twins(
        lambda: recorded(Padded(lambda ids: ids == PAD), tokens(L)), lambda: recorded(Padded(pad_mask), tokens(L)),
        ("padding_gets_weight",),
    ),
    "padding_gets_weight": Twins(
        lambda: recorded(Padded(lambda ids: (ids == PAD)[:, None, None, :] & (ids > 9).all()), tokens()),
        lambda: recorded(Padded(pad_mask), tokens()),
    ),
    "decoder_sees_the_future": Twins(lambda: decoder(False), lambda: decoder(True)),
    "later_token_moves_an_earlier_one": Twins(
        lambda: recorded(Leaking(True), drawn(B, L, WIDTH)), lambda: recorded(Leaking(False), drawn(B, L, WIDTH))
    ),
    "number_too_large_for_the_dtype": Twins(lambda: halves(-1e9), lambda: halves(-1e4)),
    "infinite_result": Twins(lambda: infinite(True), lambda: infinite(False)),
    "first_nan": Twins(lambda: not_a_number(True), lambda: not_a_number(False)),
    "comment_cannot_be_true": Twins(lambda: commented(False), lambda: commented(True)),
    "raised": Twins(lambda: raising(True), lambda: raising(False)),
    "padding_becomes_zero": Twins(lambda: encoder(True), lambda: encoder(False)),
    "both_sides_grow": Twins(lambda: difference(True), lambda: difference(False)),
    "written_in_place": Twins(lambda: scaled_in_place(True), lambda: scaled_in_place(False)),
    "training_mode_in_evaluation": Twins(lambda: dropped(True), lambda: dropped(False)),
    "positions_restart_with_a_cache": Twins(lambda: cached(0), lambda: cached(3)),
    "attention_along_the_batch": Twins(
        lambda: recorded(Positioned(False), torch.ones(L, L, dtype=torch.long).cumsum(1)),
        lambda: recorded(Positioned(True), torch.ones(L, L, dtype=torch.long).cumsum(1)),
    ),
}  # fmt: skip
