"""Somebody's own code in the browser: written, run, failing, and kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.ui.views.your_code.examples import example_text

pytestmark = [pytest.mark.browser, pytest.mark.still]
PATIENCE = 90_000  # ms: the first run waits until torch is loaded in the code's own process


@pytest.fixture
def address(app: str) -> str:
    return f"{app}/your_code"


def settle(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=PATIENCE)


def line_of(name: str, part: str) -> int:
    """The number of the line of an example that has this part."""
    [number] = [number for number, line in enumerate(example_text(name).splitlines(), 1) if part in line]
    return number


def shape_beside(page: Page, line: int):
    return page.locator(f"button.shape[title^='Line {line} made']")


def open_editor(tab: Page, address: str) -> None:
    """Opens the page and waits until its editor is there."""
    tab.goto(address)
    settle(tab)
    expect(tab.locator(".cm-content")).to_be_visible(timeout=PATIENCE)


def typed(page: Page, text: str) -> None:
    """Puts a text into the editor as somebody who pastes it over all that is there."""
    content = page.locator(".cm-content")
    content.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def test_an_attention_is_run_with_ctrl_enter_and_every_line_leads_to_its_step(tab: Page, address: str):
    tab.goto(address)
    expect(tab.locator(".cm-content")).to_contain_text("class CausalAttention", timeout=PATIENCE)
    expect(tab.locator("button.shape")).to_have_count(0)
    tab.locator(".cm-content").click()
    tab.keyboard.press("ControlOrMeta+Enter")
    weights = line_of("attention", "softmax")
    expect(shape_beside(tab, weights)).to_have_text("(2, 4, 6, 6)", timeout=PATIENCE)
    expect(shape_beside(tab, line_of("attention", "chunk"))).to_have_text("(2, 6, 32) ×3")
    shape_beside(tab, weights).click()
    expect(tab.locator(".box[aria-current]").filter(has_text="softmax")).to_be_visible()
    # What was typed and not run outlasts a reload, and so does the run.
    typed(tab, "# mine\n" + example_text("attention"))
    expect(tab.locator(".editor.stale")).to_be_visible()
    tab.reload()
    expect(tab.locator(".cm-content")).to_contain_text("# mine", timeout=PATIENCE)
    expect(tab.locator(".box[aria-current]")).to_be_visible()
    settle(tab)
    tab.get_by_role("link", name="Attention", exact=True).click()
    expect(tab.locator(".st-key-attention-maps .maps")).to_be_visible()
    expect(tab.get_by_text("each row sums to 1")).to_be_visible()
    settle(tab)


def test_a_size_that_is_moved_runs_the_code_again(tab: Page, address: str):
    tab.goto(address)
    run = tab.get_by_role("button", name="Run ")
    expect(run).to_be_visible(timeout=PATIENCE)
    settle(tab)
    run.click()
    weights = line_of("attention", "softmax")
    expect(shape_beside(tab, weights)).to_have_text("(2, 4, 6, 6)", timeout=PATIENCE)
    tab.locator("input[data-size=H]").focus()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    tab.locator("input[data-size=H]").blur()
    expect(shape_beside(tab, weights)).to_have_text("(2, 2, 6, 6)", timeout=PATIENCE)
    settle(tab)


def test_a_run_that_fails_marks_its_line_and_runs_on_with_the_remedy(tab: Page, address: str):
    open_editor(tab, address)
    tab.get_by_role("combobox").first.click()
    tab.get_by_role("option", name="Fails: scores of queries and keys").click()
    expect(tab.locator(".cm-content")).not_to_contain_text("q @ k.transpose", timeout=PATIENCE)
    settle(tab)
    tab.get_by_role("button", name="Run ").click()
    expect(tab.locator(".cm-editor .problem")).to_have_text("d_k 8 ≠ L 6", timeout=PATIENCE)
    expect(tab.locator(".cm-line.wrong")).to_have_text("        scores = q @ k")
    expect(tab.get_by_text("Expected size for first two dimensions").first).to_be_visible()
    settle(tab)
    tab.get_by_role("button", name="Try").click()
    expect(tab.locator(".cm-content")).to_contain_text("q @ k.transpose(-2, -1)", timeout=PATIENCE)
    expect(tab.locator(".cm-editor .problem")).to_have_count(0, timeout=PATIENCE)
    settle(tab)


def test_a_syntax_error_stands_at_its_line_before_anything_is_run(tab: Page, address: str):
    open_editor(tab, address)
    typed(tab, "def double(x):\n    return (x * 2\n")
    expect(tab.locator(".cm-editor .problem")).to_have_text("'(' was never closed")
    expect(tab.locator(".cm-line.wrong")).to_have_text("    return (x * 2")
    settle(tab)


def test_code_in_a_link_is_shown_and_does_not_run(tab: Page, address: str):
    open_editor(tab, address)
    typed(tab, "def double(x):\n    return x * 2\n")
    tab.keyboard.press("ControlOrMeta+Enter")
    expect(tab.locator("button.shape")).to_have_text("(2, 6, 32)", timeout=PATIENCE)
    settle(tab)
    link = f"{address}?code={tab.url.partition('code=')[2].partition('&')[0]}"
    tab.evaluate("() => sessionStorage.clear()")
    tab.goto(link)
    expect(tab.locator(".cm-content")).to_contain_text("def double(x):", timeout=PATIENCE)
    expect(tab.get_by_text("Read it before you press")).to_be_visible()
    expect(tab.locator("button.shape")).to_have_count(0)
    settle(tab)
