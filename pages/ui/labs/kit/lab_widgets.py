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
    """What a person said would come out, None where they only looked; and whether it did, at the time."""

    said: str | None
    right: bool


def begin(key: str) -> None:
    """First call of a lab: whose sliders and questions are drawn from here on."""
    st.session_state[_LAB] = key


def number(name: str, label: str, low: int, high: int, usual: int, *, help: str | None = None) -> int:
    """A slider from ``low`` to ``high``. A value of the address that is none, or beyond them, is moved there and
    noted."""
    value = link_notes.number(PREFIX + name, label, low, high, usual)
    key, start = session.widget(_key(name), value, (low, high))
    if low < high:
        callback = session.chosen(_key(name), key, partial(_keep, name))
        st.slider(label, low, high, start, key=key, help=help, on_change=callback)
    return value


def pick(name: str, label: str, options: Sequence[str], usual: str | None = None, *, help: str | None = None) -> str:
    """One of a few options; ``usual`` to begin with, or else the first."""
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
    """Buttons that each move some sliders, by their names, to where something can be seen; the others stay."""
    with st.container(horizontal=True):
        for label, values in named.items():
            st.button(label, key=_key(f"example.{label}"), on_click=move, kwargs=dict(values))


def line(name: str, label: str, usual: str, *, help: str | None = None) -> str:
    """A line of text, the usual one to begin with and where it is emptied. What is wrong with it the lab says."""
    value = session.view(PREFIX + name) or usual
    key, start = session.widget(_key(name), value)
    st.text_input(label, start, key=key, help=help, on_change=session.chosen(_key(name), key, partial(_keep, name)))
    return value


def predict(name: str, question: str, options: Sequence[str], answer: str, because: str = "") -> bool:
    """Asks what will come out; once a person has said so, or asked to see it, says what did and returns True.

    ``answer`` is the one of the options that was computed just now, for the sliders as they are; ``because`` says with
    which numbers.
    """
    made = _predictions()
    place = (st.session_state[_LAB], name)
    prediction = made.get(place)
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
    """Moves sliders and options from elsewhere. To be called from a callback: the run that follows shows them there."""
    session.change_view(**{PREFIX + name: str(value) for name, value in values.items()})


def snippet(text: str, says: str = "The same in a few lines of PyTorch, to copy and run alone") -> None:
    """Code that needs nothing but torch."""
    st.markdown(f"##### {says}")
    st.code(text, language="python")


def progress(lab: str) -> str:
    """How far a person has come in a lab, in words; nothing where they have not begun."""
    predictions = [one for (key, _), one in _predictions().items() if key == lab]
    said = [one for one in predictions if one.said is not None]
    if not said:
        return "looked at" if predictions else ""
    right = sum(one.right for one in said)
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
