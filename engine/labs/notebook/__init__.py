"""The classic exercise on multi-head attention, run line by line: from token ids of different lengths to W_O."""

from __future__ import annotations

import inspect
import math
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.labs.script_text import fill_in
from engine.record.recorder import record
from engine.record.trace import Step, Trace

_SCRIPT = Path(__file__).with_name("script.py")

VOCABULARY = 100
PAD = 0
_LINE = re.compile(r"\s*(?P<code>(?P<name>\w+) = .*?)\s*# \((?P<axes>.*)\)")


class Notebook(nn.Module):
    """Embedding, four projections, and the exercise's lines ("Attention Is All You Need", section 3.2.2).

    ``padded`` is a list of B lists of L token ids. Returns (B, L, d_model).
    """

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.d_model, self.heads, self.d_k = d_model, heads, d_model // heads
        self.embedding = nn.Embedding(VOCABULARY, d_model)
        self.w_q = nn.Linear(d_model, d_model)
        self.w_k = nn.Linear(d_model, d_model)
        self.w_v = nn.Linear(d_model, d_model)
        self.w_o = nn.Linear(d_model, d_model)

    def forward(self, padded: list[list[int]]) -> Tensor:
        batch = torch.tensor(padded)  # (B, L)
        batch_size, length = batch.shape
        embedded = self.embedding(batch)  # (B, L, d_model)
        q = self.w_q(embedded)  # (B, L, d_model)
        k = self.w_k(embedded)  # (B, L_k, d_model)
        v = self.w_v(embedded)  # (B, L_k, d_model)
        q = q.view(batch_size, length, self.heads, self.d_k)  # (B, L, H, d_k)
        k = k.view(batch_size, length, self.heads, self.d_k)  # (B, L_k, H, d_k)
        v = v.view(batch_size, length, self.heads, self.d_k)  # (B, L_k, H, d_k)
        q = q.transpose(1, 2)  # (B, H, L, d_k)
        k = k.transpose(1, 2)  # (B, H, L_k, d_k)
        v = v.transpose(1, 2)  # (B, H, L_k, d_k)
        k_t = k.transpose(-2, -1)  # (B, H, d_k, L_k)
        scores = q @ k_t  # (B, H, L, L_k)
        scaled = scores / math.sqrt(self.d_k)  # (B, H, L, L_k)
        weights = scaled.softmax(dim=-1)  # (B, H, L, L_k)
        mixed = weights @ v  # (B, H, L, d_k)
        moved = mixed.transpose(1, 2)  # (B, L, H, d_k)
        packed = moved.contiguous()  # (B, L, H, d_k)
        concat = packed.view(batch_size, length, self.d_model)  # (B, L, d_model)
        output = self.w_o(concat)  # (B, L, d_model)
        return output


@dataclass(frozen=True)
class NotebookLine:
    """A line of the exercise.

    Attributes:
        number: of the line in the exercise, from 1.
        name: what it assigns.
        code: as it is written.
        axes: the symbols of the axes it should have.
        step: what it made; None where it was not reached or raised.
    """

    number: int
    name: str
    code: str
    axes: tuple[str, ...]
    step: Step | None = field(repr=False)

    @property
    def deed(self) -> tuple[str, str]:
        """Name and operation, which tell the lines apart: ("q", "view"); as far as the line was run."""
        return self.name, self.step.op if self.step else ""


@dataclass(frozen=True)
class Replay:
    """The exercise as it ran.

    Attributes:
        lengths: how many real tokens each sentence has; the longest has L.
        lines: all its lines, in order.
        error: what PyTorch raised, empty where every line ran.
        raised: the number of the line that raised, 0 where none did.
        to_padding: of the attention that real tokens give, the mean share that goes to padding.
        trace: what was recorded of it.
    """

    lengths: tuple[int, ...]
    lines: tuple[NotebookLine, ...]
    error: str
    raised: int
    to_padding: float
    trace: Trace = field(repr=False)


