"""What a cache saves and costs: the FLOPs of reading a text token by token with and without it, and its bytes.

FLOPs are polynomials of the sizes: linear in the number of layers and in the tokens that are kept, quadratic in the
length of a text that is read at once, and of what is made for every pair of tokens, a mask and T5's biases. So a few
runs without numbers, of a layer or two and of four tokens at most, say them exactly for any size.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from engine.record.trace import Trace
from engine.runtime.variants.cached import OF_ALL_TOKENS, CachedConfig, run_cached, written_length
from engine.runtime.variants.cost_sheet import kv_cache_bytes
from engine.runtime.variants.run_variant import shapes_of
from engine.variant_config import MistralConfig, T5Config


@dataclass(frozen=True)
class CacheCosts:
    """A text read token by token, as a model reads what it writes.

    T5 reads its source once with a cache, and in every pass without.

    Attributes:
        with_cache: FLOPs of all passes, each of which reads one token.
        without: FLOPs of all passes where each reads the whole text so far.
        last_with_cache, last_without: FLOPs of the last pass alone.
        nbytes: what the cache holds in the end.
    """

    with_cache: int
    without: int
    last_with_cache: int
    last_without: int
    nbytes: int


def cache_costs(config: CachedConfig, cache_dtype: str | None = None) -> CacheCosts:
    """The costs of reading all tokens of a config, one at a time.

    Args:
        config: of a decoder; its batch, length and dtype are those of the text.
        cache_dtype: of the keys and values in the cache; None for that of the weights.
    """
    length = written_length(config)
    masks = [_mask_flops(config, kept) for kept in (1, 2, 3)]
    of_one, of_two = (_of_all_layers(config, 4, kept) - masks[kept - 1] for kept in (1, 2))
    wholes = [_of_all_layers(config, tokens, kept=0) for tokens in (1, 2, 3)]
    farthest = config.window if isinstance(config, MistralConfig) else length

    def with_cache(kept: int) -> int:
        if kept == 0:
            return wholes[0]
        return of_one + (of_two - of_one) * (min(kept, farthest) - 1) + _parabola(masks, kept)

    def without(tokens: int) -> int:
        return _parabola(wholes, tokens)

    return CacheCosts(
        with_cache=sum(map(with_cache, range(length))),
        without=sum(map(without, range(1, length + 1))),
        last_with_cache=with_cache(length - 1),
        last_without=without(length),
        nbytes=kv_cache_bytes(config, cache_dtype or config.dtype),
    )


def _of_all_layers(config: CachedConfig, length: int, kept: int) -> int:
    """The FLOPs of a pass over this many tokens, or over one with ``kept`` others in the cache."""
    of_one, of_two = (_flops(_pass(config, length, layers, kept)) for layers in (1, 2))
    return of_one + (config.layers - 1) * (of_two - of_one)


def _pass(config: CachedConfig, length: int, layers: int, kept: int) -> Trace:
    written = "tgt_len" if isinstance(config, T5Config) else "length"
    sizes = {written: length, "layers": layers, "device": "meta"}
    # A window of one or two tokens would bend the line that is drawn through one and two kept ones.
    wide = {"window": 4} if isinstance(config, MistralConfig) else {}
    small: CachedConfig = dataclasses.replace(config, **sizes, **wide)  # type: ignore[arg-type]
    return run_cached(small, kept=kept) if kept else shapes_of(small)


def _mask_flops(config: CachedConfig, kept: int) -> int:
    """The FLOPs of what is made of all pairs of tokens and then cut to the new one."""
    steps = _pass(config, 4, 1, kept).steps
    return sum(step.flops or 0 for step in steps if step.path.startswith(OF_ALL_TOKENS))


def _parabola(values: list[int], number: int) -> int:
    """What stands at a number, of a parabola that has these values at 1, 2 and 3 (Newton's form)."""
    first, second, third = values
    steps = number - 1
    return first + steps * (second - first) + steps * (steps - 1) // 2 * (third - 2 * second + first)


def _flops(trace: Trace) -> int:
    return sum(step.flops or 0 for step in trace.steps)
