"""The glossary of axes: one symbol, one name and one meaning for every axis a tensor of the Transformer can have.

A symbol is what a shape comment, a chip on a page and a column of a CSV say. The paper's names are kept where it has
one (d_model, d_k, d_v, d_ff; "Attention Is All You Need", section 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """One entry of the glossary."""

    symbol: str
    name: str
    meaning: str


_ENTRIES = (
    Axis("B", "batch", "which sentence of the batch"),
    Axis("S", "source length", "which token of the source sentence, the one the encoder reads"),
    Axis("T", "target length", "which token of the target sentence, the one the decoder reads"),
    Axis("L", "length", "which token; stands for S in the encoder and T in the decoder"),
    Axis("L_k", "length of keys", "which token is looked at; stands for S, and for T in the decoder's self-attention"),
    Axis("H", "heads", "which attention head"),
    Axis("H_kv", "key and value heads", "which head of keys and values, each of which serves several heads of queries"),
    Axis("d_model", "model width", "which feature of a token's vector"),
    Axis("d_k", "query and key width", "which feature of a query or a key inside one head"),
    Axis("d_v", "value width", "which feature of a value inside one head"),
    Axis("d_ff", "feed-forward width", "which hidden unit of the feed-forward network"),
    Axis("V", "vocabulary", "which token of the vocabulary"),
    Axis("F", "frequencies", "which frequency of the positional encoding: d_model / 2 of them, d_k / 2 of rotary ones"),
    Axis("P", "pair", "sine or cosine of one frequency; of rotary positions, which of two numbers that turn"),
    Axis("C", "channels", "which colour of an image's pixels: red, green or blue"),
    Axis("Hpx", "image height", "which row of an image's pixels, from the top"),
    Axis("Wpx", "image width", "which column of an image's pixels, from the left"),
    Axis("N", "patches", "which patch of an image, row by row from the top left"),
    Axis("E", "experts", "which expert of a mixture"),
    Axis("K", "experts of a token", "which of the experts that were chosen for a token, the likeliest first"),
    Axis("M", "tokens of an expert", "which of the tokens that chose this expert"),
    Axis("classes", "classes", "which class of images"),
    Axis("p", "patch side", "which row, or which column, of the pixels of one patch"),
)

AXES: Mapping[str, Axis] = {axis.symbol: axis for axis in _ENTRIES}

_SYMBOL = re.compile(r"[A-Za-z_]\w*")


def axis(symbol: str) -> Axis:
    """The glossary's entry for a symbol.

    A product such as ``H*d_k`` (heads still side by side in one row) is explained from its factors; ``1`` is an axis
    kept only so that shapes line up. An unknown symbol, from somebody else's code, names itself.
    """
    if symbol in AXES:
        return AXES[symbol]
    if symbol == "1":
        return Axis("1", "one", "a single entry, repeated along this axis wherever it is needed (broadcasting)")
    factors = symbol.split("*")
    if len(factors) > 1 and all(factor in AXES for factor in factors):
        names = " × ".join(AXES[factor].name for factor in factors)
        return Axis(symbol, names, f"{names}, laid out one after the other")
    return Axis(symbol, symbol, "")


def rename(symbol: str, names: Mapping[str, str]) -> str:
    """The symbol with each of its factors replaced by what it stands for here, e.g. ``L`` by ``S`` in the encoder."""
    return _SYMBOL.sub(lambda match: names.get(match.group(), match.group()), symbol)
