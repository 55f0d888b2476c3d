"""The parts of a run: text to token ids, the look at memory, the model, the recorded forward pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch

from engine.config import Config
from engine.model.axis_names import AXIS_NAMES
from engine.model.transformer import Transformer
from engine.model.weights import build
from engine.pretrained import pretrained
from engine.record.recorder import watch
from engine.record.trace import Labels, Trace
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.footprint import Bytes, measure
from engine.runtime.memory_estimate import check_fits, is_quick, running_out_in_words
from engine.runtime.threads import one_thread
from engine.text import char_tokenizer, tokenizer

Sentences = str | Sequence[str]


def tokenize(
    config: Config, source: Sentences | None = None, target: Sentences | None = None
) -> tuple[Config, tokenizer.Batch]:
    """The token ids of a run, those of the sentences or generated ones of the config's lengths, and its config.

    Args:
        config: the sizes, and which tokenizer: of characters there is a fixed number.
        source: a sentence, or several; generated where left out.
        target: one for each source; generated where left out.

    Returns:
        The config, with the sentences' batch, lengths and vocab_size where there are any, and the ids.

    Raises:
        TextError: a sentence that cannot be read.
    """
    config, batch = tokenize_text(config, source, target)
    return config, fill(config, batch)


def tokenize_text(
    config: Config, source: Sentences | None = None, target: Sentences | None = None
) -> tuple[Config, tokenizer.Batch]:
    """``tokenize`` without generating anything: a side that was not given has no ids yet, so however large the config
    is, this takes no more than its text does.

    Args:
        config, source, target: as ``tokenize`` takes them.

    Raises:
        TextError: a sentence that cannot be read.
    """
    spells = config.tokenizer == "characters"
    batch = tokenizer.Batch((), (), char_tokenizer.VOCABULARY if spells else tokenizer.Vocabulary())
    if source is not None:
        batch = (char_tokenizer.encode if spells else tokenizer.encode)(source, target)
        config = config.change(
            batch=len(batch.source_ids),
            src_len=len(batch.source_ids[0]),
            tgt_len=len(batch.target_ids[0]) if batch.target_ids else config.tgt_len,
            vocab_size=max(config.vocab_size, len(batch.vocabulary)),
        )
    elif target is not None:
        raise tokenizer.TextError(
            "a target needs a source", "only a target was given", "give a source sentence as well"
        )
    return config, batch


def fill(config: Config, batch: tokenizer.Batch) -> tokenizer.Batch:
    """The batch with generated ids for a side that was not given."""

    def generated(length: int, side: str) -> tuple[tuple[int, ...], ...]:
        return tokenizer.generated(config.batch, length, config.vocab_size, config.seed, side)

    return dataclasses.replace(
        batch,
        source_ids=batch.source_ids or generated(config.src_len, "source"),
        target_ids=batch.target_ids or generated(config.tgt_len, "target"),
    )


def build_model(config: Config) -> Transformer:
    """The built-in Transformer of this config with its seeded or its trained weights, on its device.

    Raises:
        ConfigError: the device is not on this machine.
        WeightsError: the file of the trained weights is not there or not what it should be.
    """
    device = resolve_device(config.device, config.dtype)
    return pretrained.build(config, device) if config.weights == "trained" else build(config, tokenizer.PAD, device)


@contextmanager
def memory_guard(config: Config, weigh: Callable[[Config], Bytes] = measure) -> Iterator[None]:
    """Lets nothing begin that does not fit in the memory of its device; ``weigh`` says what this config will hold.

    Raises:
        ConfigError: the device is not on this machine.
        TooLargeError: it does not fit, or memory ran out on the way.
    """
    size = check_fits(config, memory_budget(resolve_device(config.device, config.dtype)), weigh)
    with running_out_in_words(size):
        yield


def run_batch(config: Config, batch: tokenizer.Batch, model: Transformer) -> Trace:
    """A run on token ids, with no look at memory.

    Args:
        config, batch: as ``tokenize`` returns them.
        model: as ``build_model`` makes it of this config.

    Raises:
        ConfigError: the device is not on this machine.
    """
    device = resolve_device(config.device, config.dtype)
    labels: dict[str, Labels] = {
        "S": batch.source_tokens,
        "T": batch.target_tokens,
        "V": tuple(map(batch.vocabulary.label, range(config.vocab_size))),
    }
    inputs = [torch.tensor(ids, dtype=torch.int64, device=device) for ids in (batch.source_ids, batch.target_ids)]
    with torch.no_grad(), one_thread() if is_quick(config) else nullcontext():
        return watch(model, inputs, axis_names=AXIS_NAMES, config=config, labels=labels)
