"""The glossary of axes: one symbol, one name and one meaning for every axis a tensor of the Transformer can have.

A symbol is what a shape comment, a chip on a page and a column of a CSV say. The paper's names are kept where it has
one (d_model, d_k, d_v, d_ff; "Attention Is All You Need", section 3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    Axis("window", "window", "which of the last tokens, those that a token still sees"),
    Axis("p", "patch side", "which row, or which column, of the pixels of one patch"),
    Axis("G", "queries to a key head", "which of the query heads that share one head of the keys and values"),
    Axis("n", "chosen", "which of the entries that a condition picked"),
    Axis("mel", "mel bins", "which frequency band of a sound"),
)

AXES: Mapping[str, Axis] = {axis.symbol: axis for axis in _ENTRIES}

# What published programs call an axis, or the number of its entries.
_WORDS: Mapping[str, str] = {
    "B": "B", "b": "B", "bs": "B", "bsz": "B", "bz": "B", "batch": "B", "batch_size": "B", "n_batch": "B",
    "nbatches": "B", "H": "H", "h": "H", "heads": "H", "n_head": "H", "n_heads": "H", "nh": "H", "nhead": "H",
    "num_head": "H", "num_heads": "H", "num_attention_heads": "H", "encoder_attention_heads": "H",
    "decoder_attention_heads": "H", "n_local_heads": "H", "num_key_value_heads": "H_kv", "num_kv_heads": "H_kv",
    "n_kv_heads": "H_kv", "n_kv_head": "H_kv", "H_kv": "H_kv", "num_key_value_groups": "G", "n_rep": "G",
    "d_k": "d_k", "dk": "d_k", "head_dim": "d_k", "head_size": "d_k", "attention_head_size": "d_k", "d_head": "d_k",
    "dim_head": "d_k", "hs": "d_k", "d_kv": "d_k", "key_value_proj_dim": "d_k", "dim_per_head": "d_k", "d_v": "d_v",
    "d_model": "d_model", "dmodel": "d_model", "embed_dim": "d_model", "embedding_dim": "d_model", "emb_dim": "d_model",
    "hidden_size": "d_model", "n_embd": "d_model", "model_dim": "d_model", "d_embed": "d_model",
    "d_ff": "d_ff", "dff": "d_ff", "ffn_dim": "d_ff", "intermediate_size": "d_ff", "intermediate_dim": "d_ff",
    "encoder_ffn_dim": "d_ff", "decoder_ffn_dim": "d_ff", "dim_feedforward": "d_ff",
    "V": "V", "vocab_size": "V", "vocabulary_size": "V", "n_vocab": "V", "vocab": "V",
    "num_experts": "E", "n_experts": "E", "num_local_experts": "E", "n_routed_experts": "E",
    "top_k": "K", "num_top_k": "K", "num_experts_per_tok": "K", "num_experts_per_token": "K",
    "num_mel_bins": "mel", "n_mels": "mel", "n_mel": "mel", "num_channels": "C", "in_channels": "C",
    "image_height": "Hpx", "image_width": "Wpx", "num_patches": "N", "n_patches": "N", "patch_size": "p",
}  # fmt: skip
# A word for a number of tokens. Of whose tokens it does not tell: tgt_len is that of the source in an encoder.
_LENGTH = re.compile(r"(.*_)?(len|length|seq|seqlen|slen|tokens)", re.IGNORECASE)
_LENGTHS = frozenset(("L", "L_k", "S", "T"))

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


def size_text(symbol: str | None, size: int) -> str:
    """An axis as people write it: its symbol and its size, ``H 4``; the size alone where the axis has no name."""
    return f"{symbol} {size}" if symbol else str(size)


def sizes_text(axes: Iterable[str | None], shape: Iterable[int], between: str = ", ") -> str:
    """All axes of a tensor as people write them, ``B 2, H 4, S 18``.

    Args:
        axes: the symbols, None for an axis without a name.
        shape: the sizes.
        between: what stands between two of them.
    """
    return between.join(map(size_text, axes, shape))


def rename(symbol: str, names: Mapping[str, str]) -> str:
    """The symbol with each of its factors replaced by what it stands for here, e.g. ``L`` by ``S`` in the encoder."""
    return _SYMBOL.sub(lambda match: names.get(match.group(), match.group()), symbol)


def symbol_for(word: str) -> str | None:
    """The glossary's symbol for what a program calls an axis or its size: ``num_heads`` is H; None for another word."""
    return _WORDS.get(word) or ("L" if _LENGTH.fullmatch(word) else None)


def is_length(symbol: str) -> bool:
    """Whether a symbol stands for a number of tokens."""
    return symbol in _LENGTHS
