"""A graph to walk in: the box of the present step is marked, and steps, modules and frames can be pressed.

Streamlit draws the DOT text, which takes the browser a third of a second. So the text does not depend on the present
step, and a component marks its box in the finished drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.components.mount import component

# The component finds the drawing by these, and so does the style.
_MAP, _DRAWING = "block-map", "block-map-drawing"
_DRAWN = "block_map.drawn"


@dataclass(frozen=True)
class Scope:
    """Something that can be drawn on its own: what pressing it reports, and what it is called."""

    value: str
    title: str


# The drawing lies outside the component, and so must the style.
_component = component(__file__, "block_map", isolate_styles=False)


def block_map(
    dot: str,
    *,
    run: int,
    key: str,
    marked: str,
    scopes: Sequence[Scope],
    scope: str,
    alt: str,
    on_pick: Callable[[str], None],
    on_scope: Callable[[str], None],
) -> None:
    """Draws a graph under a row of scopes. A page can have one.

    Args:
        dot: the graph.
        run: another number for each trace.
        key: the component's key on the page.
        marked: the id, in the drawing, of what is marked.
        scopes: what can be drawn instead.
        scope: the value of the scope that is drawn.
        alt: what the drawing shows, for those who do not see it.
        on_pick: called with the id of what was pressed; those that begin with `step-`, `open-` or `close-` can be.
        on_scope: called with the value of the scope that was pressed.
    """
    with st.container(key=_MAP):
        _component(
            key=key,
            data={"here": marked, "scopes": [[each.value, each.title] for each in scopes], "scope": scope},
            on_pick_change=lambda: on_pick(st.session_state[key]["pick"]),
            on_scope_change=lambda: on_scope(st.session_state[key]["scope"]),
        )
        with st.container(key=_DRAWING, gap=None):
            # Streamlit animates one drawing into the next at the same position of the page, and measures every edge
            # point by point for it (d3-graphviz, tweenPaths), half a second in which nothing is painted. The graph of
            # another run is at another position, and simply drawn.
            if _position_of(run):
                st.empty()
            st.graphviz_chart(dot, width="content", alt=alt)


def _position_of(run: int) -> int:
    """0 or 1, which changes with every other run."""
    before, position = st.session_state.get(_DRAWN, (None, 1))
    if before != run:
        position = 1 - position
        st.session_state[_DRAWN] = run, position
    return int(position)
