"""``python -m engine record FILE.py:CALLABLE``: records somebody's own program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.commands.program_file import arguments, program
from engine.commands.subcommand import add_subcommand
from engine.export.save_trace import save_trace
from engine.findings import findings, findings_text
from engine.record.recorder import record
from engine.record.trace import Step, Trace

_RAISED_RULE = "raised"  # the finding on a failure
_SAVED = "wrote {path} ({steps:,} steps)"
_RAISED = "{error}: {message}"
_EXAMPLES = """\
examples:
  python -m engine record model.py:attend "torch.randn(2, 5, 8)" "torch.randn(2, 5, 8)" --save run.trace
  python -m engine record "model.py:Attention(32, heads=4)" "torch.randn(2, 5, 32)" causal=True --csv OUT

CALLABLE and the arguments are Python; they may use torch and every name of the file. A class of modules is constructed.
The seed of torch's random numbers is 0. Where the program raises, what ran before is saved all the same. What is
suspicious in what it computed is told on standard error.
"""


def add_parser(commands: Any) -> None:
    """Adds the command to the parser's commands."""
    summary = "run your own function or module; list its steps, or save them"
    described = "Runs something callable in a file of yours once, and lists, saves or writes what it computed."
    command = add_subcommand(commands, "record", summary, described, _EXAMPLES)
    command.add_argument("target", metavar="FILE.py:CALLABLE", help="what to call")
    command.add_argument("words", nargs="*", metavar="ARGUMENT", help="what it is called with; NAME=VALUE by name")
    command.add_argument("--save", metavar="RUN.trace", help="save the trace in one file")
    command.add_argument("--csv", metavar="OUT", help="write OUT/steps.csv and OUT/values.csv")


def run_record(
    target: str,
    words: Sequence[str],
    save: str | None,
    csv: str | None,
    list_steps: Callable[[Sequence[Step]], None],
    write_csv: Callable[[Sequence[Step], str], None],
) -> int:
    """Records the program; 1 where it raised, 0 otherwise.

    Args:
        target, words, save, csv: as they were written.
        list_steps: prints steps as a table.
        write_csv: writes the two CSV files of steps into a folder.

    Raises:
        ProgramError: there is no such program, or an argument cannot be evaluated.
        ExportError: a file cannot be written.
    """
    torch.manual_seed(0)  # the same command gives the same numbers
    function, names = program(target)
    args, kwargs = arguments(words, names)
    failed = False
    try:
        trace = record(function, *args, **kwargs)
    except Exception as error:
        print(_RAISED.format(error=type(error).__name__, message=error), file=sys.stderr)
        ran = getattr(error, "trace", None)
        if not isinstance(ran, Trace):
            return 1
        failed, trace = True, ran
    if save is not None:
        path = save_trace(trace, Path(save))
        print(_SAVED.format(path=path, steps=len(trace.steps)))
    if csv is not None:
        write_csv(trace.steps, csv)
    if save is None and csv is None:
        list_steps(trace.steps)
    sys.stdout.flush()
    note = trace.failure.note if failed and trace.failure is not None else ""
    # The note has what the finding on the failure would say, and the operands.
    others = [finding for finding in findings(trace) if not (note and finding.rule == _RAISED_RULE)]
    for text in filter(None, (findings_text(others), note)):
        print(text, file=sys.stderr)
    return int(failed)
