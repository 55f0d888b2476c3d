"""What became of each pair of steps: the same numbers, rounding, a difference handed on, or one that was made there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

from engine.compare.difference import Difference, coarsest, difference, is_rounded
from engine.explain.replay import CallReplay, CannotReplayError
from engine.ops.numerics import measurable
from engine.record.trace import Leaf, Step, Trace

_ROUNDINGS_HANDED_ON = 64  # how far rounding grows over the steps of a model, where a step can't be made again

_ALONE = "{name} {shape} is a step of {side} alone: nothing in the other trace is its partner"
_SHAPES = "{name}: {verdict}; shapes {first} and {second}"
_APART = (
    "{name}: {verdict}; at most {largest:.3g} at {index} ({relative:.3g} of the largest number), {share:.1%} of the "
    "elements by more than rounding"
)


class Verdict(Enum):
    """What is known of a pair."""

    AGREES = "the same numbers"
    ROUNDING = "apart by rounding"
    HANDED_ON = "apart because what it read is"
    MADE_HERE = "apart, and this step made it"
    ONLY_IN_A = "no partner in b"
    ONLY_IN_B = "no partner in a"


@dataclass(frozen=True, eq=False)
class StepPair:
    """Two steps that belong together, or one that has no partner.

    Attributes:
        a, b: the steps; None for the one that is missing.
        verdict: what is known of them.
        difference: how far they are apart; None without a partner, and where shapes differ or there are no numbers.
        inputs_agreed: whether what they read was still the same, up to rounding.
    """

    a: Step | None
    b: Step | None
    verdict: Verdict
    difference: Difference | None = None
    inputs_agreed: bool = True

    @property
    def step(self) -> Step:
        """The step of b, or that of a where b has none."""
        step = self.b if self.b is not None else self.a
        assert step is not None  # a pair has one at least
        return step

    @property
    def sentence(self) -> str:
        """The pair in one sentence, with its numbers."""
        name, verdict = self.step.full_name, self.verdict.value
        if self.a is None or self.b is None:
            return _ALONE.format(name=name, shape=self.step.shape, side="b" if self.a is None else "a")
        if self.difference is None:
            return _SHAPES.format(name=name, verdict=verdict, first=self.a.shape, second=self.b.shape)
        apart = self.difference
        return _APART.format(
            name=name, verdict=verdict, largest=apart.largest, index=apart.index, relative=apart.relative,
            share=apart.share,
        )  # fmt: skip


class Judge:
    """Looks at pairs in execution order, knowing what became of those before."""

    def __init__(self, a: Trace, b: Trace) -> None:
        self._replay = CallReplay(b)
        dtypes = {step.dtype for step in (*a.steps, *b.steps) if step.dtype.is_floating_point}
        # Numbers that went through it are rounded to it, whatever dtype they have now.
        self._mixed = {step.dtype for step in a.steps} != {step.dtype for step in b.steps}
        self._coarse = max(dtypes, key=lambda dtype: torch.finfo(dtype).eps, default=torch.float32)
        # By step of b, and of a: whether its numbers differ from its partner's by more than rounding can explain.
        self._apart: dict[Step, bool] = {}
        self._partner: dict[Step, Step] = {}

    def judged(self, pairs: Sequence[tuple[Step | None, Step | None]]) -> Iterator[StepPair]:
        """Each pair with its verdict."""
        for a, b in pairs:
            if a is None or b is None:
                yield StepPair(a, b, Verdict.ONLY_IN_B if a is None else Verdict.ONLY_IN_A)
                continue
            self._partner[a], self._partner[b] = b, a
            pair = self._pair(a, b)
            self._apart[b] = pair.verdict in (Verdict.HANDED_ON, Verdict.MADE_HERE)
            yield pair

    def _pair(self, a: Step, b: Step) -> StepPair:
        agreed = self._inputs_agree(a, b)
        if a.shape != b.shape:
            handed_on = not agreed and a.op == b.op
            return StepPair(a, b, Verdict.HANDED_ON if handed_on else Verdict.MADE_HERE, None, agreed)
        if not measurable(a.value, b.value):
            return StepPair(a, b, Verdict.AGREES, None, agreed)
        apart = difference(a.value, b.value)
        if apart.largest == 0:
            return StepPair(a, b, Verdict.AGREES, apart, agreed)
        does_the_same = self._does_the_same(a, b)
        if does_the_same is None:
            grown = apart.relative > _ROUNDINGS_HANDED_ON * _eps(a, b)
            does_the_same = apart.agrees or not agreed or not grown
        # Another operation on other inputs is no part of the program's own: only what comes of it counts.
        if not does_the_same and (agreed or a.op == b.op or not apart.agrees):
            return StepPair(a, b, Verdict.MADE_HERE, apart, agreed)
        # What read the same, and does the same, is apart by rounding however far rounding has grown.
        is_rounding = agreed or apart.agrees
        return StepPair(a, b, Verdict.ROUNDING if is_rounding else Verdict.HANDED_ON, apart, agreed)

    def _inputs_agree(self, a: Step, b: Step) -> bool:
        """Whether the steps of b that this one reads differ from their partners by rounding at most."""
        steps = [parent for parent in b.inputs if isinstance(parent, Step)]
        if any(self._apart.get(parent, False) for parent in steps):
            return False
        mine, theirs = a.inputs, b.inputs
        if len(mine) != len(theirs):
            return all(parent in self._partner for parent in steps)
        return all(self._agree(read_by_a, read_by_b) for read_by_a, read_by_b in zip(mine, theirs, strict=True))

    def _agree(self, a: Step | Leaf, b: Step | Leaf) -> bool:
        if isinstance(a, Step) and isinstance(b, Step) and self._partner.get(a) is b:
            return not self._apart.get(b, False)
        # Leaves, and steps that are no partners: their numbers tell.
        first, second = a.value, b.value
        if first.shape != second.shape:
            return False
        if not measurable(first, second):
            return True
        if isinstance(a, Leaf) and isinstance(b, Leaf):
            return is_rounded(first, second, self._coarse)
        return difference(first, second, (self._coarse,)).agrees

    def _does_the_same(self, a: Step, b: Step) -> bool | None:
        """Whether b's call makes a's numbers of what a read; None where that can't be tried.

        Then a difference of the two comes from what they read. A leaf, such as a weight, is a part of the step: another
        one makes another step.
        """
        if len(a.inputs) != len(b.inputs):
            return None
        given, arguments = iter(a.inputs), iter(a.arguments)
        operands: list[Any] = []
        for parent in b.parents:
            if isinstance(parent, Leaf) and parent.kind == "argument":
                operands.append(self._argument(parent, next(arguments, None)))
                continue
            mine = next(given)
            if isinstance(parent, Leaf) and isinstance(mine, Leaf) and not self._agree(mine, parent):
                return False
            operands.append(mine.value.detach())
        try:
            again = self._replay.again(b, operands)
        except CannotReplayError:
            return None
        if again.shape != a.shape:
            return False
        return difference(a.value, again).agrees

    def _argument(self, argument: Leaf, other: Leaf | None) -> Any:
        """A number of b's call, or that of a's call where it is the same up to the coarsest dtype's rounding."""
        number, mine = argument.value, None if other is None else other.value
        if isinstance(number, float) and isinstance(mine, float) and abs(number) > 1:
            close = abs(number - mine) <= 2 * coarsest((self._coarse,)) * abs(mine)
            return mine if close and self._mixed else number
        return number


def _eps(a: Step, b: Step) -> float:
    return coarsest((a.dtype, b.dtype))
