"""The questions that learners ask, each with a short script that answers it.

The questions of a topic stand in a file of their own, ``shapes.toml``; a question is added there, and its script in
``scripts/shapes``.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.questions.question import AnsweredQuestion, Figure, Question, answer, read_topic

__all__ = ["QUESTIONS", "TOPICS", "AnsweredQuestion", "Figure", "Question", "answer", "question_of"]

# By topic, its heading and its questions, in the order of the page.
TOPICS: Mapping[str, tuple[str, tuple[Question, ...]]] = {
    topic: read_topic(topic) for topic in ("shapes", "heads", "masks", "softmax", "order", "outside")
}

QUESTIONS = tuple(question for _, questions in TOPICS.values() for question in questions)


def question_of(key: str) -> Question | None:
    """The question of an address, if there is one."""
    return next((question for question in QUESTIONS if question.key == key), None)
