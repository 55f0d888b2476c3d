"""What somebody predicted in the labs during this visit, and how far that has brought them."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

_PREDICTIONS = "labs.predictions"
_ANSWERED = "{opened} questions opened · {predicted} predicted · {right} as computed"
_ANSWERED_OF = "{opened} of {questions} questions opened · {predicted} predicted · {right} as computed"


@dataclass(frozen=True)
class Prediction:
    """A person's answer to a question.

    Attributes:
        choice: the option they chose, None where they asked to see the answer without a prediction.
        right: whether it was the computed answer when they chose it.
    """

    choice: str | None
    right: bool


def predictions() -> dict[tuple[str, str], Prediction]:
    """The answers of this visit, by the lab's key and the question's name."""
    return st.session_state.setdefault(_PREDICTIONS, {})


def answered(lab: str, questions: int | None) -> str:
    """How far somebody is in a lab, in a sentence; empty before their first answer.

    Args:
        lab: the lab's key.
        questions: how many questions the lab asks, None where that depends on its sliders.
    """
    of_lab = [prediction for (key, _), prediction in predictions().items() if key == lab]
    if not of_lab:
        return ""
    chosen = [prediction for prediction in of_lab if prediction.choice is not None]
    template = _ANSWERED if questions is None else _ANSWERED_OF
    return template.format(
        predicted=len(chosen),
        right=sum(prediction.right for prediction in chosen),
        opened=len(of_lab),
        questions=questions,
    )


def progress(lab: str) -> str:
    """How many questions of a lab somebody answered, in words; empty where they have not opened an answer."""
    of_lab = [prediction for (key, _), prediction in predictions().items() if key == lab]
    chosen = [prediction for prediction in of_lab if prediction.choice is not None]
    if not chosen:
        return "looked at" if of_lab else ""
    right = sum(prediction.right for prediction in chosen)
    return f"{len(chosen)} predicted, {right} as computed"
