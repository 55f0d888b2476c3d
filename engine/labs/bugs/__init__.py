"""Right and wrong attention side by side: the steps of both, the first that differs, and what a test would notice."""

from __future__ import annotations

import math
import traceback
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.compare import StepPair
from engine.compare import compare as compare_traces
from engine.labs.bugs.mistakes import MISTAKES, AttentionMistake, Program, program
from engine.labs.bugs.sublayer import Sublayer, attention, inputs
from engine.record.recorder import record
from engine.record.trace import Step, Trace

# float32 numbers of size 1 that were added up in another order differ by less.
ROUNDING = 1e-5
CHANGES = ("heads", "batch", "batch = length", "length", "length = heads", "padding", "source = target")
_STAGES = {
    "the projections w_q, w_k, w_v": ("before", "query", "key", "value"),
    "splitting the heads": tuple(f"{name}_{how}" for name in ("query", "key", "value") for how in ("cut", "heads")),
    "the scores": ("key_t", "scores"),
    "the division": ("scaled",),
    "the mask": ("per_query", "padded", "mask", "eq", "masked"),
    "the softmax": ("weights",),
    "the mix of values": ("mixed",),
    "merging the heads": ("moved", "packed", "concat"),
    "the projection w_o": ("output",),
    "the sum and the norm": ("added", "normed"),
}
STAGES = tuple(_STAGES)


@dataclass(frozen=True)
class SublayerSizes:
    """The sizes of one experiment.

    Attributes:
        batch: how many sentences, B.
        length: how many tokens ask, L.
        source: how many are asked, L_k; counts only where the mistake is in the attention to the encoder.
        heads: how many heads, H.
        d_k: the width of a query in a head; d_model is H * d_k.
        padding: how many keys of the last sentence are padding; one at least is a word.
    """

    batch: int
    length: int
    source: int
    heads: int
    d_k: int
    padding: int

    @property
    def d_model(self) -> int:
        """The width of a token's vector, H * d_k."""
        return self.heads * self.d_k


@dataclass(frozen=True)
class Material:
    """Weights and inputs that the right and the wrong program share (``engine.labs.bugs.sublayer``).

    Attributes:
        layer: the sublayer with its weights.
        x: (B, L, d_model), the tokens that ask.
        memory: (B, L_k, d_model), those that are asked.
        padding: (B, L_k), True at keys that are padding.
        future: (L, L_k), True at keys that come later; None where a query may see them.
    """

    layer: Sublayer
    x: Tensor
    memory: Tensor
    padding: Tensor
    future: Tensor | None

    @property
    def hidden(self) -> Tensor:
        """(B, L, L_k), True at what a query must not see."""
        per_query = self.padding.unsqueeze(1)
        return per_query.expand(-1, self.x.size(1), -1) if self.future is None else per_query | self.future


