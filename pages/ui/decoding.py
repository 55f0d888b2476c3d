"""How the answer is written: one character a step, each from a run of its own; and how that differs from being told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import streamlit as st

from engine import Step, Trace
from engine.decode import Choice, Decoded, Told
from pages.ui import frame, state
from pages.ui.answer import how_sure, percent, strip
from pages.ui.panels import panel_of
from pages.ui.places import key_of
from pages.ui.plain import code, visible
from pages.ui.settings import Settings
from pages.ui.tensor_view import tensor_view
from pages.ui.traces import CannotRunError, decoded_of, told_of

_SHOWN = 8  # characters of a ranking
_PLACE, _SENTENCE, _TOLD = "decoding.place", "decoding.sentence", "decoding.told"


def draw() -> None:
    """Draws what the model of the settings writes for the source of the settings."""
    settings = state.settings_shown()
    st.markdown("#### How the answer is written")
    st.caption(
        "The decoder reads what it has written so far and gives every next token a probability; the most probable one "
        "is taken, and it reads again. Every step is a run of its own: keys and values are computed anew."
    )
    try:
        written = _chosen_line(decoded_of(settings))
    except CannotRunError as error:
        st.info(str(error))
        return
    if not settings.trained:
        st.info("These weights are random, so what is written means nothing. The sidebar has the trained ones.")
    st.markdown(f"The encoder reads {code(written.source)}; the decoder writes")
    st.html(strip(written))
    st.caption(how_sure(written))
    place = _place(written)
    _one_place(settings, written, place)
    _beside_told(settings, written)


def _chosen_line(lines: Sequence[Decoded]) -> Decoded:
    if len(lines) == 1:
        return lines[0]
    options = [str(place) for place in range(len(lines))]
    asked = state.view("sentence")
    state.show_in_widget(_SENTENCE, asked if asked in options else "0")
    st.selectbox(
        "Sentence", options, format_func=lambda n: lines[int(n)].source, key=_SENTENCE, on_change=_keep_sentence
    )
    return lines[int(st.session_state[_SENTENCE] or 0)]


def _place(written: Decoded) -> int:
    last = len(written.choices) - 1
    asked = state.view("position")
    state.show_in_widget(_PLACE, min(int(asked), last) if asked.isascii() and asked.isdigit() else 0)
    if last:
        st.slider("Decoding step: characters written before it", 0, last, key=_PLACE, on_change=_keep_place)
    return int(st.session_state[_PLACE]) if last else 0


def _one_place(settings: Settings, written: Decoded, place: int) -> None:
    choice, trace = written.choices[place], written.traces[place]
    ranking, looking = st.columns([2, 3], gap="large")
    with ranking:
        st.markdown(f"##### Step {place}: what comes after {code(_read(written.choices, place))}")
        _ranking(choice)
    with looking:
        st.markdown("##### Where this step looks in the source")
        weights = _last_cross_attention(trace)
        if weights is not None:
            _looks(trace, weights)
    if settings.writes:
        query = dataclasses.replace(settings, source=written.source, upto=place).to_query()
        with st.container(horizontal=True):
            step = {"step": key_of(trace, trace.steps[-1])}
            frame.link("pages/walkthrough.py", "Walk through this decoding step →", {**query, **step})
            frame.link("pages/attention.py", "Its attention, head by head →", {**query, "kind": "cross"})


def _ranking(choice: Choice) -> None:
    shown = choice.ranked[:_SHOWN]
    st.dataframe(
        {
            "next": [visible(token) for token, _ in shown],
            "probability": [100 * share for _, share in shown],
        },
        hide_index=True,
        column_config={
            "probability": st.column_config.ProgressColumn(format="%.2f %%", min_value=0, max_value=100),
        },
    )


def _last_cross_attention(trace: Trace) -> Step | None:
    found = [step for step in trace.steps if step.path.endswith("cross_attention") and step.name == "weights"]
    return found[-1] if found else None


def _looks(trace: Trace, weights: Step) -> None:
    whole = panel_of(trace, weights)
    row = weights.value[0, :, -1, :]
    tokens = trace.labels["S"][0]
    panel = dataclasses.replace(
        whole,
        value=row,
        axes=("H", "S"),
        labels=(None, tokens),
        note="last decoder layer, a row for each head",
        masked=None,
        footer="",
    )
    tensor_view([panel], key="decoding.looks")
    best = [(share.item(), tokens[place]) for share, place in zip(*row.double().max(dim=-1), strict=True)]
    said = " · ".join(f"head {head} at {code(token)} {percent(share)}" for head, (share, token) in enumerate(best))
    st.caption(f"Most of all: {said}.")


def _beside_told(settings: Settings, written: Decoded) -> None:
    st.markdown("##### Writing freely, beside being told")
    st.caption(
        "In training the decoder is told the right answer and asked for each next character of it (teacher forcing). "
        "Give it any target here: once that differs from what it writes, it reads something else and expects "
        "something else."
    )
    state.show_in_widget(_TOLD, state.view("told") or written.text)
    st.text_input("A target to tell it", key=_TOLD, on_change=_keep_told)
    try:
        told = told_of(settings, written.source, st.session_state[_TOLD])
    except CannotRunError as error:
        st.error(str(error))
        return
    st.dataframe(_table(written, told), hide_index=True, column_config=_PERCENT)
    st.caption(_difference(written, told))


_PERCENT = {
    name: st.column_config.NumberColumn(format="%.2f %%")
    for name in ("probability", "probability of it", "of the given")
}


def _table(written: Decoded, told: Told) -> dict[str, list[str | float | None]]:
    places = range(max(len(written.choices), len(told.choices)))

    def column(choices: Sequence[Choice], value: object) -> list[str | float | None]:
        return [value(choices, place) if place < len(choices) else None for place in places]  # type: ignore[operator]

    return {
        "step": [str(place) for place in places],
        "had written": column(written.choices, _read),
        "writes": column(written.choices, lambda choices, place: visible(choices[place].token)),
        "probability": column(written.choices, lambda choices, place: 100 * choices[place].probability),
        "was told": column(told.choices, _read),
        "expects": column(told.choices, lambda choices, place: visible(choices[place].best)),
        "probability of it": column(told.choices, lambda choices, place: 100 * choices[place].ranked[0][1]),
        "of the given": column(told.choices, lambda choices, place: 100 * choices[place].probability),
    }


def _difference(written: Decoded, told: Told) -> str:
    """Where what was told first differs from what was written."""
    pairs = zip(written.choices, told.choices, strict=False)
    for place, (own, given) in enumerate(pairs):
        if own.token != given.token:
            return (
                f"They part at step {place}: it writes {code(own.token)}, and {code(given.token)} was given, to which "
                f"it gave {percent(given.probability)}. Before that both columns are the same run."
            )
    return "The target is what it writes itself, so both are the same."


def _read(choices: Sequence[Choice], place: int) -> str:
    return visible("⟨begin⟩" + "".join(choice.token for choice in choices[:place]))


def _keep_place() -> None:
    state.change_view(position=str(st.session_state[_PLACE]))


def _keep_sentence() -> None:
    state.change_view(sentence=st.session_state[_SENTENCE], position=None, told=None)


def _keep_told() -> None:
    state.change_view(told=st.session_state[_TOLD] or None)
