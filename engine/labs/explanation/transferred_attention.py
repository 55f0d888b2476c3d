"""Weights of one text, used for other dates that are written in the same way.

Wiegreffe and Pinter, "Attention is not not Explanation" (EMNLP 2019), hold against the adversary that it chooses its
weights for each instance alone, untied from the model that was trained to compute them. So here both are held to
more than one instance: the weights that the model computes for a text, and those an adversary found for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import torch

from engine.labs.encoder_to_decoder.cached_decoder import begun, encoded, positions, read
from engine.labs.encoder_to_decoder.one_text import CONFIG, answered, ids, understood
from engine.labs.explanation import distance
from engine.labs.explanation.adversarial_attention import Adversary
from engine.pretrained.dates import TRAIN_FORMATS, Form, held_out_dates
from engine.runtime.forward import build_model
from engine.text import char_tokenizer
from engine.text.tokenizer import BEGIN

MOST = 60


@dataclass(frozen=True)
class Transferred:
    """What weights do to other dates at one position of the answer.

    Attributes:
        dates: of how many other dates.
        kept: of how many the likeliest character stayed the same, with the text's own weights and with the others.
        moved: medians of the total variation distance, in the same order.
    """

    dates: int
    kept: tuple[int, int]
    moved: tuple[float, float]


@torch.no_grad()
def transferred(other: Adversary) -> Transferred:
    """Gives held-out dates, in the form and length of the adversary's text, the text's own weights and those found.

    The decoder is told the right characters before the position. ``dates`` is 0 where the text is no date in a form
    that the model was taught, or the position beyond a date.
    """
    layers, heads, position = other.layers, other.heads, other.position
    model = build_model(CONFIG)
    answer = answered(model, ids(understood(other.text)))
    others = siblings(other.text, answer.text)
    if not others:
        return Transferred(0, (0, 0), (0.0, 0.0))
    source = torch.tensor([char_tokenizer.source_ids(date_text) for date_text, _ in others])
    given = torch.tensor([(BEGIN, *char_tokenizer.ids(iso)) for _, iso in others])
    memory = encoded(model, source)
    encodings = positions(model, given.size(1), memory)
    caches = begun(model, memory)
    for index in range(position):
        caches = read(model, given[:, index : index + 1], encodings[:, index : index + 1], caches).caches
    token, at = given[:, position : position + 1], encodings[:, position : position + 1]
    usual = read(model, token, at, caches)
    kept, moved = [], []
    for weights in (other.own, other.moved):
        exchanged = {
            layer: usual.weights[layer].index_copy(
                1, torch.tensor(heads), weights[index].expand(len(others), -1, -1).unsqueeze(2)
            )
            for index, layer in enumerate(layers)
        }
        output = read(model, token, at, caches, exchanged).log_probabilities
        kept.append(int((output.argmax(dim=-1) == usual.log_probabilities.argmax(dim=-1)).sum()))
        moved.append(distance(output.exp(), usual.log_probabilities.exp()).quantile(0.5).item())
    return Transferred(len(others), (kept[0], kept[1]), (moved[0], moved[1]))


def siblings(text: str, answer: str) -> list[tuple[str, str]]:
    """Other dates as the text writes one: what is written, and the right answer."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", answer):
        return []
    try:
        day = date.fromisoformat(answer)
    except ValueError:
        return []
    form = next((form for form in TRAIN_FORMATS if form.can_write(day) and form.write(day).text == text), None)
    return [] if form is None else _others(form, day, len(text))


def _others(form: Form, day: date, length: int) -> list[tuple[str, str]]:
    written = (form.write(other) for other in held_out_dates() if other != day and form.can_write(other))
    alike = [(date_text.text, date_text.iso) for date_text in written if len(date_text.text) == length]
    # Spread over all years, in their order.
    return alike[:: max(1, len(alike) // MOST)][:MOST]
