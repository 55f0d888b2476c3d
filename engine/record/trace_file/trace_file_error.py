"""What is said of a file that is no trace."""

from __future__ import annotations

from pathlib import Path

_REFUSED = "{file} can't be opened as a trace: {reason}"
_LONGEST = 200  # characters of a reason: it may quote the file


class TraceFileError(ValueError):
    """A file that is not a trace, or not one that can be opened; one line says why."""


def refusal(path: Path, reason: object) -> TraceFileError:
    """The error for a file, in one line that can be printed whatever the file holds."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    shown = ascii(text)[1:-1] if not text.isprintable() else text
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    return TraceFileError(_REFUSED.format(file=path.name, reason=shown))
