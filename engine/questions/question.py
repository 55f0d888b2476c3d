"""A question that learners ask, with a short script that answers it and two sentences with the script's numbers."""

from __future__ import annotations

import contextlib
import io
import runpy
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

from torch import Tensor

from engine.ops.notation import number

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """A tensor of the script that is drawn beside the answer.

    Attributes:
        variable: its name in the script.
        axes: what its axes are, outermost first.
        note: what to look at, in a few words.
        rows, columns: what stands beside the rows and above the columns; their indices where it is empty.
    """

    variable: str
    axes: tuple[str, ...]
    note: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """A question and the sentences that answer it.

    Attributes:
        key: the question in the address, and the name of its script.
        topic: the group it stands in, and the folder of its script.
        text: the question, in the words of those who ask it.
        answer: two or three sentences. A name in braces is replaced by the script's variable of that name.
        figures: the tensors to draw.
        lab: the lab that goes on from here, as the address calls it; "" for none.
        lab_values: the sliders of that lab to open it with.
        lab_section: the section of that lab to open it at; "" for its beginning.
        run: what a link to a run that shows it says; "" for none.
        run_values: settings and step of that run, as the address of the front page has them.
    """

    key: str
    topic: str
    text: str
    answer: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    lab: str = ""
    lab_values: tuple[tuple[str, str], ...] = ()
    lab_section: str = ""
    run: str = ""
    run_values: tuple[tuple[str, str], ...] = ()

    @property
    def script(self) -> Path:
        """The file that computes the answer's numbers."""
        return _HERE / "scripts" / self.topic / f"{self.key}.py"


def read_topic(topic: str) -> tuple[str, tuple[Question, ...]]:
    """The heading of a topic and its questions, from the topic's file.

    Args:
        topic: the name of the file. Its tables are questions: the key, and the fields of ``Question`` and ``Figure``.
    """
    with (_HERE / f"{topic}.toml").open("rb") as file:
        tables = tomllib.load(file)
    heading = tables.pop("heading")
    return heading, tuple(_question(topic, key, table) for key, table in tables.items())


def _question(topic: str, key: str, table: dict[str, Any]) -> Question:
    figures = tuple(Figure(**_frozen(figure)) for figure in table.pop("figures", ()))
    return Question(key, topic, figures=figures, **_frozen(table))


def _frozen(table: dict[str, Any]) -> dict[str, Any]:
    """The fields of a table, with tuples for its lists and for the pairs of its tables."""
    pairs = {name: value.items() if isinstance(value, dict) else value for name, value in table.items()}
    return {name: value if isinstance(value, str) else tuple(value) for name, value in pairs.items()}


@dataclass(frozen=True)
class AnsweredQuestion:
    """What a question's script computed.

    Attributes:
        sentences: the answer, with the computed numbers in their places.
        tensors: the tensors of the question's figures, in their order.
        code: the text of the script that ran.
        output: what it printed.
    """

    sentences: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    code: str
    output: str = field(repr=False)


@lru_cache(maxsize=64)
def answer(question: Question) -> AnsweredQuestion:
    """Runs a question's script and fills its numbers into the sentences.

    The script runs as it would from a shell: what is shown beside it is what it computed and printed.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        values = runpy.run_path(str(question.script))
    return AnsweredQuestion(
        tuple(_filled(sentence, values) for sentence in question.answer),
        tuple(values[figure.variable].detach() for figure in question.figures),
        question.script.read_text(encoding="utf-8"),
        printed.getvalue(),
    )


def _filled(sentence: str, values: dict[str, Any]) -> str:
    names = {name for _, name, _, _ in Formatter().parse(sentence) if name}
    return sentence.format(**{name: _in_words(values[name]) for name in names})


def _in_words(value: Any) -> str:
    """A value of a script as a sentence has it: a shape in brackets, a number as everywhere else."""
    if isinstance(value, tuple):  # torch.Size is one too
        return f"({', '.join(map(str, value))})"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else number(value)
