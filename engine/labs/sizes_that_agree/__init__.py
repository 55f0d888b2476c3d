"""Which sizes of attention must agree: every product tried with sizes that need not, and PyTorch's own errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import linear

from engine.labs.phrases import by_count
from engine.labs.script_text import fill_in

_SCRIPT = Path(__file__).with_name("script.py")

# The largest sizes there are, so that a number stays what it was when its tensor grows.
MOST_BATCH, MOST_HEADS, MOST, MOST_WIDTH = 3, 4, 8, 32


@dataclass(frozen=True)
class AttentionSizes:
    """The sizes of the sliders. W_O maps ``w_in`` features to ``w_out``; ``d_model`` is the width of x."""

    batch: int = 1
    heads: int = 2
    queries: int = 4
    keys: int = 6
    values: int = 6
    d_k: int = 3
    d_k_of_keys: int = 3
    d_v: int = 5
    w_in: int = 10
    w_out: int = 8
    d_model: int = 8


@dataclass(frozen=True)
class Given:
    """Random tensors of these sizes.

    Attributes:
        query: (B, H, L, d_k).
        key: (B, H, L_k, d_k), its last size that of the keys.
        value: (B, H, L_k, d_v), its length that of the values.
        w_o: (d_model, H*d_v), as nn.Linear keeps it: what W_O gives, then what it takes.
        x: (B, L, d_model), what the output is added to.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    w_o: Tensor
    x: Tensor


@dataclass(frozen=True)
class NamedShape:
    """One side of an operation: its name, and symbol and size of each axis.

    Attributes:
        name: what the program calls it.
        axes: the symbol of each axis.
        shape: the size of each axis.
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """Two sizes that must agree, in plain words: the rule, what was given, and the nearest values that work.

    Attributes:
        statement: what must agree.
        given: the sizes there are.
        remedy: the nearest that work.
    """

    statement: str
    given: str
    remedy: str


@dataclass(frozen=True)
class Link:
    """One operation of the chain, tried.

    Attributes:
        code: the line.
        left: its first operand.
        right: its second.
        meet: which axis of the left must agree with which of the right.
        result: the name and axes of what comes out, and its shape if something did.
        value: what came out; None where PyTorch raised.
        error: PyTorch's words, empty where it did not raise.
        reading: how those words are to be read, with the sizes that are in them; empty where they are other words.
        rule: the rule that the two axes follow, with what was given.
        pairs: the numbers that the first number of the result would multiply, None where one has no partner; none for
            what is no short sum.
    """

    code: str
    left: NamedShape
    right: NamedShape
    meet: tuple[int, int]
    result: NamedShape
    value: Tensor | None
    error: str
    reading: str
    rule: Rule
    pairs: tuple[tuple[float | None, float | None], ...] = ()

    @property
    def agree(self) -> bool:
        """Whether the two sizes are equal; PyTorch may take those that are not, if one is 1 (broadcasting)."""
        return self.left.shape[self.meet[0]] == self.right.shape[self.meet[1]]


@dataclass(frozen=True)
class AttentionRun:
    """Attention from query, key and value to the residual, as far as it got.

    ``links`` are scores, mixed, output and summed; the last one is that which raised, if one did. ``weights`` is
    (B, H, L, L_k), None before there are scores.
    """

    given: Given
    links: tuple[Link, ...]
    weights: Tensor | None


def chain(sizes: AttentionSizes, seed: int = 0) -> AttentionRun:
    """Tries softmax(query key^T / √d_k) value (paper, equation 1), then W_O (section 3.2.2) and the residual."""
    given = tensors(sizes, seed)
    query, key, value, w_o, x = given.query, given.key, given.value, given.w_o, given.x
    scores = _scores(query, key)
    if scores.value is None:
        return AttentionRun(given, (scores,), None)
    weights = (scores.value / math.sqrt(sizes.d_k)).softmax(dim=-1)
    mixed = _mixed(weights, value)
    if mixed.value is None:
        return AttentionRun(given, (scores, mixed), weights)
    concat = mixed.value.permute(0, 2, 1, 3).contiguous().view(sizes.batch, sizes.queries, -1)
    output = _output(concat, w_o, sizes)
    if output.value is None:
        return AttentionRun(given, (scores, mixed, output), weights)
    return AttentionRun(given, (scores, mixed, output, _summed(x, output.value)), weights)


def tensors(sizes: AttentionSizes, seed: int = 0) -> Given:
    """Random tensors of these sizes, each the first part of one drawn at the largest size."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(3, MOST_BATCH, MOST_HEADS, MOST, MOST, generator=draw)
    query, key, value = rows[:, : sizes.batch, : sizes.heads]
    w_o = torch.randn(MOST, MOST_WIDTH, generator=draw)
    x = torch.randn(MOST_BATCH, MOST, MOST, generator=draw)
    return Given(
        query=query[..., : sizes.queries, : sizes.d_k],
        key=key[..., : sizes.keys, : sizes.d_k_of_keys],
        value=value[..., : sizes.values, : sizes.d_v],
        w_o=w_o[: sizes.w_out, : sizes.w_in] / math.sqrt(sizes.w_in),
        x=x[: sizes.batch, : sizes.queries, : sizes.d_model],
    )


