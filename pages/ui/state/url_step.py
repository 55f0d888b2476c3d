"""The step of a trace in the address, also one inside a fused call.

step=encoder.layers.0.self_attention.scores    a step of the trace
step=linear:linear:0                            the first of several ``linear`` steps that were given no name
step=attention.mixed~weights                    the step ``weights`` inside the fused call ``attention.mixed``
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from engine import Step, Trace

_INSIDE = "~"
_KEYS: WeakKeyDictionary[Trace, tuple[str, ...]] = WeakKeyDictionary()
_START = "scores"  # the step on which a page opens that is asked for none


@dataclass(frozen=True, eq=False)
class Location:
    """A step, and the trace that it stands in.

    Attributes:
        trace: the trace on screen, or what a fused call of it does inside.
        step: the step of that trace.
        calls: the fused calls that it lies inside of, outermost first; empty for a step of the trace on screen.
    """

    trace: Trace
    step: Step
    calls: tuple[Step, ...] = ()

    @property
    def within(self) -> tuple[int, ...]:
        """The indices of those calls, each in the trace of the one before."""
        return tuple(call.index for call in self.calls)


def step_to_key(trace: Trace, step: Step) -> str:
    """The text that names a step in the address: its full name, and its op where several steps have that name.

    Of several with the same op too, all but the last have their number among them, counted from 0.
    """
    return step_keys(trace)[step.index]


def step_keys(trace: Trace) -> tuple[str, ...]:
    """The text that names each step of a trace in the address, in the order of the steps."""
    keys = _KEYS.get(trace)
    if keys is None:
        keys = _KEYS[trace] = _keys_of(trace)
    return keys


def _keys_of(trace: Trace) -> tuple[str, ...]:
    """The key of every step. All at once, because a program that calls one line ten thousand times is one name."""
    named = Counter(step.full_name for step in trace.steps)
    alike = Counter((step.full_name, step.op) for step in trace.steps)
    passed: Counter[tuple[str, str]] = Counter()
    keys = []
    for step in trace.steps:
        number = passed[step.full_name, step.op]
        passed[step.full_name, step.op] += 1
        is_last = number + 1 == alike[step.full_name, step.op]
        key = f"{step.full_name}:{step.op}"
        keys.append(step.full_name if named[step.full_name] == 1 else key if is_last else f"{key}:{number}")
    return tuple(keys)


def step_from_key(trace: Trace, key: str) -> Step:
    """The step that a text of the address names.

    Args:
        trace: where to look; it has at least one step.
        key: as ``step_to_key`` writes it, or anything else.

    Returns:
        The step of that name. Where the trace has none, the one of the same name in its last layer, so that people stay
        at what they were looking at when the model gets fewer layers; else the first step. Of an empty text the first
        step called ``scores``, where queries meet keys, or else the first step.
    """
    name, op, number = split_key(key)
    if not name:
        return next((step for step in trace.steps if step.name == _START), trace.steps[0])
    exact = [step for step in trace.steps if step.full_name == name]
    named = exact or _relatives(trace, name) or trace.steps[:1]
    alike = [step for step in named if step.op == op] or named
    return alike[number] if number is not None and number < len(alike) else alike[-1]


def _relatives(trace: Trace, name: str) -> list[Step]:
    unnumbered = _without_numbers(name)
    return [step for step in trace.steps if _without_numbers(step.full_name) == unnumbered]


def split_key(key: str) -> tuple[str, str, int | None]:
    """The full name, the op and the number that a text of the address names; "" and None where it names none."""
    name, op, number = (*key.split(":"), "", "")[:3]
    return name, op, int(number) if re.fullmatch("[0-9]{1,6}", number) else None


def location_to_key(root: Trace, location: Location) -> str:
    """The text that names a step in the address, with the fused calls that it lies inside of."""
    keys, trace = [], root
    for call in location.calls:
        keys.append(step_to_key(trace, call))
        trace = call.inside or trace
    return _INSIDE.join([*keys, step_to_key(trace, location.step)])


def location_from_key(root: Trace, key: str) -> Location:
    """The step that a text of the address names, inside as many fused calls as it says and there are.

    Args:
        root: the trace on screen; it has at least one step.
        key: as ``location_to_key`` writes it, or anything else.
    """
    first, *inner = key.split(_INSIDE)
    location = Location(root, step_from_key(root, first))
    for name in inner:
        inside = location.step.inside
        if inside is None or not inside.steps:
            break
        location = Location(inside, step_from_key(inside, name), (*location.calls, location.step))
    return location


def location_at(root: Trace, within: Sequence[int], number: int) -> Location | None:
    """The step of this number, inside the fused calls of those numbers; None where there is none.

    Args:
        root: the trace on screen.
        within: the index of each call, in the trace of the one before.
        number: the index of the step.
    """
    trace, calls = root, []
    for call in within:
        if not 0 <= call < len(trace.steps):
            return None
        calls.append(trace.steps[call])
        inside = trace.steps[call].inside
        if inside is None:
            return None
        trace = inside
    return Location(trace, trace.steps[number], tuple(calls)) if 0 <= number < len(trace.steps) else None


def _without_numbers(name: str) -> str:
    return ".".join("#" if part.isdigit() else part for part in name.split("."))
