"""Probabilities in words: one format for everything that is read at a glance, and the exact number for the hover."""

from __future__ import annotations

import math

from engine.ops.notation import number

_MOST_DIGITS = 9  # after the point; smaller numbers are written with their power of ten


def percent(share: float) -> str:
    """A probability in two significant figures, in per cent. What is not certain is never rounded to certainty."""
    if math.isnan(share):
        return "NaN"
    if share >= 0.995:
        return "100 %" if share == 1 else "> 99 %"
    if share < 0.0001:
        return "0 %" if share == 0 else "< 0.01 %"
    # The digits that two significant figures leave, once 9.96 has become 10.
    digits = 1 - math.floor(math.log10(float(f"{100 * share:.1e}")))
    return f"{100 * share:.{max(0, digits)}f} %"


def exact_percent(share: float) -> str:
    """A probability in per cent, to three digits of its distance from 0 or from certainty."""
    away = min(share, 1 - share)
    if math.isnan(share) or away <= 0:
        return f"{number(100 * share)} %"
    digits = max(0, 2 - math.floor(math.log10(100 * away)))
    return (
        f"{100 * share:.{digits}f} %" if digits <= _MOST_DIGITS or share > 0.5 else f"{number(100 * share, digits=3)} %"
    )
