"""A contestant in a process of its own, where what it patches, imports and keeps touches nobody else.

The process is started like any other program: torchlens, for one, refuses to work in a child of ``multiprocessing``.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import Any, BinaryIO

from tests.benchmarks.interleaved import UnableError

_ROOT = Path(__file__).parents[2]
_PATIENCE = 1200  # s for one answer: the slowest peer takes minutes to record the largest model


class Apart:
    """``make(*args)`` in another process; ``ask`` calls a method of it and returns what that returns.

    The processes take turns: one that is not asked waits and takes nothing from the others.
    """

    def __init__(self, make: Callable[..., Any], *args: Any) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.apart"]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        _send(self._process.stdin, (make, args))

    def ask(self, method: str, *args: Any) -> Any:
        """Raises:
        UnableError: the method raised, the process ended, or it gave no answer; with what it said.
        """
        late = Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        # A pipe is read without a limit: what ends the wait is the end of the process.
        timer = Timer(_PATIENCE, give_up)
        timer.start()
        try:
            _send(self._process.stdin, (method, args))
            succeeded, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise UnableError(f"no answer in {_PATIENCE} s" if late.is_set() else "its process ended") from None
        finally:
            timer.cancel()
        if not succeeded:
            raise UnableError(answer)
        return answer

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _send(pipe: BinaryIO, message: Any) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    make, args = pickle.load(questions)
    made: Any = None
    for method, given in _asked(questions):
        try:
            if made is None:
                made = make(*args)
            answer = (True, getattr(made, method)(*given))
        except Exception as error:
            said = str(error).strip().partition("\n")[0][:120]
            name = "" if isinstance(error, UnableError) else f"{type(error).__name__}: "
            answer = (False, f"{name}{said}")
        _send(answers, answer)


def _asked(questions: BinaryIO) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Questions, until whoever asks has closed the pipe."""
    with suppress(EOFError):
        while True:
            yield pickle.load(questions)


if __name__ == "__main__":
    # What the libraries print goes where errors go; the way out is for answers alone.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(sys.stdin.buffer, answers)
