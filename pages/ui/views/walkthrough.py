"""One step of the walk: what went in, what was done, what came out, and what made any number of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.axes import axis
from engine.ops import reads
from pages.ui.app.lazy_expander import close_expander, lazy_expander, open_expander
from pages.ui.app.markdown_escape import code, escaped
from pages.ui.app.page_runner import let_it_be_painted
from pages.ui.components.size_sliders import size_moves
from pages.ui.components.tensor_view import Selection, Stage, seen_of, send_ahead, walk_view
from pages.ui.components.tensor_view.player_types import Cell, NavigationRequest
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem
from pages.ui.state.settings import Settings
from pages.ui.state.url_pin import exists, is_view, pin_at, pin_text, trail_at, trail_text, view_at, view_text
from pages.ui.state.url_step import Location, location_at, location_from_key, location_to_key, step_keys, step_to_key
from pages.ui.traces.trace_cache import CannotRunError, trace_of
from pages.ui.views import code_and_graph, findings_view, share, tour
from pages.ui.views.explanation_view import explanation_of
from pages.ui.views.instrument import strip
from pages.ui.views.instrument.fetched import Mover, WalkState
from pages.ui.views.instrument.player import player_of
from pages.ui.views.lens import failure_view, trace_notes
from pages.ui.views.operation_card import card_of
from pages.ui.views.rearrange_animation import travel_of
from pages.ui.views.tensor_panels import step_panels

_STAGE, _STEP, _SHARE = "stage", "walk.step", "walk.csv"
_NO_CELL = "{given} was asked for; {used} has no such cell. Nothing is pinned."
_NO_WAY = "{given} was asked for; not every cell of it is in this model. The first {used} of {count} are shown."
_NO_WINDOW = "{given} was asked for, which does not name an axis and a number. That part is left out."
_NO_STEPS = "This trace has no step: nothing that PyTorch computed was recorded."
_FIND, _FINDER = "Find a step", "walk.find"
_MOST_LISTED = 1_000  # steps in a list that is always there: of 10,000 each step sends and reads it again, for 0.3 s
_AHEAD = (1, 2, 3, -1)  # steps that people go to next
_MOST_AHEAD = 300_000  # numbers in a stage: a larger one takes longer to prepare than people should wait for this one


def draw(trace: Trace, mover: Mover | None = None) -> None:
    """Draws one step of the trace and the ways to the others; of a trace that failed, what failed before them.

    Args:
        trace: any trace.
        mover: returns the settings that a moved size leads to; None where a size leads to no trace by itself.
    """
    failure_view.draw(trace)
    if not trace.steps:
        if trace.failure is None:
            st.info(_NO_STEPS)
        return
    # A fragment and its widgets keep their arguments until the next run has drawn them again. A trace among them would
    # stay in memory beside the next one.
    _draw(weakref.ref(trace), session.settings_shown(), mover)


@st.fragment
def _draw(drawn: weakref.ref[Trace], settings: Settings, mover: Mover | None) -> None:
    session.direct_answers().go_first()
    _open_share()
    session.write_address()
    try:
        trace = drawn() or trace_of(settings)
    except CannotRunError as error:
        st.error(str(error))
        return
    with link_notes.banner():
        _draw_step(trace, drawn, settings, mover)


def _draw_step(trace: Trace, drawn: weakref.ref[Trace], settings: Settings, mover: Mover | None) -> None:
    location = link_notes.location(trace)
    step = location.step
    _note_the_view(trace, location)
    tour.draw(trace)
    # Inside a fused call the strip stays with the call.
    strip.draw(trace, location.calls[0] if location.calls else step, _chosen)
    trace_notes.draw(trace_notes.of_step(location.trace, step))
    answers = session.direct_answers()
    moves = None if mover is None else size_moves()
    stage_of = partial(_staged, answers.ticket)
    selection = _stage(trace, location, drawn, settings, stage_of(location, settings, moves))  # what people wait for
    let_it_be_painted()
    lazy_expander(share.TITLE, _SHARE, partial(_share, location, selection))
    suspicions = st.container()
    with st.container(key="walk-search"):
        _finder(trace, location)
    _remember(location, selection)
    seen, chosen = seen_of(_STAGE), strip.choice()
    state = WalkState(drawn, settings, session.view_now(), chosen, seen, moves, mover, stage_of)
    offer = answers.offer(state.answer)
    code_and_graph.draw(location.trace, step)
    _axes(step)
    sources = partial(_axis_sources, step)
    lazy_expander("Where the names of the axes are from", "walk.axes_from", sources)
    following = _ahead(location, partial(stage_of, settings=settings, moves=moves))
    send_ahead(following, key=_STAGE, offer=offer, moves=moves)
    with suspicions:
        findings_view.draw_of_step(trace, location.calls[0] if location.calls else step)


def _open_share() -> None:
    """Opens the ways to take the step along where a link asks for it, once: the link that is copied does not."""
    if session.view("share"):
        open_expander(_SHARE)
        session.change_view(share=None)


def _share(location: Location, selection: Selection) -> None:
    from pages.ui.views.share import share_view  # writes CSV with pyarrow, which loads as long as a page is drawn

    share_view.draw(location.trace, location.step, selection, "walk", within=location.within)


def _note_the_view(trace: Trace, location: Location) -> None:
    """Adds notes on what the link says of this step that cannot be shown. A pin kept from another step just ends."""
    pin, trail, at = (session.view(name) if session.is_of_link(name) else "" for name in ("pin", "trail", "at"))
    if pin and pin_at(location.trace, location.step, pin) is None:
        link_notes.note(LinkProblem("pin", pin, _NO_CELL), code(location.step.full_name))
    cells, count = len(trail_at(trace, trail)), len(list(filter(None, trail.split("_"))))
    if cells < count:
        link_notes.note(LinkProblem("trail", trail, _NO_WAY, {"count": count}), cells)
    if not is_view(at):
        link_notes.note(LinkProblem("at", at, _NO_WINDOW))


def _stage(trace: Trace, location: Location, drawn: weakref.ref[Trace], settings: Settings, stage: Stage) -> Selection:
    pinned = pin_at(location.trace, location.step, session.view("pin"))
    trail = trail_at(trace, session.view("trail"))
    return walk_view(
        stage,
        key=_STAGE,
        choice=view_at(session.view("at")),
        pinned=pinned,
        explain_pin=lambda panel, index: explanation_of(location, panel, index, trail, trace),
        on_go=partial(_go, drawn, settings),
        on_change=_nothing,
    )


def _staged(ticket: str, location: Location, settings: Settings, moves: int | None) -> Stage:
    trace, step = location.trace, location.step
    travel = travel_of(step)
    player = player_of(trace, step, travel is not None, location.calls)
    return Stage(
        step_panels(trace, step),
        reads=reads(step),
        operation=card_of(trace, step, settings.to_query(), location.within),
        player=replace(player, ticket=ticket, moves=moves),
        travel=travel,
    )


def _ahead(location: Location, stage_of: Callable[[Location], Stage]) -> Iterator[tuple[int, Stage]]:
    trace, step = location.trace, location.step
    for by in _AHEAD:
        if 0 <= step.index + by < len(trace.steps):
            other = trace.steps[step.index + by]
            if sum(tensor.value.numel() for tensor in (*other.inputs, other)) <= _MOST_AHEAD:
                yield other.index, stage_of(Location(trace, other, location.calls))


def _go(drawn: weakref.ref[Trace], settings: Settings, request: NavigationRequest) -> None:
    """Goes to the step and the cell that a person asked for; stays where there is no such step."""
    trace = drawn() or trace_of(settings)
    present = location_from_key(trace, session.view("step"))
    target = location_at(trace, present.within if request.within is None else request.within, request.step)
    if target is None:
        return
    trail = list(trail_at(trace, session.view("trail")))
    if isinstance(request.trail, int):
        if 0 <= request.trail < len(trail):
            _arrive(trace, trail[request.trail], trail[: request.trail])
        return
    if request.trail == "walk":
        pinned = pin_at(present.trace, present.step, session.view("pin"))
        if pinned is not None:
            panel, index = pinned
            input_of = panel if panel < len(present.step.inputs) else None
            trail.append(Cell(present.step.index, index, input_of, present.within))
    else:
        trail = []
    cell = None if request.cell is None else Cell(target.step.index, request.cell, request.panel, target.within)
    if cell is not None and exists(trace, cell):
        _arrive(trace, cell, trail)
        return
    pin = session.view("pin")
    kept = pin if request.keeps_pin and pin_at(target.trace, target.step, pin) is not None else None
    session.change_view(step=location_to_key(trace, target), pin=kept, trail=None)


def _arrive(trace: Trace, cell: Cell, trail: list[Cell]) -> None:
    location = location_at(trace, cell.within, cell.step)
    if location is None:
        return
    step = location.step
    panel = len(step.inputs) if cell.panel is None else cell.panel
    pin = pin_text(step, (panel, cell.index))
    session.change_view(step=location_to_key(trace, location), pin=pin, trail=trail_text(trail))


def _remember(location: Location, selection: Selection) -> None:
    """Writes what is pinned and shown into the address. A cell that a person pinned begins a new trail."""
    trace, step = location.trace, location.step
    # Axes that this step shows whole keep what was chosen at steps that show a part of them.
    starts = {**view_at(session.view("at")), **selection.choice, **selection.offset}
    pin, at = pin_text(step, selection.pinned), view_text(starts)
    changes: dict[str, str | None] = {}
    # A pin of the link that does not exist stays in the address, and its note on screen, until the person pins a cell.
    nowhere = session.is_of_link("pin") and pin_at(trace, step, session.view("pin")) is None
    if (pin or "") != session.view("pin") and not (pin is None and nowhere):
        changes |= {"pin": pin, "trail": None}
    if (at or "") != session.view("at") and not (starts == view_at(session.view("at")) and session.is_of_link("at")):
        changes["at"] = at
    if changes:
        session.change_view(**changes)
        session.write_address()


def _finder(trace: Trace, location: Location) -> None:
    if len(trace.steps) <= _MOST_LISTED:
        _search(trace, location)
    else:
        lazy_expander(_FIND, _FINDER, partial(_search, trace, location))


def _search(trace: Trace, location: Location) -> None:
    titles = {key: _title(other) for key, other in zip(step_keys(trace), trace.steps, strict=True)}
    # Inside a fused call the list still finds the steps of the trace; the call itself is where we are.
    outermost = (*location.calls, location.step)[0]
    key, start = session.widget(_STEP, step_to_key(trace, outermost))
    st.selectbox(
        _FIND,
        tuple(titles),
        tuple(titles).index(start) if start in titles else None,
        format_func=lambda key: titles.get(key, key),
        key=key,
        on_change=session.chosen(_STEP, key, _from_list),
        label_visibility="collapsed",
        placeholder="Find a step by its name, module or operation",
    )


def _title(step: Step) -> str:
    return f"{step.index}  {step.full_name}  ({step.op})"


def _from_list(step: str) -> None:
    close_expander(_FINDER)
    _chosen(step)


def _chosen(step: str) -> None:
    session.change_view(step=step, pin=None, trail=None)


def _nothing() -> None:
    """Does nothing: what was pinned or shown instead is read when the stage is drawn."""


def axis_sources(step: Step) -> str:
    """A line for each axis of a step with where its name is from, and what speaks against it, in Markdown."""
    origins = zip(step.axes, step.axes_from, strict=True)
    lines = [f"**{escaped(symbol or '?')}** {escaped(origin or 'has no name')}" for symbol, origin in origins]
    lines += [escaped(disagreement.sentence) for disagreement in step.axes_disagree]
    lines += [escaped(step.axes_contradiction)] if step.axes_contradiction else []
    return "  \n".join(lines)


def _axis_sources(step: Step) -> None:
    st.caption(axis_sources(step))


def _axes(step: Step) -> None:
    tensors = [tensor for tensor in (*step.inputs, step) if isinstance(tensor, Step)]
    symbols = dict.fromkeys(symbol for tensor in tensors for symbol in tensor.axes if symbol)
    words = [f"**{symbol.replace('*', '·')}** {axis(symbol).meaning}" for symbol in symbols]
    written = step.source.comment_axes if step.source and step.source.comment_axes else ()
    if len(written) == len(step.axes):
        pairs = zip(written, step.axes, strict=True)
        renamed = {old: new for old, new in pairs if new and old != new and "*" not in old}
        words += [f"**{old}** in the code is **{new}** here" for old, new in renamed.items()]
    st.caption("  \n".join(words))
