"""What every lab is made of: sliders kept in the address, questions to predict, and code to copy.

A lab's ``draw()`` is a fragment: a slider that moves draws that lab again and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import streamlit as st

from engine.labs.script_cells import cells
from engine.labs.script_text import without_comments
from pages.ui.app.lazy_expander import lazy_expander, open_expander
from pages.ui.labs.kit.predictions import Prediction, predictions
from pages.ui.state import link_notes, session

_Drawn = TypeVar("_Drawn")

_LAB = "labs.lab"
_WAITS, _AHEAD, _SCROLLED = "labs.waits", "labs.ahead", "labs.scrolled"
PREFIX = "lab_"  # of a lab's values in the address, where they must not be taken for the model's settings
_SHOW = "Show it without a prediction"
_SKIPPED = "No prediction. **Computed: {answer}.** {because}"
_RIGHT = ":green[✓] You predicted that. **Computed: {answer}.** {because}"
_WRONG = ":orange[→] You predicted: {choice}. **Computed: {answer}.** {because}"
_SHORT_SCRIPT, _SCRIPT_HEIGHT = 24, 520  # lines; pixels, of a longer script
_LINES = (
    "These numbers in {count} lines of PyTorch: {cell}",
    "These numbers in {count} lines of PyTorch, to run in the project's folder: {cell}",
)
_WHOLE = ("All of it in one script", "All of it in one script, to run in the project's folder")
_PARTS = "VS Code, Spyder and Jupyter run it part by part: a part begins at a line `# %%`."
_EXPERTS = "For experts: {title}"
# What stands above the section grows while it loads, so the page is kept at it until somebody moves it.
_SCROLL = """<script>{
const go = () => {
  const section = document.querySelector(".st-key-lab-section-NAME");
  if (section) { section.style.scrollMarginTop = "5rem"; section.scrollIntoView(); }
};
const sizes = new ResizeObserver(go);
sizes.observe(document.querySelector("[data-testid=stMainBlockContainer]"));
for (const event of ["wheel", "touchstart", "keydown", "pointerdown"])
  addEventListener(event, () => sizes.disconnect(), { once: true, capture: true });
}</script>"""


@dataclass(frozen=True)
class Slider:
    """A slider over whole numbers, for ``numbers``; each field is the argument of ``number`` of that name.

    Attributes:
        name: what the value is called in the address.
        label: what stands above the slider.
        low, high: both ends, included.
        usual: the value to begin with.
        help: shown when somebody points at the label.
    """

    name: str
    label: str
    low: int
    high: int
    usual: int
    help: str | None = None


def begin(key: str, section: str = "") -> None:
    """Starts a lab: its sliders and questions are kept under this key. Call it before any other function here.

    Args:
        key: the lab's key in ``registry``.
        section: the section to open. The questions that stand before it are shown without a prediction.
    """
    st.session_state[_LAB] = key
    st.session_state[_WAITS] = False
    st.session_state[_AHEAD] = section
    if not section:
        st.session_state.pop(_SCROLLED, None)


def section(name: str, title: str) -> None:
    """Draws the heading of a section, and scrolls to it once where the link asked for this section.

    Args:
        name: what the section is called in the address, among the lab's sections in ``registry``.
        title: the heading.
    """
    with st.container(key=f"lab-section-{name}"):
        st.markdown(f"##### {title}")
    if st.session_state[_AHEAD] == name:
        st.session_state[_AHEAD] = ""
        target = (st.session_state[_LAB], name)
        if st.session_state.get(_SCROLLED) != target:
            st.session_state[_SCROLLED] = target
            st.html(_SCROLL.replace("NAME", name), unsafe_allow_javascript=True)


def experts(title: str, name: str, draw: Callable[[], _Drawn]) -> _Drawn | None:
    """A part for those who know the field, folded. Nothing in it is computed before it is opened.

    Questions within it do not hold back the lab's code.

    Args:
        title: what it is about.
        name: what it is called within the lab. A link to a section of this name opens it.
        draw: draws it.

    Returns:
        What ``draw`` returned; None while it is folded.
    """
    lab, waits = st.session_state[_LAB], st.session_state[_WAITS]
    if st.session_state[_AHEAD] == name and st.session_state.get(_SCROLLED) != (lab, name):
        open_expander(_key(f"experts.{name}"))
    drawn: list[_Drawn] = []
    lazy_expander(_EXPERTS.format(title=title), _key(f"experts.{name}"), lambda: drawn.append(draw()))
    st.session_state[_WAITS] = waits
    return drawn[0] if drawn else None


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
    """A line of text; ``usual`` where the address has none, and where the field is emptied. The lab checks it.

    Args:
        name: what the text is called in the address.
        label: what stands above the field.
        usual: the text to begin with.
        help: shown when somebody points at the label.

    Returns:
        The text.
    """
    value = session.view(PREFIX + name) or usual
    key, start = session.widget(_key(name), value)
    st.text_input(label, start, key=key, help=help, on_change=session.chosen(_key(name), key, partial(_keep, name)))
    return value


def predict(
    name: str,
    question: str,
    options: Sequence[str],
    answer: str,
    because: str = "",
    wrong: Mapping[str, str] | None = None,
) -> bool:
    """Asks what will come out, and shows the computed answer once there is a prediction or somebody asked for it.

    Args:
        name: what the question is called within the lab.
        question: the question.
        options: all answers to choose from.
        answer: the option that was computed for the sliders as they are.
        because: a sentence with the numbers behind the answer.
        wrong: for each option that is not the answer, a sentence on what speaks for it and why it is not so. It is
            shown to those who chose that option.

    Returns:
        Whether the answer is shown, so that the rest of the lab may follow.
    """
    if st.session_state[_AHEAD]:
        _seen(name)
    prediction = predictions().get((st.session_state[_LAB], name))
    choice = prediction.choice if prediction and prediction.choice in options else None
    widget = _key(f"predict.{name}")
    key, start = session.widget(widget, choice)
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
            st.session_state[_WAITS] = True
            st.button(_SHOW, key=f"{widget}.show", on_click=_seen, args=(name,))
            return False
        verdict = _SKIPPED if choice is None else _RIGHT if choice == answer else _WRONG
        st.markdown(verdict.format(choice=choice, answer=answer, because=because))
        if choice not in (None, answer) and wrong and choice in wrong:
            st.markdown(wrong[choice])
    return True


def by_order(options: Sequence[str], answer: str, before: str, after: str) -> dict[str, str]:
    """Feedback on options that stand in an order: one sentence for those before the answer, one for those after."""
    index = options.index(answer)
    return {option: before if at < index else after for at, option in enumerate(options) if at != index}


def move(**values: object) -> None:
    """Sets sliders and options by their names. Only for callbacks: the run after the callback draws them there."""
    session.change_view(**{PREFIX + name: str(value) for name, value in values.items()})


def snippet(text: str) -> None:
    """Shows a lab's script under a title: folded and without its comments while a question waits for an answer."""
    title = _WHOLE[_needs_project(text)]
    if st.session_state[_WAITS]:
        with st.expander(title):
            st.code(without_comments(text), language="python")
        return
    st.markdown(f"##### {title}")
    st.caption(_PARTS)
    _code(text)


