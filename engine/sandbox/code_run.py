"""How a person's code ended, and what it left."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine.export.units import format_bytes


class EndingKind(StrEnum):
    """The ways in which code ends."""

    FINISHED = "finished"
    RAISED = "raised"
    SYNTAX_ERROR = "syntax_error"
    NOT_FITTING = "not_fitting"  # nothing in it can be called with the inputs
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    TOO_MANY_PROCESSES = "too_many_processes"
    TOO_LARGE = "too_large"  # its trace is
    CRASHED = "crashed"  # ended by a signal
    EXITED = "exited"
    LOST = "lost"  # the process that watches it is gone


_SENTENCES: Mapping[EndingKind, str] = {
    EndingKind.FINISHED: "It ran to its end.",
    EndingKind.RAISED: "Line {line} raised {error}: {message}",
    EndingKind.SYNTAX_ERROR: "Line {line} is not Python: {message}",
    EndingKind.NOT_FITTING: "{message}",
    EndingKind.TIMED_OUT: "It was stopped after {seconds:g} s, the time that code may take here.",
    EndingKind.OUT_OF_MEMORY: "It was stopped because it took more than {size}, the memory that code may take here.",
    EndingKind.TOO_MANY_PROCESSES: "It was stopped because it had started more than {processes} processes.",
    EndingKind.TOO_LARGE: "Its trace cannot be shown: it takes more than {size}, which is what a trace may take here.",
    EndingKind.CRASHED: "It crashed: {signal} ended its process.",
    EndingKind.EXITED: "It ended its process by itself, with status {status}, before it returned.",
    EndingKind.LOST: "It ended the process that watches it; what it computed is lost.",
}
_NOWHERE = "It raised {error}: {message}"
_MEMORY_AT = "Line {line} asked for more memory than {size}, which code may take here."
_SYNTAX_NOWHERE = "It is not Python: {message}"
_NO_MESSAGE = "Line {line} raised {error}."
_NO_MESSAGE_NOWHERE = "It raised {error}."
_LONGEST = 2000  # characters of a message that are kept


@dataclass(frozen=True)
class Ending:
    """How the code ended.

    Attributes:
        kind: in which way.
        sentence: the same for people, whole.
        line: of the text, from 1; None where no line is known.
        lines: of the text that were running when something was raised, the outermost first.
        error: the type of what was raised; "" where nothing was.
        message: its own text.
    """

    kind: EndingKind
    sentence: str
    line: int | None = None
    lines: tuple[int, ...] = ()
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class SandboxRun:
    """A run of a person's code.

    Attributes:
        ending: how it ended.
        trace_path: the trace, to be opened with ``open_trace``; None where nothing was recorded.
        target: the name of what was called; "" for the text itself, or nothing.
        output: what was printed, errors among it.
        output_left_out: bytes of it that were not kept.
        seconds: how long it took.
    """

    ending: Ending
    trace_path: Path | None
    target: str
    output: str
    output_left_out: int
    seconds: float


def ending_from(report: Mapping[str, Any], seconds: float, nbytes: int, processes: int) -> Ending:
    """The ending that processes told of: they ran somebody's code, so that anything may be written there.

    Args:
        report: parsed JSON.
        seconds, nbytes, processes: the limits that held.
    """
    try:
        kind = EndingKind(str(report.get("kind")))
    except ValueError:
        kind = EndingKind.LOST
    line, lines = report.get("line"), report.get("lines")
    line = line if _is_line(line) else None
    kept = (
        tuple(line_number for line_number in lines if _is_line(line_number))[-1000:] if isinstance(lines, list) else ()
    )
    error, message = _text(report.get("error"), 200), _text(report.get("message"), _LONGEST)
    sentence = _template(kind, line, message).format(
        line=line,
        error=error,
        message=message,
        seconds=seconds,
        size=format_bytes(nbytes),
        processes=processes,
        signal=_signal_name(report.get("signal")),
        status=_text(report.get("status"), 20),
    )
    return Ending(kind, sentence, line, kept, error, message)


def _template(kind: EndingKind, line: int | None, message: str) -> str:
    if kind is EndingKind.RAISED and not message:
        return _NO_MESSAGE_NOWHERE if line is None else _NO_MESSAGE
    if line is None and kind is EndingKind.RAISED:
        return _NOWHERE
    if line is None and kind is EndingKind.SYNTAX_ERROR:
        return _SYNTAX_NOWHERE
    if line is not None and kind is EndingKind.OUT_OF_MEMORY:
        return _MEMORY_AT
    return _SENTENCES[kind]


def _is_line(value: object) -> bool:
    return type(value) is int and 0 < value < 10**9


def _text(value: object, most: int) -> str:
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _signal_name(number: object) -> str:
    try:
        return signal.Signals(number).name  # type: ignore[arg-type]
    except ValueError:
        return f"signal {_text(number, 20)}"
