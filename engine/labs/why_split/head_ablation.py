"""One head of the trained model set to 0, and what becomes of the date it writes.

Michel, Levy and Neubig ("Are Sixteen Heads Really Better than One?", 2019) remove heads of a trained Transformer in
this way, one at a time.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from engine import NextToken, decode, trained_config
from engine.labs.why_split import without_head
from engine.model.attention import MultiHeadAttention
from engine.model.transformer import Transformer
from engine.pretrained.greedy import greedy
from engine.runtime.decode import MOST_STEPS
from engine.runtime.forward import build_model
from engine.text.char_tokenizer import VOCABULARY, source_ids
from engine.text.tokenizer import BEGIN, END

_CONFIG = trained_config(device="cpu")
HEADS = _CONFIG.heads
ATTENTIONS = (
    *(f"decoder.layers.{n}.{kind}_attention" for n in range(_CONFIG.decoder_layers) for kind in ("self", "cross")),
    *(f"encoder.layers.{n}.self_attention" for n in range(_CONFIG.encoder_layers)),
)


@dataclass(frozen=True)
class Ablated:
    """What the model writes whole, and without one head.

    Attributes:
        text, text_without: what either wrote.
        choices, choices_without: an entry for each character of it, and one for the end where that came.
        weights: (L, L_k), where the removed head looked when the whole model had written all but the end.
        axes: what these two are here, S or T.
        labels: the tokens along them.
    """

    text: str
    choices: tuple[NextToken, ...]
    text_without: str
    choices_without: tuple[NextToken, ...]
    weights: Tensor
    axes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class EveryHead:
    """Each head removed alone.

    ``kept`` is (A, H) with A the attentions in the order of ``ATTENTIONS``: the probability which the model without
    that head gives to all of what the whole model wrote. ``texts`` is what it writes on its own. ``whole`` is the
    probability with all heads. ``spared`` counts the heads whose removal leaves the text as it is, and
    ``without_spared`` is what the model writes with all of those removed at once.
    """

    text: str
    whole: float
    kept: Tensor
    texts: tuple[tuple[str, ...], ...]
    spared: int
    without_spared: str


def ablated(source: str, path: str, head: int) -> Ablated:
    """Greedy decoding of a text, by the whole model and by a copy in which W_O of one attention lost a head's block.

    Args:
        source: the text.
        path: the module path of the attention.
        head: the number of the one that is removed.
    """
    model = _model()
    whole = decode(source, _CONFIG, model=model)
    without = decode(source, _CONFIG, model=_without(model, path, head))
    trace = whole.traces[-1]
    step = trace.find(f"{path}.weights")
    axes = tuple(str(symbol) for symbol in step.axes[2:])
    return Ablated(
        text=whole.text,
        choices=whole.choices,
        text_without=without.text,
        choices_without=without.choices,
        weights=step.value[0, head].clone(),  # the trace would be kept alive by a view
        axes=axes,
        labels=tuple(tuple(trace.labels[symbol][0]) for symbol in axes),
    )


def every_head(source: str) -> EveryHead:
    """Removes each head of each attention in turn: a batch of the same text with another head missing in every row."""
    each = [(path, head) for path in ATTENTIONS for head in range(HEADS)]
    model = _missing(_model(), [[], *([path_and_head] for path_and_head in each)])
    tokens = torch.tensor([source_ids(source)] * (1 + len(each)))
    written = _greedy(model, tokens).tolist()
    answer = _until_end(written[0])
    decoder_input = torch.tensor([BEGIN, *answer[:-1]]).expand(len(tokens), -1)
    chosen = model(tokens, decoder_input).gather(-1, torch.tensor(answer).expand(len(tokens), -1).unsqueeze(-1))
    share = chosen.double().sum(dim=(1, 2)).exp()
    text, *texts = (VOCABULARY.decode(_until_end(row)) for row in written)
    spared = [path_and_head for path_and_head, other in zip(each, texts, strict=True) if other == text]
    left = _greedy(_missing(_model(), [spared]), tokens[:1]).tolist()[0]
    return EveryHead(
        text=text,
        whole=share[0].item(),
        kept=share[1:].view(len(ATTENTIONS), HEADS),
        texts=tuple(tuple(texts[index : index + HEADS]) for index in range(0, len(texts), HEADS)),
        spared=len(spared),
        without_spared=VOCABULARY.decode(_until_end(left)),
    )


def is_date(text: str) -> bool:
    """Whether it is a date of the calendar, written as the model was trained to: 2026-11-21."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def _model() -> Transformer:
    return build_model(_CONFIG)


def _without(model: Transformer, path: str, head: int) -> Transformer:
    other = copy.deepcopy(model)
    parent, _, name = path.rpartition(".")
    setattr(other.get_submodule(parent), name, without_head(_attention(model, path), head))
    return other


def _attention(model: Transformer, path: str) -> MultiHeadAttention:
    return cast(MultiHeadAttention, model.get_submodule(path))


def _missing(model: Transformer, rows: Sequence[Sequence[tuple[str, int]]]) -> nn.Module:
    """A copy for batches in which every row misses heads of its own, each said by its attention and number."""
    other = copy.deepcopy(model)
    for path in ATTENTIONS:
        attention = _attention(other, path)
        keep = torch.ones(len(rows), 1, HEADS, attention.d_v)
        for row, gone in enumerate(rows):
            keep[row, :, [head for where, head in gone if where == path]] = 0
        attention.w_o.register_forward_pre_hook(_Times(keep.flatten(2)))
    return other


class _Times:
    """Multiplies the input of W_O: a feature that is 0 has the same effect as a column of W_O that is 0."""

    def __init__(self, keep: Tensor) -> None:
        self.keep = keep

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
        return given[0] * self.keep


def _greedy(model: nn.Module, source: Tensor) -> Tensor:
    """The tokens that each row writes, (B, at most MOST_STEPS)."""
    begin = torch.full((source.size(0), 1), BEGIN)
    return greedy(lambda tokens: model(source, tokens)[:, -1].argmax(dim=-1), begin, END, MOST_STEPS)


def _until_end(tokens: Sequence[int]) -> list[int]:
    return [*tokens[: tokens.index(END) + 1]] if END in tokens else [*tokens]
