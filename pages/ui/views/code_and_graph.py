"""A step in its program and in its model: the line of code, and the box in the graph of the module."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.graph.model_graph import enclosing_collapsed, node_count, node_id, to_dot
from engine.graph.module_paths import ancestors, display_name, is_inside
from pages.ui.app.graph_theme import graph_theme
from pages.ui.app.lazy_expander import lazy_expander, open_expander
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.app.theme import is_dark
from pages.ui.components.block_map import Scope, block_map
from pages.ui.components.code_view import code_view
from pages.ui.state import link_notes, session
from pages.ui.state.drawn_module import WHOLE, drawn_module
from pages.ui.state.link_values import LinkProblem, whole_number
from pages.ui.state.url_step import step_to_key

_MOST_BOXES = 200  # more take the browser over a second to draw, and nobody can read them
_PICTURE, _MAP, _LINKED = "where.picture", "where.graph", "where.linked"
_TITLE = "Where we are: the graph of this module"
_NO_SCOPE = "{given} was asked for; this model has no such module. {used} is drawn."
_NOT_OPENED = "{given} was asked for; this model has no module {missing}. It is left out."
_MOST_STEPS = _MOST_BOXES  # of one module, outside of the modules in it: nobody can read a graph of more
_TOO_MANY = "{module} computes {count:,} steps of its own, more than a graph can show. The strip has those nearby."
_LONGEST = 24  # characters of a module that only the link knows


@dataclass(frozen=True)
class _Picture:
    """The last drawing, kept because most reruns change only the step, on which the drawing does not depend."""

    trace: weakref.ref[Trace]
    request: tuple[str, str, bool]
    opened: tuple[str, ...]
    left_closed: bool
    dot: str


def draw(trace: Trace, step: Step) -> None:
    """Draws the code of a step and the graph of its module, side by side.

    Args:
        trace: the trace on screen.
        step: the present step of it.
    """
    with st.container(key="where"):  # the map's style finds the columns by it
        code, block = st.columns(2, gap="medium")
    with code:
        st.markdown("##### The code")
        code_view(trace, step, key="where.code", on_go=_go)
    with block:
        _open_for_a_link()
        # Folded: a browser takes longer to draw it than all else on the page, and would at every size that is moved.
        lazy_expander(_TITLE, _MAP, partial(_draw_map_of, weakref.ref(trace), step.index))


def _open_for_a_link() -> None:
    """Opens the graph once where a link says what of it is shown."""
    linked = tuple(session.view(name) for name in ("scope", "open") if session.is_of_link(name))
    if any(linked) and st.session_state.get(_LINKED) != linked:
        st.session_state[_LINKED] = linked
        open_expander(_MAP)


def _draw_map_of(drawn: weakref.ref[Trace], index: int) -> None:
    trace = drawn()
    if trace is not None:
        _draw_map(trace, trace.steps[index])


def _draw_map(trace: Trace, step: Step) -> None:
    within = drawn_module(step)
    _note_the_link(trace, within)
    count = _own_steps(trace, within)
    if count > _MOST_STEPS:
        st.caption(_TOO_MANY.format(module=display_name(within), count=count))
        return
    picture = _picture(trace, within)
    marked = node_id(trace, step, picture.opened, within)
    own = enclosing_collapsed(step, picture.opened, within)
    block_map(
        picture.dot,
        run=id(trace),
        key="where.map",
        marked=marked,
        scopes=[Scope(module or WHOLE, display_name(module)) for module in ("", *ancestors(step.path))],
        scope=within or WHOLE,
        alt=f"Graph of {display_name(within)}, the shape of the tensor on every edge",
        on_pick=partial(_pick, weakref.ref(trace), marked, own),
        on_scope=partial(_scope, step.path),
    )
    if picture.left_closed:
        st.caption(f"Modules that were opened first are drawn closed: more than {_MOST_BOXES} boxes are not drawn.")
    st.caption("Press a step to open it. Bold modules unfold; the name at the top of a module folds it again.")


def _note_the_link(trace: Trace, within: str) -> None:
    """Adds notes on the modules of the link that this model does not have."""
    modules = _modules(trace)
    scope, opened = (session.view(name) if session.is_of_link(name) else "" for name in ("scope", "open"))
    if scope not in ("", WHOLE, *modules):
        link_notes.note(LinkProblem("scope", scope, _NO_SCOPE), code(within) if within else "The whole model")
    missing = [path for path in opened.split(",") if path and path not in modules]
    if missing:
        link_notes.note(LinkProblem("open", opened, _NOT_OPENED, {"missing": code(short_text(missing[0], _LONGEST))}))


def _own_steps(trace: Trace, module: str) -> int:
    """The steps that stand in a module itself, and not in a module inside it."""
    return sum(step.path == module for step in trace.steps)


def _modules(trace: Trace) -> set[str]:
    return {module for path in {step.path for step in trace.steps} for module in ancestors(path)}


def _picture(trace: Trace, within: str) -> _Picture:
    dark = is_dark()
    request = (within, session.view("open"), dark)
    kept: _Picture | None = st.session_state.get(_PICTURE)
    if kept is None or kept.trace() is not trace or kept.request != request:
        open_paths = _opened(trace)
        opened = _fitting(trace, open_paths, within)
        dot = to_dot(trace, opened, graph_theme(dark), within)
        kept = _Picture(weakref.ref(trace), request, opened, opened != open_paths, dot)
        st.session_state[_PICTURE] = kept
    return kept


def _opened(trace: Trace) -> tuple[str, ...]:
    """The modules of this trace that the address says are opened, in the order in which they were."""
    modules = _modules(trace)
    return tuple(dict.fromkeys(path for path in session.view("open").split(",") if path in modules))


def _fitting(trace: Trace, opened: tuple[str, ...], within: str) -> tuple[str, ...]:
    """As many of the opened modules as can be drawn: those opened last, and what they lie in."""
    while opened and node_count(trace, opened, within) > _MOST_BOXES:
        # The first that has no opened module inside it.
        first = next(path for path in opened if not any(is_inside(other, path) for other in opened if other != path))
        opened = tuple(path for path in opened if path != first)
    return opened


def _go(key: str) -> None:
    session.change_view(step=key, pin=None, trail=None)


def _scope(own: str, value: str) -> None:
    # The step's own module is what is drawn when nothing is chosen, and then follows the step.
    session.change_view(scope=None if value == (own or WHOLE) else value)


def _pick(drawn: weakref.ref[Trace], marked: str, own: str, pressed: str) -> None:
    """Does what pressing a box or frame means.

    Args:
        drawn: the trace of the graph.
        marked: the id of the box of the present step.
        own: the closed module that the present step lies in. Layers may share a box: of the marked box this one is
            opened, of any other the first.
        pressed: the id of what was pressed.
    """
    trace = drawn()
    if trace is None:
        return  # another run has taken its place, and is drawn next
    kind, _, target = pressed.partition("-")
    others = [module for module in _opened(trace) if module != target]
    number, problem = whole_number(pressed, target, 0, len(trace.steps) - 1, 0)
    if kind == "step" and problem is None:
        _go(step_to_key(trace, trace.steps[number]))
    elif kind == "open":
        _open(*others, own if pressed == marked else target)
    elif kind == "close":
        _open(*others)


def _open(*paths: str) -> None:
    session.change_view(open=",".join(paths) or None)
