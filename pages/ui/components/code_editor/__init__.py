"""The editor of somebody's own code: a table of inputs, the text, and beside each line the shape that it made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.app.palette import axis_colour
from pages.ui.components.code_editor.library import library_of
from pages.ui.components.mount import component

_HERE = Path(__file__).parent
_component = component(__file__, "code_editor")
# What the room on a phone is kept for, before the editor is there: lines of code, and of the table of inputs.
_ROOM = "<style>.stApp {{ --code-lines: {lines}; --code-inputs: {inputs}; }}</style>"
# On its own and always the same, so that Streamlit sends its 350 kB once to each browser and then only names them.
_library = st.components.v2.component(
    "tensor_shape_explorer.codemirror",
    js=library_of(_HERE / "codemirror" / "codemirror.min.mjs"),
)


@dataclass(frozen=True)
class LineMark:
    """The shape beside a line.

    Attributes:
        line: its number, from 1.
        shape: the sizes of what the line made.
        axes: their symbols, None where unknown.
        count: how many tensors of this shape the line made.
        title: the mark in words.
        go: what names the step in the address.
    """

    line: int
    shape: tuple[int, ...]
    axes: tuple[str | None, ...]
    count: int
    title: str
    go: str


@dataclass(frozen=True)
class LineProblem:
    """What is wrong with a line: its number from 1, a sentence, and the whole text that the line is of.

    Attributes:
        line: its number, from 1.
        message: what is wrong, a sentence.
        of: the whole text that the line is of.
    """

    line: int
    message: str
    of: str


@dataclass(frozen=True)
class InputRow:
    """An input as the table shows it; ``problem`` is "" where it can be made, and one that was added can be removed.

    Attributes:
        name: of the argument.
        text: its shape or value, as it was typed.
        dtype, fill: which of ``InputChoices`` are chosen.
        seed: of random numbers.
        problem: why it cannot be made.
        added: whether it was added by hand.
    """

    name: str
    text: str
    dtype: str
    fill: str
    seed: int
    problem: str
    added: bool = False


@dataclass(frozen=True)
class InputChoices:
    """What the table offers: what can be called, dtypes and fills by value and label.

    Attributes:
        target: what is called, "" for nothing.
        targets: what could be.
        dtypes: each value with its label.
        fills: each value with its label.
        value: the dtype of what is no tensor.
        random: the fill that has a seed.
        most: how many inputs there may be.
    """

    target: str
    targets: tuple[str, ...]
    dtypes: tuple[tuple[str, str], ...]
    fills: tuple[tuple[str, str], ...]
    value: str
    random: str
    most: int


@dataclass(frozen=True)
class EditorText:
    """The text of the editor.

    Attributes:
        text: the text.
        revision: grows when it is another by the page's doing, and not by the person's typing.
        is_linked: whether it came with the address.
        ran: the text that the marks are of; None where nothing ran.
    """

    text: str
    revision: int
    is_linked: bool
    ran: str | None


@dataclass(frozen=True)
class EditorEvents:
    """What a person does in the editor. Every function is called before the next run.

    Attributes:
        on_edit: gets the text, a moment after it was typed.
        on_run: gets the text.
        on_input: gets the number of an input, the name of its field and the new value.
        on_add: adds an input.
        on_remove: gets the number of an input that was added.
        on_target: gets the name of what is to be called.
        on_go: gets what names the step of a mark in the address.
    """

    on_edit: Callable[[str], None]
    on_run: Callable[[str], None]
    on_input: Callable[[int, str, Any], None]
    on_add: Callable[[], None]
    on_remove: Callable[[int], None]
    on_target: Callable[[str], None]
    on_go: Callable[[str], None]


def code_editor(
    text: EditorText,
    rows: Sequence[InputRow],
    choices: InputChoices,
    marks: Sequence[LineMark],
    problem: LineProblem | None,
    *,
    key: str,
    can_run: bool,
    status: str,
    events: EditorEvents,
) -> None:
    """Draws the editor. There is one on a page.

    Args:
        text: what it shows.
        rows: the inputs.
        choices: what the table offers for them.
        marks: the shapes beside the lines.
        problem: the line that is marked as wrong.
        key: the component's.
        can_run: whether there is a button that runs the text; without, nothing can be changed either.
        status: a few words beside the button.
        events: what a person does.
    """
    data = {
        "text": text.text,
        "revision": text.revision,
        "linked": text.is_linked,
        "ran": text.ran,
        "canRun": can_run,
        "status": status,
        "table": {"rows": [asdict(row) for row in rows], **asdict(choices)},
        "marks": [_mark(mark) for mark in marks],
        "problem": None if problem is None else asdict(problem),
    }
    with st.container(gap=None):
        st.html(_ROOM.format(lines=text.text.count("\n") + 1, inputs=len(rows) + bool(choices.target)))
        _library(key=f"{key}:library", data=0, height="content")
        _component(
            key=key,
            data=data,
            height="content",
            on_edit_change=lambda: _with_text(key, "edit", events.on_edit),
            on_run_change=lambda: _with_text(key, "run", events.on_run),
            on_input_change=lambda: _input(key, rows, choices, events),
            on_go_change=lambda: _go(key, marks, events.on_go),
        )


def _mark(mark: LineMark) -> dict[str, Any]:
    sizes = [
        [str(size), axis_colour(symbol), axis_colour(symbol, dark=True)]
        for size, symbol in zip(mark.shape, mark.axes, strict=True)
    ]
    more = f"×{mark.count}" if mark.count > 1 else ""
    return {"line": mark.line, "sizes": sizes, "more": more, "title": mark.title, "go": mark.go}


# A browser is not trusted: whatever it sends is looked at before it is used.
def _sent(key: str, name: str) -> Mapping[str, Any]:
    sent = st.session_state[key][name]
    return sent if isinstance(sent, Mapping) else {}


def _with_text(key: str, name: str, do: Callable[[str], None]) -> None:
    text = _sent(key, name).get("text")
    if isinstance(text, str):
        do(text)


def _input(key: str, rows: Sequence[InputRow], choices: InputChoices, events: EditorEvents) -> None:
    sent = _sent(key, "input")
    if sent.get("target") in choices.targets:
        events.on_target(sent["target"])
    if sent.get("add") is True:
        events.on_add()
    number = sent.get("number")
    if not isinstance(number, int) or not 0 <= number < len(rows):
        return
    if sent.get("remove") is True and rows[number].added:
        events.on_remove(number)
    elif isinstance(sent.get("field"), str):
        events.on_input(number, sent["field"], sent.get("value"))


def _go(key: str, marks: Sequence[LineMark], do: Callable[[str], None]) -> None:
    step = _sent(key, "go").get("step")
    if step in {mark.go for mark in marks}:
        do(step)
