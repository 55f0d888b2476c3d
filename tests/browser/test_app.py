"""The app as a person meets it: a fresh server, a real browser, links, sliders, downloads."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
import torch
from playwright.sync_api import Page, expect

from engine import Config, run
from pages.ui.app import frame
from pages.ui.state.settings import SOURCE, TARGET
from tests.browser.conftest import NARROW, ROOT, served
from tests.browser.settings_bar import link, links, open_drawer, size
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

PAGES = ("", "walkthrough", "attention", "decoding", "every_step", "export")
SCORES = "encoder.layers.0.self_attention.scores"
LINKS = [*(page.label for page in frame.PAGES), "Tour"]  # in the top bar


def settled(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    expect(page.locator(".stage-root[data-busy]")).to_have_count(0)


def open_page(page: Page, address: str) -> None:
    """Opens an address, with random weights where it says nothing of them."""
    page.goto(address if "weights=" in address else f"{address}{'&' if '?' in address else '?'}weights=random")
    expect(size(page, "heads")).to_be_attached(timeout=60_000)
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def chips(page: Page, title: str) -> str:
    """The shape a tensor's chips say, such as "B 1 H 4 S 5 S 5"."""
    text = page.locator(f'.panel[data-panel="{title}"] .chips').inner_text()
    return " ".join(text.split())


def press(page: Page, key: str, slider: str) -> None:
    size(page, slider).press(key)


# In every frame: whether the page has said that torch is loading, and where the links stand in the first frame that
# says so and has links.
MEANWHILE = """(() => {
    window.said = false;
    window.meanwhile = null;
    const look = () => {
        requestAnimationFrame(look);
        const says = Boolean(document.body?.innerText.includes("Loading PyTorch and the model."));
        window.said ||= says;
        const links = [...document.querySelectorAll(".st-key-navigation a")];
        if (window.meanwhile || !says || !links.length) return;
        window.meanwhile = links.map((link) => link.getBoundingClientRect().toJSON());
    };
    look();
})()"""


def test_while_torch_loads_the_first_visitor_has_the_links_and_then_what_the_deep_link_says_and_no_link_moves(
    tabs: Opener,
):
    with served(ROOT / "app.py") as address:
        first, second = tabs(script=MEANWHILE), tabs(script=MEANWHILE)
        first.goto(f"{address}/walkthrough?heads=8&d_model=64&step={SCORES}&weights=random")
        meanwhile = first.wait_for_function("() => window.meanwhile", timeout=60_000).json_value()
        expect(first.locator(".st-key-strip [data-name=scores]")).to_be_visible(timeout=60_000)
        settled(first)
        expect(first.get_by_test_id("stException")).to_have_count(0)
        expect(first.locator('.panel[data-panel="scores"]')).to_be_visible()
        assert chips(first, "scores") == "B 1 H 8 S 5 S 5"
        expect(links(first)).to_have_count(len(LINKS))
        now = [link.evaluate("link => link.getBoundingClientRect().toJSON()") for link in links(first).all()]
        assert now == meanwhile
        expect(first.get_by_text("Loading PyTorch and the model.")).to_have_count(0)

        second.goto(f"{address}/labs")
        second.locator(".st-key-lab-cards").wait_for(timeout=60_000)
        assert not second.evaluate("window.said")


@pytest.mark.parametrize("page", frame.PAGES, ids=lambda page: page.label)
def test_on_whatever_page_a_visit_begins_every_link_of_the_navigation_stands_once(page, tab: Page, app: str):
    tab.goto(f"{app}/{'' if page.file == 'app.py' else Path(page.file).stem}")
    settled(tab)
    expect(links(tab)).to_have_text(LINKS)
    expect(tab.get_by_test_id("stSidebar")).to_have_count(0)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_a_phone_in_light_and_dark(path, tabs: Opener, app: str):
    page = tabs(viewport=NARROW)
    open_page(page, f"{app}/{path}")
    main = page.get_by_test_id("stMain")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
        assert main.evaluate("main => main.scrollWidth - main.clientWidth") == 0


