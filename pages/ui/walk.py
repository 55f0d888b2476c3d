"""The step by step walk: what went in, what was done, what came out."""

from __future__ import annotations

import weakref

import streamlit as st

from engine import Step, Trace, explain
from engine.axes import axis
from engine.explain import Explanation
from engine.formula import element, number
from engine.index_map import reads
from engine.terms import Factor
from pages.ui import state
from pages.ui.download import tensor_buttons
from pages.ui.operation import operation_of
from pages.ui.panels import short, stage_of
from pages.ui.places import key_of, step_at
from pages.ui.plain import code, escaped, short_text
from pages.ui.settings import Settings
from pages.ui.tensor_view import Selection, tensor_view
from pages.ui.traces import CannotRunError, trace_of

_STEP = "walk.step"
_MOST_TERMS = 100


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
    asked = state.view("step")
    step = step_at(trace, asked)
    if asked and asked.partition(":")[0] != step.full_name:
        st.info(f"This model has no step {code(short_text(asked))}. Shown is {code(step.full_name)}.")
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
    st.markdown(f"{path} &nbsp; :gray[step {step.index} of 0 to {len(trace.steps) - 1}]")


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
    if made.count > 1:
        _terms(made)


def _terms(made: Explanation) -> None:
    """Every term of a number, those that count most first."""
    shown = made.largest(_MOST_TERMS)
    with st.expander(f"{made.count:,} terms, the largest first"):
        st.dataframe(
            {
                "what it read": [" · ".join(map(_read, term.factors)) for term in shown.terms],
                "comes to": [term.contribution for term in shown.terms],
            },
            hide_index=True,
            column_config={"comes to": st.column_config.NumberColumn(format="%.7g")},
        )
        if shown.others:
            st.caption(f"The {shown.others:,} others add up to {short(shown.rest)}.")


def _read(factor: Factor) -> str:
    return f"{element(factor.parent, factor.index)} = {number(factor.value, 7)}"


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
    words = [f"**{symbol.replace('*', '·')}** {axis(symbol).meaning}" for symbol in symbols]
    written = step.source.comment_axes if step.source and step.source.comment_axes else ()
    if len(written) == len(step.axes):
        here = {old: new for old, new in zip(written, step.axes, strict=True) if new and old != new and "*" not in old}
        words += [f"**{old}** in the code is **{new}** here" for old, new in here.items()]
    st.caption("  \n".join(words))
