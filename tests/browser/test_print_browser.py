"""What a printed page has: no chrome, nothing cut at an edge or in a scroller, and all rows of a table."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.printed_pages import printed
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

_LAB = "labs?lab=masking&section=rows"
# How many boxes of a control have a background or a shadow.
_PAINTED = """control => [...control.querySelectorAll("div")].filter((box) => {
  const { backgroundColor, backgroundImage, boxShadow } = getComputedStyle(box);
  return backgroundColor !== "rgba(0, 0, 0, 0)" || backgroundImage !== "none" || boxShadow !== "none";
}).length"""
# The width that an A4 page has with the margins of page.css, in CSS pixels; a Letter page has 980.
_PAPER = 980
# Everything of the page, inside components too, that stands beyond its right edge or hides a part of itself.
_CUT = """() => {
  const main = document.querySelector(".stMainBlockContainer");
  const edge = main.getBoundingClientRect();
  const cut = [];
  const visit = (node) => {
    for (const child of node.children) {
      const box = child.getBoundingClientRect();
      const style = getComputedStyle(child);
      // What only a screen reader meets has the size of a pixel.
      if (box.width < 2 || box.height < 2 || style.display === "none" || style.visibility === "hidden") continue;
      const name = `${child.tagName} ${child.className} ${child.textContent.slice(0, 40)}`;
      if (box.right > edge.right + 2) cut.push(`beyond the edge: ${name}`);
      const clips = ["auto", "scroll", "hidden"];
      const [hidesWide, hidesHigh] = [clips.includes(style.overflowX), clips.includes(style.overflowY)];
      const isCode = child.matches("[data-testid=stElementContainer]:has(> [data-testid=stCode])");
      if (isCode && child.scrollHeight > child.clientHeight + 4) cut.push(`lies over what follows: ${name}`);
      const isField = ["INPUT", "SELECT", "TEXTAREA", "CANVAS", "IMG", "svg"].includes(child.tagName);
      if (!isField && style.textOverflow !== "ellipsis") {
        if (hidesWide && child.scrollWidth > child.clientWidth + 2) cut.push(`cut in width: ${name}`);
        if (hidesHigh && child.scrollHeight > child.clientHeight + 4) cut.push(`cut in height: ${name}`);
      }
      visit(child);
      if (child.shadowRoot) visit(child.shadowRoot);
    }
  };
  visit(main);
  return { width: edge.width, cut: [...new Set(cut)] };
}"""


def _printed(tab: Page, address: str, ready: str, unfolded: str = "") -> list[str]:
    """Everything that is cut when this page is printed, with the code unfolded that has this title."""
    tab.emulate_media(media="screen")
    tab.goto(address, timeout=90_000)
    expect(tab.locator(ready).first).to_be_visible(timeout=90_000)
    tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=90_000)
    if unfolded:
        tab.get_by_text(unfolded).first.click()
        expect(tab.locator("details[open]").get_by_text("import torch")).to_be_visible()
        expect(tab.locator("details[style*=height]")).to_have_count(0)  # it grows to its height
    tab.emulate_media(media="print")
    expect(tab.locator(".st-key-top")).to_be_hidden()
    expect(tab.get_by_test_id("stHeader")).to_be_hidden()
    measured = tab.evaluate(_CUT)
    assert measured["width"] <= _PAPER
    cut: list[str] = measured["cut"]
    return cut


def test_pages_are_printed_without_chrome_and_nothing_of_them_is_cut(tab: Page, app: str) -> None:
    assert _printed(tab, app, ".panel canvas") == []
    page, code = tab.locator(".stMainBlockContainer").bounding_box(), tab.locator("section.code .lines").bounding_box()
    assert page is not None
    assert code is not None
    assert code["width"] > 0.95 * page["width"]

    assert _printed(tab, f"{app}/attention", ".map canvas") == []

    assert _printed(tab, f"{app}/your_code", ".cm-line") == []
    assert len(tab.locator(".cm-line").all()) > 20
    expect(tab.locator(".cm-line").last).to_be_visible()
    # Kept together, the row of the editor and its result would begin on the second page.
    row = tab.locator("[data-testid=stHorizontalBlock]:has([class*=st-key-code-example])").first
    assert row.evaluate("row => getComputedStyle(row).breakInside") == "auto"

    assert _printed(tab, f"{app}/every_step?weights=random", "[data-testid=stDataFrame]") == []
    expect(tab.get_by_test_id("stDataFrame")).to_be_hidden()
    listed = tab.locator("pre.on-paper").inner_text().rstrip("\n").split("\n")
    assert listed[0].split() == ["step", "name", "op", "axes", "shape", "path", "expression"]
    assert [line.split()[0] for line in listed[1:]] == [str(index) for index in range(len(listed) - 1)]
    assert f"{len(listed) - 1} of {len(listed) - 1} steps" in tab.get_by_test_id("stMain").inner_text()


def test_a_lab_is_printed_without_its_controls_and_without_an_empty_page(tab: Page, app: str) -> None:
    # A code block this long scrolls on screen, in a box of fixed height.
    assert _printed(tab, f"{app}/{_LAB}", ".st-key-lab-section-rows", "what is left of a hidden key") == []
    assert (tab.locator("details[open] code").text_content() or "").count("\n") > 24
    # Boxes of a flex column that go to the next page lie over what follows; those of a block do not.
    columns = tab.locator("[data-testid=stMain] [data-testid=stVerticalBlock]:visible").all()
    assert {column.evaluate("column => getComputedStyle(column).display") for column in columns} == {"block"}
    # Of a slider the name and the value beside it, of a choice what was chosen.
    slider = tab.locator(".stSlider").first
    assert slider.inner_text().split() == ["Batch", "2"]
    assert slider.evaluate(_PAINTED) == 0
    heights = [slider.get_by_text(text, exact=True).bounding_box() for text in ("Batch", "2")]
    name, value = (box["y"] + box["height"] / 2 for box in heights if box is not None)
    assert abs(name - value) < 4
    assert tab.get_by_test_id("stButtonGroup").first.locator("button:visible").all_inner_texts() == ["padding"]

    tab.emulate_media(media="null")
    light = printed(tab)
    assert min(light.pages) > 0
    assert light.texts > 1000


def test_a_lab_that_turned_dark_after_it_was_loaded_is_printed_as_from_a_light_screen(tabs: Opener, app: str) -> None:
    prints = []
    for scheme in ("light", "dark"):
        tab = tabs(color_scheme="light")
        tab.goto(f"{app}/{_LAB}", timeout=90_000)
        expect(tab.locator(".st-key-lab-section-rows")).to_be_visible(timeout=90_000)
        tab.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=90_000)
        # What stands below has come.
        expect(tab.get_by_test_id("stCode").last).to_be_attached(timeout=90_000)
        tab.emulate_media(color_scheme=scheme)
        background = tab.evaluate_handle("getComputedStyle(document.querySelector('.stApp'))")
        paper = {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 27)"}[scheme]
        tab.wait_for_function("([style, paper]) => style.backgroundColor === paper", arg=[background, paper])
        prints.append(printed(tab))
        # The screen is as it was.
        assert background.evaluate("style => style.backgroundColor") == paper
    light, dark = prints
    assert dark.pages == light.pages
    assert dark.texts == light.texts
    assert dark.colours == light.colours
