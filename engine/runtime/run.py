"""Config and text in, trace out."""

from __future__ import annotations

from engine.config import Config, ConfigError, Problem
from engine.model.transformer import Transformer
from engine.record.trace import Trace
from engine.runtime.decode import run_written
from engine.runtime.forward import Sentences, build_model, fill, memory_guard, run_batch, tokenize_text


def run(
    config: Config,
    source: Sentences | None = None,
    target: Sentences | None = None,
    *,
    upto: int | None = None,
    model: Transformer | None = None,
) -> Trace:
    """Runs the built-in Transformer and records every tensor.

    Args:
        config: the sizes and switches. ``Config()`` has random weights; the app opens on ``trained_config()``.
        source: a sentence, or several. Left out, tokens are generated from the config's batch, lengths and seed.
        target: one for each source. Left out, it is what the model writes where a source is given to trained weights,
            and generated tokens otherwise.
        upto: where the model writes, how many characters of that the decoder has read, all where it writes fewer;
            None for all of all.
        model: saves building the weights again: ``load`` of the same sizes, seed, dtype and device.

    Raises:
        ConfigError: the device is not on this machine; ``upto`` where the model does not write, or too large.
        TooLargeError: the run would not fit in memory; says its size and what would fit.
        TextError: a sentence that cannot be read.
        WeightsError: the file of the trained weights is not there or not what it should be.
    """
    if config.weights == "trained" and source is not None and target is None:
        return run_written(config, source, upto, model=model)
    if upto is not None:
        rule = "upto counts the characters that trained weights write for a source without a target"
        raise ConfigError((Problem("upto", rule, f"{upto!r}, where they write nothing", "leave it out"),))
    config, batch = tokenize_text(config, source, target)
    with memory_guard(config):
        return run_batch(config, fill(config, batch), model or build_model(config))