def replay(batch: int, length: int, d_model: int, heads: int, seed: int = 0) -> Replay:
    """Runs the exercise on sentences of random token ids (B of them, 1 to L long), watched line by line.

    Args:
        batch: how many sentences, B.
        length: of the longest, in tokens, L.
        d_model: the width of a token's vector.
        heads: how many heads, H.
        seed: of weights, ids and lengths.
    """
    draw = torch.Generator().manual_seed(seed)
    lengths = [length, *torch.randint(1, length + 1, (batch - 1,), generator=draw).tolist()]
    data = [torch.randint(1, VOCABULARY, (count,), generator=draw).tolist() for count in lengths]
    padded = [sentence + [PAD] * (length - len(sentence)) for sentence in data]
    model = _drawn(d_model, heads, draw)
    with torch.no_grad():
        trace = record(_run, model, padded)
    source, first = inspect.getsourcelines(Notebook.forward)
    steps_by_line = {step.source.line: step for step in trace.steps if step.source}
    raised_at = _line_of(trace.output) if isinstance(trace.output, RuntimeError) else None
    lines: list[NotebookLine] = []
    raised = 0
    for index, text in enumerate(source, first):
        if match := _LINE.match(text):
            name, code = match["name"], match["code"].replace("self.", "")
            axes = tuple(match["axes"].split(", "))
            lines.append(NotebookLine(len(lines) + 1, name, code, axes, steps_by_line.get(index)))
            raised = len(lines) if index == raised_at else raised
    return Replay(
        lengths=tuple(lengths),
        lines=tuple(lines),
        error=str(trace.output) if _failed(trace) else "",
        raised=raised,
        to_padding=0.0 if _failed(trace) else _to_padding(trace.find("weights").value, lengths),
        trace=trace,
    )


def nearest(d_model: int, heads: int, widths: tuple[int, int], counts: tuple[int, int]) -> tuple[list[int], list[int]]:
    """The nearest values that divide: of d_model for these heads, and of heads for this d_model, inside the limits.

    Args:
        d_model, heads: which do not divide.
        widths: the least and the greatest d_model.
        counts: the least and the greatest number of heads.
    """
    fitting = [width for width in range(widths[0], widths[1] + 1) if width % heads == 0]
    dividing = [count for count in range(counts[0], counts[1] + 1) if d_model % count == 0]
    return _neighbours(fitting, d_model), _neighbours(dividing, heads)


def with_the_length_left_open(batch: int, length: int, d_model: int, heads: int) -> tuple[tuple[int, ...], str]:
    """``q.view(batch_size, -1, heads, d_k)``, as many write it: the shape it gives, or nothing and the error.

    torch.Tensor.view: -1 is inferred from the other sizes and the number of elements.

    Args:
        batch, length, d_model, heads: of ``replay``.
    """
    q = torch.zeros(batch, length, d_model)
    try:
        return tuple(q.view(batch, -1, heads, d_model // heads).shape), ""
    except RuntimeError as error:
        return (), str(error)


def code(batch: int, length: int, d_model: int, heads: int) -> str:
    """The exercise as a script that prints the shape of every line; with the draws of ``replay``.

    Args:
        batch, length, d_model, heads: of ``replay``.
    """
    return fill_in(
        _SCRIPT, batch_size=batch, length=length, d_model=d_model, heads=heads, vocabulary=VOCABULARY, pad=PAD
    )


def _run(model: Notebook, padded: list[list[int]]) -> Tensor | RuntimeError:
    """An error is handed back, so that the lines before it are recorded all the same."""
    try:
        output: Tensor = model(padded)
    except RuntimeError as error:
        return error
    return output


def _line_of(error: RuntimeError) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    return next(frame.lineno for frame in frames if frame.filename == __file__ and frame.name == "forward")


def _drawn(d_model: int, heads: int, draw: torch.Generator) -> Notebook:
    """The exercise's layers with torch's own scales: normal embeddings, ±1/√d_model in a Linear of that width."""
    model = Notebook(d_model, heads)
    for name, parameter in model.named_parameters():
        if name == "embedding.weight":
            nn.init.normal_(parameter, generator=draw)
        else:
            nn.init.uniform_(parameter, -(d_model**-0.5), d_model**-0.5, generator=draw)
    return model


def _failed(trace: Trace) -> bool:
    return isinstance(trace.output, RuntimeError)


def _neighbours(values: list[int], wanted: int) -> list[int]:
    below = [value for value in values if value < wanted]
    above = [value for value in values if value > wanted]
    return [*below[-1:], *above[:1]]


def _to_padding(weights: Tensor, lengths: list[int]) -> float:
    shares = [weights[row, :, :count, count:].sum(-1).flatten() for row, count in enumerate(lengths)]
    return torch.cat(shares).mean().item()
