"""One text as the trained model reads it, and what greedy decoding writes for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.labs.encoder_to_decoder.cached_decoder import LayerCache, TokenRead, begun, encoded, positions, read
from engine.model.transformer import Transformer
from engine.pretrained.greedy import greedy
from engine.pretrained.pretrained import trained_config
from engine.runtime.decode import MOST_STEPS
from engine.text import char_tokenizer, tokenizer
from engine.text.tokenizer import BEGIN, END, TextError

CONFIG = trained_config(device="cpu")
MOST_CHARACTERS = 40  # the longest way of writing a date that the model was taught has 27


@dataclass(frozen=True)
class WrittenAnswer:
    """What was written, token by token, with the keys and values of what was read kept.

    Attributes:
        memory: (1, S, d_model) of the encoder.
        positions: (1, T, d_model), the encodings of all places there can be.
        tokens: what was written at each of the N steps, the end included where it came in time.
        reads: of each of the N steps.
        begun: the caches before the first step.
    """

    memory: Tensor
    positions: Tensor
    tokens: tuple[int, ...]
    reads: tuple[TokenRead, ...]
    begun: tuple[LayerCache, ...]

    @property
    def given(self) -> tuple[int, ...]:
        """What was read at each step: begin, then what was written."""
        return (BEGIN, *self.tokens[:-1])

    def caches(self, step: int) -> tuple[LayerCache, ...]:
        """What was kept before a step."""
        return self.reads[step - 1].caches if step else self.begun

    @property
    def labels(self) -> tuple[str, ...]:
        """``tokens`` as displayed."""
        return tuple(map(char_tokenizer.VOCABULARY.label, self.tokens))

    @property
    def text(self) -> str:
        """What was written, as text."""
        return char_tokenizer.VOCABULARY.decode(self.tokens)


def understood(source: str) -> tokenizer.Batch:
    """The character ids of a text.

    Raises:
        TextError: it cannot be read, or is longer than any date.
    """
    batch = char_tokenizer.encode(source)
    count = len(batch.source_ids[0]) - 2
    if count > MOST_CHARACTERS:
        raise TextError(f"this lab reads at most {MOST_CHARACTERS} characters", f"there are {count:,}", "give one date")
    return batch


def ids(batch: tokenizer.Batch) -> Tensor:
    """The source ids (1, S) as a tensor."""
    return torch.tensor(batch.source_ids)


@torch.no_grad()
def written(model: Transformer, memory: Tensor) -> WrittenAnswer:
    """Greedy decoding with a K/V cache, until the end or for ``MOST_STEPS``."""
    encodings = positions(model, MOST_STEPS, memory)
    first = begun(model, memory)
    reads: list[TokenRead] = []

    def likeliest(tokens: Tensor) -> Tensor:
        step = len(reads)
        caches = reads[-1].caches if reads else first
        reads.append(read(model, tokens[:, -1:], encodings[:, step : step + 1], caches))
        return reads[-1].log_probabilities.argmax(dim=-1)

    tokens = greedy(likeliest, torch.tensor([[BEGIN]]), END, MOST_STEPS)[0].tolist()
    return WrittenAnswer(memory, encodings, tuple(tokens), tuple(reads), first)


@torch.no_grad()
def answered(model: Transformer, source: Tensor) -> WrittenAnswer:
    """What the model writes for source ids (1, S)."""
    return written(model, encoded(model, source))
