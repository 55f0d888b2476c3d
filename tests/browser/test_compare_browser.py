"""The page that compares two traces, as a person uses it: the line pressed and walked, the cell pinned."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from engine import Config, compare, run
from tests.browser.conftest import NARROW
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

ADDRESS = "compare?weights=random&reads=tokens&against=activation-gelu&encoder_layers=1&decoder_layers=1"


def open_page(page: Page, address: str) -> None:
    page.goto(f"{address}/{ADDRESS}")
    expect(page.locator(".agreement .line")).to_be_visible(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_the_line_leads_to_every_pair_by_mouse_and_by_keyboard_and_back_to_the_first_difference(tab: Page, app: str):
    config = Config(encoder_layers=1, decoder_layers=1)
    comparison = compare(run(config), run(config.change(activation="gelu")))
    pairs, first = comparison.pairs, comparison.first
    open_page(tab, app)
    expect(tab.get_by_role("heading", name=first.step.full_name)).to_be_visible()
    line, readout = tab.locator(".agreement .line"), tab.locator(".agreement .readout")
    expect(line.locator("rect.made")).to_have_count(sum(pair.verdict.name == "MADE_HERE" for pair in pairs))
    box = line.bounding_box()
    place = 3
    line.click(position={"x": (place + 0.5) * box["width"] / len(pairs), "y": box["height"] / 2})
    expect(tab.get_by_role("heading", name=pairs[place].step.full_name)).to_be_visible()
    tab.wait_for_url(lambda url: "pair=3" in url)
    line.focus()
    tab.mouse.move(0, 0)
    for _ in range(2):
        tab.keyboard.press("ArrowRight")
    expect(readout).to_contain_text(pairs[place + 2].step.full_name)
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "pair=5" in url)
    expect(tab.get_by_role("heading", name=pairs[place + 2].step.full_name)).to_be_visible()
    tab.get_by_role("button", name="Back to the first difference").click()
    expect(tab.get_by_role("heading", name=first.step.full_name)).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_page(tabs: Opener, app: str):
    tab = tabs(viewport=NARROW)
    open_page(tab, app)
    assert tab.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth")
