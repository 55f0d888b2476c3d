"""How long every axis of a variant is, from its config alone."""

from __future__ import annotations

import dataclasses
import math

from engine.variant_config import BertConfig, T5Config, VariantConfig, ViTConfig

# The settings that are the length of an axis.
SYMBOLS = {
    "batch": "B", "length": "T", "src_len": "S", "tgt_len": "T", "heads": "H", "kv_heads": "H_kv",
    "d_model": "d_model", "d_k": "d_k", "d_ff": "d_ff", "vocab_size": "V", "window": "window", "experts": "E",
    "experts_per_token": "K", "patch": "p", "channels": "C", "image_height": "Hpx", "image_width": "Wpx",
    "classes": "classes",
}  # fmt: skip


def variant_symbol_sizes(config: VariantConfig, kept: int = 0, *, is_prefill: bool = False) -> dict[str, int]:
    """The length of every axis, by its symbol. How many tokens an expert gets, M, no setting says.

    Args:
        config: of any variant.
        kept: how many tokens are in the cache, 0 for a run without one.
        is_prefill: whether it is the pass that puts them there.
    """
    given = dataclasses.asdict(config)
    sizes = {symbol: given[name] for name, symbol in SYMBOLS.items() if name in given}
    if isinstance(config, BertConfig | ViTConfig):  # an encoder's tokens are a source
        sizes.pop("T", None)
        sizes["S"] = config.length
    if isinstance(config, ViTConfig):
        sizes["N"] = config.patches
    d_k: int = config.d_k  # type: ignore[attr-defined]
    sizes |= {"d_k": d_k, "d_v": d_k}
    if not isinstance(config, T5Config | BertConfig | ViTConfig):
        sizes["F"] = math.ceil(d_k / 2)
    if kept:
        sizes |= {"T": kept} if is_prefill else {"T": kept + 1, "L": 1}
    return sizes


def tokens_symbol(config: VariantConfig) -> str:
    """The axis of the setting ``length``: S in an encoder, T in a decoder."""
    return "S" if isinstance(config, BertConfig | ViTConfig) else "T"