def lines(script: str, cell: str) -> None:
    """Offers the lines of a lab's script that compute what stands above, as a program that runs alone.

    Args:
        script: the lab's script with the sizes of the page.
        cell: the name of a cell of it.
    """
    text = cells(script)[cell]
    with (
        st.container(key=f"lab-lines-{cell.replace(' ', '-')}"),
        st.expander(
            _LINES[_needs_project(text)].format(count=sum(bool(row.strip()) for row in text.splitlines()), cell=cell)
        ),
    ):
        _code(text)


def _needs_project(script: str) -> bool:
    """Whether a script imports the engine or reads one of its files."""
    return re.search(r"\bfrom engine\b|\bimport engine\b|\"engine/", script) is not None


def _code(text: str) -> None:
    st.code(text, language="python", height=_SCRIPT_HEIGHT if text.count("\n") > _SHORT_SCRIPT else "content")


def _key(name: str) -> str:
    return f"labs.{st.session_state[_LAB]}.{name}"


def _keep(name: str, value: object) -> None:
    move(**{name: value})


def _predicted(name: str, answer: str, choice: str) -> None:
    predictions()[st.session_state[_LAB], name] = Prediction(choice, choice == answer)


def _seen(name: str) -> None:
    predictions().setdefault((st.session_state[_LAB], name), Prediction(None, False))
