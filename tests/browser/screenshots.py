"""Takes the README's pictures again.

python -m tests.browser.screenshots
"""

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ROOT, WIDE, launched, served

SHOTS = {
    "model.png": "/",
    "walkthrough.png": "/walkthrough?step=encoder.layers.0.self_attention.scores",
    "attention.png": "/attention?kind=decoder&head=2",
}


def take(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.locator(".panel[data-geometry], [data-testid=stGraphVizChart] svg").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
    if "step=" in url:
        # A pinned cell shows what it read, and the arithmetic.
        page.locator('.panel[data-panel="scores"] .grid').first.press("Enter")
        page.get_by_test_id("stCode").first.wait_for()
    page.screenshot(path=ROOT / "docs" / name)


if __name__ == "__main__":
    with sync_playwright() as playwright, served(ROOT / "app.py") as address:
        browser = launched(playwright)
        page = browser.new_page(viewport=WIDE)
        for name, path in SHOTS.items():
            take(page, address + path, name)
        browser.close()
