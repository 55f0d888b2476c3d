"""What every lab is made of: sliders kept in the address, questions to predict, and code to copy.

A lab's ``draw()`` is a fragment: a slider that moves draws that lab again and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from pages.ui.state import link_notes, session

_LAB, _PREDICTIONS = "labs.lab", "labs.predictions"
PREFIX = "lab_"  # of a lab's values in the address, where they must not be taken for the model's settings
_SHOW = "Show it without a prediction"


@dataclass(frozen=True)
class _Prediction:
    """A person's answer to a question.

    Attributes:
        said: the option they chose, None where they asked to see the answer without a prediction.
        right: whether it was the computed answer when they chose it.
    """

    said: str | None
    right: bool


@dataclass(frozen=True)
class Slider:
    """A slider over whole numbers, for ``numbers``; each field is the argument of ``number`` of that name."""

    name: str
    label: str
    low: int
    high: int
    usual: int
    help: str | None = None


def begin(key: str) -> None:
    """Starts a lab: its sliders and questions are kept under this key. Call it before any other function here.

    Args:
        key: the lab's key in ``registry``.
    """
    st.session_state[_LAB] = key


def number(name: str, label: str, low: int, high: int, usual: int, *, help: str | None = None) -> int:
    """A slider over whole numbers; its value is kept in the address.

    Args:
        name: what the value is called in the address.
        label: what stands above the slider.
        low, high: both ends, included. Where they are equal there is nothing to move, and no slider is drawn.
        usual: the value where the address has none.
        help: shown when somebody points at the label.

    Returns:
        The value. One in the address that is no number, or beyond an end, is moved into the range, with a note.
    """
    value = link_notes.number(PREFIX + name, label, low, high, usual)
    key, start = session.widget(_key(name), value, (low, high))
    if low < high:
        callback = session.chosen(_key(name), key, partial(_keep, name))
        st.slider(label, low, high, start, key=key, help=help, on_change=callback)
    return value


def numbers(*sliders: Slider) -> tuple[int, ...]:
    """Draws sliders side by side and returns their values, in the same order."""
    values = []
    for slider, column in zip(sliders, st.columns(len(sliders)), strict=True):
        with column:
            values.append(number(slider.name, slider.label, slider.low, slider.high, slider.usual, help=slider.help))
    return tuple(values)


def pick(name: str, label: str, options: Sequence[str], usual: str | None = None, *, help: str | None = None) -> str:
    """A choice between a few options; the one that is chosen is kept in the address.

    Args:
        name: what the choice is called in the address.
        label: what stands above the options.
        options: all of them; a single one is taken without being drawn.
        usual: the option where the address has none; the first by default.
        help: shown when somebody points at the label.
    """
    value = link_notes.pick(PREFIX + name, label, options, usual or options[0])
    key, start = session.widget(_key(name), value)
    if len(options) > 1:
        st.segmented_control(
            label,
            options,
            default=start if start in options else value,
            key=key,
            help=help,
            required=True,
            wrap=True,
            on_change=session.chosen(_key(name), key, partial(_keep, name)),
        )
    return value


def examples(named: Mapping[str, Mapping[str, int]]) -> None:
    """Buttons that each set some sliders to values where an effect shows.

    Args:
        named: for each button's label, the values by the sliders' names. Sliders that are not named keep their values.
    """
    with st.container(horizontal=True):
        for label, values in named.items():
            st.button(label, key=_key(f"example.{label}"), on_click=move, kwargs=dict(values))


def line(name: str, label: str, usual: str, *, help: str | None = None) -> str:
    """A line of text; ``usual`` where the address has none, and where the field is emptied. The lab checks it."""
    value = session.view(PREFIX + name) or usual
    key, start = session.widget(_key(name), value)
    st.text_input(label, start, key=key, help=help, on_change=session.chosen(_key(name), key, partial(_keep, name)))
    return value


def predict(name: str, question: str, options: Sequence[str], answer: str, because: str = "") -> bool:
    """Asks what will come out, and shows the computed answer once there is a prediction or somebody asked for it.

    Args:
        name: what the question is called within the lab.
        question: the question.
        options: all answers to choose from.
        answer: the option that was computed for the sliders as they are.
        because: a sentence with the numbers behind the answer.

    Returns:
        Whether the answer is shown, so that the rest of the lab may follow.
    """
    choice = _predictions()
    index = (st.session_state[_LAB], name)
    prediction = choice.get(index)
    said = prediction.said if prediction and prediction.said in options else None
    widget = _key(f"predict.{name}")
    key, start = session.widget(widget, said)
    with st.container(border=True, key=f"lab-predict-{name}"):
        st.radio(
            f"**Predict.** {question}",
            options,
            options.index(start) if start in options else None,
            key=key,
            horizontal=True,
            on_change=session.chosen(widget, key, partial(_predicted, name, answer)),
        )
        if prediction is None:
            st.button(_SHOW, key=f"{widget}.show", type="tertiary", on_click=_seen, args=(name,))
            return False
        verdict = "" if said is None else "You predicted that. " if said == answer else f"You predicted: {said}. "
        mark = ":green[✓]" if said == answer else ":orange[→]"
        st.markdown(f"{mark} {verdict}**Computed: {answer}.** {because}")
    return True


def move(**values: object) -> None:
    """Sets sliders and options by their names. Only for callbacks: the run after the callback draws them there."""
    session.change_view(**{PREFIX + name: str(value) for name, value in values.items()})


def snippet(text: str, title: str = "The same in a few lines of PyTorch, to copy and run alone") -> None:
    """Shows a lab's script under a title."""
    st.markdown(f"##### {title}")
    st.code(text, language="python")


def progress(lab: str) -> str:
    """How many questions of a lab somebody answered, in words; empty where they have not opened an answer."""
    predictions = [prediction for (key, _), prediction in _predictions().items() if key == lab]
    said = [prediction for prediction in predictions if prediction.said is not None]
    if not said:
        return "looked at" if predictions else ""
    right = sum(prediction.right for prediction in said)
    return f"{len(said)} predicted, {right} as computed"


def _predictions() -> dict[tuple[str, str], _Prediction]:
    return st.session_state.setdefault(_PREDICTIONS, {})


def _key(name: str) -> str:
    return f"labs.{st.session_state[_LAB]}.{name}"


def _keep(name: str, value: object) -> None:
    move(**{name: value})


def _predicted(name: str, answer: str, said: str) -> None:
    _predictions()[st.session_state[_LAB], name] = _Prediction(said, said == answer)


def _seen(name: str) -> None:
    _predictions().setdefault((st.session_state[_LAB], name), _Prediction(None, False))
