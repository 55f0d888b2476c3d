"""Where in the model a step is: its line in the running function, and its box in the graph of the block around it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.graph.model_graph import boxes, closed_around, mark_of, to_dot
from engine.graph.module_paths import chain, is_inside, title
from pages.ui.app.graph_theme import graph_theme
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.app.theme import is_dark
from pages.ui.components.block_map import Scope, block_map
from pages.ui.components.code_view import code_view
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem, whole_number
from pages.ui.state.url_step import step_to_key

_MOST_BOXES = 200  # more take the browser over a second to draw, and nobody can read them
_WHOLE = "."  # the whole model in the address, where nothing at all means the module of the step
_PICTURE = "where.picture"
_NO_SCOPE = "{given} was asked for; this model has no such module. {used} is drawn."
_NOT_OPENED = "{given} was asked for; this model has no module {missing}. It is left out."
_LONGEST = 24  # characters of a module that only the link knows


@dataclass(frozen=True)
class _Picture:
    """The last drawing, kept because most reruns change the step alone, and the drawing says nothing of the step."""

    trace: weakref.ref[Trace]
    asked: tuple[str, str, bool]
    opened: tuple[str, ...]
    left_closed: bool
    dot: str


def draw(trace: Trace, step: Step) -> None:
    """Draws the code of a step and the graph around it, side by side."""
    with st.container(key="where"):  # the map's style finds the columns by it
        code, block = st.columns(2, gap="medium")
    with code:
        st.markdown("##### The code")
        code_view(trace, step, key="where.code", on_go=_go)
    with block:
        st.markdown("##### Where we are")
        _draw_map(trace, step)


def _draw_map(trace: Trace, step: Step) -> None:
    within = _within(step)
    _note_the_link(trace, within)
    picture = _picture(trace, within)
    here = mark_of(step, picture.opened, within)
    ours = closed_around(step, picture.opened, within)
    block_map(
        picture.dot,
        run=id(trace),
        key="where.map",
        here=here,
        scopes=[Scope(module or _WHOLE, title(module)) for module in ("", *chain(step.path))],
        scope=within or _WHOLE,
        alt=f"Graph of {title(within)}, the shape of the tensor on every edge",
        on_pick=partial(_pick, weakref.ref(trace), here, ours),
        on_scope=partial(_scope, step.path),
    )
    if picture.left_closed:
        st.caption(f"Modules that were opened first are drawn closed: more than {_MOST_BOXES} boxes are not drawn.")
    st.caption("Press a step to go to it, a bold module to open it, the name of a frame to close it.")


def _within(step: Step) -> str:
    """The module that is drawn: the one that was chosen, as long as the step is in it, else the step's own."""
    chosen = session.view("scope")
    if chosen == _WHOLE:
        return ""
    own = chain(step.path)
    return chosen if chosen in own else own[-1] if own else ""


def _note_the_link(trace: Trace, within: str) -> None:
    """Notes the modules of the link that this model does not have. One that the step is not in is only left."""
    modules = _modules(trace)
    scope, asked = (session.view(name) if session.is_of_link(name) else "" for name in ("scope", "open"))
    if scope not in ("", _WHOLE, *modules):
        link_notes.note(LinkProblem("scope", scope, _NO_SCOPE), code(within) if within else "The whole model")
    missing = [path for path in asked.split(",") if path and path not in modules]
    if missing:
        link_notes.note(LinkProblem("open", asked, _NOT_OPENED, {"missing": code(short_text(missing[0], _LONGEST))}))


def _modules(trace: Trace) -> set[str]:
    return {module for path in {step.path for step in trace.steps} for module in chain(path)}


def _picture(trace: Trace, within: str) -> _Picture:
    dark = is_dark()
    asked = (within, session.view("open"), dark)
    kept: _Picture | None = st.session_state.get(_PICTURE)
    if kept is None or kept.trace() is not trace or kept.asked != asked:
        wanted = _opened(trace)
        opened = _fitting(trace, wanted, within)
        dot = to_dot(trace, opened, graph_theme(dark), within)
        kept = _Picture(weakref.ref(trace), asked, opened, opened != wanted, dot)
        st.session_state[_PICTURE] = kept
    return kept


def _opened(trace: Trace) -> tuple[str, ...]:
    """The modules of this trace that the address says are opened, in the order in which they were."""
    modules = _modules(trace)
    return tuple(dict.fromkeys(path for path in session.view("open").split(",") if path in modules))


def _fitting(trace: Trace, opened: tuple[str, ...], within: str) -> tuple[str, ...]:
    """As many of the opened modules as can be drawn: those opened last, and what they lie in."""
    while opened and boxes(trace, opened, within) > _MOST_BOXES:
        first = next(one for one in opened if not any(is_inside(other, one) for other in opened if other != one))
        opened = tuple(one for one in opened if one != first)
    return opened


def _go(key: str) -> None:
    session.change_view(step=key, pin=None, trail=None)


def _scope(own: str, value: str) -> None:
    # The step's own module is what is drawn when nothing is chosen, and then follows the step.
    session.change_view(scope=None if value == (own or _WHOLE) else value)


def _pick(drawn: weakref.ref[Trace], here: str, ours: str, mark: str) -> None:
    """Does what pressing the box or frame with this id means.

    Of layers that share a box it opens the first, but of those in the box where we are, ``here``, it opens ours.
    """
    trace = drawn()
    if trace is None:
        return  # another run has taken its place, and is drawn next
    kind, _, what = mark.partition("-")
    opened = [one for one in _opened(trace) if one != what]
    number, problem = whole_number(mark, what, 0, len(trace.steps) - 1, 0)
    if kind == "step" and problem is None:
        _go(step_to_key(trace, trace.steps[number]))
    elif kind == "open":
        _open(*opened, ours if mark == here else what)
    elif kind == "close":
        _open(*opened)


def _open(*paths: str) -> None:
    session.change_view(open=",".join(paths) or None)
