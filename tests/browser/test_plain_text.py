"""What links and sentences bring is on the page letter by letter, in a real browser, and never as markup."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.tabs import Opener
from tests.browser.test_app import open_page

pytestmark = [pytest.mark.browser, pytest.mark.still]

EVIL = (
    "**bold**",
    "<b>bold</b>",
    "<img src=x>",
    "[a](http://x.y)",
    "$x^2$",
    ":red[x]",
    ":material/home:",
    ":smile:",
    "http://x.y",
    "``x`",
    "a --> b",
    "&lt;",
    "#x",
)
RENDERED = "strong, em, b, a[href], img, .katex, h1, [data-testid=stIconMaterial], span[style*=color], del"


@pytest.mark.parametrize("start", range(0, len(EVIL), 5))
def test_the_notes_about_a_link_show_its_values_as_they_are(start: int, tabs: Opener, app: str):
    names = ("heads", "dtype", "activation", "norm_first", "reads")
    query = dict(zip(names, EVIL[start : start + len(names)], strict=False))
    page = tabs()
    open_page(page, f"{app}/export?{urlencode(query)}")
    notes = page.get_by_test_id("stAlertContainer")
    expect(notes).to_have_count(1)
    said = notes.inner_text().splitlines()
    for name, value in query.items():
        # Streamlit rewrites this in any text, code or not, before it reads the Markdown.
        shown = value.replace(":material/", ":material_")
        assert any(f"{name}={shown}" in note for note in said), value
    assert notes.locator(RENDERED).count() == 0


def test_tokens_are_shown_as_they_are(tabs: Opener, app: str):
    page = tabs()
    sentence = "`` *b* $ <i"
    open_page(page, f"{app}/?{urlencode({'weights': 'random', 'source': sentence, 'target': '`'})}")
    page.get_by_text("The whole model and this run").click()
    line = page.get_by_test_id("stMarkdown").filter(has_text=re.compile("^The encoder reads"))
    expect(line).to_be_visible(timeout=30_000)
    shown = line.locator("code").all_inner_texts()
    assert "".join(token.removeprefix("##") for token in shown) == f"⟨begin⟩{sentence.replace(' ', '')}⟨end⟩"
    assert line.locator(RENDERED).count() == 0


def test_an_explanation_shows_the_tokens_it_names_as_they_are(tabs: Opener, app: str):
    page = tabs()
    query = {
        "weights": "random",
        "step": "encoder.layers.0.self_attention.scores",
        "source": "$ $ * * `",
        "target": "나는",
    }
    open_page(page, f"{app}/walkthrough?{urlencode(query)}")
    grid = page.locator('.panel[data-panel="scores"] .grid').first
    grid.press("Enter")
    for _ in range(2):
        grid.press("ArrowDown")
        grid.press("ArrowRight")
    sentence = page.locator(".derivation .sentence", has_text="scores[B=0, H=0, S=2 “$”, S=2 “$”]")
    expect(sentence).to_be_visible(timeout=30_000)
    assert sentence.locator(RENDERED).count() == 0
