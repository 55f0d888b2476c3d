"""How often the model's answers are exactly right, and which are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from engine.model.transformer import Transformer
from engine.pretrained.dates import WrittenDate
from engine.pretrained.greedy import greedy
from engine.pretrained.training_data import tensors
from engine.text.char_tokenizer import VOCABULARY
from engine.text.tokenizer import BEGIN, END

_AT_ONCE = 256


@dataclass(frozen=True)
class Wrong:
    """A date that was answered otherwise."""

    date: WrittenDate
    answer: str

    def __str__(self) -> str:
        return f"{self.date.text} → {self.answer}, right is {self.date.iso}"


@dataclass(frozen=True)
class Score:
    """``of`` answers and the wrong ones among them; ``loss`` is the mean of −ln p over their characters."""

    of: int
    wrong: tuple[Wrong, ...] = field(repr=False)
    loss: float

    @property
    def right(self) -> int:
        """How many answers were right."""
        return self.of - len(self.wrong)

    @property
    def exact(self) -> float:
        """The share of answers that are right in every character."""
        return self.right / self.of

    def __str__(self) -> str:
        # Rounded down: 99.996 % is not 100.00 %.
        percent = self.right * 10_000 // self.of / 100
        return f"{self.right:,} of {self.of:,} exactly right ({percent:.2f} %)"


def score(
    model: Transformer, dates: Sequence[WrittenDate], progress: Callable[[int], None] = lambda done: None
) -> Score:
    """The score of a model that gives log-probabilities on these dates, which must be some.

    One run over the right answer tells whether greedy decoding would write it: it does exactly where the most probable
    character at every place is the right one, since up to its first mistake it reads the same. Only what is wrong is
    then decoded, character by character, to see what it says instead.

    Args:
        model: the model, in evaluation mode.
        dates: what it is asked.
        progress: called with how many were answered so far.

    Returns:
        How many it answers rightly, and what it answers wrongly.
    """
    device = model.projection.weight.device
    loss = 0.0
    wrong: list[Wrong] = []
    with torch.no_grad():
        for start in range(0, len(dates), _AT_ONCE):
            some = dates[start : start + _AT_ONCE]
            source, inputs, wanted = tensors(some, device)
            log_probabilities = model(source, inputs)
            loss += nll_loss(log_probabilities.flatten(0, 1), wanted.flatten(), reduction="sum").item() / wanted.size(1)
            missed = (log_probabilities.argmax(dim=-1) != wanted).any(dim=1)
            if missed.any():
                decoded = answers(model, source[missed], wanted.size(1))
                theirs = (pair for pair, is_missed in zip(some, missed.tolist(), strict=True) if is_missed)
                wrong += map(Wrong, theirs, decoded)
            progress(start + len(some))
    return Score(len(dates), tuple(wrong), loss / len(dates))


def answers(model: Transformer, source: Tensor, steps: int) -> list[str]:
    """What greedy decoding writes for each source (B, S), up to its end or for so many steps.

    Args:
        model: the model, in evaluation mode.
        source: ids, int64 (B, S).
        steps: characters at most.

    Returns:
        A text for each.
    """
    return [decoded for decoded, _ in sure_answers(model, source, steps)]


def sure_answers(model: Transformer, source: Tensor, steps: int) -> list[tuple[str, float]]:
    """What greedy decoding writes for each source (B, S), and how probable the model holds the whole of it.

    Args:
        model: the model, in evaluation mode.
        source: ids, int64 (B, S).
        steps: characters at most.

    Returns:
        A text and its probability, from 0 to 1, for each.
    """
    total = torch.zeros(source.size(0), dtype=torch.float64, device=source.device)

    def likeliest(tokens: Tensor) -> Tensor:
        best = model(source, tokens)[:, -1].double().max(dim=-1)
        # What follows an end is not part of the answer.
        total.add_(best.values.where((tokens != END).all(dim=1), 0.0))
        return best.indices

    begin = torch.full((source.size(0), 1), BEGIN, device=source.device)
    rows = greedy(likeliest, begin, END, steps).tolist()
    texts = [VOCABULARY.decode(row[: row.index(END)] if END in row else row) for row in rows]
    return list(zip(texts, total.exp().tolist(), strict=True))
