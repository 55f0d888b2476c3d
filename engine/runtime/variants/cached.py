"""A decoder with a cache: a text is read at once (prefill), then token by token beside the keys of those before."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard, cast

import torch
from torch import Tensor, nn

from engine.config import ConfigError, Problem
from engine.model.variants.parts.key_value_cache import EncoderDecoderCache, KeyValueCache
from engine.model.variants.registry import VARIANTS
from engine.record.recorder import watch
from engine.record.trace import Labels, Trace
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.memory_estimate import running_out_in_words
from engine.runtime.threads import one_thread
from engine.runtime.variants.inputs import Texts, VariantInputs, read_variant_text, variant_inputs
from engine.runtime.variants.run_variant import check_variant_fits, load_variant
from engine.variant_config import GPT2Config, LlamaConfig, MistralConfig, T5Config, VariantConfig

CachedConfig = GPT2Config | LlamaConfig | T5Config
"""The variants that write token by token; Mistral's and Mixtral's configs are Llama's."""

# In a pass with a cache L is the new tokens; what is made for every pair is first made of all, and cut to them later.
_ALL_TOKENS = {"L": "T", "L_k": "T"}
OF_ALL_TOKENS = ("mask", "window_mask", "target_mask", "decoder.distance_bias")
"""How the paths begin of the modules that make something for every pair of tokens, also in a pass with a cache."""
_KEYS_ARE_ALL = {"L_k": "T"}


def can_cache(config: object) -> TypeGuard[CachedConfig]:
    """Whether ``run_cached`` takes this config."""
    return isinstance(config, CachedConfig)


def written_length(config: CachedConfig) -> int:
    """How many tokens the text has that is read token by token: of T5 that of the decoder."""
    return config.tgt_len if isinstance(config, T5Config) else config.length


def run_cached(
    config: CachedConfig,
    source: Texts | None = None,
    target: Texts | None = None,
    *,
    kept: int,
    model: nn.Module | None = None,
) -> Trace:
    """Records the pass that reads one token, with the keys and values of those before it in the cache.

    The tokens before it are read first, at once, and not recorded: that is ``run_prefill``.

    Args:
        config: of a decoder. With ``device="meta"`` every step has its shape and no numbers.
        source: a text, or several; left out, tokens are generated.
        target: T5's decoder's texts.
        kept: how many tokens are in the cache, from 1 to one less than the text has.
        model: as ``load_variant`` makes it; saves building the weights again.

    Returns:
        The trace. Its output is the logits of the new token, (B, 1, V).

    Raises:
        ConfigError: the variant has no cache, or the text has no token after ``kept`` others.
        TooLargeError, TextError: as ``run`` does.
    """
    return cached_passes(config, source, target, kept=(kept,), model=model)[0]


def run_prefill(
    config: CachedConfig,
    source: Texts | None = None,
    target: Texts | None = None,
    *,
    kept: int,
    model: nn.Module | None = None,
) -> Trace:
    """Records the pass before that of ``run_cached``: the first tokens are read at once, into an empty cache.

    T5 reads its source in this pass and never again.

    Args:
        config, source, target, model: as ``run_cached`` takes them.
        kept: how many tokens are read.

    Returns:
        The trace. Its output is the logits of these tokens, (B, T, V).

    Raises:
        As ``run_cached`` does.
    """
    return _reader(config, source, target, (kept,), model).prefill(kept)


def cached_passes(
    config: CachedConfig,
    source: Texts | None = None,
    target: Texts | None = None,
    *,
    kept: Sequence[int],
    model: nn.Module | None = None,
) -> tuple[Trace, ...]:
    """``run_cached`` for several numbers of kept tokens in rising order: one cache goes from one pass to the next.

    Args:
        config, source, target, model: as ``run_cached`` takes them.
        kept: how many tokens are in the cache before each of the passes.
    """
    reader = _reader(config, source, target, kept, model)
    return tuple(map(reader.decode, kept))


def new_cache(config: CachedConfig) -> KeyValueCache | EncoderDecoderCache:
    """An empty cache for the model of a config."""
    if isinstance(config, T5Config):
        return EncoderDecoderCache(config.layers)
    return KeyValueCache(config.layers, config.window if isinstance(config, MistralConfig) else None)


