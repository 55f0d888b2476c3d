"""Where long checks are declared: many cases of one kind, each drawn from a seed of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

SHARE = 20  # the test suite runs one case in so many, where a check says nothing else

Case = Callable[[random.Random], None]
Setup = Callable[..., AbstractContextManager[Case]]


@dataclass(frozen=True)
class LongCheck:
    """Many cases of one kind.

    Args:
        name: what it is called on the command line.
        cases: how many there are.
        setup: opens what all cases share, such as a model, and gives the function that runs one case. That function
            takes the case's own random numbers and raises where something is wrong.
        browser: whether ``setup`` is called with a Playwright ``Browser`` and the address of the app; otherwise it is
            called with nothing.
        share: the test suite runs one case in so many.
    """

    name: str
    cases: int
    setup: Setup
    browser: bool = False
    share: int = SHARE

    def seeds(self, every: int = 1) -> Iterator[str]:
        """The seeds of the cases, or of every so many of them."""
        return (f"{self.name} {number}" for number in range(0, self.cases, every))

    def failures(self, *shared: object, every: int = 1) -> list[str]:
        """Runs the cases, with what they are to share, and says what went wrong, each with its seed."""
        wrong = []
        with self.setup(*shared) as case:
            for seed in self.seeds(every):
                try:
                    case(random.Random(seed))
                except Exception as error:
                    wrong.append(f"{seed}: {type(error).__name__}: {error}")
        return wrong


CHECKS: dict[str, LongCheck] = {}


def long_check(cases: int, browser: bool = False, share: int = SHARE) -> Callable[[Setup], Setup]:
    """Registers a context manager, which gives the function of one case, as a long check under its own name."""

    def register(setup: Setup) -> Setup:
        name = setup.__name__  # type: ignore[attr-defined]
        CHECKS[name] = LongCheck(name, cases, setup, browser, share)
        return setup

    return register
