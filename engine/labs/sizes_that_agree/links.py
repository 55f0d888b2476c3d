"""The products and the sum of attention, each tried on tensors whose sizes need not agree, with PyTorch's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from torch import Tensor
from torch.nn.functional import linear

from engine.labs.phrases import by_count
from engine.labs.sizes_that_agree.attention_sizes import MOST, AttentionSizes


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


def attempt(operation: Callable[[], Tensor]) -> tuple[Tensor | None, str]:
    """What an operation returns, or PyTorch's words if it raises."""
    try:
        return operation(), ""
    except RuntimeError as refused:
        return None, str(refused)


def scores_link(query: Tensor, key: Tensor) -> Link:
    """query (B, H, L, d_k) times the transposed keys (B, H, L_k, d_k)."""
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


def mixed_link(weights: Tensor, value: Tensor) -> Link:
    """weights (B, H, L, L_k) times values (B, H, L_k, d_v)."""
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


def output_link(concat: Tensor, w_o: Tensor, sizes: AttentionSizes) -> Link:
    """W_O on the heads side by side.

    Args:
        concat: (B, L, H*d_v).
        w_o: (d_model, H*d_v), as nn.Linear keeps it.
        sizes: of the sliders, for the nearest ones that work.
    """
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


def sum_link(x: Tensor, output: Tensor) -> Link:
    """x (B, L, d_model) plus what attention gave, as a residual connection adds it."""
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
