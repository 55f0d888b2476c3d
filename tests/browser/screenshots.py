"""Takes the README's pictures again.

python -m tests.browser.screenshots
"""

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ROOT, WIDE, launched, served

ATTENTION = "encoder.layers.0.self_attention"
SHOTS = {
    # A pinned cell: what it read lights up, and the arithmetic stands below.
    "walkthrough.png": f"/walkthrough?weights=random&step={ATTENTION}.scores&pin=0.1.2.3",
    "travel.png": f"/walkthrough?weights=random&step={ATTENTION}.query:permute",
    "where.png": f"/walkthrough?weights=random&step={ATTENTION}.weights",
    "attention.png": "/attention?kind=cross&layer=1",
    "labs.png": "/labs?lab=view_or_permute",
}
HALFWAY = 55  # % of the way that cells have travelled in the picture


def take(page: Page, url: str, name: str) -> None:
    page.goto(url)
    if name == "labs.png":
        page.get_by_role("button", name="Show it").first.click(timeout=60_000)
    page.locator(".panel[data-geometry], .map canvas, [data-testid=stGraphVizChart] svg").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    if name == "walkthrough.png":
        page.locator(".derivation .terms").wait_for()
    if name == "travel.png":
        page.locator(".travel input[type=range]").fill(str(HALFWAY))
        _bring_to_top(page, ".stage-root")
    if name == "where.png":
        page.get_by_text("Where we are").click()
        page.locator("[data-testid=stGraphVizChart] svg").wait_for()
        _bring_to_top(page, ".st-key-where")
    if name == "labs.png":
        page.get_by_text("A colour is a token").evaluate("text => text.scrollIntoView()")
    page.wait_for_timeout(1000)  # fonts and pictures take their places
    page.screenshot(path=ROOT / "docs" / name)


def _bring_to_top(page: Page, part: str) -> None:
    page.locator(part).evaluate("part => part.scrollIntoView()")
    page.locator("[data-testid=stMain]").evaluate("main => main.scrollBy(0, -60)")  # the top bar lies over the page


if __name__ == "__main__":
    with sync_playwright() as playwright, served(ROOT / "app.py") as address:
        browser = launched(playwright)
        page = browser.new_page(viewport=WIDE, reduced_motion="reduce")
        for name, path in SHOTS.items():
            take(page, address + path, name)
        browser.close()
