"""All recorded tensors in one table, to search and filter; a chosen row shows its tensor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine import Step, Trace
from engine.export.step_frame import step_frame
from pages.ui.app import frame
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.app.markdown_escape import code, short_text
from pages.ui.components import printed_table
from pages.ui.components.tensor_view import tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem
from pages.ui.state.url_step import step_to_key
from pages.ui.views import download_buttons, findings_view
from pages.ui.views.lens import trace_notes
from pages.ui.views.operation_card import card_of
from pages.ui.views.share import TITLE, share_view
from pages.ui.views.tensor_panels import panel_of

_HEIGHT, _ROW = 430, 35  # pixels
_MOST_ROWS = 500  # in the table at once: the statistics of each are computed for it
_ROWS = "{first}-{last}"
_LONGEST = 24  # characters of an operation that only the link knows
_TABLE = "explorer.table"
# What says which step it is comes first; the other columns of steps.csv follow in their order.
_FIRST = ("step", "path", "name", "op", "axes", "shape", "expression")
_PRINTED = ("step", "name", "op", "axes", "shape", "path", "expression")  # of all columns those that fit on paper
_SHOWN = "{shown:,} of {all:,} steps. Tick a row to see its tensor."
_HIDDEN = "{given} was asked for, and the filters leave it out. Shown is {used}."
_NO_OPERATION = "{given} was asked for; no step of this model has the operation {missing}. Shown are {used}."


def draw(trace: Trace) -> None:
    """Draws the findings of the trace, the filters, the table and the tensor of the chosen row.

    Args:
        trace: any trace.
    """
    findings_view.draw_around(trace, partial(_draw_table, trace))


def _draw_table(trace: Trace) -> None:
    st.markdown("#### Every step")
    trace_notes.draw(trace_notes.of_steps(trace))
    steps = _filtered(trace)
    words, button = st.columns([3, 1], vertical_alignment="center")
    words.caption(_SHOWN.format(shown=len(steps), all=len(trace.steps)))
    with button.container(horizontal_alignment="right"):
        download_buttons.steps_button(steps, "These rows as CSV", key="filtered_steps")
    if not steps:
        st.info("No step matches. Take a filter away, or search for part of a name such as scores.")
        return
    chosen = _table(trace, steps)
    st.markdown(f"##### {chosen.full_name}".replace("_", r"\_"))
    selection = tensor_view([panel_of(trace, chosen)], key="table.tensor", operation=card_of(trace, chosen))
    share = partial(share_view.draw, trace, chosen, selection, "table", strip=False)
    lazy_expander(TITLE, "table.csv", share)
    with st.container(horizontal=True):
        query = {**session.settings_now().to_query(), "step": step_to_key(trace, chosen)}
        frame.link("app.py", "This step opened, with what it read", query)


def _filtered(trace: Trace) -> tuple[Step, ...]:
    search, module, op = st.columns([2, 2, 2])
    with search:
        text = _text_filter("search", "Search names, expressions and shapes", "scores, query @ key, 4, 8 …")
    with module:
        inside = _choice_filter("module", "Module", _modules(trace), "whole model")
    with op:
        ops = _ops_filter(sorted({step.op for step in trace.steps}))
    return tuple(
        step
        for step in trace.steps
        if text.lower() in _searched(step)
        and (not inside or step.path == inside or step.path.startswith(f"{inside}."))
        and (not ops or step.op in ops)
    )


def _searched(step: Step) -> str:
    expression = step.source.expression if step.source else ""
    sizes = ", ".join(map(str, step.shape))
    return f"{step.full_name} {step.op} {expression} {sizes} {_axes(step)}".lower()


def _modules(trace: Trace) -> tuple[str, ...]:
    """Every module path and every one above it, in the order they run."""
    modules: dict[str, None] = {}
    for step in trace.steps:
        parts = step.path.split(".")
        for depth in range(1, len(parts) + 1):
            modules[".".join(parts[:depth])] = None
    return tuple(path for path in modules if path)


def _table(trace: Trace, steps: Sequence[Step]) -> Step:
    linked = link_notes.step(trace)
    row = steps.index(linked) if linked in steps else 0
    if linked not in steps and session.is_of_link("step"):
        link_notes.note(LinkProblem("step", session.view("step"), _HIDDEN), code(step_to_key(trace, steps[0])))
    steps = _part(steps, row)
    row = steps.index(linked) if linked in steps else 0
    rows = step_frame(steps)
    key = _table_key(steps, row)
    st.dataframe(
        rows,
        hide_index=True,
        height=min(_HEIGHT, _ROW * (len(steps) + 1) + 3),
        on_select=partial(_picked, key, [(step.index, step_to_key(trace, step)) for step in steps]),
        selection_mode="single-row",
        selection_default={"selection": {"rows": [row]}},
        key=key,
        column_order=[*_FIRST, *(name for name in rows if name not in _FIRST)],
        column_config={name: st.column_config.NumberColumn(format="localized") for name in ("numel", "bytes", "flops")},
    )
    printed_table.draw({name: list(rows[name]) for name in _PRINTED})
    return steps[row]


def _part(steps: Sequence[Step], row: int) -> Sequence[Step]:
    """The rows that the table lists: all, or of a long program those of the chosen part."""
    if len(steps) <= _MOST_ROWS:
        return steps
    starts = range(0, len(steps), _MOST_ROWS)
    options = tuple(_ROWS.format(first=steps[at].index, last=steps[at : at + _MOST_ROWS][-1].index) for at in starts)
    value = link_notes.pick("rows", "Rows", options, options[row // _MOST_ROWS])
    key, start = session.widget("table.rows_shown", value)
    offered = options.index(start) if start in options else 0
    callback = session.chosen("table.rows_shown", key, _choose_part)
    st.selectbox("Steps listed", options, offered, key=key, on_change=callback)
    at = options.index(value) * _MOST_ROWS
    return steps[at : at + _MOST_ROWS]


def _choose_part(value: str) -> None:
    session.change_view(rows=value, step=None)


def _table_key(steps: Sequence[Step], row: int) -> str:
    """The widget's key: a new one where other rows are listed, or the row was not chosen by a tick in this table.

    A table keeps its tick by position, so only a new table can show another tick.
    """
    memory = st.session_state.setdefault(_TABLE, {"round": 0, "listed": None, "ticked": None})
    listed = [step.index for step in steps]
    if (memory["listed"], memory["ticked"]) != (listed, steps[row].index):
        memory.update(round=memory["round"] + 1, listed=listed, ticked=steps[row].index)
    return f"table.rows.{memory['round']}"


def _picked(key: str, steps: Sequence[tuple[int, str]]) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state[_TABLE]["ticked"], step = steps[rows[0]]
        session.change_view(step=step)


def _axes(step: Step) -> str:
    return " ".join("?" if symbol is None else symbol.replace("*", "·") for symbol in step.axes)


def _text_filter(name: str, label: str, example: str) -> str:
    text = session.view(name)
    key, start = session.widget(f"table.{name}", text)
    callback = session.chosen(f"table.{name}", key, partial(_filter_changed, name))
    st.text_input(label, start, key=key, placeholder=example, on_change=callback)
    return text


def _choice_filter(name: str, label: str, options: tuple[str, ...], everything: str) -> str:
    titles = {"": everything}
    value = link_notes.pick(name, label, options, "", lambda option: code(titles.get(option, option)))
    offered = ("", *options)
    key, start = session.widget(f"table.{name}", value)
    st.selectbox(
        label,
        offered,
        offered.index(start) if start in offered else 0,
        format_func=lambda option: titles.get(option, option),
        key=key,
        on_change=session.chosen(f"table.{name}", key, partial(_filter_changed, name)),
    )
    return value


def _ops_filter(options: list[str]) -> list[str]:
    requested = session.view("op").split()
    known, missing = [op for op in requested if op in options], [op for op in requested if op not in options]
    if missing:
        problem = LinkProblem(
            "op", " ".join(requested), _NO_OPERATION, {"missing": code(short_text(missing[0], _LONGEST))}
        )
        link_notes.note(problem, ", ".join(map(code, known)) or "those of every operation")
    key, start = session.widget("table.op", known)
    callback = session.chosen("table.op", key, partial(_filter_changed, "op"))
    chosen = [op for op in start if op in options]
    st.multiselect("Operation", options, chosen, key=key, placeholder="all", on_change=callback)
    return known


def _filter_changed(name: str, value: str | list[str]) -> None:
    text = " ".join(value) if isinstance(value, list) else value
    session.change_view(**{name: text or None, "rows": None})
