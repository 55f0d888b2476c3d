"""How the answer is written, one character a step, and how that differs from a given target (teacher forcing)."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st
import torch

from engine import Step, Trace
from engine.ops.notation import number
from engine.runtime.decode import Decoded, NextToken, TeacherForced
from engine.text import char_tokenizer
from pages.ui.app import frame
from pages.ui.app.counted import counted
from pages.ui.app.markdown_escape import code, escaped, visible
from pages.ui.components.tensor_view import tensor_view
from pages.ui.state import link_notes, session
from pages.ui.state.given_trace import NOTHING
from pages.ui.state.settings import TRAINED, Settings
from pages.ui.state.url_step import step_to_key
from pages.ui.traces.trace_cache import CannotRunError, decoded_of, teacher_forced_of
from pages.ui.views.date_answer import draw_doubt, how_sure, percent, read_as
from pages.ui.views.tensor_panels import panel_of

_SHOWN = 8  # characters of a ranking
_MOST_DIGITS = 9  # after the point; smaller numbers are written with their power of ten
_WHOLE_TABLE = 40  # rows; a longer table scrolls in itself
_UNKNOWN = char_tokenizer.SPECIALS[char_tokenizer.UNKNOWN]
_POSITION, _SENTENCE, _TARGET = "decoding.place", "decoding.sentence", "decoding.told"
_ONE_UNREAD = "1 character of the source is not among those it knows, and read as {unknown}."
_SOME_UNREAD = "{count} characters of the source are not among those it knows, and read as {unknown}."
_NO_END = "No end came within 1 step; it was stopped there."
_NO_END_IN_MANY = "No end came within {count} steps; it was stopped there."
_WRITING = "##### Writing {token}, having read {read}"
_TAKEN = "{token} is taken, the most probable."
_TAKEN_OF_TWO = "{token} is taken, the most probable. The other 1 has {share}."
_TAKEN_OF_MANY = "{token} is taken, the most probable. The other {count} share {share}."
_HEAD = "layer {layer} · head {head}"
_SHARPEST = "Sharpest is {name}: {share} at {token}. The last layer is the one whose result is read off."
_TILE, _UNSEEN = "{token} · {share}", "\u200b"
_MATTERS, _FEWEST = 0.001, 2  # what is less probable is summed up, but so many characters are always shown
_RANKING_STYLE = """<style>
.ranking { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.ranking th { font: 600 1.1rem var(--st-code-font, monospace); text-align: left; width: 3rem; }
.ranking td { padding: 0.25rem 0.5rem; } .ranking td:last-child { text-align: right; width: 5.5rem; }
.ranking .bar { display: block; height: 0.7rem; min-width: 2px; border-radius: 0.2rem; background: #3e6bc9; }
</style>"""
_PART = (
    "They part at position {position}: it writes {token}, and {given} was given, to which it gave {share}. "
    "Up to there both have read the same."
)


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
        st.info("These weights are random, so what is written means nothing. More settings has the trained ones.")
    st.markdown(f"The encoder reads {code(written.source)}; the decoder writes {code(written.text)}")
    position = _position(written)
    st.caption(" ".join(filter(None, [how_sure(written), read_as(written, settings), *_warnings(written)])))
    if settings.trained:
        draw_doubt(written)
    _one_position(settings, written, position)
    _compared_with_target(settings, written)


def _warnings(written: Decoded) -> list[str]:
    """What the numbers alone do not say: characters the model could not read, and an answer without an end."""
    warnings = []
    unread = written.traces[0].labels["S"][0].count(_UNKNOWN)
    if unread:
        warnings.append(counted(unread, _ONE_UNREAD, _SOME_UNREAD, unknown=_UNKNOWN))
    if not written.ended:
        warnings.append(counted(len(written.choices), _NO_END, _NO_END_IN_MANY))
    return warnings


def _chosen_line(lines: Sequence[Decoded]) -> Decoded:
    line = link_notes.number("sentence", "Sentence", 0, len(lines) - 1)
    if len(lines) == 1:
        return lines[0]
    options = [str(number) for number in range(len(lines))]
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


def _position(written: Decoded) -> int:
    last = len(written.choices) - 1
    settings = session.settings_now()
    if settings.writes and settings.upto is not None:
        position = min(settings.upto, last)
    else:
        position = link_notes.number("position", "Position", 0, last)
    key, start = session.widget(_POSITION, position, last)
    if last:
        st.segmented_control(
            "The answer: press a character to see how it was written",
            range(last + 1),
            default=start if start in range(last + 1) else position,
            format_func=partial(_tile, written),
            key=key,
            required=True,
            wrap=True,
            on_change=session.chosen(_POSITION, key, _keep_position),
        )
    return position


def _tile(written: Decoded, position: int) -> str:
    """What a tile says. Streamlit tells its tiles apart by their words, so those of a sentence all differ, unseen."""
    choice = written.choices[position]
    return _TILE.format(token=escaped(choice.token), share=percent(choice.probability)) + _UNSEEN * position


def _one_position(settings: Settings, written: Decoded, position: int) -> None:
    choice, trace = written.choices[position], written.traces[position]
    ranking, looking = st.columns([2, 3], gap="large")
    with ranking:
        st.markdown(_WRITING.format(token=code(choice.token), read=code(_read(written.choices, position))))
        _ranking(choice)
    with looking:
        st.markdown("##### Where it looks in the source")
        layers = _cross_attentions(trace)
        if layers:
            _looks(trace, layers)
    if settings.trained:
        # Of this line alone, and without a target of the person's: the very trace that is shown here.
        query = dataclasses.replace(settings, source=written.source, target="", upto=position).to_query()
        with st.container(horizontal=True):
            step = {"step": step_to_key(trace, trace.steps[-1])}
            frame.link("app.py", "Walk through this decoding step →", {**query, **step})
            frame.link("pages/attention.py", "Its attention, head by head →", {**query, "kind": "cross"})


def _ranking(choice: NextToken) -> None:
    shown = [(token, share) for token, share in choice.ranked[:_SHOWN] if share >= _MATTERS]
    shown = shown if len(shown) >= _FEWEST else list(choice.ranked[:_FEWEST])
    rows = "".join(
        f'<tr title="{html.escape(exact_percent(share))}"><th scope="row">{html.escape(visible(token))}</th>'
        f'<td><span class="bar" style="width: {100 * share:.2f}%"></span></td><td>{percent(share)}</td></tr>'
        for token, share in shown
    )
    st.html(f'{_RANKING_STYLE}<table class="ranking">{rows}</table>')
    rest = choice.ranked[len(shown) :]
    if rest:
        share = exact_percent(sum(share for _, share in rest))
        st.caption(counted(len(rest), _TAKEN_OF_TWO, _TAKEN_OF_MANY, token=code(choice.token), share=share))
    else:
        st.caption(_TAKEN.format(token=code(choice.token)))


def _cross_attentions(trace: Trace) -> list[Step]:
    return [step for step in trace.steps if step.path.endswith("cross_attention") and step.name == "weights"]


def _looks(trace: Trace, layers: Sequence[Step]) -> None:
    """Draws where each head of each layer looks: a row for each, over the characters of the source."""
    rows = torch.cat([weights.value[0, :, -1, :] for weights in layers])
    names = tuple(
        _HEAD.format(layer=layer, head=head) for layer, weights in enumerate(layers) for head in range(weights.shape[1])
    )
    tokens = trace.labels["S"][0]
    panel = dataclasses.replace(
        panel_of(trace, layers[-1]),
        value=rows,
        axes=("H", "S"),
        labels=(names, tokens),
        note="of cross-attention",
        masked=None,
        footer="each row sums to 1",
    )
    tensor_view([panel], key="decoding.looks")
    shares, positions = rows.double().max(dim=-1)
    first = int(shares.argmax())
    token, share = _named(tokens, int(positions[first])), percent(float(shares[first]))
    st.caption(_SHARPEST.format(name=names[first], token=token, share=share))


def _named(tokens: Sequence[str], position: int) -> str:
    """A source token, with its position where another one looks the same."""
    token = tokens[position]
    return f"{code(token)} (S = {position})" if tokens.count(token) > 1 else code(token)


def _compared_with_target(settings: Settings, written: Decoded) -> None:
    st.markdown("##### Greedy against teacher forcing")
    st.caption(
        "In training the decoder is told the right answer and asked for each next character of it (teacher forcing). "
        "Give it any target here: once that differs from what it writes, it reads something else and expects "
        "something else."
    )
    target = session.view("told") or written.text
    key, start = session.widget(_TARGET, target)
    st.text_input("A target to tell it", start, key=key, on_change=session.chosen(_TARGET, key, _keep_target))
    try:
        forced = teacher_forced_of(settings, written.source, target)
    except CannotRunError as error:
        st.error(str(error))
        return
    st.markdown(_difference(written, forced))
    table = _table(written, forced)
    rows = len(table["position"])
    right = {name: st.column_config.TextColumn(alignment="right") for name in table if name.startswith("probability")}
    st.dataframe(table, hide_index=True, column_config=right, height="content" if rows <= _WHOLE_TABLE else "auto")


def _table(written: Decoded, forced: TeacherForced) -> dict[str, list[str]]:
    positions = range(max(len(written.choices), len(forced.choices)))

    def column(choices: Sequence[NextToken], show: Callable[[NextToken], str]) -> list[str]:
        return [show(choices[position]) if position < len(choices) else "" for position in positions]

    def read(choices: Sequence[NextToken]) -> list[str]:
        return [_read(choices, position) if position < len(choices) else "" for position in positions]

    return {
        "position": [str(position) for position in positions],
        "had written": read(written.choices),
        "writes": column(written.choices, lambda choice: visible(choice.token)),
        "probability": column(written.choices, lambda choice: exact_percent(choice.probability)),
        "was told": read(forced.choices),
        "expects": column(forced.choices, lambda choice: visible(choice.best)),
        "probability of it": column(forced.choices, lambda choice: exact_percent(choice.ranked[0][1])),
        "is told": column(forced.choices, lambda choice: visible(choice.token)),
        "probability of that": column(forced.choices, lambda choice: exact_percent(choice.probability)),
    }


def _difference(written: Decoded, forced: TeacherForced) -> str:
    """Where the given target first differs from what was written."""
    pairs = zip(written.choices, forced.choices, strict=False)
    for position, (own, given) in enumerate(pairs):
        if own.token != given.token:
            share = exact_percent(given.probability)
            return _PART.format(position=position, token=code(own.token), given=code(given.token), share=share)
    return "The target is what it writes itself, so both have read the same at every position."


def exact_percent(share: float) -> str:
    """A probability in per cent, to three digits of its distance from 0 or from certainty."""
    away = min(share, 1 - share)
    if math.isnan(share) or away <= 0:
        return f"{number(100 * share)} %"
    digits = max(0, 2 - math.floor(math.log10(100 * away)))
    return (
        f"{100 * share:.{digits}f} %" if digits <= _MOST_DIGITS or share > 0.5 else f"{number(100 * share, digits=3)} %"
    )


def _read(choices: Sequence[NextToken], position: int) -> str:
    return visible("⟨begin⟩" + "".join(choice.token for choice in choices[:position]))


def _keep_position(position: int) -> None:
    settings = session.settings_now()
    if settings.writes:  # the other pages then open at this step of decoding
        session.change_settings(dataclasses.replace(settings, upto=position))
        session.change_view(position=None)
    else:
        session.change_view(position=str(position))


def _keep_sentence(line: str) -> None:
    session.change_view(sentence=line, position=None, told=None)


def _keep_target(target: str) -> None:
    session.change_view(told=target or None)
