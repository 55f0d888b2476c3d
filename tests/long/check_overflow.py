"""Every step's panels at three widths: what is wider than its panel says how much stands out of sight."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser

from tests.browser.test_overflow import TRACE, WIDTHS, shown, wide_panels
from tests.long.registry import Case, long_check


@long_check(cases=120, browser=True, share=120)
@contextmanager
def panels_out_of_sight(browser: Browser, app: str) -> Iterator[Case]:
    """A step, heads and widths drawn: every panel on its page says rightly what is out of sight."""
    page = browser.new_page(reduced_motion="reduce")

    def case(draw: random.Random) -> None:
        step = draw.choice(TRACE.steps)
        shown(page, app, step, heads=str(draw.choice((1, 2, 4, 8, 16))), d_model=str(draw.choice((16, 64))))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            try:
                wide_panels(page)
            except AssertionError as error:
                raise AssertionError(f"{step.full_name} at {width} pixels: {error}") from error

    try:
        yield case
    finally:
        page.close()
