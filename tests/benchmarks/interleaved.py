"""Times of several contestants taken in turn, so that a busy moment of the machine falls on all of them.

A round is one turn of each, one after the other; the next round begins with another of them. Every ratio is made
within a round, and what is told is the median over the rounds with the quartiles around it.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Turn = Callable[[], float]
"""One turn of a contestant: does the work and returns how many seconds it took."""


class UnableError(RuntimeError):
    """A contestant that cannot take part, and why."""


@dataclass(frozen=True)
class Spread:
    """The median of what the rounds gave, and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass(frozen=True)
class Times:
    """Seconds by contestant, one figure a round; ``unable`` says who dropped out and why."""

    seconds: Mapping[str, Sequence[float]]
    unable: Mapping[str, str]

    def spread(self, name: str) -> Spread:
        return Spread.of(self.seconds[name])

    def ratio(self, name: str, base: str) -> Spread:
        """How many times as long as ``base`` it took, round by round."""
        return Spread.of([one / other for one, other in self._pairs(name, base)])

    def beyond(self, name: str, base: str) -> Sequence[float]:
        """How many seconds longer than ``base`` it took, round by round."""
        return [one - other for one, other in self._pairs(name, base)]

    def _pairs(self, name: str, base: str) -> Sequence[tuple[float, float]]:
        return list(zip(self.seconds[name], self.seconds[base], strict=True))


def interleaved(turns: Mapping[str, Turn], rounds: int) -> Times:
    """Gives every contestant a turn in every round. One that fails drops out, with what it said."""
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    unable: dict[str, str] = {}
    names = list(turns)
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            if name not in unable:
                try:
                    seconds[name].append(turns[name]())
                except UnableError as error:
                    unable[name] = str(error)
    return Times({name: times for name, times in seconds.items() if name not in unable}, unable)
