"""The page: what to compare with, the sentence, the strips, the pair that is open, and all pairs as CSV."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath

import streamlit as st

from engine import Trace
from engine.compare import StepPair, TraceComparison, Verdict
from engine.compare.pairs_csv import write_pairs
from engine.export.csv_tables import csv_bytes
from engine.ops.notation import number
from engine.wording import counted
from pages.ui.app.markdown_escape import code, escaped, short_text
from pages.ui.state import link_notes, session
from pages.ui.state.settings import Settings
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.traces.trace_analyses import comparison_of
from pages.ui.traces.trace_cache import CannotRunError, trace_of
from pages.ui.views.compare_page import both_strips, opened_pair
from pages.ui.views.compare_page.others import OtherRun, other_runs

_FILE = "file"
_AGAINST, _PAIR = "against", "pair"
_UPLOADED, _TURN, _REFUSED = "compare.uploaded", "compare.upload_turn", "compare.upload_refused"
_SHOWN = "the shown trace"
_INTRO = "The steps of two traces in pairs, and the first pair that rounding does not explain."
_ASK = "Open a saved trace to compare the shown one with."
_SAME = "The two traces have the same numbers, up to rounding."
_FIRST = (
    "They part at {step}: off by up to {largest} at {index}, {relative} of the largest number; {share:.0%} of its "
    "elements are off by more than rounding explains."
)
_FIRST_SHAPES = "They part at {step}: its shape is {first} in one and {second} in the other."
_FIRST_ALONE = "They part at {step}, which is a step of {side} alone."
_COUNTS = (
    "{pairs}: {agreeing} with the same numbers, {rounding} apart by rounding, {made} that made a difference, {handed} "
    "that handed one on."
)
_ONE, _MANY = "{count} pair", "{count} pairs"
_ALONE_ONE, _ALONE_MANY = "{count} step has no partner.", "{count} steps have no partner."


def draw(trace: Trace) -> None:
    """Draws the page.

    Args:
        trace: the trace on screen, which another is compared with.
    """
    st.markdown("#### Compare")
    st.caption(_INTRO)
    settings = session.settings_shown()
    try:
        runs = other_runs(settings, trace)
        other = _chosen_other(runs)
        if other is None:
            st.info(_ASK)
            return
        b, name = _other_trace(other)
    except (CannotRunError, NotOpenError) as error:
        st.error(str(error))
        return
    with st.spinner("Comparing…"):
        comparison = comparison_of(trace, b)
    _draw_comparison(trace, b, comparison, name, (settings, other))


def _chosen_other(runs: tuple[OtherRun, ...]) -> OtherRun | str | None:
    """What is compared with: a run, or the name of an open file; None where nothing is."""
    labels = {run.key: run.label for run in runs} | {_FILE: "a saved trace"}
    trace_key = session.view(_AGAINST)
    name = trace_key.removeprefix(f"{_FILE}:") if trace_key.startswith(f"{_FILE}:") else ""
    value = _FILE if name else link_notes.pick(_AGAINST, "Compare with", tuple(labels), next(iter(labels)))
    key, start = session.widget(_AGAINST, value)
    picker, upload = st.columns([1, 1], vertical_alignment="bottom")
    with picker, st.container(key="compare-with"):
        st.selectbox(
            "Compare the shown trace with the same run, but",
            tuple(labels),
            tuple(labels).index(start) if start in labels else 0,
            format_func=labels.__getitem__,
            key=key,
            on_change=session.chosen(_AGAINST, key, _choose),
        )
    if value != _FILE:
        return next(run for run in runs if run.key == value)
    with upload:
        _upload()
    return name or None


def _choose(value: str) -> None:
    session.change_view(**{_AGAINST: value, _PAIR: None})


def _upload() -> None:
    turn = st.session_state.get(_TURN, 0)
    st.file_uploader("A saved trace", type=["trace"], key=f"compare.upload.{turn}", on_change=_take, args=(turn,))
    if refused := st.session_state.get(_REFUSED):
        st.error(refused)


def _take(turn: int) -> None:
    file = st.session_state.get(f"compare.upload.{turn}")
    if file is None:
        return
    st.session_state[_TURN] = turn + 1
    st.session_state.pop(_REFUSED, None)
    try:
        name = OPENED.add(PurePath(file.name).name, file)
    except NotOpenError as error:
        st.session_state[_REFUSED] = str(error)
        return
    session.change_view(**{_AGAINST: f"{_FILE}:{name}", _PAIR: None})


def _other_trace(other: OtherRun | str) -> tuple[Trace, str]:
    """The other trace, and what it is called."""
    if isinstance(other, OtherRun):
        return trace_of(other.settings), other.label
    opened = OPENED.get(other)
    return opened.trace, short_text(opened.file, 40)


def _draw_comparison(
    a: Trace, b: Trace, comparison: TraceComparison, name: str, source: tuple[Settings, OtherRun | str]
) -> None:
    names = (_SHOWN, name)
    first = comparison.first
    (st.success if first is None else st.info)(headline(first, names))
    st.caption(_counts(comparison))
    if not comparison.pairs:
        return
    chosen = _chosen_pair(comparison)
    if first is not None and chosen is not first:
        st.button("Back to the first difference", key="compare.first", on_click=_open_first)
    both_strips.draw(a, b, comparison, chosen, names, _open)
    opened_pair.draw(a, b, chosen, names)
    # Looked up again when it is pressed: a button that held the traces would keep them in memory beside the next ones.
    st.download_button(
        "All pairs as CSV", partial(_pairs_file, *source), "pairs.csv", "text/csv", key="compare.csv", on_click="ignore"
    )


def headline(first: StepPair | None, names: tuple[str, str]) -> str:
    """Where two traces part, in Markdown.

    Args:
        first: the pair that made the first difference; None where there is none.
        names: what the two traces are called.
    """
    if first is None:
        return _SAME
    step = code(first.step.full_name)
    if first.a is None or first.b is None:
        return _FIRST_ALONE.format(step=step, side=escaped(names[first.a is None]))
    if first.difference is None:
        return _FIRST_SHAPES.format(step=step, first=first.a.shape, second=first.b.shape)
    apart = first.difference
    return _FIRST.format(
        step=step,
        largest=number(apart.largest, 3),
        index=list(apart.index),
        relative=number(apart.relative, 3),
        share=apart.share,
    )


def _counts(comparison: TraceComparison) -> str:
    verdicts = [pair.verdict for pair in comparison.pairs]
    sentence = _COUNTS.format(
        pairs=counted(len(verdicts) - len(comparison.alone), _ONE, _MANY),
        agreeing=verdicts.count(Verdict.AGREES),
        rounding=verdicts.count(Verdict.ROUNDING),
        made=verdicts.count(Verdict.MADE_HERE),
        handed=verdicts.count(Verdict.HANDED_ON),
    )
    alone = counted(len(comparison.alone), _ALONE_ONE, _ALONE_MANY) if comparison.alone else ""
    return f"{sentence} {alone}".strip()


def _chosen_pair(comparison: TraceComparison) -> StepPair:
    """The pair that is open: the one that was asked for, else the first difference, else the last pair."""
    pairs = comparison.pairs
    first = next((pair_index for pair_index, pair in enumerate(pairs) if pair is comparison.first), len(pairs) - 1)
    return pairs[link_notes.number(_PAIR, "Pair", 0, len(pairs) - 1, first)]


def _open_first() -> None:
    session.change_view(**{_PAIR: None})


def _open(pair_index: int) -> None:
    session.change_view(**{_PAIR: str(pair_index)})


def _pairs_file(settings: Settings, other: OtherRun | str) -> bytes:
    comparison = comparison_of(trace_of(settings), _other_trace(other)[0])
    return csv_bytes(lambda file: write_pairs(comparison, file))
