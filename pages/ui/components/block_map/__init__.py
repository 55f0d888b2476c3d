"""A graph to walk in: the box where we are is marked, and steps, modules and frames can be pressed.

Streamlit draws the DOT text, which takes the browser a third of a second; so the text says nothing of where we are, and
a component beside the drawing marks that in the drawing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.ui.components.mount import component

_HERE = Path(__file__).parent
# The component finds the drawing by these, and so does the style.
_MAP, _DRAWING = "block-map", "block-map-drawing"
_DRAWN = "block_map.drawn"


@dataclass(frozen=True)
class Scope:
    """Something that can be drawn on its own: what pressing it reports, and what it is called."""

    value: str
    title: str


# The drawing lies outside the component, and so must the style.
_component = component(_HERE / "block_map.css", _HERE / "block_map.js", isolate_styles=False)


def block_map(
    dot: str,
    *,
    run: int,
    key: str,
    here: str,
    scopes: Sequence[Scope],
    scope: str,
    alt: str,
    on_pick: Callable[[str], None],
    on_scope: Callable[[str], None],
) -> None:
    """Draw a graph under a row of scopes. There is one on a page. `run` tells the graphs of one trace from another's.

    `here` is the id, in the drawing, of what is marked. `on_pick` gets the id of what was pressed: those that begin
    with `step-`, `open-` and `close-` can be. `on_scope` gets the value of a scope; `scope` is that of the one drawn.
    """
    with st.container(key=_MAP):
        _component(
            key=key,
            data={"here": here, "scopes": [[one.value, one.title] for one in scopes], "scope": scope},
            on_pick_change=lambda: on_pick(st.session_state[key]["pick"]),
            on_scope_change=lambda: on_scope(st.session_state[key]["scope"]),
        )
        with st.container(key=_DRAWING, gap=None):
            # Streamlit turns one drawing into the next where it finds both in one place, and measures every edge point
            # by point for it (d3-graphviz, tweenPaths), half a second in which nothing is painted. The graph of another
            # run stands in another place, and is simply drawn.
            if _place_of(run):
                st.empty()
            st.graphviz_chart(dot, width="content", alt=alt)


def _place_of(run: int) -> int:
    """0 or 1, the other one for every run that is not the one before."""
    before, place = st.session_state.get(_DRAWN, (None, 1))
    if before != run:
        place = 1 - place
        st.session_state[_DRAWN] = run, place
    return int(place)
