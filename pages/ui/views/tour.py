"""Eight stops through one head: a bar above the strip that leads from the input of attention to its output."""

from __future__ import annotations

import streamlit as st

from engine import Trace
from pages.ui.app import frame
from pages.ui.app.tour_stops import STOPS, Stop
from pages.ui.state import session

_ON_TWO, _ON_ONE = "On two sentences →", "On one sentence →"
_BAR = "**Stop {number} of {count}: {title}.** {sentence}"


def draw(trace: Trace) -> None:
    """Draws the bar where the address asks for a stop, and nothing else.

    Args:
        trace: the trace on screen; only the built-in Transformer has these stops.
    """
    stops = _stops_of(trace)
    number = _number(session.view("tour"), len(stops))
    if number is None:
        return
    stop = stops[number]
    with st.container(border=True, key="tour", horizontal=True, vertical_alignment="center"):
        text = _BAR.format(number=number + 1, count=len(stops), title=stop.title, sentence=stop.sentence)
        st.markdown(text, width="stretch")
        if stop.second and session.settings_shown().trained:
            _other_text(stop, number)
        previous, following = max(number - 1, 0), min(number + 1, len(stops) - 1)
        st.button("Back", key="tour.back", disabled=number == 0, on_click=_go, args=(previous, stops[previous].step))
        # The last press stands where all others were.
        if following == number:
            st.button("Finish", key="tour.next", type="primary", on_click=_end)
        else:
            target = following, stops[following].step
            st.button("Next stop", key="tour.next", type="primary", on_click=_go, args=target)
        st.button("End tour", key="tour.end", type="tertiary", on_click=_end)


def _other_text(stop: Stop, number: int) -> None:
    """The link to the same stop on two sentences, and from there the one back."""
    settings = session.settings_shown()
    first, *others = settings.source.split("\n")
    label, source = (_ON_ONE, first) if others else (_ON_TWO, f"{first}\n{stop.second}")
    frame.link("app.py", label, {**settings.to_query(), "source": source, "tour": str(number + 1), "step": stop.step})


def _number(text: str, count: int) -> int | None:
    """The place of a stop among all; None where the address asks for none that there is."""
    return int(text) - 1 if text.isascii() and text.isdigit() and 0 < int(text) <= count else None


def _stops_of(trace: Trace) -> tuple[Stop, ...]:
    """The stops that this trace has: without a mask there is no masked_fill; a foreign trace has none."""
    names = {step.full_name for step in trace.steps} if trace.config is not None else set()
    return tuple(stop for stop in STOPS if stop.step.partition(":")[0] in names)


def _go(number: int, step: str) -> None:
    session.change_view(tour=str(number + 1), step=step, pin=None, trail=None)


def _end() -> None:
    session.change_view(tour=None)
