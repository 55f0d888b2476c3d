"""The trained model as a person meets it: the first page, a date of their own, a step of decoding walked through."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from engine import decode, trained_config
from pages.ui.views.percentage import percent
from tests.browser.conftest import NARROW, WIDE
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
    page.get_by_role("link", name="What every character looks at").click()
    page.get_by_role("link", name="Open this decoding step").click(timeout=60_000)
    # The first step has read the begin token alone.
    expect(page.locator('.panel[data-panel="log_probabilities"] .chips')).to_contain_text("T 1", timeout=60_000)


@pytest.mark.parametrize("path", ["", "decoding?upto=6", "attention?kind=encoder&layer=1", "walkthrough"])
def test_the_pages_of_the_trained_model_fit_a_phone(path: str, tabs: Opener, app: str):
    page = tabs(viewport=NARROW)
    page.goto(f"{app}/{path}")
    expect(size(page, "heads")).to_be_attached(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("main => main.scrollWidth - main.clientWidth") <= 0


def test_one_press_says_what_every_head_looks_at_while_a_character_is_written(tabs: Opener, app: str):
    written = decode(MINE, trained_config())
    page = tabs(viewport=WIDE)
    page.goto(f"{app}/attention?source={quote(MINE)}")
    tiles = page.locator(".tiles button")
    expect(tiles).to_have_count(len(written.choices), timeout=60_000)
    tiles.nth(3).click()
    expect(page.locator(".sentence")).to_have_text(f"Writing {written.choices[3].token}, having read ⟨begin⟩198")
    looked = written.traces[3].find("decoder.layers.1.cross_attention.weights").value[0, 3, -1]
    key = int(looked.argmax())
    [share, label] = [percent(float(looked[key])), written.traces[3].labels["S"][0][key]]
    shown = page.locator('.map[data-layer="1"][data-head="3"]')
    expect(shown.locator("p")).to_contain_text(f"{label}")
    expect(shown.locator("p")).to_contain_text(share)
    expect(shown.locator(".line span").nth(key)).to_have_css("color", "rgb(255, 255, 255)")
    # All of the first screen, the last map too.
    box = shown.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= WIDE["height"]


def test_quick_presses_end_at_the_last_and_a_press_inside_a_map_chooses_row_and_head(tabs: Opener, app: str):
    page = tabs(viewport=WIDE)
    page.goto(f"{app}/attention?source={quote(MINE)}")
    tiles = page.locator(".tiles button")
    tiles.nth(1).click(timeout=60_000)
    for number in (2, 5, 7, 4):
        tiles.nth(number).click()
    expect(page).to_have_url(re.compile("position=4"), timeout=60_000)
    expect(tiles.nth(4)).to_have_attribute("aria-checked", "true")
    tiles.nth(4).focus()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(5)).to_have_attribute("aria-checked", "true")
    expect(page).to_have_url(re.compile("position=5"), timeout=60_000)
    cells = page.locator('.map[data-layer="0"][data-head="2"] .cells')
    box = cells.bounding_box()
    assert box is not None
    cells.click(position={"x": 40, "y": box["height"] * 8.5 / len(tiles.all())})
    expect(page.locator('.map[aria-pressed="true"]')).to_have_attribute("aria-label", "layer 0 · head 2")
    expect(tiles.nth(8)).to_have_attribute("aria-checked", "true")
    expect(page).to_have_url(re.compile("head=2"), timeout=60_000)
    page.get_by_role("link", name="Open this decoding step").click()
    expect(page.locator('.panel[data-panel="log_probabilities"] .chips')).to_contain_text("T 9", timeout=60_000)
