"""The scripts of the labs against their pages, wherever the sliders stand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from tests.long.registry import Case, long_check
from tests.pages.labs.test_scripts import KEYS, assert_scripts_print_what_the_page_shows, drawn_values


@long_check(cases=280, share=140)
@contextmanager
def lab_scripts() -> Iterator[Case]:
    """A lab, its sliders anywhere: every number that its script prints stands on its page."""

    def case(draw: random.Random) -> None:
        key = draw.choice(KEYS)
        values = drawn_values(key, draw)
        try:
            assert_scripts_print_what_the_page_shows(key, values)
        except Exception as error:
            raise AssertionError(f"{key} at {values}: {error}") from error

    yield case
