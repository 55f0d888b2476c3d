"""A decoder with a cache: a text is read at once (prefill), then token by token beside the keys of those before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from engine.config import ConfigError, Problem
from engine.model.variants.parts.key_value_cache import KeyValueCache
from engine.record.recorder import watch
from engine.record.trace import Labels, Trace
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.memory_estimate import running_out_in_words
from engine.runtime.threads import one_thread
from engine.runtime.variants.inputs import Texts, read_variant_text, variant_inputs
from engine.runtime.variants.run_variant import check_variant_fits, load_variant
from engine.variant_config import GPT2Config, LlamaConfig, MistralConfig, VariantConfig

CachedConfig = GPT2Config | LlamaConfig
"""The variants that write token by token from one text; Mistral's and Mixtral's configs are Llama's."""

# In a pass with a cache L is the new tokens; the mask is first made of all, and cut to them afterwards.
_ALL_TOKENS = {"L": "T", "L_k": "T"}
_KEYS_ARE_ALL = {"L_k": "T"}


def can_cache(config: object) -> bool:
    """Whether ``run_cached`` takes this config."""
    return isinstance(config, GPT2Config | LlamaConfig)


def run_cached(
    config: CachedConfig, source: Texts | None = None, *, kept: int, model: nn.Module | None = None
) -> Trace:
    """Records the pass that reads one token, with the keys and values of those before it in the cache.

    The tokens before it are read first, at once: the prefill. It is the run of a shorter text, and is not recorded.

    Args:
        config: of a decoder. With ``device="meta"`` every step has its shape and no numbers.
        source: a text, or several; left out, tokens are generated.
        kept: how many tokens are in the cache, from 1 to one less than the text has.
        model: as ``load_variant`` makes it; saves building the weights again.

    Returns:
        The trace. Its output is the logits of the new token, (B, 1, V).

    Raises:
        ConfigError: the variant has no cache, or the text has no token after ``kept`` others.
        TooLargeError, TextError: as ``run`` does.
    """
    return cached_passes(config, source, kept=(kept,), model=model)[0]


def cached_passes(
    config: CachedConfig, source: Texts | None = None, *, kept: Sequence[int], model: nn.Module | None = None
) -> tuple[Trace, ...]:
    """``run_cached`` for several numbers of kept tokens in rising order: one cache goes from one pass to the next.

    Args:
        config, source, model: as ``run_cached`` takes them.
        kept: how many tokens are in the cache before each of the passes.
    """
    if not can_cache(config):
        raise ConfigError((_no_cache(config),))
    read, rows = read_variant_text(config, source, None)
    config = cast(CachedConfig, read)
    wrong = [number for number in kept if not isinstance(number, int) or not 1 <= number < config.length]
    if wrong:
        raise ConfigError((_no_token_after(wrong[0], config.length),))
    device = torch.device("meta") if config.device == "meta" else resolve_device(config.device, config.dtype)
    if device.type == "meta":
        tensors = variant_inputs(config, {}, device)
        return _passes(config, model or load_variant(config), tensors.tensors[0], kept, tensors.labels)
    with running_out_in_words(check_variant_fits(config, memory_budget(device))), one_thread():
        inputs = variant_inputs(config, rows, device)
        return _passes(config, model or load_variant(config), inputs.tensors[0], kept, inputs.labels)


def new_cache(config: CachedConfig) -> KeyValueCache:
    """An empty cache for the model of a config."""
    return KeyValueCache(config.layers, config.window if isinstance(config, MistralConfig) else None)


def _passes(
    config: CachedConfig, model: nn.Module, tokens: Tensor, kept: Sequence[int], labels: Mapping[str, Labels]
) -> tuple[Trace, ...]:
    cache = new_cache(config)
    traces = []
    with torch.no_grad():
        for number in kept:
            if cache.read < number:
                model(tokens[:, :number], cache)
            trace = watch(
                model,
                (tokens[:, : number + 1], cache),
                axis_names=_axis_names(config),
                labels=_labels_until(labels, number + 1),
            )
            traces.append(dataclasses.replace(trace, variant=config))
    return tuple(traces)


def _axis_names(config: CachedConfig) -> Sequence[tuple[str, Mapping[str, str]]]:
    # Heads of keys and values are those of the queries in GPT-2. A window keeps fewer keys than there are tokens.
    heads = {"H_kv": "H"} if isinstance(config, GPT2Config) else {}
    keys = {} if isinstance(config, MistralConfig) else _KEYS_ARE_ALL
    masks = [(path, _ALL_TOKENS) for path in ("mask", "window_mask")]
    return (*masks, ("*.key_rotation", {"H": "H_kv"}), ("*", {**heads, **keys}))


def _labels_until(labels: Mapping[str, Labels], length: int) -> dict[str, Labels]:
    """The labels of a text that ends after so many tokens."""
    return {symbol: tuple(row[:length] for row in rows) if symbol == "T" else rows for symbol, rows in labels.items()}  # type: ignore[misc]


def _no_cache(config: VariantConfig) -> Problem:
    rule = "a cache is of a decoder that reads one text: GPT-2, Llama, Mistral and Mixtral"
    return Problem("kept", rule, getattr(config, "title", type(config).__name__), "leave the cache out")


def _no_token_after(kept: object, length: int) -> Problem:
    rule = "the cache holds at least one token and fewer than the text has"
    nearest = min(max(kept, 1), max(length - 1, 1)) if isinstance(kept, int) else 1
    return Problem("kept", rule, f"{kept} of {length} tokens", f"nearest: {nearest}")
