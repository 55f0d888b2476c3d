"""The step by step walk: what went in, what was done, what came out, and what made any number of it."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.axes import axis
from engine.ops import reads
from pages.ui.app.lazy_expander import folded
from pages.ui.app.markdown_escape import code
from pages.ui.components.tensor_view import Selection, Stage, send_ahead, walk_view
from pages.ui.components.tensor_view.player_types import Going
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import Problem
from pages.ui.state.settings import Settings
from pages.ui.state.url_pin import Cell, exists, is_view, pin_at, pin_text, trail_at, trail_text, view_at, view_text
from pages.ui.state.url_step import key_of, step_at
from pages.ui.traces.trace_cache import CannotRunError, trace_of
from pages.ui.views import code_and_graph
from pages.ui.views.download_buttons import tensor_buttons
from pages.ui.views.explanation_view import made_of
from pages.ui.views.instrument import sizes, strip
from pages.ui.views.operation_card import operation_of
from pages.ui.views.player import player_of
from pages.ui.views.rearrange_animation import travel_of
from pages.ui.views.tensor_panels import stage_of

_STAGE, _STEP = "stage", "walk.step"
_NO_CELL = "{given} was asked for; {used} has no such cell. Nothing is pinned."
_NO_WAY = "{given} was asked for; not every cell of it is in this model. The first {used} of {count} are shown."
_NO_WINDOW = "{given} was asked for, which does not name an axis and a number. That part is left out."
_AHEAD = (1, 2, 3, -1)  # steps that people go to next
_MOST_AHEAD = 300_000  # numbers in a stage: a larger one takes longer to prepare than people should wait for this one


def draw(trace: Trace) -> None:
    """Draws one step of the trace and the ways to the others."""
    sizes.draw(trace)
    # A fragment and the widgets in it keep what they are given until the next run has drawn them again. Were that the
    # trace, a new one would have to fit in beside it.
    _draw(weakref.ref(trace), session.settings_shown())


@st.fragment
def _draw(drawn: weakref.ref[Trace], settings: Settings) -> None:
    session.write_address()
    try:
        trace = drawn() or trace_of(settings)
    except CannotRunError as error:
        st.error(str(error))
        return
    with link_notes.banner():
        _draw_step(trace, drawn, settings)


def _draw_step(trace: Trace, drawn: weakref.ref[Trace], settings: Settings) -> None:
    step = link_notes.step(trace)
    _note_the_view(trace, step)
    strip.draw(trace, step, _chosen)
    above = st.container()
    selection = _stage(trace, step, drawn, settings)  # first, because it is what people wait for
    says, search = above.columns([5, 4], vertical_alignment="center")
    says.caption("One operation at a time. Point at any number to read it; click it to see what made it.")
    with search, st.container(key="walk-search"):
        _search(trace, step)
    _remember(trace, step, selection)
    code_and_graph.draw(trace, step)
    folded("Take this tensor along as CSV", "walk.csv", partial(tensor_buttons, step, selection, "walk"))
    _axes(step)
    send_ahead(_ahead(trace, step), key=_STAGE)


def _note_the_view(trace: Trace, step: Step) -> None:
    """Notes what the link says of this step and is not so. A pin that a person took along to another step just ends."""
    pin, trail, at = (session.view(name) if session.is_of_link(name) else "" for name in ("pin", "trail", "at"))
    if pin and pin_at(trace, step, pin) is None:
        link_notes.note(Problem("pin", pin, _NO_CELL), code(step.full_name))
    cells, count = len(trail_at(trace, trail)), len(list(filter(None, trail.split("_"))))
    if cells < count:
        link_notes.note(Problem("trail", trail, _NO_WAY, {"count": count}), cells)
    if not is_view(at):
        link_notes.note(Problem("at", at, _NO_WINDOW))


def _stage(trace: Trace, step: Step, drawn: weakref.ref[Trace], settings: Settings) -> Selection:
    pinned = pin_at(trace, step, session.view("pin"))
    trail = trail_at(trace, session.view("trail"))
    return walk_view(
        _staged(trace, step),
        key=_STAGE,
        choice=view_at(session.view("at")),
        pinned=pinned,
        made=lambda panel, index: made_of(trace, step, panel, index, trail),
        on_go=partial(_go, drawn, settings),
        on_else=_nothing,
    )


def _staged(trace: Trace, step: Step) -> Stage:
    travel = travel_of(step)
    return Stage(
        stage_of(trace, step),
        reads=reads(step),
        operation=operation_of(trace, step),
        player=player_of(trace, step, moves=travel is not None),
        travel=travel,
    )


def _ahead(trace: Trace, step: Step) -> Iterator[tuple[int, Stage]]:
    for by in _AHEAD:
        if 0 <= step.index + by < len(trace.steps):
            other = trace.steps[step.index + by]
            if sum(one.value.numel() for one in (*other.inputs, other)) <= _MOST_AHEAD:
                yield other.index, _staged(trace, other)


def _go(drawn: weakref.ref[Trace], settings: Settings, going: Going) -> None:
    """Follows a person to the step and the cell they asked for; somewhere that is not there is nowhere to go."""
    trace = drawn() or trace_of(settings)
    if not 0 <= going.step < len(trace.steps):
        return
    trail = list(trail_at(trace, session.view("trail")))
    if isinstance(going.trail, int):
        if 0 <= going.trail < len(trail):
            _arrive(trace, trail[going.trail], trail[: going.trail])
        return
    target = trace.steps[going.step]
    if going.trail == "walk":
        here = step_at(trace, session.view("step"))
        pinned = pin_at(trace, here, session.view("pin"))
        if pinned is not None:
            panel, index = pinned
            trail.append(Cell(here.index, index, panel if panel < len(here.inputs) else None))
    else:
        trail = []
    cell = None if going.cell is None else Cell(target.index, going.cell, going.panel)
    if cell is not None and exists(trace, cell):
        _arrive(trace, cell, trail)
        return
    pin = session.view("pin")
    kept = pin if going.keeps_pin and pin_at(trace, target, pin) is not None else None
    session.change_view(step=key_of(trace, target), pin=kept, trail=None)


def _arrive(trace: Trace, cell: Cell, trail: list[Cell]) -> None:
    step = trace.steps[cell.step]
    panel = len(step.inputs) if cell.panel is None else cell.panel
    session.change_view(step=key_of(trace, step), pin=pin_text(step, (panel, cell.index)), trail=trail_text(trail))


def _remember(trace: Trace, step: Step, selection: Selection) -> None:
    """Writes what is pinned and shown into the address. A cell that a person pinned begins a new trail."""
    # Axes that this step shows whole keep what was chosen for the steps that cannot.
    starts = {**view_at(session.view("at")), **selection.choice, **selection.offset}
    pin, at = pin_text(step, selection.pinned), view_text(starts)
    changes = {}
    # What the link got wrong stays in the address, and its note on screen, until the person pins or turns something.
    nowhere = session.is_of_link("pin") and pin_at(trace, step, session.view("pin")) is None
    if (pin or "") != session.view("pin") and not (pin is None and nowhere):
        changes |= {"pin": pin, "trail": None}
    if (at or "") != session.view("at") and not (starts == view_at(session.view("at")) and session.is_of_link("at")):
        changes["at"] = at
    if changes:
        session.change_view(**changes)
        session.write_address()


def _search(trace: Trace, step: Step) -> None:
    titles = {key_of(trace, one): _title(one) for one in trace.steps}
    key, start = session.widget(_STEP, key_of(trace, step))
    st.selectbox(
        "Find a step",
        tuple(titles),
        tuple(titles).index(start) if start in titles else None,
        format_func=lambda key: titles.get(key, key),
        key=key,
        on_change=session.chosen(_STEP, key, _chosen),
        label_visibility="collapsed",
        placeholder="Find a step by its name, module or operation",
    )


def _title(step: Step) -> str:
    return f"{step.index}  {step.full_name}  ({step.op})"


def _chosen(step: str) -> None:
    session.change_view(step=step, pin=None, trail=None)


def _nothing() -> None:
    """What was pinned or shown instead is read when the stage is drawn."""


def _axes(step: Step) -> None:
    tensors = [one for one in (*step.inputs, step) if isinstance(one, Step)]
    symbols = dict.fromkeys(symbol for one in tensors for symbol in one.axes if symbol)
    words = [f"**{symbol.replace('*', '·')}** {axis(symbol).meaning}" for symbol in symbols]
    written = step.source.comment_axes if step.source and step.source.comment_axes else ()
    if len(written) == len(step.axes):
        here = {old: new for old, new in zip(written, step.axes, strict=True) if new and old != new and "*" not in old}
        words += [f"**{old}** in the code is **{new}** here" for old, new in here.items()]
    st.caption("  \n".join(words))
