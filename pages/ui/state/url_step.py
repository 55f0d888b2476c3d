"""Where in a trace a person is, as the address says it."""

from __future__ import annotations

from engine import Step, Trace


def step_to_key(trace: Trace, step: Step) -> str:
    """The step as the address names it: its full name, and its op where the name is used more than once."""
    return step.full_name if len(trace.find_all(step.full_name)) == 1 else f"{step.full_name}:{step.op}"


def step_from_key(trace: Trace, key: str) -> Step:
    """The step an address names; where this trace has none of that name, its relative in the last layer, or the first.

    A layer fewer keeps people where they were looking.
    """
    name, _, op = key.partition(":")
    relatives = [step for step in trace.steps if _without_numbers(step.full_name) == _without_numbers(name)]
    named = [step for step in relatives if step.full_name == name] or relatives or trace.steps[:1]
    return next((step for step in named[::-1] if step.op == op), named[-1])


def _without_numbers(name: str) -> str:
    return ".".join("#" if part.isdigit() else part for part in name.split("."))
