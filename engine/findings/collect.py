"""Asks every rule about a trace."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from engine.findings.finding import Finding, rules
from engine.findings.known import Known
from engine.record.trace import Trace

# A callable and what it is called with: positional arguments, or these and keyword arguments.
Program = tuple[Callable[..., Any], Sequence[Any]] | tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]


def findings(trace: Trace, program: Program | None = None) -> tuple[Finding, ...]:
    """What is suspicious in a trace; nothing where nothing is.

    What has to be measured is measured by making recorded calls again with a number changed. The program itself runs
    again only where it is given, on the meta device, with axes of its inputs given other sizes.

    Args:
        trace: what was recorded.
        program: what was recorded and its arguments, ``(callable, args)`` or ``(callable, args, kwargs)``.

    Returns:
        The suspicions in the order of the steps; the same one in several layers is one, with the others in ``also``.
    """
    known = Known(trace, program)
    kept: dict[tuple[str, str], list[Finding]] = {}
    with torch.no_grad():
        for name, look in rules().items():
            for suspicion in look(known):
                kept.setdefault((name, suspicion.fix or ""), []).append(suspicion)
    merged = [_merged(suspicions) for suspicions in kept.values()]
    return tuple(sorted(merged, key=lambda suspicion: -1 if suspicion.step is None else suspicion.step.index))


def _merged(suspicions: Sequence[Finding]) -> Finding:
    """The first of several suspicions that one rule has, with the steps of the others."""
    first, *others = suspicions
    seen = {first.step and first.step.index}
    also = []
    for other in others:
        if other.step is not None and other.step.index not in seen:
            seen.add(other.step.index)
            also.append(other.step)
    return dataclasses.replace(first, also=tuple(also))
