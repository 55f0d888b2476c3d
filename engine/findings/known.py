"""What all rules share: the trace, its attentions, and its recorded calls made again. Each is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.explain.replay import CallReplay
from engine.findings.attentions import Attention, attentions
from engine.record.trace import Leaf, Step, Trace


@dataclass(frozen=True, eq=False)
class Known:
    """A trace as the rules see it.

    Attributes:
        trace: what was recorded.
        program: what was recorded and its arguments, where they were given.
    """

    trace: Trace
    program: Any = None

    @cached_property
    def attentions(self) -> tuple[Attention, ...]:
        """Every attention, also those inside fused calls."""
        return tuple(attentions(self.trace))

    @cached_property
    def replay(self) -> CallReplay:
        return CallReplay(self.trace)

    @cached_property
    def _behind(self) -> dict[int, int]:
        """By step the steps that it depends on, itself included, as the bits of a number."""
        behind: dict[int, int] = {}
        for step in self.trace.steps:
            bits = 1 << step.index
            for parent in step.inputs:
                if isinstance(parent, Step):
                    bits |= behind[parent.index]
            behind[step.index] = bits
        return behind

    def depends(self, step: Step | Leaf, on: Step) -> bool:
        """Whether a step of the trace was computed from another one of it."""
        return isinstance(step, Step) and bool(self._behind[step.index] >> on.index & 1)

    def read_by(self, attention: Attention) -> tuple[Step | Leaf, Step | Leaf, Step | Leaf]:
        """Query, key and value of an attention in the trace itself; of a fused call what that was given."""
        if attention.fused is None:
            return attention.query, attention.key_t, attention.value
        given = attention.fused.inputs
        return given[0], given[min(1, len(given) - 1)], given[min(2, len(given) - 1)]
