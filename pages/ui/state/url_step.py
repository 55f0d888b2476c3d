"""The step of a trace in the address."""

from __future__ import annotations

from engine import Step, Trace


def step_to_key(trace: Trace, step: Step) -> str:
    """The text that names a step in the address: its full name, and its op where several steps have that name."""
    return step.full_name if len(trace.find_all(step.full_name)) == 1 else f"{step.full_name}:{step.op}"


def step_from_key(trace: Trace, key: str) -> Step:
    """The step that a text of the address names.

    Args:
        trace: where to look; it has at least one step.
        key: as ``step_to_key`` writes it, or anything else.

    Returns:
        The step of that name. Where the trace has none, the one of the same name in its last layer, so that people stay
        at what they were looking at when the model gets fewer layers; else the first step.
    """
    name, _, op = key.partition(":")
    relatives = [step for step in trace.steps if _without_numbers(step.full_name) == _without_numbers(name)]
    named = [step for step in relatives if step.full_name == name] or relatives or trace.steps[:1]
    return next((step for step in named[::-1] if step.op == op), named[-1])


def _without_numbers(name: str) -> str:
    return ".".join("#" if part.isdigit() else part for part in name.split("."))
