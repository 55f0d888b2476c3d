"""Config and text in, trace out."""

from __future__ import annotations

from typing import cast

from torch import nn

from engine.config import Config, ConfigError, Problem
from engine.model.transformer import Transformer
from engine.record.trace import Trace
from engine.runtime.decode import run_written
from engine.runtime.forward import Sentences, build_model, fill, memory_guard, run_batch, tokenize_text
from engine.runtime.variants.run_variant import run_variant
from engine.variant_config import VariantConfig

_UPTO_RULE = "upto counts the characters that trained weights write for a source without a target"


def run(
    config: Config | VariantConfig,
    source: Sentences | None = None,
    target: Sentences | None = None,
    *,
    upto: int | None = None,
    model: nn.Module | None = None,
) -> Trace:
    """Runs the built-in Transformer, or one of its variants, and records every tensor.

    Args:
        config: the sizes and switches. ``Config()`` has random weights; the app opens on ``trained_config()``.
            ``LlamaConfig()`` and the like are of today's Transformers: see ``engine.runtime.variants.run_variant``.
        source: a sentence, or several. Left out, tokens are generated from the config's batch, lengths and seed.
        target: one for each source. Left out, it is what the model writes where a source is given to trained weights,
            and generated tokens otherwise.
        upto: where the model writes, how many characters of that the decoder has read, all where it writes fewer;
            None for all of all.
        model: saves building the weights again: ``build_model`` of the same sizes, seed, dtype and device.

    Returns:
        The recorded run; ``trace.output`` is what the model returned.

    Raises:
        ConfigError: the device is not on this machine; ``upto`` where the model does not write, or too large.
        TooLargeError: the run would not fit in memory; says its size and what would fit.
        TextError: a sentence that cannot be read.
        WeightsError: the file of the trained weights is not there or not what it should be.
    """
    if isinstance(config, VariantConfig):
        if upto is not None:
            raise ConfigError((Problem("upto", _UPTO_RULE, f"{upto!r}, with {config.title}", "leave it out"),))
        return run_variant(config, source, target, model=model)
    transformer = cast(Transformer | None, model)
    if config.weights == "trained" and source is not None and target is None:
        return run_written(config, source, upto, model=transformer)
    if upto is not None:
        raise ConfigError((Problem("upto", _UPTO_RULE, f"{upto!r}, where they write nothing", "leave it out"),))
    config, batch = tokenize_text(config, source, target)
    with memory_guard(config):
        return run_batch(config, fill(config, batch), transformer or build_model(config))
