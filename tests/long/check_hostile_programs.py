"""Programs that attack the process they run in: each is told its end in a sentence, and leaves the caller as it was."""

import itertools
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from engine.sandbox import warm_process
from engine.sandbox.warm_process import end_warm_process
from tests.engine.sandbox.attacked import NOT_APART, attack
from tests.engine.sandbox.hostile_programs import HOSTILE_PROGRAMS
from tests.long.registry import Case, long_check

_LINUX = sys.platform == "linux"


@long_check(cases=len(HOSTILE_PROGRAMS) if _LINUX else 0)
@contextmanager
def hostile_programs() -> Iterator[Case]:
    """Each once, in a group of processes of its own."""
    with _attacks() as case:
        yield case


@long_check(cases=len(HOSTILE_PROGRAMS) if _LINUX else 0)
@contextmanager
def hostile_programs_among_others() -> Iterator[Case]:
    """Each once, where the system makes no such groups."""
    end_warm_process()
    with patch.object(warm_process, "COMMAND", [sys.executable, "-P", "-c", NOT_APART]):
        try:
            with _attacks() as case:
                yield case
        finally:
            end_warm_process()


@contextmanager
def _attacks() -> Iterator[Case]:
    programs = itertools.cycle(HOSTILE_PROGRAMS)

    def case(draw: random.Random) -> None:
        program = next(programs)
        with tempfile.TemporaryDirectory() as folder:
            _, wrong = attack(program, Path(folder))
        assert not wrong, f"{program.name}: {wrong}"

    yield case