@dataclass(frozen=True)
class Pair:
    """A step of the right and of the wrong run that have the same name.

    Attributes:
        name: what both programs call it.
        stage: which part of the attention it belongs to.
        verdict: "same"; "differs" in its numbers; "shape"; "raised"; "only right" or "only wrong", where the other
            program has no such line; "not reached".
        unequal: how many numbers differ, None where they cannot be compared.
        difference: by how much at most; NaN or infinite where only one of two numbers is.
    """

    name: str
    stage: str
    verdict: str
    right: Step | None = field(repr=False)
    wrong: Step | None = field(repr=False)
    unequal: int | None = None
    difference: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether the wrong program made something else here, or failed."""
        return self.verdict in ("differs", "shape", "raised")


@dataclass(frozen=True)
class RunComparison:
    """Both runs, step by step.

    Attributes:
        pairs: the steps of both runs.
        first: the index of the first pair that differs, None where none does.
        error: PyTorch's error, empty where the wrong program ran.
        outputs: the right and the wrong one, (B, L, d_model) each; the wrong one is None where it raised.
        difference: the largest difference of the outputs, NaN where one of them has NaN.
        material: the weights and inputs of both.
    """

    pairs: tuple[Pair, ...]
    first: int | None
    error: str
    outputs: tuple[Tensor, Tensor | None]
    difference: float
    material: Material = field(repr=False)

    @property
    def outcome(self) -> str:
        """ "raises", "wrong" or "right"."""
        return "raises" if self.error else "right" if self.difference <= ROUNDING else "wrong"


def material(sizes: SublayerSizes, crossed: bool, seed: int = 0) -> Material:
    """Seeded weights and inputs for these sizes.

    Args:
        sizes: of the experiment.
        crossed: whether the attention is the one to the encoder.
        seed: of weights and inputs.
    """
    keys = sizes.source if crossed else sizes.length
    layer = Sublayer(sizes.heads, sizes.d_k, seed)
    x, memory, padding = inputs(sizes.batch, sizes.length, keys, sizes.d_model, min(sizes.padding, keys - 1), seed)
    if crossed:
        return Material(layer, x, memory, padding, None)
    return Material(layer, x, x, padding, torch.ones(keys, keys, dtype=torch.bool).triu(diagonal=1))


def compare(mistake: int, sizes: SublayerSizes, seed: int = 0) -> RunComparison:
    """Runs the right program and the one with this mistake on the same numbers.

    Args:
        mistake: its index in ``MISTAKES``.
        sizes: of the experiment.
        seed: of weights and inputs.
    """
    mistake_made = MISTAKES[mistake]
    tensors = material(sizes, mistake_made.crossed, seed)
    right, wrong = recorded(attention, tensors), recorded(program(mistake_made), tensors)
    error = wrong.output if isinstance(wrong.output, RuntimeError) else None
    pairs = _pairs(right, wrong, None if error is None else _name_at(error, mistake_made))
    return RunComparison(
        pairs=pairs,
        first=next((index for index, pair in enumerate(pairs) if pair.is_wrong), None),
        error="" if error is None else str(error),
        outputs=(right.output, None if error else wrong.output),
        difference=math.nan if error else apart(right.output, wrong.output)[1],
        material=tensors,
    )


def changed(sizes: SublayerSizes, change: str) -> tuple[str, SublayerSizes]:
    """The same sizes but for one, and what to call them. A change that is there already is undone."""
    match change:
        case "heads":
            heads = 2 if sizes.heads == 1 else 1
            return ("one head" if heads == 1 else "2 heads"), replace(sizes, heads=heads)
        case "batch":
            batch = 2 if sizes.batch == 1 else 1
            return ("one sentence" if batch == 1 else "2 sentences"), replace(sizes, batch=batch)
        case "batch = length":
            batch = sizes.length + (sizes.batch == sizes.length)
            return f"batch {batch}, length {sizes.length}", replace(sizes, batch=batch)
        case "length":
            length = 3 if sizes.length == 1 else 1
            return ("one word" if length == 1 else "3 words"), replace(sizes, length=length)
        case "length = heads":
            length = sizes.heads + (sizes.heads == sizes.length)
            return f"length {length}, {sizes.heads} heads", replace(sizes, length=length)
        case "padding":
            padding = int(sizes.padding == 0)
            return ("one padded word" if padding else "no padding"), replace(sizes, padding=padding)
        case _:
            source = sizes.length + (sizes.source == sizes.length)
            return f"source length {source}, target length {sizes.length}", replace(sizes, source=source)


def other_sizes(mistake: int, sizes: SublayerSizes) -> tuple[tuple[str, SublayerSizes], ...]:
    """The sizes with one of them changed at a time, and what to call them."""
    crossed = MISTAKES[mistake].crossed
    return tuple(changed(sizes, change) for change in CHANGES if crossed or change != "source = target")


def with_other_sizes(mistake: int, sizes: SublayerSizes) -> tuple[tuple[str, RunComparison], ...]:
    """The same mistake with one size changed at a time."""
    return tuple((name, compare(mistake, other)) for name, other in other_sizes(mistake, sizes))


def recorded(run: Program, tensors: Material) -> Trace:
    """The trace of a program; its output is the error where it raised one."""
    with torch.no_grad():
        return record(attempted, run, tensors)


def attempted(run: Program, tensors: Material) -> Tensor | RuntimeError:
    """What a program returns, or the error, handed back so that the steps before it stay recorded."""
    try:
        return run(tensors.layer, tensors.x, tensors.memory, tensors.padding, tensors.future)
    except RuntimeError as error:
        return error


def apart(right: Tensor, wrong: Tensor) -> tuple[int, float]:
    """How many numbers of two tensors of one shape differ, and by how much at most; NaN equals NaN."""
    same = (right == wrong) | (right.isnan() & wrong.isnan())
    if same.all():
        return 0, 0.0
    differences = (right.double() - wrong.double()).abs()[~same]
    return int((~same).sum()), math.nan if differences.isnan().any() else differences.max().item()


def _pairs(right: Trace, wrong: Trace, raised: str | None) -> tuple[Pair, ...]:
    """The steps of both runs as ``engine.compare`` pairs them, in their order."""
    pairs: list[Pair] = []
    stopped = False
    for pair in compare_traces(right, wrong).pairs:
        if pair.a is not None and pair.b is not None:
            pairs.append(_pair(pair, pair.a, pair.b))
        elif pair.a is None:
            pairs.append(Pair(pair.step.name, _stage(pair.step.name), "only wrong", None, pair.b))
        else:
            step = pair.a
            stopped = stopped or step.name == raised
            verdict = "raised" if step.name == raised else "not reached" if stopped else "only right"
            pairs.append(Pair(step.name, _stage(step.name), verdict, step, None))
    return tuple(pairs)


def _pair(pair: StepPair, right: Step, wrong: Step) -> Pair:
    if right.shape != wrong.shape:
        return Pair(right.name, _stage(right.name), "shape", right, wrong)
    unequal, difference = apart(right.value, wrong.value)
    verdict = "same" if pair.difference is None or pair.difference.agrees else "differs"
    return Pair(right.name, _stage(right.name), verdict, right, wrong, unequal, difference)


def _stage(name: str) -> str:
    return next(stage for stage, names in _STAGES.items() if name in names)


def _name_at(error: RuntimeError, mistake: AttentionMistake) -> str:
    """The name that the line that raised would have assigned."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next(frame.line for frame in frames if frame.filename == f"<{mistake.title}>")
    return (line or "").partition(" = ")[0].strip()
