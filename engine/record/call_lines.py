"""The line of the program that each recorded call belongs to, and the line that its result comes out of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.record.recording import Call, Execution, Recording
from engine.record.returned import WHOLE
from engine.record.source import Source, locate


class CallingLine(NamedTuple):
    """A line whose expression has a call's result as its value, or in its value, a tuple, at ``position``."""

    source: Source
    execution: Execution
    position: int


class CallLines:
    """The lines of a recording's calls."""

    def __init__(self, recording: Recording) -> None:
        self._calls = recording.calls
        self._sources: dict[tuple[int, int], Source] = {}
        # (execution, position in what it returns) -> the last call that made it.
        self._returning: dict[tuple[int, int], int] = {}
        for number, call in enumerate(self._calls):
            source = self.source(call)
            if source is not None and source.returned is not None and self.ends_its_line(number):
                self._returning[id(call[4]), source.returned] = number

    def source(self, call: Call) -> Source | None:
        """Where the call stands in the program, None where nothing but torch was running."""
        return self._locate(call[4], call[5])

    def ends_its_line(self, number: int) -> bool:
        """Whether this call is the last that its expression made; the ones before it are torch's own inner calls."""
        if number + 1 == len(self._calls):
            return True
        call, following = self._calls[number], self._calls[number + 1]
        _, _, _, _, execution, lasti, group, _ = call
        return not group or group != following[6] or execution is not following[4] or lasti != following[5]

    def calling_lines(self, number: int) -> Iterator[CallingLine]:
        """The lines that called the function, or module of torch, whose result this call made; the nearest first."""
        call = self._calls[number]
        execution = call[4]
        if execution.torch_call:
            if number + 1 < len(self._calls) and self._calls[number + 1][4].torch_call == execution.torch_call:
                return
            position = WHOLE
            while execution.caller is not None and execution.caller.torch_call:
                execution = execution.caller
        else:
            source = self.source(call)
            if source is None or source.returned is None:
                return
            if self._returning.get((id(execution), source.returned)) != number:
                return
            position = source.returned
        while execution.caller is not None:
            caller = execution.caller
            source = self._locate(caller, execution.caller_lasti)
            if source is None:
                return
            yield CallingLine(source, caller, position)
            if source.returned is None:
                return
            # What stands in a tuple that is passed on whole keeps its position in it.
            position = source.returned if position == WHOLE else position
            execution = caller

    def _locate(self, execution: Execution, lasti: int) -> Source | None:
        if execution.code is None:
            return None
        key = (id(execution.code), lasti)
        if key not in self._sources:
            self._sources[key] = locate(execution.code, lasti)
        return self._sources[key]


def assigned_name(source: Source | None, output: int, outputs: int) -> str:
    """The name that a line gives to one of the tensors that its call returned, "" for none.

    Args:
        source: the line.
        output: which of the tensors.
        outputs: how many there are.
    """
    targets = source.targets if source else ()
    if outputs > 1 and len(targets) == outputs:
        return targets[output]
    if outputs > 1 and len(targets) == 1:
        return f"{targets[0]}[{output}]"
    return targets[0] if outputs == len(targets) == 1 else ""


def handed_name(line: CallingLine, output: int, outputs: int) -> str:
    """The name that a calling line gives to a result, as ``assigned_name`` does.

    Args:
        line: the line that called the function in which the call stands.
        output: which of the call's outputs.
        outputs: how many it has.

    Returns:
        The name; empty where the line gives it none.
    """
    targets = line.source.targets
    if line.position == WHOLE:
        return assigned_name(line.source, output, outputs)
    if outputs > 1 or not targets:
        return ""
    if len(targets) == 1:
        return f"{targets[0]}[{line.position}]"
    return targets[line.position] if line.position < len(targets) else ""
