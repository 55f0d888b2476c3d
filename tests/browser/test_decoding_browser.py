"""The trained model as a person meets it: the first page, a date of their own, a step of decoding walked through."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import expect

from engine import decode, trained_config
from pages.ui.views.date_answer import percent
from tests.browser.conftest import NARROW
from tests.browser.settings_bar import size
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

MINE = "Nov. 3rd, 1987"


def test_a_bare_address_answers_a_persons_own_date_and_leads_to_the_steps_that_wrote_it(tabs: Opener, app: str):
    written = decode(MINE, trained_config())
    page = tabs()
    page.goto(app)
    box = page.get_by_role("textbox", name="Source")
    box.fill(MINE)
    box.press("Enter")
    characters = page.locator(".answer .character b")
    expect(characters).to_have_text([choice.token for choice in written.choices], timeout=60_000)
    assert "".join(characters.all_inner_texts()) == "1987-11-03⟨end⟩"
    sure = page.locator(".answer .character small").all_inner_texts()
    assert sure == [percent(choice.probability) for choice in written.choices]
    page.get_by_role("link", name="Character by character").click()
    expect(page.get_by_text("How the answer is written")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Walk through this decoding step").click()
    # The first step has read the begin token alone.
    expect(page.locator('.panel[data-panel="log_probabilities"] .chips')).to_contain_text("T 1", timeout=60_000)


@pytest.mark.parametrize("path", ["", "decoding?upto=6", "attention?kind=cross&layer=1", "walkthrough"])
def test_the_pages_of_the_trained_model_fit_a_phone(path: str, tabs: Opener, app: str):
    page = tabs(viewport=NARROW)
    page.goto(f"{app}/{path}")
    expect(size(page, "heads")).to_be_attached(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0


def test_a_character_that_is_pressed_says_how_it_was_written_and_its_step_can_be_walked(tabs: Opener, app: str):
    written = decode(MINE, trained_config())
    page = tabs()
    page.goto(f"{app}/decoding?upto=5&source={quote(MINE)}")
    tiles = page.locator(".st-key-decoding-place button")
    tiles.nth(6).click(timeout=60_000)
    heading = page.get_by_role("heading", name="Writing")
    expect(heading).to_contain_text(f"⟨begin⟩{written.text[:6]}", timeout=60_000)
    expect(heading).to_contain_text(f"Writing {written.choices[6].token}")
    assert tiles.count() == len(written.choices)
    page.get_by_role("link", name="Walk through this decoding step").click()
    panel = page.locator('.panel[data-panel="log_probabilities"]')
    expect(panel.locator(".chips")).to_contain_text("T 7", timeout=60_000)
    query = parse_qs(urlsplit(page.url).query)
    assert (query["upto"], query["step"], query["source"]) == (["6"], ["log_probabilities"], [MINE])
    # The last row is of the last character that had been written.
    panel.get_by_role("grid").focus()
    for _ in range(9):  # stays at the last row
        page.keyboard.press("ArrowDown")
    expect(panel.get_by_role("gridcell")).to_contain_text(f"T 6 {written.choices[5].token}")
