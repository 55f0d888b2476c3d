"""What a recorded program raised: the failing call, torch's own line, its operands with the edges that disagree."""

from __future__ import annotations

from html import escape

import streamlit as st

from engine import Trace
from engine.record.failure.failure import FailedOperand, Failure
from engine.wording import counted
from pages.ui.app import palette
from pages.ui.app.theme import is_dark

_CALL = "Line {line} of {file}"
_OPERATION = "The call of {op} raised {error}"
_REMEDY = "Nearest that works:"
_BEFORE_ONE, _BEFORE_MANY = "{count} step ran before it.", "{count} steps ran before it, below."
_NONE_BEFORE = "No step ran before it."
_DISAGREES = "this edge does not agree"
_STYLE = """
<style>
.failure { border: 1px solid var(--edge); border-left: 4px solid var(--bad); border-radius: 8px; }
.failure { padding: 12px 18px 14px; margin-bottom: 1rem; font-size: 0.95rem; }
.failure h2 { font-size: 1.1rem; font-weight: 600; margin: 0; padding: 0 0 4px; }
.failure code { font-size: 0.92em; overflow-wrap: anywhere; }
.failure p { margin: 6px 0 0; }
.failure .torch { font: 0.85rem/1.5 var(--st-code-font, monospace), monospace; opacity: 0.85; overflow-wrap: anywhere; }
.failure .operands { display: flex; flex-wrap: wrap; gap: 14px 40px; list-style: none; }
.failure .operands { margin: 14px 0 10px; padding: 0; }
.failure .operands li { margin: 0; min-width: 0; }
.failure .shape { display: flex; flex-wrap: wrap; gap: 6px; margin: 4px 0; }
.failure .edge { font: 1rem/1.3 var(--st-code-font, monospace), monospace; padding: 3px 9px; border-radius: 6px; }
.failure .edge { border: 1px solid var(--edge); border-bottom: 3px solid var(--hue); white-space: nowrap; }
.failure .edge.wrong { border-color: var(--bad); color: var(--bad); font-weight: 700; background: var(--bad-wash); }
.failure .origin { font-size: 0.85rem; opacity: 0.85; overflow-wrap: anywhere; }
</style>
"""
_TONES = {
    False: "--bad: #c0362c; --bad-wash: #fdeceb; --edge: #e0e4ec",
    True: "--bad: #ff9d93; --bad-wash: #3a1a17; --edge: #343a46",
}


def draw(trace: Trace) -> None:
    """Draws the failure of a trace, where it has one.

    Args:
        trace: any trace.
    """
    if trace.failure is not None:
        st.html(failure_html(trace.failure, len(trace.steps), is_dark()))


def failure_html(failure: Failure, steps: int, dark: bool) -> str:
    """A failure as HTML.

    Args:
        failure: what was raised.
        steps: how many steps ran before it.
        dark: whether the page is dark.
    """
    reason = f"<p>{escape(failure.reason)}</p>" if failure.reason != failure.message else ""
    remedy = f"<p>{_REMEDY} <code>{escape(failure.remedy)}</code></p>" if failure.remedy else ""
    before = counted(steps, _BEFORE_ONE, _BEFORE_MANY) if steps else _NONE_BEFORE
    operands = "".join(_operand(failure, number, dark) for number in range(len(failure.operands)))
    return (
        f'{_STYLE}<section class="failure" style="{_TONES[dark]}" aria-label="what failed">'
        f"<h2>{_title(failure)}</h2>"
        f'<p class="torch">{escape(failure.error)}: {escape(failure.message)}</p>'
        f'<ul class="operands">{operands}</ul>{reason}{remedy}<p class="origin">{before}</p></section>'
    )


def _title(failure: Failure) -> str:
    if not failure.file:
        return escape(_OPERATION.format(op=failure.op, error=failure.error))
    where = escape(_CALL.format(line=failure.line, file=failure.file))
    return f"{where}: <code>{escape(failure.expression)}</code>" if failure.expression else where


def _operand(failure: Failure, number: int, dark: bool) -> str:
    operand = failure.operands[number]
    wrong = {edge.axis % len(operand.shape) for edge in failure.edges if edge.operand == number and operand.shape}
    edges = "".join(_edge(operand, axis, axis in wrong, dark) for axis in range(len(operand.shape)))
    dtype = str(operand.dtype).removeprefix("torch.")
    device = "" if operand.value.device.type == "cpu" else f" on {operand.value.device}"
    return (
        f"<li><b>{escape(operand.name)}</b> "
        f'<div class="shape" role="list" aria-label="shape">{edges or "a single number"}</div>'
        f'<div class="origin">{escape(f"{dtype}{device}{operand.origin_text}")}</div></li>'
    )


def _edge(operand: FailedOperand, axis: int, is_wrong: bool, dark: bool) -> str:
    symbol = operand.axes[axis] if operand.axes else None
    hue = palette.axis_colour(symbol, dark) if symbol else palette.NEUTRAL.on(dark)
    kind, title = ("edge wrong", f' title="{_DISAGREES}"') if is_wrong else ("edge", "")
    text = escape(operand.axis_text(axis))
    return f'<span class="{kind}" role="listitem" style="--hue: {hue}"{title}>{text}</span>'
