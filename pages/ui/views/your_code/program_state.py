"""The program that a person is writing, in the session and in the address, and what its last run led to.

A program that comes with an address is shown and never run: only a press in this session runs anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from pages.ui.state import link_notes, session
from pages.ui.state.link_values import LinkProblem
from pages.ui.traces.opened import OPENED, NotOpenError
from pages.ui.views.your_code.examples import FIRST, example_text
from pages.ui.views.your_code.program import UserProgram
from pages.ui.views.your_code.run_program import Outcome
from pages.ui.views.your_code.script import from_address, to_address
from pages.ui.views.your_code.signature import with_text

_STATE, _RUNS = "explorer.program", "explorer.program_runs"
_ADDRESS = "code"
_NO_PROGRAM = "{given} was asked for, which is no program: the address was cut short or changed. Shown is {used}."


@dataclass(frozen=True)
class EditedProgram:
    """What is in the editor.

    Attributes:
        program: the program. Where its text is no Python, its inputs are those of the last text that was.
        revision: grows when the text becomes another by the page's doing.
        is_linked: whether it came with an address and has not been changed since.
        address: what the address says of it; "" where it is not in the address.
        syntax: the line that is not Python and what Python says of it; None where all of it is.
    """

    program: UserProgram
    revision: int = 0
    is_linked: bool = False
    address: str = ""
    syntax: tuple[int, str] | None = None


@dataclass
class ProgramRuns:
    """The runs of the program in this session.

    Attributes:
        is_asked: whether the next run of the page runs it.
        outcome: what the last run led to.
        is_new: whether that has not been drawn yet.
    """

    is_asked: bool = False
    outcome: Outcome | None = None
    is_new: bool = False


def begin() -> EditedProgram:
    """What is in the editor, at the start of a page's run: from the session, or from an address that was opened."""
    kept_key = session.view(_ADDRESS)
    written: EditedProgram | None = st.session_state.get(_STATE)
    if kept_key and (written is None or kept_key != written.address):
        linked = from_address(kept_key)
        if linked is not None:
            revision = 0 if written is None else written.revision + 1
            written = EditedProgram(linked, revision, True, kept_key, _syntax(linked.text))
            forget_runs()
        else:
            link_notes.note(LinkProblem(_ADDRESS, kept_key, _NO_PROGRAM), "what was here before")
    if written is None:
        written = EditedProgram(with_text(UserProgram(""), example_text(FIRST)))
    st.session_state[_STATE] = written
    session.change_view(**{_ADDRESS: written.address or None})
    return written


def written_now() -> EditedProgram:
    """What is in the editor."""
    return st.session_state[_STATE]


def edit(text: str) -> None:
    """Takes a text as it was typed. The address follows when it is run."""
    written = written_now()
    program, syntax = _with_text(written.program, text)
    st.session_state[_STATE] = replace(written, program=program, syntax=syntax)


def put(text: str) -> None:
    """Puts another text into the editor."""
    edit(text)
    written = written_now()
    _keep(replace(written, revision=written.revision + 1, is_linked=False))


def change(program: UserProgram) -> None:
    """Takes a program with the same text and other inputs or sizes."""
    _keep(replace(written_now(), program=program))


def ask_to_run() -> None:
    """The next run of the page runs the program. To be called for a person's press alone."""
    written = written_now()
    _keep(replace(written, is_linked=False))
    _runs().is_asked = True


def forget_runs() -> None:
    """Forgets what was asked for and what the last run led to: a press was for the program that stood there then."""
    runs = _runs()
    runs.outcome, runs.is_asked, runs.is_new = None, False, False


def run_if_asked(run: Callable[[UserProgram], Outcome]) -> None:
    """Runs the program where that was asked for, and keeps what it led to.

    Args:
        run: runs a program.
    """
    runs, program = _runs(), written_now().program
    if runs.is_asked:
        # From here on the session is not touched: an event that came meanwhile ends this run of the page where it is.
        runs.outcome, runs.is_new = run(program), True
        runs.is_asked = False
    if runs.is_new:
        session.change_view(step=None, pin=None, trail=None, at=None, scope=None)
        runs.is_new = False


def outcome() -> Outcome | None:
    """What the last run led to: in this session, or the run whose trace the address names."""
    kept = _runs().outcome
    if kept is not None:
        return kept
    name = session.settings_now().opened
    try:
        program = OPENED.get(name).made_from if name else None
    except NotOpenError:
        return None
    return Outcome(program, name) if isinstance(program, UserProgram) else None


def is_gone() -> bool:
    """Whether the address names a trace that is not open on this server."""
    try:
        OPENED.get(session.settings_now().opened)
    except NotOpenError:
        return bool(session.settings_now().opened)
    return False


def show_trace(name: str) -> None:
    """Makes a trace what every page shows."""
    settings = session.settings_now()
    if settings.opened != name:
        session.change_settings(dataclasses.replace(settings, opened=name))


def _runs() -> ProgramRuns:
    runs: ProgramRuns = st.session_state.setdefault(_RUNS, ProgramRuns())
    return runs


def _keep(written: EditedProgram) -> None:
    address = to_address(written.program)
    st.session_state[_STATE] = replace(written, address=address)
    session.change_view(**{_ADDRESS: address or None})


def _with_text(program: UserProgram, text: str) -> tuple[UserProgram, tuple[int, str] | None]:
    try:
        return with_text(program, text), None
    except SyntaxError:
        return replace(program, text=text), _syntax(text)


def _syntax(text: str) -> tuple[int, str] | None:
    """The line of a text that is not Python, and what Python says of it."""
    try:
        compile(text, "your_code.py", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except (ValueError, RecursionError, MemoryError) as error:
        return 1, str(error)
    return None
