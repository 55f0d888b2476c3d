"""The axes as the shape comments on a program's lines name them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from functools import lru_cache

from torch import Tensor

from engine import axes as glossary
from engine.record.axis_names.nodes import sizes_of
from engine.record.axis_names.notes import contradiction
from engine.record.call_lines import CallLines
from engine.record.recording import Execution, Recording
from engine.record.source import Source


class CommentedAxes:
    """Reads the comments of a recording's lines.

    Args:
        recording: what the recorder kept.
        lines: the lines of its calls.
        paths: the modules' paths, by their ids.

    Attributes:
        contradictions: why a comment can't be true, by the index of the step that it stands beside.
    """

    def __init__(self, recording: Recording, lines: CallLines, paths: Mapping[int, str]) -> None:
        self.contradictions: dict[int, str] = {}
        self._recording = recording
        self._lines = lines
        self._paths = paths
        self._renames: dict[str, tuple[tuple[str, str], ...]] = {}

    def axes_of(self, number: int, value: Tensor, index: int) -> tuple[str | None, ...] | None:
        """The axes as the call's own line has them, or a line that called for its result.

        Args:
            number: the call.
            value: what it returned.
            index: the index of the step that is made of it.

        Returns:
            A symbol for each axis, None for one that has none; None where there is no such comment.
        """
        if not self._lines.ends_its_line(number):
            return None
        call = self._recording.calls[number]
        axes = self._axes(self._lines.source(call), call[4], value, index)
        for line in () if axes is not None else self._lines.calling_lines(number):
            axes = self._axes(line.source, line.execution, value, index)
            if axes is not None:
                break
        return axes

    def _axes(
        self, source: Source | None, execution: Execution, value: Tensor, index: int
    ) -> tuple[str | None, ...] | None:
        """The axes as the line's shape comment has them, None where it has none or one that can't be true."""
        if source is None or source.comment_axes is None:
            return None
        sentence = contradiction(source.comment_axes, sizes_of(value), execution.module)
        if sentence is not None:
            self.contradictions.setdefault(index, sentence)
            return None
        path = "" if execution.module is None else self._paths.get(id(execution.module), "")
        names = self._renames.get(path)
        if names is None:
            patterns = self._recording.axis_names
            matching = (tuple(names.items()) for pattern, names in patterns if fnmatch.fnmatchcase(path, pattern))
            names = self._renames[path] = next(matching, ())
        return _named(source.comment_axes, names)


@lru_cache(maxsize=4096)
def _named(written: tuple[str, ...], names: tuple[tuple[str, str], ...]) -> tuple[str | None, ...]:
    """The axes of a shape comment, each symbol replaced by what it stands for."""
    renamed = dict(names)
    # A bare size in a comment is no name; 1 is, for an axis that is only there to broadcast.
    named = (None if item.isdigit() and item != "1" else item for item in written)
    return tuple(item and glossary.rename(item, renamed) for item in named)
