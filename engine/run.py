"""Config and text in, trace out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine import text
from engine.config import Config
from engine.device import choose, room
from engine.memory import check_fits
from engine.model.axis_names import AXIS_NAMES
from engine.model.transformer import Transformer
from engine.model.weights import build
from engine.recorder import watch
from engine.trace import Labels, Trace

Sentences = str | Sequence[str]


@dataclass(frozen=True)
class Tokens:
    """The ids a run reads, and the words to show for them."""

    config: Config
    source: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]
    vocabulary: text.Vocabulary


def read(config: Config, source: Sentences | None = None, target: Sentences | None = None) -> Tokens:
    """The token ids of a run: those of the sentences, or generated ones of the config's lengths.

    With sentences, the config's batch, lengths and vocab_size become theirs. A target left out is generated.

    Raises:
        TextError: a sentence that cannot be read.
    """
    if source is None:
        if target is not None:
            raise text.TextError("a target needs a source", "only a target was given", "give a source sentence as well")
        encoded = text.Batch((), (), text.Vocabulary())
    else:
        encoded = text.encode(source, target)
        config = config.change(
            batch=len(encoded.source_ids),
            src_len=len(encoded.source_ids[0]),
            tgt_len=len(encoded.target_ids[0]) if encoded.target_ids else config.tgt_len,
            vocab_size=max(config.vocab_size, len(encoded.vocabulary)),
        )
    sides = {"source": (encoded.source_ids, config.src_len), "target": (encoded.target_ids, config.tgt_len)}
    ids = {
        side: rows or text.generated(config.batch, length, config.vocab_size, config.seed, side)
        for side, (rows, length) in sides.items()
    }
    return Tokens(config, ids["source"], ids["target"], encoded.vocabulary)


def load(config: Config) -> Transformer:
    """The built-in Transformer of this config with its seeded weights, on its device.

    Raises:
        ConfigError: the device is not on this machine.
    """
    return build(config, text.PAD, choose(config.device, config.dtype))


def run(
    config: Config,
    source: Sentences | None = None,
    target: Sentences | None = None,
    *,
    model: Transformer | None = None,
) -> Trace:
    """Runs the built-in Transformer and records every tensor.

    ``model`` saves building the weights again: ``load`` of the same sizes, seed, dtype and device.

    Raises:
        ConfigError: the device is not on this machine.
        TooLargeError: the run would not fit in memory; says its size and what would fit.
        TextError: a sentence that cannot be read.
    """
    tokens = read(config, source, target)
    config = tokens.config
    device = choose(config.device, config.dtype)
    check_fits(config, room(device))
    if model is None:
        model = load(config)
    label = tokens.vocabulary.label
    labels: dict[str, Labels] = {
        "S": tuple(tuple(map(label, row)) for row in tokens.source),
        "T": tuple(tuple(map(label, row)) for row in tokens.target),
        "V": tuple(map(label, range(config.vocab_size))),
    }
    inputs = [torch.tensor(ids, dtype=torch.int64, device=device) for ids in (tokens.source, tokens.target)]
    with torch.no_grad():
        return watch(model, inputs, axis_names=AXIS_NAMES, config=config, labels=labels)
