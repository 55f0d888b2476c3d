"""Two traces as a line: a bar for each pair of steps, as high as the two are apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.compare import StepPair, TraceComparison, Verdict
from engine.ops.notation import number
from pages.ui.components.mount import component

_component = component(__file__, "agreement_line")

_KINDS = {
    Verdict.AGREES: "agrees",
    Verdict.ROUNDING: "rounding",
    Verdict.HANDED_ON: "handed",
    Verdict.MADE_HERE: "made",
    Verdict.ONLY_IN_A: "alone",
    Verdict.ONLY_IN_B: "alone",
}
_SMALLEST = 1e-9  # a relative difference this small has no height
_APART = "{name}: {verdict}; at most {largest}, {relative} of the largest number"
_NO_NUMBERS = "{name}: {verdict}"
_ALONE = "no partner in the other trace"


def agreement_line(
    comparison: TraceComparison, chosen: StepPair | None, *, key: str, on_pick: Callable[[int], None]
) -> None:
    """Draws the line.

    Args:
        comparison: of two traces.
        chosen: the pair that is open; None for none.
        key: the component's key on the page.
        on_pick: gets the place of the pair that was pressed among all pairs. It is called before the next run.
    """
    pairs = comparison.pairs
    data = {
        "pairs": [[_KINDS[pair.verdict], height_of(pair), _label(pair)] for pair in pairs],
        "chosen": next((position for position, pair in enumerate(pairs) if pair is chosen), None),
        "first": next((position for position, pair in enumerate(pairs) if pair is comparison.first), None),
    }
    _component(key=key, data=data, height="content", on_pick_change=lambda: _picked(key, len(pairs), on_pick))


def height_of(pair: StepPair) -> float:
    """How high the bar of a pair is, 0 to 1: the relative difference on a logarithmic scale; 1 where it has none."""
    if pair.difference is None:
        return 0.0 if pair.verdict is Verdict.AGREES else 1.0
    relative = pair.difference.relative
    if relative <= _SMALLEST:
        return 0.0
    return min(1.0, 1 - math.log10(min(relative, 1.0)) / math.log10(_SMALLEST))


def _label(pair: StepPair) -> str:
    verdict = pair.verdict.value if pair.a is not None and pair.b is not None else _ALONE
    shown = {"name": pair.step.full_name, "verdict": verdict}
    if pair.difference is None or pair.difference.largest == 0:
        return _NO_NUMBERS.format(**shown)
    apart = pair.difference
    return _APART.format(**shown, largest=number(apart.largest, 3), relative=number(apart.relative, 3))


def _picked(key: str, count: int, on_pick: Callable[[int], None]) -> None:
    position: Any = st.session_state[key]["pick"]
    if isinstance(position, int) and 0 <= position < count:  # a browser is not trusted
        on_pick(position)
