"""The page "Your code": the editor at the left, and what the program computed at the right."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.app import preload_torch  # isort: skip  # noqa: F401  before what needs torch
from engine import Trace
from engine.export.units import format_bytes
from engine.sandbox.code_request import Limits
from engine.sandbox.run_code import bounds, warm_up
from pages.ui.app import loading_placeholder, own_computer
from pages.ui.app.lazy_expander import lazy_expander
from pages.ui.components.code_editor import (
    EditorEvents,
    EditorText,
    InputChoices,
    InputRow,
    LineMark,
    LineProblem,
    code_editor,
)
from pages.ui.state import link_notes, session
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.views import walkthrough
from pages.ui.views.your_code import program_state
from pages.ui.views.your_code.examples import EXAMPLES, example_text
from pages.ui.views.your_code.line_shapes import marks_of, problem_of
from pages.ui.views.your_code.program import (
    DTYPES,
    FILLS,
    RANDOM,
    VALUE,
    Input,
    InputError,
    UserProgram,
    check_name,
    shape_of,
)
from pages.ui.views.your_code.run_program import Outcome, run_program
from pages.ui.views.your_code.script import script_of
from pages.ui.views.your_code.signature import callables_of, with_added_input, with_input, with_target, without_input
from pages.ui.views.your_code.size_row import draw_sizes
from pages.ui.views.your_code.try_remedy import remedied

_PAGE = "pages/your_code.py"
_KEY, _WHOLE_PAGE = "code", "explorer.program_whole_page"
_SCRIPT = "your_code.py"
_BEFORE = (
    "Press **Run**: every tensor that the code computes stands here as a box, with its shape, its numbers, the "
    "arithmetic of each number and the line that made it. Beside each line of the code stands the shape it made."
)
_GONE = "The run that this address names is not kept on this server any more. Its code is here; run it again."
_LINKED = (
    "This code came with the address: by a link, or it stood here before. Read it before you press **Run**: it runs on "
    "this computer."
)
_ELSEWHERE = (
    "Code is run only for a browser on the computer that serves this page. {objection} To run it, start the app on "
    "your own computer:"
)
_COMMANDS = """\
python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/streamlit run app.py"""
_TOO_LONG = "This code is too long for an address. Download it to take it along."
_IN_ADDRESS = "The address of this page holds the code as it last ran; whoever opens it sees it, and nothing runs."
_MAY = (
    "Your code runs as you: it can read and change your files and use the network. What is bounded: {seconds:g} s, "
    "{size} of memory, {processes} processes, and everything it started is ended."
)
_MAY_ELSEWHERE = (
    "Your code runs as you: it can read and change your files and use the network. What is bounded: {seconds:g} s."
)
_NOT_BOUNDED = "Not bounded on this computer: {bounds}"
_NOTHING = "Nothing was recorded: the code called nothing of torch that returns a tensor."
_LEFT_OUT = "{count:,} bytes more were printed and are not kept."
_FIELDS = frozenset({"text", "dtype", "fill", "seed"})
_NAME, _MOST_INPUTS = "name", 30
_MOST_SEED, _LONGEST_FIELD = 2**31 - 1, 500
_DTYPE_LABELS = (*((name, name) for name in DTYPES), (VALUE, "a value"))
_FILL_LABELS = tuple((name, name) for name in FILLS)


def draw() -> None:
    """Draws the page, and runs the program where that was asked for."""
    session.begin_page(_PAGE)
    loading_placeholder.end()
    with link_notes.banner():
        _draw_both()
    session.publish()


def _draw_both() -> None:
    program_state.begin()
    objection = own_computer.why_not()
    if objection:
        program_state.forget_runs()
    else:
        warm_up()
        program_state.run_if_asked(run_program)
    outcome = program_state.outcome()
    if outcome is not None and outcome.name:
        program_state.show_trace(outcome.name)
    left, right = st.columns([10, 18], gap="medium")
    with left:
        _left(outcome, objection)
    with right:
        _right(outcome)


@st.fragment
def _left(outcome: Outcome | None, objection: str) -> None:
    if st.session_state.pop(_WHOLE_PAGE, False):
        st.rerun()
    written = program_state.written_now()
    if objection:
        st.info(_ELSEWHERE.format(objection=objection))
        st.code(_COMMANDS, language="bash", wrap_lines=True)
    else:
        _examples()
        # A run that this server keeps was asked for on this computer: its code is nobody else's.
        if written.is_linked and (outcome is None or outcome.program != written.program):
            st.info(_LINKED)
    _editor(written, outcome, can_run=not objection)
    if not objection:
        limits = Limits()
        template = _MAY if sys.platform == "linux" else _MAY_ELSEWHERE
        size = format_bytes(limits.nbytes)
        st.caption(template.format(seconds=limits.seconds, size=size, processes=limits.processes))
    if not objection:
        _remedy(written.program, outcome)
    _take_along(written)
    # Asked for after a run alone: before, the answer waits until torch is loaded once more.
    if not objection and outcome is not None and (loose := bounds()):
        st.caption(_NOT_BOUNDED.format(bounds=" ".join(loose)))


def _draw_whole_page() -> None:
    """Has the fragment of the editor draw the whole page anew."""
    st.session_state[_WHOLE_PAGE] = True
    session.keep_view()


def _examples() -> None:
    turn = st.session_state.get("explorer.example_turn", 0)
    st.selectbox(
        "Begin with",
        tuple(EXAMPLES),
        None,
        format_func=EXAMPLES.__getitem__,
        key=f"code.example.{turn}",
        placeholder="Begin with an example",
        label_visibility="collapsed",
        on_change=partial(_take_example, f"code.example.{turn}", turn),
    )


def _take_example(key: str, turn: int) -> None:
    name = st.session_state[key]
    if name in EXAMPLES:
        st.session_state["explorer.example_turn"] = turn + 1
        program_state.put(example_text(name))
        _draw_whole_page()


def _editor(written: program_state.EditedProgram, outcome: Outcome | None, *, can_run: bool) -> None:
    program = written.program
    marks, problem, ran = _marks(outcome)
    if written.syntax is not None:
        problem = LineProblem(*written.syntax, of=program.text)
    code_editor(
        EditorText(program.text, written.revision, written.is_linked, ran),
        [_row(given, program) for given in program.inputs],
        InputChoices(program.target, _targets(program), _DTYPE_LABELS, _FILL_LABELS, VALUE, RANDOM, _MOST_INPUTS),
        marks,
        problem,
        key=_KEY,
        can_run=can_run,
        status="" if outcome is None else outcome.status,
        events=EditorEvents(program_state.edit, _run, _change_input, _add_input, _remove_input, _choose_target, _go),
    )


def _marks(outcome: Outcome | None) -> tuple[tuple[LineMark, ...], LineProblem | None, str | None]:
    """The shapes beside the lines, the line that failed, and the text that they are of."""
    if outcome is None:
        return (), None, None
    text = outcome.program.text
    trace = _trace_of(outcome)
    ended = None if outcome.line is None else LineProblem(outcome.line, outcome.sentence, text)
    if trace is None:
        return (), ended, text
    return marks_of(trace), problem_of(trace, text) or ended, text


def _trace_of(outcome: Outcome) -> Trace | None:
    try:
        return OPENED.get(outcome.name).trace if outcome.name else None
    except NotOpenError:
        return None


def _row(given: Input, program: UserProgram) -> InputRow:
    problem = ""
    if given.dtype != VALUE:
        try:
            if given.is_added:
                check_name(given, program)
            shape_of(given, dict(program.sizes))
        except InputError as error:
            problem = str(error)
    return InputRow(given.name, given.text, given.dtype, given.fill, given.seed, problem, given.is_added)


def _targets(program: UserProgram) -> tuple[str, ...]:
    try:
        return tuple(target.name for target in callables_of(program.text))
    except SyntaxError:
        return (program.target,) if program.target else ()


def _run(text: str) -> None:
    program_state.edit(text)
    program_state.ask_to_run()
    _draw_whole_page()


def _change_input(number: int, field: str, value: Any) -> None:
    program = program_state.written_now().program
    if number >= len(program.inputs):
        return
    is_added = program.inputs[number].is_added
    if field not in (_FIELDS | {_NAME} if is_added else _FIELDS) or (is_added and value == VALUE and field == "dtype"):
        return
    if field == "seed":
        value = min(max(value, 0), _MOST_SEED) if isinstance(value, int) else 0
    elif not isinstance(value, str) or len(value) > _LONGEST_FIELD:
        return
    allowed = {"dtype": (*DTYPES, VALUE), "fill": FILLS}.get(field, (value,))
    if value in allowed:
        changes: Any = {field: value}
        program_state.change(with_input(program, number, replace(program.inputs[number], **changes)))
        _draw_whole_page()  # the sizes stand outside


def _add_input() -> None:
    program = program_state.written_now().program
    if len(program.inputs) < _MOST_INPUTS:
        program_state.change(with_added_input(program))
        _draw_whole_page()


def _remove_input(number: int) -> None:
    program_state.change(without_input(program_state.written_now().program, number))
    _draw_whole_page()


def _choose_target(name: str) -> None:
    program_state.change(with_target(program_state.written_now().program, name))
    _draw_whole_page()


def _go(step: str) -> None:
    session.change_view(step=step, pin=None, trail=None)
    _draw_whole_page()


def _remedy(program: UserProgram, outcome: Outcome | None) -> None:
    """A button that puts the nearest expression that works in the place of the one that failed."""
    trace = None if outcome is None else _trace_of(outcome)
    if trace is None or trace.failure is None:
        return
    text = remedied(program.text, trace.failure)
    if text is not None:
        st.button(f"Try `{trace.failure.remedy}`", key="code.try", on_click=_try, args=(text,))


def _try(text: str) -> None:
    program_state.put(text)
    program_state.ask_to_run()
    _draw_whole_page()


def _take_along(written: program_state.EditedProgram) -> None:
    try:
        script = script_of(written.program)
    except InputError:
        script = f"{written.program.text.rstrip()}\n"
    st.download_button("Download as a script", script, _SCRIPT, "text/x-python", key="code.script", on_click="ignore")
    if written.address:
        st.caption(_IN_ADDRESS)
    elif written.revision or written.program.text != example_text("attention"):
        st.caption(_TOO_LONG)


def _right(outcome: Outcome | None) -> None:
    draw_sizes(program_state.written_now().program, outcome)
    if outcome is None:
        if program_state.is_gone():
            st.info(_GONE)
        st.markdown(_BEFORE)
        return
    trace = _trace_of(outcome)
    if outcome.sentence and (trace is None or trace.failure is None):
        st.error(outcome.sentence)
    if outcome.output:
        lazy_expander("What it printed", "code.output", partial(_output, outcome))
    if trace is None:
        return
    session.remember_shown(session.settings_now())
    if trace.steps or trace.failure is not None:
        walkthrough.draw(trace)
    elif not outcome.sentence:
        st.info(_NOTHING)


def _output(outcome: Outcome) -> None:
    st.code(outcome.output, language=None, wrap_lines=True)
    if outcome.output_left_out:
        st.caption(_LEFT_OUT.format(count=outcome.output_left_out))
