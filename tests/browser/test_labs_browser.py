"""Every lab in a real browser: it opens, is revealed question by question, and fits."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.ui.labs.kit.registry import LABS
from tests.browser.conftest import NARROW, WIDE
from tests.browser.tabs import Opener
from tests.browser.test_app import settled

pytestmark = [pytest.mark.browser, pytest.mark.still]

SHOW = "Show it without a prediction"
KEYS = [lab.key for lab in LABS]
# Waited for: what measures itself is laid out a moment after the page has another size.
_FITS = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    return main.scrollWidth <= main.clientWidth;
}"""


def reveal(page: Page) -> int:
    """Presses every offer to show what comes out; returns how many there were."""
    count = 0
    while page.get_by_role("button", name=SHOW).count():
        waiting = page.get_by_role("button", name=SHOW).count()
        answered = page.get_by_text("Computed: ").count()
        page.get_by_role("button", name=SHOW).first.click()
        expect(page.get_by_text("Computed: ")).to_have_count(answered + 1, timeout=30_000)
        settled(page)
        count += 1
        assert waiting > 0
    return count


@pytest.mark.parametrize("key", KEYS)
def test_a_lab_opens_asks_before_it_tells_and_fits_a_phone_and_a_wide_screen(key: str, tabs: Opener, app: str):
    page = tabs(viewport=NARROW, reduced_motion="reduce")
    page.goto(f"{app}/labs?lab={key}")
    expect(page.get_by_text("Predict.").first).to_be_visible(timeout=60_000)
    settled(page)
    assert page.get_by_text("Computed: ").count() == 0
    assert reveal(page) >= 2
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stCode").last).to_be_visible()
    page.wait_for_function(_FITS, timeout=10_000)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(WIDE)
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.wait_for_function(_FITS, timeout=10_000)


def test_a_prediction_is_remembered_on_the_way_to_all_questions_and_back(tabs: Opener, app: str):
    page = tabs()
    page.goto(f"{app}/labs")
    page.get_by_role("button", name="Why permute?").click()
    expect(page.get_by_text("Predict.").first).to_be_visible(timeout=60_000)
    page.get_by_text("fewer than half", exact=True).click()
    expect(page.get_by_text("You predicted that.")).to_be_visible(timeout=30_000)
    settled(page)
    page.get_by_role("button", name="All questions").click()
    expect(page.get_by_text("1 predicted, 1 as computed")).to_be_visible(timeout=30_000)
    page.go_back()
    expect(page.get_by_text("You predicted that.")).to_be_visible(timeout=30_000)


def test_a_slider_of_a_lab_is_in_the_address_and_back_undoes_it(tabs: Opener, app: str):
    page = tabs()
    page.goto(f"{app}/labs?lab=view_or_permute")
    expect(page.get_by_text("put where").first).to_contain_text("of the 48 numbers", timeout=60_000)
    settled(page)
    handle = page.locator(".st-key-labs-view_or_permute-heads [role=slider], .st-key-labs-view_or_permute-heads input")
    handle.first.press("ArrowRight")
    expect(page.get_by_text("put where").first).to_contain_text("of the 64 numbers", timeout=30_000)
    expect(page).to_have_url(f"{app}/labs?lab=view_or_permute&lab_heads=4")
    page.go_back()
    expect(page.get_by_text("put where").first).to_contain_text("of the 48 numbers", timeout=30_000)