def working(sizes: AttentionSizes) -> AttentionSizes:
    """The same sizes with every rule kept: keys as wide as queries, as many values as keys, W_O between them."""
    return replace(
        sizes,
        d_k_of_keys=sizes.d_k,
        values=sizes.keys,
        w_in=sizes.heads * sizes.d_v,
        w_out=sizes.d_model,
    )


def attempt(operation: Callable[[], Tensor]) -> tuple[Tensor | None, str]:
    """What an operation returns, or PyTorch's words if it raises."""
    try:
        return operation(), ""
    except RuntimeError as refused:
        return None, str(refused)


def code(sizes: AttentionSizes) -> str:
    """The experiment as a script."""
    return fill_in(
        _SCRIPT,
        B=sizes.batch,
        H=sizes.heads,
        L=sizes.queries,
        L_k=sizes.keys,
        L_v=sizes.values,
        d_k=sizes.d_k,
        d_k_of_keys=sizes.d_k_of_keys,
        d_v=sizes.d_v,
        w_in=sizes.w_in,
        w_out=sizes.w_out,
        d_model=sizes.d_model,
    )


def _scores(query: Tensor, key: Tensor) -> Link:
    ours, theirs, stack = query.size(-1), key.size(-1), query.shape[:2].numel()
    key_t = key.transpose(-2, -1)
    value, error = attempt(lambda: query @ key_t)
    return Link(
        code="scores = query @ key.transpose(-2, -1)",
        left=_operand("query", ("B", "H", "L", "d_k"), query),
        right=_operand("key transposed", ("B", "H", "d_k", "L_k"), key_t),
        meet=(3, 2),
        result=NamedShape("scores", ("B", "H", "L", "L_k"), _shape(value)),
        value=value,
        error=error,
        reading=_read(
            error,
            "batch2",
            f"PyTorch pairs B·H = {stack} matrices. batch2 is the transposed keys: a stack of {stack}, with "
            f"{_rows(ours)} each to fit the {_columns(ours)} of the queries. It has {theirs}.",
        ),
        rule=Rule(
            "Queries and keys need the same d_k: a score is a sum of products, one for each feature of both.",
            f"the queries have d_k {ours} and the keys have {theirs}",
            f"d_k of keys {ours}, or d_k of queries {theirs}",
        ),
        pairs=_pairs(query[0, 0, 0], key[0, 0, 0]),
    )


