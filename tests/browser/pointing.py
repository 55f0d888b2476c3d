"""Where on the screen a cell of a tensor is, from what the page itself says of its geometry."""

from __future__ import annotations

import json
from collections.abc import Sequence

from playwright.sync_api import Locator, Page


def point(page: Page, panel: Locator, index: Sequence[int]) -> tuple[float, float]:
    """The middle of a cell, after scrolling to where nothing covers it."""
    x, y = _place(panel, index)
    height = page.viewport_size["height"]  # type: ignore[index]
    if not 100 < y < height - 100:
        page.locator("[data-testid=stMain]").evaluate("(main, by) => main.scrollBy(0, by)", y - height / 2)
        x, y = _place(panel, index)
    return x, y


def _place(panel: Locator, index: Sequence[int]) -> tuple[float, float]:
    geometry = json.loads(panel.get_attribute("data-geometry") or "")
    bounds = panel.locator(".grid").bounding_box()
    assert bounds is not None
    place = (0, 0, *index)
    row, column = place[-2] - geometry["first"][0], place[-1] - geometry["first"][1]
    for facet in geometry["facets"]:
        if all(at is None or at == i for at, i in zip(facet["lead"], index, strict=False)):
            x = bounds["x"] + facet["x"] + (column + 0.5) * geometry["cell"][0]
            return x, bounds["y"] + facet["y"] + (row + 0.5) * geometry["cell"][1]
    raise AssertionError(f"{tuple(index)} is not in view")
