"""``python -m engine open RUN.trace``: the app on a saved trace, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.commands.subcommand import add_subcommand
from engine.record.trace_file.read_trace import open_trace
from engine.record.trace_file.trace_file_error import refusal
from engine.runtime.explore import run_app


def add_parser(commands: Any) -> None:
    """Adds the command to the parser's commands."""
    described = "Starts the app on a trace that --save or save_trace wrote, and ends with Ctrl-C."
    command = add_subcommand(commands, "open", "open a saved trace in the browser", described)
    command.add_argument("file", metavar="RUN.trace", help="the trace")


def run_open(file: str) -> int:
    """Starts the app; its exit status.

    Raises:
        TraceFileError: the file is not a trace, or cannot be read.
        AppError: the app is not installed.
    """
    try:
        open_trace(file)  # a file that is no trace is refused here, in the terminal
    except OSError as error:
        raise refusal(Path(file), error.strerror) from error
    return run_app(Path(file).resolve())
