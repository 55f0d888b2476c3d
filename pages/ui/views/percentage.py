"""Probabilities in words: one format for everything that is read at a glance, and the exact number for the hover.

Their spaces do not break: a number and its sign stand in one line.
"""

from __future__ import annotations

import math

from engine.ops.notation import number

_MOST_DIGITS = 9  # after the point; smaller numbers are written with their power of ten


def percent(share: float) -> str:
    """A probability in two significant figures, in per cent. What is not certain is never rounded to certainty."""
    if math.isnan(share):
        return "NaN"
    if share >= 0.995:
        return "100\u00a0%" if share == 1 else ">\u00a099\u00a0%"
    if share < 0.0001:
        return "0\u00a0%" if share == 0 else "<\u00a00.01\u00a0%"
    # The digits that two significant figures leave, once 9.96 has become 10.
    digits = 1 - math.floor(math.log10(float(f"{100 * share:.1e}")))
    return f"{100 * share:.{max(0, digits)}f}\u00a0%"


def exact_percent(share: float) -> str:
    """A probability in per cent, to three digits of its distance from 0 or from certainty."""
    away = min(share, 1 - share)
    if math.isnan(share) or away <= 0:
        return f"{number(100 * share)}\u00a0%"
    digits = max(0, 2 - math.floor(math.log10(100 * away)))
    return (
        f"{100 * share:.{digits}f}\u00a0%"
        if digits <= _MOST_DIGITS or share > 0.5
        else f"{number(100 * share, digits=3)}\u00a0%"
    )
