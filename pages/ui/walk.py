"""The step by step walk: what went in, what was done, what came out."""

from __future__ import annotations

import weakref

import streamlit as st

from engine import Step, Trace, explain
from engine.axes import axis
from engine.index_map import reads
from pages.ui import state
from pages.ui.download import tensor_buttons
from pages.ui.operation import operation_of
from pages.ui.panels import stage_of
from pages.ui.plain import escaped
from pages.ui.settings import Settings
from pages.ui.tensor_view import Selection, tensor_view
from pages.ui.traces import CannotRunError, trace_of

_STEP = "walk.step"


def key_of(trace: Trace, step: Step) -> str:
    """The step as the address names it: its full name, and its op where the name is used more than once."""
    return step.full_name if len(trace.find_all(step.full_name)) == 1 else f"{step.full_name}:{step.op}"


def step_at(trace: Trace, key: str) -> Step:
    """The step an address names; the first one where it names none of this trace."""
    name, _, op = key.partition(":")
    try:
        named = trace.find_all(name)
    except KeyError:
        return trace.steps[0]
    return next((step for step in named if step.op == op), named[-1])


def draw(trace: Trace) -> None:
    """Draws one step of the trace and the ways to the others."""
    # A fragment and the widgets in it keep what they are given until the next run has drawn them again. Were that the
    # trace, a new one would have to fit in beside it.
    _draw(weakref.ref(trace), state.settings_shown())


@st.fragment
def _draw(drawn: weakref.ref[Trace], settings: Settings) -> None:
    try:
        trace = drawn() or trace_of(settings)
    except CannotRunError as error:
        st.error(str(error))
        return
    step = step_at(trace, state.view("step"))
    _header(trace, step)
    _player(trace, step)
    selection = tensor_view(
        stage_of(trace, step),
        key="stage",
        operation=operation_of(step),
        reads=[read.to_json() for read in reads(step) or ()] or None,
    )
    _pinned(trace, step, selection)
    with st.expander("Take this tensor along as CSV"):
        tensor_buttons(step, selection, "walk")
    _axes(step)


def _header(trace: Trace, step: Step) -> None:
    path = " ▸ ".join((*step.path.split("."), f"**{step.name}**")).removeprefix(" ▸ ").replace("_", r"\_")
    st.markdown(f"{path} &nbsp; :gray[step {step.index}, of {len(trace.steps)} in all]")


def _player(trace: Trace, step: Step) -> None:
    last = len(trace.steps) - 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            "◀ Previous",
            key="previous",
            on_click=_go,
            args=(key_of(trace, trace.steps[max(step.index - 1, 0)]),),
            disabled=step.index == 0,
            shortcut="Left",
        )
        st.button(
            "Next ▶",
            key="next",
            on_click=_go,
            args=(key_of(trace, trace.steps[min(step.index + 1, last)]),),
            disabled=step.index == last,
            shortcut="Right",
        )
        titles = {key_of(trace, one): _title(one) for one in trace.steps}
        state.show_in_widget(_STEP, key_of(trace, step))
        st.selectbox(
            "Go to a step",
            tuple(titles),
            format_func=lambda key: titles.get(key, key),
            key=_STEP,
            on_change=_chosen,
            label_visibility="collapsed",
        )


def _pinned(trace: Trace, step: Step, selection: Selection) -> None:
    """What made the pinned cell, if it is one of a step."""
    if selection.pinned is None:
        return
    panel, index = selection.pinned
    tensors = (*step.inputs, step)
    pinned = tensors[panel] if panel < len(tensors) else step
    if not isinstance(pinned, Step) or len(index) != pinned.value.dim():
        return
    made = explain(trace, pinned, index)
    st.markdown(escaped(made.sentence))
    if made.arithmetic:
        st.code(f"{made.formula}\n{made.arithmetic}", language=None, wrap_lines=True)


def _title(step: Step) -> str:
    return f"{step.index}  {step.full_name}  ({step.op})"


def _go(key: str) -> None:
    state.change_view(step=key)


def _chosen() -> None:
    if st.session_state[_STEP] is not None:
        _go(st.session_state[_STEP])


def _axes(step: Step) -> None:
    tensors = [one for one in (*step.inputs, step) if isinstance(one, Step)]
    symbols = dict.fromkeys(symbol for one in tensors for symbol in one.axes if symbol)
    st.caption("  \n".join(f"**{symbol.replace('*', '·')}** {axis(symbol).meaning}" for symbol in symbols))
