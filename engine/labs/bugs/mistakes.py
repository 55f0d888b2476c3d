"""Ten mistakes people make in attention, each as the lines of the right program that it changes.

A wrong program is the text of the right one with these lines replaced, so nothing else can differ.
"""

from __future__ import annotations

import inspect
import linecache
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from engine.labs.bugs import sublayer

Program = Callable[..., Tensor]

_DOCSTRING = re.compile(r'\n    """.*?"""', re.DOTALL)


@dataclass(frozen=True)
class AttentionMistake:
    """One mistake.

    Attributes:
        title: what it is called.
        teaches: why it is wrong, in a sentence or two.
        lines: pairs of lines, as they should be and as they are; an empty wrong one is a line left out.
        crossed: whether it is made in the attention to the encoder; else in the decoder's self-attention.
        turns: the change of sizes that shows most about it, a name of ``engine.labs.bugs.CHANGES``.
    """

    title: str
    teaches: str
    lines: tuple[tuple[str, str], ...]
    turns: str
    crossed: bool = False


def _straight(name: str, length: str) -> tuple[tuple[str, str], ...]:
    shape = f"{name}.view(batch, {{}}, layer.d_k)"
    axis = "L" if length == "length" else "L_k"
    return (
        (f"{name}_cut = {shape.format(f'{length}, layer.heads')}  # (B, {axis}, H, d_k)", ""),
        (
            f"{name}_heads = {name}_cut.permute(0, 2, 1, 3)  # (B, H, {axis}, d_k)",
            f"{name}_heads = {shape.format(f'layer.heads, {length}')}  # (B, H, {axis}, d_k)",
        ),
    )


_NO_UNSQUEEZE = (
    ("per_query = padding.unsqueeze(1)  # (B, 1, L_k)", ""),
    ("padded = per_query.unsqueeze(1)  # (B, 1, 1, L_k)", ""),
    (
        "mask = padded if future is None else padded | future  # (B, 1, L, L_k)",
        "mask = padding if future is None else padding | future  # (L, L_k)",
    ),
)
_MERGE = "moved = mixed.permute(0, 2, 1, 3)  # (B, L, H, d_k)"
_PACK = "packed = moved.contiguous()  # (B, L, H, d_k)"
_CONCAT = "concat = packed.view(batch, length, d_model)  # (B, L, d_model)"

_BY_TOKEN = "  # (B, L, H, H)"
_NO_PERMUTE = (
    ("query_heads = query_cut.permute(0, 2, 1, 3)  # (B, H, L, d_k)", ""),
    ("key_heads = key_cut.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)", ""),
    ("value_heads = value_cut.permute(0, 2, 1, 3)  # (B, H, L_k, d_k)", ""),
    (
        "key_t = key_heads.transpose(-2, -1)  # (B, H, d_k, L_k)",
        "key_t = key_cut.transpose(-2, -1)  # (B, L_k, d_k, H)",
    ),
    ("scores = query_heads @ key_t  # (B, H, L, L_k)", f"scores = query_cut @ key_t{_BY_TOKEN}"),
    (
        "scaled = scores / math.sqrt(layer.d_k)  # (B, H, L, L_k)",
        f"scaled = scores / math.sqrt(layer.d_k){_BY_TOKEN}",
    ),
    (
        'masked = scaled.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)',
        f'masked = scaled.masked_fill(mask, float("-inf")){_BY_TOKEN}',
    ),
    ("weights = masked.softmax(dim=-1)  # (B, H, L, L_k)", f"weights = masked.softmax(dim=-1){_BY_TOKEN}"),
    ("mixed = weights @ value_heads  # (B, H, L, d_k)", "mixed = weights @ value_cut  # (B, L, H, d_k)"),
    (_MERGE, ""),
    (_PACK, "packed = mixed.contiguous()  # (B, L, H, d_k)"),
)