@pytest.mark.parametrize("path", PAGES)
def test_a_moved_slider_leaves_every_control_and_link_in_its_place(path, tab: Page, app: str):
    open_page(tab, f"{app}/{path}?weights=random")
    controls = tab.locator(".st-key-settings-bar input[type=range]")
    places = [control.bounding_box() for control in controls.all()]
    assert len(places) == 2
    for heads in (8, 16):
        press(tab, "ArrowRight", "heads")
        tab.wait_for_function(f"new URLSearchParams(location.search).get('heads') === '{heads}'")
        settled(tab)
        expect(tab.get_by_test_id("stException")).to_have_count(0)
        assert [control.bounding_box() for control in controls.all()] == places
        expect(links(tab)).to_have_count(len(LINKS))
        for to_page in links(tab).all():
            expect(to_page).to_have_attribute("href", re.compile(rf"heads={heads}\b"))


def test_a_moved_slider_changes_shapes_address_and_values_and_leaves_the_links_and_the_title(tab: Page, app: str):
    open_page(tab, f"{app}/walkthrough?step={SCORES}")
    assert chips(tab, "scores") == "B 1 H 4 S 5 S 5"
    tab.locator(".st-key-navigation").evaluate(
        """place => {
            window.fewest = 99;
            const count = () => { window.fewest = Math.min(window.fewest, place.querySelectorAll('a').length); };
            new MutationObserver(count).observe(place, { childList: true, subtree: true, attributes: true });
        }"""
    )
    press(tab, "ArrowRight", "heads")
    expect(tab.locator('.panel[data-panel="scores"] .chips')).to_contain_text("8", timeout=30_000)
    settled(tab)
    assert chips(tab, "scores") == "B 1 H 8 S 5 S 5"
    assert parse_qs(urlsplit(tab.url).query)["heads"] == ["8"]
    # The links on screen are never taken away while a change is drawn.
    expect(link(tab, "Attention")).to_have_attribute("href", re.compile("heads=8"))
    assert tab.evaluate("window.fewest") == len(LINKS)
    expect(tab).to_have_title(frame.NAME)
    link(tab, "Attention").click()
    expect(tab).to_have_title(f"Attention · {frame.NAME}")
    tab.go_back()
    expect(tab).to_have_title(frame.NAME)


def test_settings_go_along_the_navigation_and_browser_back_undoes(tab: Page, app: str):
    open_page(tab, app)
    layers = open_drawer(tab).locator(".st-key-encoder_layers input[type=range]")
    layers.press("ArrowRight")
    expect(tab).to_have_url(f"{app}/?encoder_layers=3&weights=random")
    # A link that is followed before it knows of the press leads by way of the settings before.
    expect(link(tab, "Attention")).to_have_attribute("href", re.compile("encoder_layers=3"), timeout=30_000)
    link(tab, "Attention").click()
    expect(tab.locator(".st-key-attention-maps .maps")).to_be_visible(timeout=30_000)
    settled(tab)
    assert parse_qs(urlsplit(tab.url).query)["encoder_layers"] == ["3"]
    tab.go_back()
    expect(tab.locator(".st-key-strip [data-name=scores]")).to_be_visible(timeout=30_000)
    settled(tab)
    tab.go_back()
    # On its return to the page it is a new widget, with a number after its key.
    expect(open_drawer(tab).locator("[class*=st-key-encoder_layers]")).to_contain_text("2", timeout=30_000)
    expect(tab).to_have_url(f"{app}/?weights=random")


