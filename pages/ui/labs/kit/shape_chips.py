"""A shape as chips in the colours of its axes, and an operation as the shapes that meet in it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

import streamlit as st

from engine.axes import axis
from pages.ui.app.palette import axis_tones

_STYLE = """
<style>
.meeting { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 0.5rem 0.9rem;
  font-variant-numeric: tabular-nums; }
.meeting .operand { display: inline-flex; flex-direction: column; gap: 0.15rem; }
.meeting .name { font-size: 0.8rem; opacity: 0.75; }
.meeting .sign { font-size: 1.05rem; padding-bottom: 0.25rem; opacity: 0.8; }
</style>
"""

CHIP_STYLE = """
<style>
.shape-chips { display: inline-flex; flex-wrap: wrap; gap: 0.15rem 0.3rem; }
.shape-chips .chip { padding: 0.1rem 0.4rem 0.2rem; border-radius: 0.3rem; border: 2px solid transparent;
  font-family: var(--st-code-font, "Source Code Pro", monospace); font-size: 0.9rem; white-space: nowrap; }
.shape-chips .chip small { opacity: 0.8; font-size: 0.8rem; }
.shape-chips .axis { border-bottom: 2px solid; padding-bottom: 1px; }
.shape-chips .apart { border: 2px dashed light-dark(#b42318, #ff8f86); }
</style>
"""

Mark = Literal["", "agrees", "apart"]
Shape = tuple[str, Sequence[str], Sequence[int]]  # name, symbol of each axis, size of each


def meeting(left: Shape, sign: str, right: Shape, result: Shape, *, meet: tuple[int, int]) -> None:
    """Draws ``left sign right → result``.

    Args:
        left, right: the operands.
        sign: the operation's sign.
        result: what comes out; without sizes where PyTorch raised.
        meet: the axis of ``left`` and the axis of ``right`` that must agree.
    """
    agree = left[2][meet[0]] == right[2][meet[1]]
    parts = (
        _operand(left, meet[0], agree),
        f'<span class="sign">{html.escape(sign)}</span>',
        _operand(right, meet[1], agree),
        '<span class="sign">→</span>',
        _operand(result, None, True) if len(result[2]) else '<span class="sign">nothing: PyTorch raises</span>',
    )
    st.html(f'{CHIP_STYLE}{_STYLE}<div class="meeting">{"".join(parts)}</div>')


def _operand(shape: Shape, met: int | None, agree: bool) -> str:
    name, axes, sizes = shape
    mark: Mark = "agrees" if agree else "apart"
    pairs = enumerate(zip(axes, sizes, strict=True))
    chips = "".join(chip(symbol, size, mark if index == met else "") for index, (symbol, size) in pairs)
    return (
        f'<span class="operand"><span class="name">{html.escape(name)}</span>'
        f'<span class="shape-chips">{chips}</span></span>'
    )


def chip(symbol: str, size: int, mark: Mark = "") -> str:
    """HTML, to stand in an element of the class ``shape-chips``, of one size under its axis's symbol.

    Args:
        symbol: the axis's symbol, a product's as ``H*d_k``; each factor has its own colour.
        size: the axis's size.
        mark: whether the size is one of two that must agree, and does, or is apart from the other.
    """
    tones = axis_tones(symbol)
    colour = f"light-dark({tones[0].light}, {tones[0].dark})"
    style = f' style="background: color-mix(in srgb, {colour} 24%, transparent)"' if mark == "agrees" else ""
    kind = "chip apart" if mark == "apart" else "chip"
    factors = "·".join(
        f'<span class="axis" style="border-color: light-dark({tone.light}, {tone.dark})">{html.escape(factor)}</span>'
        for factor, tone in zip(symbol.split("*"), tones, strict=True)
    )
    meaning = html.escape(axis(symbol).meaning or axis(symbol).name)
    return f'<span class="{kind}" title="{meaning}"{style}><small>{factors}</small> <b>{size:,}</b></span>'
