"""The trace that the server was started on: ``streamlit run app.py -- RUN.trace``, or a folder of traces."""

from __future__ import annotations

import re
import sys
from pathlib import Path

NOTHING = "none"  # what an address says that shows the Transformer on a server that was started on a trace
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)
_APP, _SUFFIX = "app.py", ".trace"


def _given() -> Path | None:
    # Streamlit hands a script what stands after "--"; any other program has arguments of its own.
    script, *given = sys.argv
    return Path(given[0]).resolve() if given and Path(script).name == _APP else None


# Read once: whatever the working folder is later, a path was meant from where the server was started.
GIVEN: Path | None = _given()


def given_name() -> str:
    """What a bare address opens: the name of the given file; "" where none was given."""
    return "" if GIVEN is None or GIVEN.is_dir() else "given"


def given_path(name: str) -> Path | None:
    """The file that a name in an address stands for: the given one, or one of the given folder. None for no such file.

    An address can name nothing else on this computer.
    """
    if GIVEN is None:
        return None
    if not GIVEN.is_dir():
        return GIVEN if name == given_name() else None
    path = GIVEN / f"{name}{_SUFFIX}"
    return path if _NAME.fullmatch(name) and path.is_file() else None
