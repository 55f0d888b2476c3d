"""What all rules share: the trace, its attentions, and its recorded calls made again. Each is worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.findings.attentions import Attention, attentions
from engine.findings.replay import Replay
from engine.record.trace import Trace


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
    def replay(self) -> Replay:
        return Replay(self.trace)
