"""The view of a page, read from its address, and one banner for everything asked for that is not shown.

The view is all that a page reads from its address except the settings. A value that cannot be used as it is gets a note
while the page is drawn; the banner above the page has the notes of the settings and of the view together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import streamlit as st

from engine import Step, Trace
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.state import session
from pages.ui.state.link_values import LinkProblem, Note, choice, whole_number
from pages.ui.state.url_step import Location, location_from_key, location_to_key, split_key, step_from_key, step_to_key

MANY = "{count} values that were asked for cannot be used:\n\n{notes}"
STILL_MORE = "{count} more"
NO_STEP = "This model has no step {asked}. Shown is {used}."

_NOTES = "link-notes"  # the style of the pages has a place for it
_MOST = 5  # notes in a banner: a link can bring any number of them


@dataclass
class _Banner:
    notes: dict[tuple[str, ...], Note] = field(default_factory=dict)
    has_inner: bool = False  # a fragment within has a banner of its own, which is drawn again with it


_BANNER: ContextVar[_Banner | None] = ContextVar("banner", default=None)


@contextmanager
def banner() -> Iterator[None]:
    """Draws, above what is drawn within, the notes on the settings of the link and on the view read within.

    A fragment that reads the view needs a banner of its own; the outer banner then leaves all notes to it.
    """
    above = st.empty()
    within, outer = _Banner(), _BANNER.get()
    token = _BANNER.set(within)
    try:
        yield
    finally:
        _BANNER.reset(token)
    if outer is not None:
        outer.has_inner = True
    if not within.has_inner:
        settings = {note.names: note for note in session.notes()}
        view = {names: note for names, note in within.notes.items() if names not in settings}
        texts = [note.text for note in (settings | view).values()]
        if texts:
            with above.container(key=_NOTES):
                st.warning(_written(texts))


def _written(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    rest = len(texts) - _MOST
    lines = [*texts[:_MOST], *([STILL_MORE.format(count=rest)] if rest > 0 else [])]
    return MANY.format(count=len(texts), notes="\n".join(f"- {line}" for line in lines))


def note(problem: LinkProblem | None, used: object = "") -> None:
    """Adds to the banner that a value of the view is not shown as asked for; does nothing outside of a banner.

    Args:
        problem: what is wrong with the value; None where it is shown as asked for.
        used: what is shown instead, safe to show.
    """
    within = _BANNER.get()
    if problem is not None and within is not None:
        added = problem.note(used)
        within.notes[added.names] = added


def number(name: str, label: str, low: int, high: int, usual: int | None = None) -> int:
    """A whole number of the view.

    Args:
        name: what the address calls it.
        label: what people see it called.
        low: the smallest that works.
        high: the largest.
        usual: what is used where the address has none; by default ``low``.
    """
    usual = min(max(low if usual is None else usual, low), high)
    text = session.view(name)
    if not text:
        return usual
    value, problem = whole_number(name, text, low, high, usual, label)
    note(problem, value)
    return value


def pick(name: str, label: str, options: Sequence[str], usual: str, shown: Callable[[str], str] = code) -> str:
    """One of a few options of the view.

    Args:
        name: what the address calls it.
        label: what people see it called.
        options: all that work.
        usual: what is used where the address has none.
        shown: how a note writes an option.
    """
    text = session.view(name)
    if not text:
        return usual
    value, problem = choice(name, text, options, usual, label)
    note(problem, shown(value))
    return value


def step(trace: Trace) -> Step:
    """The step of the view; where this trace has none of that name, its relative in the last layer, or the first."""
    text = session.view("step")
    value = step_from_key(trace, text)
    name, op, _ = split_key(text)
    if text and (name != value.full_name or op not in ("", value.op)):
        note(LinkProblem("step", text, NO_STEP, {"asked": code(short_text(text))}), code(step_to_key(trace, value)))
    return value


def location(trace: Trace) -> Location:
    """The step of the view, as ``step`` finds it, inside the fused calls that the address names."""
    text = session.view("step")
    if "~" not in text:
        return Location(trace, step(trace))
    value = location_from_key(trace, text)
    key = location_to_key(trace, value)
    if key != text:
        note(LinkProblem("step", text, NO_STEP, {"asked": code(short_text(text))}), code(key))
    return value
