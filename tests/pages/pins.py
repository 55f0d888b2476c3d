"""Cells of a stage, and what must hold of what the page says about any of them."""

from __future__ import annotations

import random
from collections.abc import Iterator

from engine import Leaf, Step, Trace
from pages.ui.components.tensor_view.player_types import Cell
from pages.ui.state.url_pin import exists
from pages.ui.state.url_step import Location
from pages.ui.views.explanation_view import explanation_of
from tests.engine.read_back import come_to, misprint, shows

Pin = tuple[Step, int, tuple[int, ...]]  # step, panel, index


def pins(trace: Trace, draw: random.Random) -> Iterator[Pin]:
    """The first, the last and a random cell of every input and of the output of every step."""
    for step in trace.steps:
        for panel, tensor in enumerate((*step.inputs, step)):
            shape = tuple(tensor.value.shape)
            if 0 not in shape:
                first, last = (0,) * len(shape), tuple(size - 1 for size in shape)
                for index in {first, last, tuple(draw.randrange(size) for size in shape)}:
                    yield step, panel, index


def faults(trace: Trace, pin: Pin) -> list[str]:
    """What is wrong with what the page says of this cell."""
    step, panel, index = pin
    here = Cell(step.index, index, panel if panel < len(step.inputs) else None)
    made = explanation_of(Location(trace, step), panel, index, (here,))
    wrong = []
    if not made.sentence.endswith(".") or not made.name or len(made.trail) != 1:
        wrong.append(f"no sentence: {made}")
    if made.arithmetic and (misprinted := misprint(made.arithmetic)):
        wrong.append(misprinted)
    if bool(made.heading) != bool(made.terms):
        wrong.append(f"a heading without numbers, or numbers without one: {made.heading!r}")
    factors = [factor for term in made.terms for factor in term.factors]
    wrong += [f"no such cell: {factor}" for factor in factors if factor.cell and not exists(trace, factor.cell)]
    for term in made.terms:
        if len(term.factors) == 2 and term.amount and "products" in made.heading:
            product = " · ".join(f"({factor.value})" for factor in term.factors)
            if not shows(term.amount, come_to(product), digits=4):
                wrong.append(f"{product} is shown as {term.amount}")
    if isinstance((*step.inputs, step)[panel], Leaf) and made.terms:
        wrong.append(f"no operation made it, but it has terms: {made.terms}")
    return [f"{step.full_name} ({step.op}), panel {panel}, {index}: {fault}" for fault in wrong]
