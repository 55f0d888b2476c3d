"""What the decoder expects when it is given a target (teacher forcing), beside what it writes on its own (greedy)."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from engine.runtime.decode import Decoded, NextToken, TeacherForced
from pages.ui.app.markdown_escape import code, visible
from pages.ui.state import session
from pages.ui.state.settings import Settings
from pages.ui.traces.trace_cache import CannotRunError, teacher_forced_of
from pages.ui.views.percentage import exact_percent, percent

_TARGET = "attention.told"
_HEAD = ("", "having written", "writes", "", "having been given", "expects", "", "is given", "")
_COLUMNS = (("row", 1), ("greedy", 3), ("teacher forcing", 5))
_SAME = "The target is what it writes itself, so both have read the same at every position."
_PART = (
    "They part at position {position}: it writes {token}, and {given} was given, to which it gave {share}. "
    "Up to there both have read the same."
)
_STYLE = """<style>
.forced { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
.forced th { font-weight: 400; text-align: left; opacity: 0.75; } .forced thead th { padding: 0.2rem 0.6rem; }
.forced td { padding: 0.2rem 0.6rem; border-top: 1px solid rgba(127, 127, 127, 0.3); }
.forced td.share { text-align: right; white-space: nowrap; } .forced code { font-size: 0.9rem; }
.forced tr.parted { background: rgba(217, 120, 74, 0.16); }
.forced-frame { overflow-x: auto; }
@media print { .forced-frame { overflow: visible; } }
</style>"""


def draw(settings: Settings, written: Decoded) -> None:
    """Draws the comparison, with a field for a target.

    Args:
        settings: those of the model.
        written: what it writes for the source on its own.
    """
    st.markdown("##### Greedy against teacher forcing")
    st.caption(
        "In training the decoder is told the right answer and asked for each next character of it (teacher forcing). "
        "Give it any target here: once that differs from what it writes, it reads something else and expects "
        "something else."
    )
    target = session.view("told") or written.text
    key, start = session.widget(_TARGET, target)
    st.text_input("A target to tell it", start, key=key, on_change=session.chosen(_TARGET, key, _keep_target))
    try:
        forced = teacher_forced_of(settings, written.source, target)
    except CannotRunError as error:
        st.error(str(error))
        return
    st.markdown(_difference(written, forced))
    st.html(table_html(written, forced))


def table_html(written: Decoded, forced: TeacherForced) -> str:
    """Both as a table: a row for each position, shares in short with the exact number on hover.

    Args:
        written: greedy.
        forced: of the target that was given.
    """
    positions = range(max(len(written.choices), len(forced.choices)))
    body = "".join(_row(position, written, forced) for position in positions)
    head = "".join(f"<th scope='col'>{word}</th>" for word in _HEAD)
    above = "".join(f"<th scope='colgroup' colspan='{span}'>{word}</th>" for word, span in _COLUMNS)
    return (
        f'{_STYLE}<div class="forced-frame"><table class="forced"><thead><tr>{above}</tr><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(position: int, written: Decoded, forced: TeacherForced) -> str:
    own = written.choices[position] if position < len(written.choices) else None
    given = forced.choices[position] if position < len(forced.choices) else None
    cells = [f"<td>{position}</td>"]
    if own:
        cells += [_cell(_read(written.choices, position)), _cell(own.token), _share(own.probability)]
    else:
        cells += ["<td></td>"] * 3
    if given:
        cells += [_cell(_read(forced.choices, position)), _cell(given.best), _share(given.ranked[0][1])]
        cells += [_cell(given.token), _share(given.probability)]
    else:
        cells += ["<td></td>"] * 5
    parted = bool(own and given and own.token != given.token)
    return f"<tr{' class=parted' if parted else ''}>{''.join(cells)}</tr>"


def _cell(text: str) -> str:
    return f"<td><code>{html.escape(visible(text))}</code></td>"


def _share(share: float) -> str:
    return f'<td class="share" title="{html.escape(exact_percent(share))}">{html.escape(percent(share))}</td>'


def _difference(written: Decoded, forced: TeacherForced) -> str:
    """Where the given target first differs from what was written."""
    pairs = zip(written.choices, forced.choices, strict=False)
    for position, (own, given) in enumerate(pairs):
        if own.token != given.token:
            share = percent(given.probability)
            return _PART.format(position=position, token=code(own.token), given=code(given.token), share=share)
    return _SAME


def _read(choices: Sequence[NextToken], position: int) -> str:
    return "⟨begin⟩" + "".join(choice.token for choice in choices[:position])


def _keep_target(target: str) -> None:
    session.change_view(told=target or None)
