"""The trained model with cross-attention weights frozen to uniform, measured on held-out dates.

After the uniform-weights baseline of Wiegreffe and Pinter, "Attention is not not Explanation" (EMNLP 2019): a task that
is done as well with uniform weights cannot tell whether attention explains. They train again with the weights frozen;
here nothing is trained again, so what is measured is how much this very model relies on them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import cast

import torch

from engine.labs.encoder_to_decoder.one_text import CONFIG
from engine.model.layers import DecoderLayer
from engine.model.transformer import Transformer
from engine.pretrained.dates import TRAIN_FORMATS, WrittenDate, held_out_dates
from engine.pretrained.training_data import tensors
from engine.runtime.forward import build_model


@dataclass(frozen=True)
class Accuracy:
    """How many answers were right, and how many of their characters.

    Attributes:
        dates: how many dates were asked.
        dates_right: of how many every character is right.
        characters: how many characters they have in all, ends included.
        characters_right: how many of them are the likeliest after the right ones before.
    """

    dates: int
    dates_right: int
    characters: int
    characters_right: int


@torch.no_grad()
def accuracy(layers: tuple[int, ...], heads: tuple[int, ...], count: int = 60, seed: int = 0) -> Accuracy:
    """How well the model answers held-out dates in random forms, with these heads of these layers frozen to uniform.

    Args:
        layers, heads: the numbers of those whose weights are made uniform.
        count: how many dates are asked.
        seed: of the dates and their forms.
    """
    draw = random.Random(seed)
    some: list[WrittenDate] = []
    while len(some) < count:
        form, day = draw.choice(TRAIN_FORMATS), draw.choice(held_out_dates())
        if form.can_write(day):
            some.append(form.write(day))
    source, given, wanted = tensors(some, torch.device("cpu"))
    right = freeze(build_model(CONFIG), layers, heads)(source, given).argmax(dim=-1) == wanted
    return Accuracy(count, int(right.all(dim=1).sum()), right.numel(), int(right.sum()))


def freeze(model: Transformer, layers: tuple[int, ...], heads: tuple[int, ...]) -> Transformer:
    """Makes the model's queries 0 in these heads: then every score is 0, and softmax gives each key the same.

    Changes the model it is given, and returns it.

    Args:
        model: which is changed.
        layers, heads: the numbers of those that are frozen.
    """
    for number, layer in enumerate(model.decoder.layers):
        if number in layers:
            cross = cast(DecoderLayer, layer).cross_attention
            kept = torch.ones(cross.heads, cross.d_k)
            kept[list(heads)] = 0
            cross.w_q.weight.data = cross.w_q.weight * kept.view(-1, 1)
            cross.w_q.bias.data = cross.w_q.bias * kept.view(-1)
    return model
