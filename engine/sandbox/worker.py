"""Runs a person's code: the process that does is ended afterwards, whatever became of it.

What it says of itself is written by the same process as that code, and so is not to be trusted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import torch

from engine.export.export_error import ExportError
from engine.export.save_trace import save_trace
from engine.record.recorder import record, recording
from engine.record.trace import Trace
from engine.sandbox.code_request import TEXT_FILE, CodeRequest
from engine.sandbox.code_run import EndingKind
from engine.sandbox.environment import HOMES
from engine.sandbox.program import NotFittingError, chosen_program, loaded_text

REQUEST_FILE, TRACE_FILE, ENDING_FILE, RAN_FILE = "request.json", "run.trace", "ending.json", "ran"
# A program that ran until its time was over may have made more steps than anybody waits for.
_MOST_STEPS_CUT_SHORT = 20_000
_NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


class _OutOfTime(BaseException):
    """The code has had its time; no ``except Exception`` of its own catches this."""


def work(folder: Path) -> None:
    """Runs the request that lies in a folder, writes the trace and how it ended beside it, and ends this process."""
    me = os.getpid()
    os.environ.update(dict.fromkeys(HOMES, str(folder)))
    request = CodeRequest.from_json((folder / REQUEST_FILE).read_text("utf-8"))
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    began = time.perf_counter()
    ending, trace = _run(request)
    if os.getpid() != me:  # a fork that the code made, and let go on here
        os._exit(0)
    ending["seconds"] = time.perf_counter() - began
    (folder / RAN_FILE).touch()  # whoever watches the time gives some more to save it
    with suppress(Exception):
        _free_the_limit_on_memory()
    if trace is not None:
        ending |= _saved(trace, folder / TRACE_FILE, ending)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    (folder / ENDING_FILE).write_text(json.dumps(ending), "utf-8")
    os._exit(0)


def _stream(number: int) -> TextIO:
    """A stream that passes every line on at once, so that output and errors stand in order."""
    return open(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _run(request: CodeRequest) -> tuple[dict[str, Any], Trace | None]:
    """How it ended, as plain data, and what was recorded."""
    torch.manual_seed(0)  # the same text gives the same numbers
    trace: Trace | None = None
    target = ""
    try:
        with _time(request.limits.seconds):
            inputs = request.tensors()
            code = loaded_text(request.text)
            names: dict[str, Any] = {"__name__": TEXT_FILE.removesuffix(".py"), "__file__": TEXT_FILE}
            sys.modules[names["__name__"]] = module = type(sys)(names["__name__"])
            module.__dict__.update(names | {**request.symbols} | inputs)
            block = recording()
            try:
                with block:
                    exec(code, module.__dict__)
            finally:
                trace = block.trace
            try:
                program = chosen_program(request, vars(module), inputs)
            except NotFittingError:
                if request.target or not trace.steps:
                    raise
                return {"kind": EndingKind.FINISHED, "target": ""}, trace
            target, trace = program.name, None
            trace = record(program.function(), **program.arguments)
    except NotFittingError as error:
        return {"kind": EndingKind.NOT_FITTING, "message": str(error)}, None
    except BaseException as error:
        ran = getattr(error, "trace", None)
        return _ending_of(error) | {"target": target}, ran if isinstance(ran, Trace) else trace
    return {"kind": EndingKind.FINISHED, "target": target}, trace


def _ending_of(error: BaseException) -> dict[str, Any]:
    """What is said of an exception."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == TEXT_FILE]
    ending: dict[str, Any] = {"kind": EndingKind.RAISED, "lines": lines, "line": lines[-1] if lines else None}
    ending["error"] = type(error).__name__
    ending["message"] = message = _message(error)
    if isinstance(error, _OutOfTime):
        ending |= {"kind": EndingKind.TIMED_OUT, "error": "", "message": ""}
    elif isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        ending |= {"kind": EndingKind.EXITED, "status": status}
    elif isinstance(error, MemoryError) or any(text in message for text in _NO_MEMORY):
        ending["kind"] = EndingKind.OUT_OF_MEMORY
    elif isinstance(error, SyntaxError) and not lines:
        ending |= {"kind": EndingKind.SYNTAX_ERROR, "line": error.lineno, "message": error.msg}
    return ending


def _message(error: BaseException) -> str:
    try:
        return str(error)[:10_000]
    except BaseException:  # somebody else's __str__
        return ""


def _saved(trace: Trace, path: Path, ending: dict[str, Any]) -> dict[str, Any]:
    """Saves the trace; what is to be said where it cannot be."""
    if ending["kind"] == EndingKind.TIMED_OUT and sum(1 for _ in trace._recorded()) > _MOST_STEPS_CUT_SHORT:
        return {}
    try:
        save_trace(trace, path)
    except ExportError:  # code that had ended badly before is told so
        return {"kind": EndingKind.TOO_LARGE} if ending["kind"] == EndingKind.FINISHED else {}
    except MemoryError:
        return {"kind": EndingKind.OUT_OF_MEMORY}
    return {}


@contextmanager
def _time(seconds: float) -> Iterator[None]:
    """Raises ``_OutOfTime`` where the code is, when its time is over. Windows ends the process instead."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, _over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _over(number: int, frame: FrameType | None) -> None:
    raise _OutOfTime


def _free_the_limit_on_memory() -> None:
    """Saving may take what the code left nothing for."""
    if sys.platform == "linux":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


if __name__ == "__main__":
    work(Path(sys.argv[1]))
