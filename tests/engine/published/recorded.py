"""What tests of other people's models share: their recordings, and what must hold of every step of any recording."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from engine import Step, Trace, explain, ops, record
from engine.explain.walk import Walk
from engine.ops.access import NoAccess
from tests.engine.published_models import ARCHITECTURES, ATTENTION, published_model

EVERY_MODEL = [(name, attention) for name in ARCHITECTURES for attention in ATTENTION]
# These hand out memory as it is or random numbers, and say so: there is no arithmetic that could agree.
WITHOUT_ARITHMETIC = frozenset(("empty", "empty_like", "new_empty", "rand", "randn", "bernoulli", "normal"))


@functools.cache
def trace_of(name: str, attention: str) -> Trace:
    """The recording of a published model at rest, with gradients."""
    published = published_model(name, attention)
    return record(published.model, **published.inputs)


def tensors_of(result: Any) -> list[Tensor]:
    """The tensors of what a model returned, in order; what it returned beside them (a cache) is left out."""
    if isinstance(result, Tensor):
        return [result]
    values = result.values() if isinstance(result, Mapping) else result if isinstance(result, tuple | list) else ()
    return [tensor for value in values for tensor in tensors_of(value)]


def last_step(trace: Trace) -> Step:
    """The step that made the first tensor of the output."""
    output = tensors_of(trace.output)[0]
    return next(step for step in reversed(trace.steps) if step.value is output)


def unexplained(trace: Trace, draw: random.Random) -> Iterator[str]:
    """What is wrong with the explanations of drawn elements, one of each step, those of opened calls included."""
    for step in trace.steps:
        if step.inside is not None:
            size = max(1.0, step.value.detach().abs().max().item()) if step.value.numel() else 1.0
            if step.inside_difference is None or step.inside_difference > 1e-5 * size:
                yield f"{step.op}: its inside differs by {step.inside_difference}"
            if step.output == 0:
                yield from unexplained(step.inside, draw)
        if ops.reads(step) is None:
            if step.inside is None:
                yield f"{step.op} is unknown"
            continue
        if step.value.numel():
            explanation = explain(trace, step, tuple(map(draw.randrange, step.shape)))
            if not explanation.agrees and step.op.removesuffix("_") not in WITHOUT_ARITHMETIC:
                yield f"{step.op}: {explanation.sentence}"


def ancestors(last: Step) -> set[int]:
    """The steps that a step was made from, itself included: by the parents of which more than the shape counted."""
    seen: set[int] = set()
    waiting = [last]
    while waiting:
        step = waiting.pop()
        if step.index in seen:
            continue
        seen.add(step.index)
        reads = ops.reads(step)
        for number, parent in enumerate(step.inputs):
            # An empty tensor has no element to be read.
            unread = reads is not None and isinstance(reads[number], NoAccess)
            if isinstance(parent, Step) and not unread and parent.value.numel():
                waiting.append(parent)
    return seen


def missed_gradients(walk: Walk, trace: Trace, element: Tensor) -> list[str]:
    """The elements that change an element of the output, as autograd has it, to which the walk from it never came."""
    # Where the same tensor was handed back the numbers are those of the step that made them.
    made = [step for step in trace.steps if step.memory != "same"]
    steps = [step for step in made if step.value.requires_grad and step.value.grad_fn is not None]
    gradients = torch.autograd.grad(element, [step.value for step in steps], retain_graph=True, allow_unused=True)
    missed = []
    for step, gradient in zip(steps, gradients, strict=True):
        reached = walk.steps.get(step.index)
        nowhere = torch.zeros(step.shape, dtype=torch.bool)
        if gradient is not None and bool(((gradient != 0) & ~(nowhere if reached is None else reached.elements)).any()):
            missed.append(f"{step.index} {step.op}")
    return missed