MISTAKES: tuple[AttentionMistake, ...] = (
    AttentionMistake(
        "a straight view instead of view and permute, when splitting",
        "`view` keeps the order of memory, where all heads of one token come before the next token. Going straight to "
        "(B, H, L, d_k) deals the pieces of several tokens into one head's rows.",
        (*_straight("query", "length"), *_straight("key", "length_k"), *_straight("value", "length_k")),
        "heads",
    ),
    AttentionMistake(
        "a mask (B, L) without unsqueeze",
        "Broadcasting lines axes up from the right, so (B, L) is laid on (L, L) and the batch on the queries. It needs "
        "axes of size 1 for heads and queries: (B, 1, 1, L).",
        _NO_UNSQUEEZE,
        "batch = length",
    ),
    AttentionMistake(
        "an inverted mask",
        "In this program True hides, as in `masked_fill`. Other code keeps 1 for what may be seen and fills where the "
        "mask is 0; with this mask that hides all that should be seen.",
        (
            (
                'masked = scaled.masked_fill(mask, float("-inf"))  # (B, H, L, L_k)',
                'masked = scaled.masked_fill(mask == 0, float("-inf"))  # (B, H, L, L_k)',
            ),
        ),
        "length",
    ),
    AttentionMistake(
        "√d_model instead of √d_k",
        "A score is a sum of d_k products, so its spread grows with √d_k (paper, section 3.2.1). Dividing by more "
        "makes every row of weights flatter, and no shape or sum tells.",
        (
            (
                "scaled = scores / math.sqrt(layer.d_k)  # (B, H, L, L_k)",
                "scaled = scores / math.sqrt(d_model)  # (B, H, L, L_k)",
            ),
        ),
        "heads",
    ),
    AttentionMistake(
        "contiguous forgotten",
        "`permute` changes strides and moves no number. `view` merges only axes that lie one after the other in "
        "memory, so heads and d_k must be brought there first.",
        ((_PACK, ""), (_CONCAT, "concat = moved.view(batch, length, d_model)  # (B, L, d_model)")),
        "heads",
    ),
    AttentionMistake(
        "softmax over the queries instead of the keys",
        "Each query's weights must sum to 1 over the keys, the last axis. Over dim=-2 the columns do instead, and a "
        "column that is hidden whole has nothing to sum: NaN.",
        (
            (
                "weights = masked.softmax(dim=-1)  # (B, H, L, L_k)",
                "weights = masked.softmax(dim=-2)  # (B, H, L, L_k)",
            ),
        ),
        "length",
    ),
    AttentionMistake(
        "the source's length where the target's belongs",
        "In the attention to the encoder queries have the target's length L, keys and values the source's, L_k. Test "
        "with lengths that differ.",
        (
            (
                "query_cut = query.view(batch, length, layer.heads, layer.d_k)  # (B, L, H, d_k)",
                "query_cut = query.view(batch, length_k, layer.heads, layer.d_k)  # (B, L, H, d_k)",
            ),
        ),
        "source = target",
        crossed=True,
    ),
    AttentionMistake(
        "no permute when merging",
        "After mixing, memory holds one head after the other. `view` to (B, L, d_model) cuts that order into rows, "
        "so a token's row is made of other tokens' results.",
        ((_MERGE, ""), (_PACK, ""), (_CONCAT, "concat = mixed.view(batch, length, d_model)  # (B, L, d_model)")),
        "heads",
    ),
    AttentionMistake(
        "norm before instead of after",
        "The paper normalises after adding: LayerNorm(x + Sublayer(x)) (section 3.1). Normalising what goes in is a "
        "design of its own (pre-norm); weights made for one do not fit the other.",
        (
            (
                "query = layer.w_q(x)  # (B, L, d_model)",
                "before = layer.norm(x)  # (B, L, d_model)\nquery = layer.w_q(before)  # (B, L, d_model)",
            ),
            ("key = layer.w_k(memory)  # (B, L_k, d_model)", "key = layer.w_k(before)  # (B, L_k, d_model)"),
            ("value = layer.w_v(memory)  # (B, L_k, d_model)", "value = layer.w_v(before)  # (B, L_k, d_model)"),
            ("normed = layer.norm(added)  # (B, L, d_model)", ""),
            ("return normed", "return added"),
        ),
        "heads",
    ),
    AttentionMistake(
        "no permute before the scores",
        "`@` works on the last two axes and takes those in front as a batch. With the tokens in front, every token "
        "compares its own heads with each other, and no token meets another. Only the mask objects, and not where "
        "there are as many heads as tokens.",
        _NO_PERMUTE,
        "length = heads",
    ),
)


def text_of(mistake: AttentionMistake | None) -> str:
    """The program with this mistake, or the right one.

    Raises:
        ValueError: a line that the mistake replaces does not stand in the program exactly once.
    """
    text = _DOCSTRING.sub("", inspect.getsource(sublayer.attention))
    for right, wrong in mistake.lines if mistake else ():
        before, line, after = text.partition(f"    {right}\n")
        if not line or f"    {right}\n" in after:
            raise ValueError(f"not one line of the program: {right}")
        text = before + (textwrap.indent(wrong, "    ") + "\n" if wrong else "") + after
    return text


@lru_cache
def program(mistake: AttentionMistake) -> Program:
    """The program with this mistake, ready to run."""
    # The recorder reads names and shapes from a program's text, which linecache keeps for it.
    name, text = f"<{mistake.title}>", text_of(mistake)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    spaces = dict(vars(sublayer))
    exec(compile(text, name, "exec"), spaces)
    mistaken: Program = spaces["attention"]
    return mistaken


def difference(mistake: AttentionMistake) -> str:
    """The wrong lines and the right ones, as a diff that mends it."""
    wrong = [line for _, wrong in mistake.lines if wrong for line in wrong.split("\n")]
    return "\n".join([*(f"- {line}" for line in wrong), *(f"+ {right}" for right, _ in mistake.lines)])