def test_next_and_previous_walk_the_steps_by_mouse_and_by_arrow_key(tab: Page, app: str):
    open_page(tab, f"{app}/walkthrough?step={SCORES}")
    tab.get_by_role("button", name="Next", exact=True).click()
    expect(tab.locator('.panel[data-panel="scaled"]')).to_be_visible(timeout=30_000)
    expect(tab).to_have_url(re.compile(r"step=encoder.layers.0.self_attention.scaled$"), timeout=30_000)
    settled(tab)
    tab.get_by_text("engine/model/attention.py").locator("visible=true").first.click()
    tab.keyboard.press("ArrowLeft")
    expect(tab.locator('.panel[data-panel="key_t"]')).to_be_visible(timeout=30_000)
    expect(tab).to_have_url(re.compile(rf"step={SCORES}$"), timeout=30_000)
    settled(tab)
    tab.go_back()
    expect(tab.locator('.panel[data-panel="key_t"]')).to_have_count(0, timeout=30_000)


def test_steps_csv_from_the_table_holds_the_filtered_steps(tab: Page, app: str):
    open_page(tab, f"{app}/every_step?op=softmax&heads=2")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="These rows as CSV").click()
    rows = pd.read_csv(waiting.value.path())
    trace = run(Config(heads=2), [SOURCE], [TARGET])
    expected = [step for step in trace.steps if step.op == "softmax"]
    assert rows["step"].tolist() == [step.index for step in expected]
    assert rows["max"].tolist() == [step.value.double().max().item() for step in expected]


def test_values_csv_from_the_export_page_equals_the_tensors_of_the_engine(tab: Page, app: str):
    open_page(tab, f"{app}/export?reads=tokens&src_len=3&tgt_len=2&d_model=8&heads=2&encoder_layers=1&decoder_layers=1")
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="Download values.csv").click()
    values = pd.read_csv(io.BytesIO(waiting.value.path().read_bytes()))
    config = Config(src_len=3, tgt_len=2, d_model=8, heads=2, encoder_layers=1, decoder_layers=1)
    for step in run(config).steps:
        read = torch.tensor(values.loc[values["step"] == step.index, "value"].to_numpy())
        assert torch.equal(read.to(step.dtype), step.value.flatten()), step.full_name


def test_the_matrix_on_screen_carries_the_tokens_of_both_sides(tab: Page, app: str):
    open_page(tab, f"{app}/walkthrough?step=decoder.layers.0.cross_attention.weights")
    tab.get_by_text("Share and download").click()
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="as a matrix").click()
    matrix = pd.read_csv(waiting.value.path(), index_col=0)
    weights = run(Config(), [SOURCE], [TARGET]).find("decoder.layers.0.cross_attention.weights")
    assert list(matrix.columns) == ["⟨begin⟩", "I", "go", "home", "⟨end⟩"]
    assert list(matrix.index) == ["⟨begin⟩", "나는", "집에", "간다"]
    assert torch.equal(torch.tensor(matrix.to_numpy()).float(), weights.value[0, 0])


def test_a_link_to_a_step_of_the_table_shows_it_and_a_search_keeps_the_tick_right(tab: Page, app: str):
    open_page(tab, f"{app}/every_step?step={SCORES}")
    expect(tab.locator('.panel[data-panel="scores"]')).to_be_visible(timeout=30_000)
    search = tab.locator(".st-key-table-search input, [class*='st-key-table.search'] input").first
    search.fill("softmax")
    search.press("Enter")
    expect(tab.locator('.panel[data-panel="weights"]')).to_be_visible(timeout=30_000)
    settled(tab)
    assert parse_qs(urlsplit(tab.url).query)["search"] == ["softmax"]
    tab.go_back()
    expect(tab.locator('.panel[data-panel="scores"]')).to_be_visible(timeout=30_000)


def test_a_change_still_on_its_way_survives_a_quick_turn_of_the_page(tab: Page, app: str):
    open_page(tab, f"{app}/walkthrough?step={SCORES}")
    source = open_drawer(tab).locator(".st-key-source textarea")
    source.fill("I go home today")
    # The field is left when the button goes down, the link is followed when it comes up, as long after as a hand takes.
    link(tab, "Attention").click(delay=120)
    expect(tab.locator(".st-key-attention-maps .maps")).to_be_visible(timeout=30_000)
    settled(tab)
    expect(open_drawer(tab).locator(".st-key-source textarea")).to_have_value("I go home today")
