"""Whether the trained model is as often right as it is sure, on odd inputs of kinds that it never saw.

The expected calibration error of Guo et al., "On Calibration of Modern Neural Networks" (2017), section 2: answers are
put in bins of equal width by the probability that the model gives them; in each bin the mean probability is compared
with the share that is right; the error is the mean of these differences, weighted by how many answers a bin has.
An answer to a text that could mean k dates is right with 1/k where it is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch

from engine.model.transformer import Transformer
from engine.pretrained.evaluate import sure_answers
from engine.pretrained.odd_inputs import OddInput
from engine.text import char_tokenizer
from engine.text.tokenizer import padded

BINS = 15
_STEPS = 16  # a date and its end take 11
_AT_ONCE = 100


@dataclass(frozen=True)
class Answered:
    """An odd input, what the model wrote, and how probable it held the whole of that."""

    odd_input: OddInput
    text: str
    probability: float

    @property
    def right(self) -> float:
        """How probable it is that this was meant."""
        return self.odd_input.chance(self.text)

    def __str__(self) -> str:
        return f"{self.odd_input.text} → {self.text}, with a probability of {self.probability:.6g}"


@dataclass(frozen=True)
class Calibration:
    """How sure the model is of its answers, and how often it is right."""

    answers: tuple[Answered, ...]

    @property
    def error(self) -> float:
        """The expected calibration error, from 0 to 1."""
        bins: list[list[Answered]] = [[] for _ in range(BINS)]
        for answer in self.answers:
            bins[min(int(answer.probability * BINS), BINS - 1)].append(answer)
        apart = (abs(sum(answer.probability - answer.right for answer in some)) for some in bins)
        return sum(apart) / len(self.answers)

    @property
    def probability(self) -> float:
        """The mean probability of an answer."""
        return fmean(answer.probability for answer in self.answers)

    @property
    def right(self) -> float:
        """The share of answers that are right."""
        return fmean(answer.right for answer in self.answers)

    @property
    def surest_impossible(self) -> Answered:
        """The answer to a date that there is not that the model is surest of."""
        return max((each for each in self.answers if each.odd_input.impossible), key=lambda each: each.probability)

    def of_kind(self, kind: str) -> Calibration:
        """That of the inputs of one kind."""
        return Calibration(tuple(answer for answer in self.answers if answer.odd_input.kind == kind))


def calibration(model: Transformer, inputs: Sequence[OddInput]) -> Calibration:
    """The answers of a model that gives log-probabilities to these inputs."""
    device = model.projection.weight.device
    answers: list[Answered] = []
    with torch.no_grad():
        for start in range(0, len(inputs), _AT_ONCE):
            some = inputs[start : start + _AT_ONCE]
            rows = padded([char_tokenizer.source_ids(each.text) for each in some])
            written_answers = sure_answers(model, torch.tensor(rows, device=device), _STEPS)
            answers += (Answered(odd_input, *answer) for odd_input, answer in zip(some, written_answers, strict=True))
    return Calibration(tuple(answers))
