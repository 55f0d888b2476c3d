"""The step by step walk: what went in, what was done, what came out."""

from __future__ import annotations

import streamlit as st

from engine import Step, Trace, explain
from engine.axes import axis
from engine.index_map import reads
from pages.ui import state
from pages.ui.download import tensor_buttons
from pages.ui.operation import operation_of
from pages.ui.panels import stage_of
from pages.ui.tensor_view import Selection, tensor_view

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


@st.fragment
def draw(trace: Trace) -> None:
    """Draws one step of the trace and the ways to the others."""
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
        tensor_buttons(trace, step, selection, "walk")
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
            args=(trace, step.index - 1),
            disabled=step.index == 0,
            shortcut="Left",
        )
        st.button(
            "Next ▶",
            key="next",
            on_click=_go,
            args=(trace, step.index + 1),
            disabled=step.index == last,
            shortcut="Right",
        )
        state.show_in_widget(_STEP, step.index)
        st.selectbox(
            "Go to a step",
            range(len(trace.steps)),
            format_func=lambda index: _title(trace.steps[index]),
            key=_STEP,
            on_change=_chosen,
            args=(trace,),
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
    st.markdown(made.sentence)
    if made.arithmetic:
        st.code(f"{made.formula}\n{made.arithmetic}", language=None, wrap_lines=True)


def _title(step: Step) -> str:
    return f"{step.index}  {step.full_name}  ({step.op})"


def _go(trace: Trace, index: int) -> None:
    state.change_view(step=key_of(trace, trace.steps[index]))


def _chosen(trace: Trace) -> None:
    if st.session_state[_STEP] is not None:
        _go(trace, st.session_state[_STEP])


def _axes(step: Step) -> None:
    tensors = [one for one in (*step.inputs, step) if isinstance(one, Step)]
    symbols = dict.fromkeys(symbol for one in tensors for symbol in one.axes if symbol)
    st.caption("  \n".join(f"**{symbol.replace('*', '·')}** {axis(symbol).meaning}" for symbol in symbols))