def _reader(
    config: CachedConfig, source: Texts | None, target: Texts | None, kept: Sequence[int], model: nn.Module | None
) -> _Reader:
    if not can_cache(config):
        raise ConfigError((_no_cache(config),))
    read, rows = read_variant_text(config, source, target)
    config = cast(CachedConfig, read)
    length = written_length(config)
    wrong = [number for number in kept if not isinstance(number, int) or not 1 <= number < length]
    if wrong:
        raise ConfigError((_no_token_after(wrong[0], length),))
    if config.device == "meta":
        inputs = variant_inputs(config, {}, torch.device("meta"))
        return _Reader(config, model or load_variant(config), inputs, nullcontext)
    device = resolve_device(config.device, config.dtype)
    size = check_variant_fits(config, memory_budget(device))
    with running_out_in_words(size):
        inputs = variant_inputs(config, rows, device)
        return _Reader(config, model or load_variant(config), inputs, partial(running_out_in_words, size))


@dataclass
class _Reader:
    """Reads a text with one cache."""

    config: CachedConfig
    model: nn.Module
    inputs: VariantInputs
    in_words: Callable[[], AbstractContextManager[None]]

    def __post_init__(self) -> None:
        self.cache = new_cache(self.config)

    def prefill(self, count: int) -> Trace:
        """The pass that reads so many tokens at once."""
        return self._watched(count, VARIANTS[type(self.config)].axis_names)

    def decode(self, kept: int) -> Trace:
        """The pass that reads one token after so many others; those that were not read yet are read first."""
        with self._calmly():
            if self.cache.read < kept:
                self.model(*self._until(kept), self.cache)
        return self._watched(kept + 1, _axis_names(self.config))

    def _watched(self, count: int, axis_names: Sequence[tuple[str, Mapping[str, str]]]) -> Trace:
        labels = _labels_until(self.inputs.labels, count)
        with self._calmly():
            trace = watch(self.model, (*self._until(count), self.cache), axis_names=axis_names, labels=labels)
        return dataclasses.replace(trace, variant=self.config)

    def _until(self, count: int) -> tuple[Tensor, ...]:
        """What the model reads, of the text that it goes on writing only so many tokens."""
        *given, written = self.inputs.tensors
        return *given, written[:, :count]

    @contextmanager
    def _calmly(self) -> Iterator[None]:
        with self.in_words(), one_thread(), torch.no_grad():
            yield


def _axis_names(config: CachedConfig) -> Sequence[tuple[str, Mapping[str, str]]]:
    masks = [(f"{path}*", _ALL_TOKENS) for path in OF_ALL_TOKENS]
    if isinstance(config, T5Config):
        of_attention = [
            ("decoder*.self_attention", {"L_k": "T", "S": "L", "H_kv": "H"}),
            ("decoder*.cross_attention", {"L_k": "S"}),
        ]
        return (*masks, *of_attention, ("source_*", {"L": "S", "L_k": "S"}), ("*", _KEYS_ARE_ALL))
    # Heads of keys and values are those of the queries in GPT-2. A window keeps fewer keys than there are tokens.
    heads = {"H_kv": "H"} if isinstance(config, GPT2Config) else {}
    keys = {} if isinstance(config, MistralConfig) else _KEYS_ARE_ALL
    return (*masks, ("*.key_rotation", {"H": "H_kv"}), ("*", {**heads, **keys}))


def _labels_until(labels: Mapping[str, Labels], length: int) -> dict[str, Labels]:
    """The labels of a text that ends after so many tokens."""
    return {symbol: tuple(row[:length] for row in rows) if symbol == "T" else rows for symbol, rows in labels.items()}  # type: ignore[misc]


def _no_cache(config: VariantConfig) -> Problem:
    rule = "a cache is of a decoder that writes: GPT-2, Llama, Mistral, Mixtral and T5"
    return Problem("kept", rule, getattr(config, "title", type(config).__name__), "leave the cache out")


def _no_token_after(kept: object, length: int) -> Problem:
    rule = "the cache holds at least one token and fewer than the text has"
    nearest = min(max(kept, 1), max(length - 1, 1)) if isinstance(kept, int) else 1
    return Problem("kept", rule, f"{kept} of {length} tokens", f"nearest: {nearest}")
