"""The questions that learners ask, each with a short script that answers it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.questions import heads, masks, order, outside, shapes, softmax
from engine.questions.question import AnsweredQuestion, Figure, Question, answer

__all__ = ["QUESTIONS", "TOPICS", "AnsweredQuestion", "Figure", "Question", "answer", "question_of"]

# By topic, its heading and its questions, in the order of the page.
TOPICS: Mapping[str, tuple[str, tuple[Question, ...]]] = {
    "shapes": ("Shapes and memory", shapes.QUESTIONS),
    "heads": ("Heads", heads.QUESTIONS),
    "masks": ("Masks", masks.QUESTIONS),
    "softmax": ("Scaling, softmax, normalisation", softmax.QUESTIONS),
    "order": ("Many words", order.QUESTIONS),
    "outside": ("What it says, what it reads", outside.QUESTIONS),
}

QUESTIONS = tuple(question for _, questions in TOPICS.values() for question in questions)


def question_of(key: str) -> Question | None:
    """The question of an address, if there is one."""
    return next((question for question in QUESTIONS if question.key == key), None)