def _mixed(weights: Tensor, value: Tensor) -> Link:
    keys, values, stack = weights.size(-1), value.size(-2), value.shape[:2].numel()
    mixed, error = attempt(lambda: weights @ value)
    return Link(
        code="mixed = weights @ value",
        left=_operand("weights", ("B", "H", "L", "L_k"), weights),
        right=_operand("value", ("B", "H", "L_k", "d_v"), value),
        meet=(3, 2),
        result=NamedShape("mixed", ("B", "H", "L", "d_v"), _shape(mixed)),
        value=mixed,
        error=error,
        reading=_read(
            error,
            "batch2",
            f"batch2 is the values: a stack of B·H = {stack}, with {_rows(keys)} each to fit the "
            f"{_columns(keys)} of the weights, one for each key. It has {values}.",
        ),
        rule=Rule(
            "There must be as many values as keys: the weight of a key says how much of its value is taken.",
            f"{_keys(keys)} and {_values(values)} are given",
            f"{_values(keys)}, or {_keys(values)}",
        ),
        pairs=_pairs(weights[0, 0, 0], value[0, 0, :, 0]),
    )


def _output(concat: Tensor, w_o: Tensor, sizes: AttentionSizes) -> Link:
    width, (gives, takes), heads = concat.size(-1), w_o.shape, sizes.heads
    value, error = attempt(lambda: linear(concat, w_o))
    rows = concat.shape[:2].numel()
    remedy = f"W_O takes {width}"
    if takes % heads == 0 and takes // heads <= MOST:
        with_heads = "W_O takes {width}, or d_v {d_v} with {heads} heads"
        with_one_head = "W_O takes {width}, or d_v {d_v} with 1 head"
        remedy = (with_one_head if heads == 1 else with_heads).format(width=width, d_v=takes // heads, heads=heads)
    return Link(
        code="output = w_o(concat)",
        left=_operand("concat", ("B", "L", "H*d_v"), concat),
        right=NamedShape("W_O", ("H*d_v", "d_model"), (takes, gives)),
        meet=(2, 0),
        result=NamedShape("output", ("B", "L", "d_model"), _shape(value)),
        value=value,
        error=error,
        reading=_read(
            error,
            "mat1",
            f"mat1 is concat, its rows one below the other, B·L = {rows} of them, {width} wide. mat2 is W_O, which "
            f"takes {takes} and gives {gives}.",
        ),
        rule=Rule(
            "W_O must take H·d_v numbers: the heads of a token lie side by side in one row.",
            f"H·d_v is {heads}·{sizes.d_v} = {width}, and W_O takes {takes}",
            remedy,
        ),
    )


def _summed(x: Tensor, output: Tensor) -> Link:
    ours, theirs = x.size(-1), output.size(-1)
    value, error = attempt(lambda: x + output)
    return Link(
        code="summed = x + output",
        left=_operand("x", ("B", "L", "d_model"), x),
        right=_operand("output", ("B", "L", "d_model"), output),
        meet=(2, 2),
        result=NamedShape("summed", ("B", "L", "d_model"), _shape(value)),
        value=value,
        error=error,
        reading=_read(
            error,
            "non-singleton dimension 2",
            f"Tensor a is x, tensor b is output. Dimension 2, counted from 0, is d_model: {ours} and {theirs}. "
            "“Non-singleton” says that neither is 1; a 1 would have been repeated.",
        ),
        rule=Rule(
            "W_O must give d_model numbers: the residual adds output to x number by number.",
            f"W_O gives {theirs}, and d_model is {ours}",
            f"W_O gives {ours}, or d_model {theirs}",
        ),
    )


def _read(error: str, word: str, reading: str) -> str:
    return reading if word in error else ""


def _pairs(row: Tensor, column: Tensor) -> tuple[tuple[float | None, float | None], ...]:
    return tuple(zip_longest(row.tolist(), column.tolist()))


def _rows(count: int) -> str:
    return by_count(count, "{count} row", "{count} rows")


def _columns(count: int) -> str:
    return by_count(count, "{count} column", "{count} columns")


def _keys(count: int) -> str:
    return by_count(count, "{count} key", "{count} keys")


def _values(count: int) -> str:
    return by_count(count, "{count} value", "{count} values")


def _operand(name: str, axes: tuple[str, ...], value: Tensor) -> NamedShape:
    return NamedShape(name, axes, tuple(value.shape))


def _shape(value: Tensor | None) -> tuple[int, ...]:
    return () if value is None else tuple(value.shape)
