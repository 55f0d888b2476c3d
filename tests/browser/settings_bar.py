"""The top bar, the row of sizes and the drawer, as a person finds them on a page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect


def links(page: Page) -> Locator:
    """The links to the pages, in the top bar."""
    return page.locator(".st-key-navigation").get_by_role("link")


def link(page: Page, name: str) -> Locator:
    """The link in the top bar to the page of this name."""
    return page.locator(".st-key-navigation").get_by_role("link", name=name, exact=True)


def size(page: Page, name: str) -> Locator:
    """The slider of a size: one of the row, by its name in ``Config``."""
    return page.locator(f".st-key-sizes input[data-size={name}]")


def open_drawer(page: Page) -> Locator:
    """Opens the drawer, where it is not open; the drawer."""
    drawer = page.get_by_test_id("stPopoverBody")
    if not drawer.count():
        page.get_by_role("button", name="More settings").click()
    expect(drawer.get_by_text("Encoder layers", exact=True)).to_be_visible()
    return drawer
