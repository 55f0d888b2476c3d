"""How the answer is written: one character a step, each from a run of its own; and how that differs from being told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import streamlit as st

from engine import Step, Trace
from engine.ops.notation import number
from engine.runtime.decode import Choice, Decoded, Told
from engine.text import char_tokenizer
from pages.ui.app import frame
from pages.ui.app.markdown_escape import code, visible
from pages.ui.components.tensor_view import tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.given_trace import NOTHING
from pages.ui.state.settings import TRAINED, Settings
from pages.ui.state.url_step import key_of
from pages.ui.traces.trace_cache import CannotRunError, decoded_of, told_of
from pages.ui.views.date_answer import draw_doubt, how_sure, percent, read_as, strip
from pages.ui.views.tensor_panels import panel_of

_SHOWN = 8  # characters of a ranking
_MOST_DIGITS = 9  # after the point; smaller numbers are written with their power of ten
_WHOLE_TABLE = 40  # rows; a longer table scrolls in itself
_UNKNOWN = char_tokenizer.SPECIALS[char_tokenizer.UNKNOWN]
_PLACE, _SENTENCE, _TOLD = "decoding.place", "decoding.sentence", "decoding.told"


def draw() -> None:
    """Draws what the model of the settings writes for the source of the settings."""
    settings = session.settings_shown()
    st.markdown("#### How the answer is written")
    st.caption(
        "The decoder reads what it has written so far and gives every next token a probability; the most probable one "
        "is taken, and it reads again. Every step is a run of its own: keys and values are computed anew."
    )
    try:
        written = _chosen_line(decoded_of(settings))
    except CannotRunError as error:
        st.info(str(error))
        frame.link(
            "pages/decoding.py", "Open this page with the trained model →", {"weights": TRAINED, "trace": NOTHING}
        )
        return
    if not settings.trained:
        st.info("These weights are random, so what is written means nothing. The sidebar has the trained ones.")
    st.markdown(f"The encoder reads {code(written.source)}; the decoder writes")
    st.html(strip(written))
    st.caption(" ".join(filter(None, [how_sure(written), read_as(written, settings), *_warnings(written)])))
    if settings.trained:
        draw_doubt(written)
    place = _place(written)
    # An outline in the answer's own ink: the tint says how sure the model was, and goes on saying it.
    st.html(f"<style>.answer .character:nth-child({place + 1}) {{ outline: 2px solid currentColor; }}</style>")
    _one_place(settings, written, place)
    _beside_told(settings, written)


def _warnings(written: Decoded) -> list[str]:
    """What the numbers alone do not say: characters the model could not read, and an answer without an end."""
    said = []
    unread = written.traces[0].labels["S"][0].count(_UNKNOWN)
    if unread:
        what = "1 character of the source is" if unread == 1 else f"{unread} characters of the source are"
        said.append(f"{what} not among those it knows, and read as {_UNKNOWN}.")
    if not written.ended:
        said.append(f"No end came within {len(written.choices)} steps; it was stopped there.")
    return said


def _chosen_line(lines: Sequence[Decoded]) -> Decoded:
    line = link_notes.number("sentence", "Sentence", 0, len(lines) - 1)
    if len(lines) == 1:
        return lines[0]
    options = [str(place) for place in range(len(lines))]
    key, start = session.widget(_SENTENCE, str(line))
    st.selectbox(
        "Sentence",
        options,
        options.index(start) if start in options else 0,
        format_func=lambda n: lines[int(n)].source,
        key=key,
        on_change=session.chosen(_SENTENCE, key, _keep_sentence),
    )
    return lines[line]


def _place(written: Decoded) -> int:
    last = len(written.choices) - 1
    settings = session.settings_now()
    if settings.writes and settings.upto is not None:
        place = min(settings.upto, last)
    else:
        place = link_notes.number("position", "Position", 0, last)
    key, start = session.widget(_PLACE, place, last)
    if last:
        st.slider(
            "Position in the answer: characters written before it",
            0,
            last,
            start,
            key=key,
            on_change=session.chosen(_PLACE, key, _keep_place),
        )
    return place


def _one_place(settings: Settings, written: Decoded, place: int) -> None:
    choice, trace = written.choices[place], written.traces[place]
    ranking, looking = st.columns([2, 3], gap="large")
    with ranking:
        st.markdown(f"##### Position {place}: what comes after {code(_read(written.choices, place))}")
        _ranking(choice)
    with looking:
        st.markdown("##### Where it looks in the source")
        weights = _last_cross_attention(trace)
        if weights is not None:
            _looks(trace, weights)
    if settings.trained:
        # Of this line alone, and without a target of the person's: the very trace that is shown here.
        query = dataclasses.replace(settings, source=written.source, target="", upto=place).to_query()
        with st.container(horizontal=True):
            step = {"step": key_of(trace, trace.steps[-1])}
            frame.link("pages/walkthrough.py", "Walk through this decoding step →", {**query, **step})
            frame.link("pages/attention.py", "Its attention, head by head →", {**query, "kind": "cross"})


def _ranking(choice: Choice) -> None:
    shown = choice.ranked[:_SHOWN]
    st.dataframe(
        {
            "next": [visible(token) for token, _ in shown],
            "probability": [share for _, share in shown],
            "in per cent": [exact_percent(share) for _, share in shown],
        },
        hide_index=True,
        column_config={
            "next": st.column_config.TextColumn(width="small"),
            # The number stands beside the bar, which would round it to certainty.
            "probability": st.column_config.ProgressColumn(format=" ", min_value=0, max_value=1),
            "in per cent": st.column_config.TextColumn(alignment="right"),
        },
    )
    rest = choice.ranked[_SHOWN:]
    others = f" The other {len(rest)} share {exact_percent(sum(share for _, share in rest))}." if rest else ""
    st.caption(f"{code(choice.token)} is taken, the most probable.{others}")


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
        footer="each row sums to 1",
    )
    tensor_view([panel], key="decoding.looks")
    best = zip(*(column.tolist() for column in row.double().max(dim=-1)), strict=True)
    said = " · ".join(f"head {head} at {_named(tokens, s)} {percent(share)}" for head, (share, s) in enumerate(best))
    st.caption(f"Most of all: {said}.")


def _named(tokens: Sequence[str], place: int) -> str:
    """A source token, with its place where another one looks the same."""
    return code(tokens[place]) + (f" (S = {place})" if tokens.count(tokens[place]) > 1 else "")


def _beside_told(settings: Settings, written: Decoded) -> None:
    st.markdown("##### Writing freely, beside being told")
    st.caption(
        "In training the decoder is told the right answer and asked for each next character of it (teacher forcing). "
        "Give it any target here: once that differs from what it writes, it reads something else and expects "
        "something else."
    )
    target = session.view("told") or written.text
    key, start = session.widget(_TOLD, target)
    st.text_input("A target to tell it", start, key=key, on_change=session.chosen(_TOLD, key, _keep_told))
    try:
        told = told_of(settings, written.source, target)
    except CannotRunError as error:
        st.error(str(error))
        return
    st.markdown(_difference(written, told))
    table = _table(written, told)
    rows = len(table["position"])
    right = {name: st.column_config.TextColumn(alignment="right") for name in table if name.startswith("probability")}
    st.dataframe(table, hide_index=True, column_config=right, height="content" if rows <= _WHOLE_TABLE else "auto")


def _table(written: Decoded, told: Told) -> dict[str, list[str]]:
    places = range(max(len(written.choices), len(told.choices)))

    def column(choices: Sequence[Choice], said: Callable[[Choice], str]) -> list[str]:
        return [said(choices[place]) if place < len(choices) else "" for place in places]

    def read(choices: Sequence[Choice]) -> list[str]:
        return [_read(choices, place) if place < len(choices) else "" for place in places]

    return {
        "position": [str(place) for place in places],
        "had written": read(written.choices),
        "writes": column(written.choices, lambda choice: visible(choice.token)),
        "probability": column(written.choices, lambda choice: exact_percent(choice.probability)),
        "was told": read(told.choices),
        "expects": column(told.choices, lambda choice: visible(choice.best)),
        "probability of it": column(told.choices, lambda choice: exact_percent(choice.ranked[0][1])),
        "is told": column(told.choices, lambda choice: visible(choice.token)),
        "probability of that": column(told.choices, lambda choice: exact_percent(choice.probability)),
    }


def _difference(written: Decoded, told: Told) -> str:
    """Where what was told first differs from what was written."""
    pairs = zip(written.choices, told.choices, strict=False)
    for place, (own, given) in enumerate(pairs):
        if own.token != given.token:
            return (
                f"They part at position {place}: it writes {code(own.token)}, and {code(given.token)} was given, to "
                f"which it gave {exact_percent(given.probability)}. Up to there both have read the same."
            )
    return "The target is what it writes itself, so both have read the same at every position."


def exact_percent(share: float) -> str:
    """A probability in per cent, to three digits of what it is away from 0 or from certainty."""
    away = min(share, 1 - share)
    if math.isnan(share) or away <= 0:
        return f"{number(100 * share)} %"
    digits = max(0, 2 - math.floor(math.log10(100 * away)))
    return (
        f"{100 * share:.{digits}f} %" if digits <= _MOST_DIGITS or share > 0.5 else f"{number(100 * share, digits=3)} %"
    )


def _read(choices: Sequence[Choice], place: int) -> str:
    return visible("⟨begin⟩" + "".join(choice.token for choice in choices[:place]))


def _keep_place(place: int) -> None:
    settings = session.settings_now()
    if settings.writes:  # the other pages then open at this step of decoding
        session.change_settings(dataclasses.replace(settings, upto=place))
        session.change_view(position=None)
    else:
        session.change_view(position=str(place))


def _keep_sentence(line: str) -> None:
    session.change_view(sentence=line, position=None, told=None)


def _keep_told(target: str) -> None:
    session.change_view(told=target or None)
