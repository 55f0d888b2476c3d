"""What all rules share: the trace, its attentions, and its recorded calls made again. Each is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, cast

from torch import Tensor

from engine.explain.replay import CallReplay
from engine.findings.attentions import Attention, attentions
from engine.ops import canonical_name
from engine.ops.numerics import measurable, readable
from engine.record.trace import Leaf, Step, Trace

_Result = TypeVar("_Result")


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
    def embeddings(self) -> tuple[Step, ...]:
        """Every step that looks up rows of a table."""
        return tuple(step for step in self.trace.steps if canonical_name(step.op) == "embedding")

    @cached_property
    def replay(self) -> CallReplay:
        """Makes the trace's calls again with a number changed."""
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

    def behind(self, step: Step | Leaf) -> int:
        """The steps that something was computed from, itself included, as the bits of a number."""
        return self._behind[step.index] if isinstance(step, Step) else 0

    def depends(self, step: Step | Leaf, on: Step) -> bool:
        """Whether a step of the trace was computed from another one of it."""
        return isinstance(step, Step) and bool(self._behind[step.index] >> on.index & 1)

    def unlike(self, name: str, parent: Step | Leaf) -> bool:
        """Whether a rule has not yet looked at a tensor made by the same lines in the same shapes, as layers are.

        Args:
            name: the rule.
            parent: the tensor. What is asked here counts as looked at, until ``look_again``.
        """
        lines = (name, *_lines_behind(parent))
        is_new = lines not in self._looked_at
        self._looked_at.add(lines)
        return is_new

    def look_again(self, name: str, parent: Step | Leaf) -> None:
        """Has a rule look at every tensor that is made as this one: it is suspicious."""
        self._looked_at.discard((name, *_lines_behind(parent)))

    @cached_property
    def _looked_at(self) -> set[Hashable]:
        return set()

    def once(self, name: str, look: Callable[[Known], _Result]) -> _Result:
        """What several rules ask for, looked for by the first of them."""
        if name not in self._results:
            self._results[name] = look(self)
        return cast(_Result, self._results[name])

    @cached_property
    def _results(self) -> dict[str, object]:
        return {}

    def is_finite(self, parent: Step | Leaf) -> bool:
        """Whether all numbers of a tensor are finite; also where they can't be looked at."""
        if id(parent) not in self._finite:  # steps and leaves live as long as their trace
            self._finite[id(parent)] = _is_finite(parent.value)
        return self._finite[id(parent)]

    @cached_property
    def _finite(self) -> dict[int, bool]:
        return {}

    def read_by(self, attention: Attention) -> tuple[Step | Leaf, Step | Leaf, Step | Leaf]:
        """Query, key and value of an attention in the trace itself; of a fused call what that was given."""
        if attention.fused is None:
            return attention.query, attention.key, attention.value
        given = attention.fused.inputs
        return given[0], given[min(1, len(given) - 1)], given[min(2, len(given) - 1)]


_BEHIND = 12  # steps that a split of heads goes back to the layer before it, at most


def _lines_behind(parent: Step | Leaf) -> tuple[Hashable, ...]:
    """The lines that made a tensor, the nearest first, and the shapes that they gave."""
    lines: list[Hashable] = [tuple(parent.value.shape)]
    node = parent
    for _ in range(_BEHIND):
        if not isinstance(node, Step):
            break
        source = node.source
        lines.append((node.op, node.shape, source and (source.file, source.span), node.value.stride()))
        if not node.inputs:
            break
        node = node.inputs[0]
    return tuple(lines)


def _is_finite(value: Tensor) -> bool:
    if not measurable(value) or not value.is_floating_point():
        return True
    value = readable(value)
    # A sum is finite where all its terms are, unless it is too large itself: then each is looked at.
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())
