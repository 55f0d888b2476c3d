"""From a press to painted, in a real browser: the walkthrough beside a bare Streamlit page with one slider.

    python -m tests.benchmarks.next_step [REPEATS]

Both servers run side by side and the presses alternate, so that a busy machine slows both. "next" is a press of the
right arrow key, "jump" a press on a stage that was not sent ahead. Each is timed inside the page, from the press to
the frame in which the new number, or the new stage, is on screen.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ROOT, WIDE, launched, served

START = "/walkthrough?weights=random&step=encoder.layers.0.self_attention.query:linear"
BARE = 'import streamlit as st\nn = st.slider("n", 0, 1000, 5)\nst.write(f"value {n}")\n'
GOAL = 1.5
_REST = 700  # ms between presses: what was sent ahead has come, and nothing is under way

# Notes the time of the press itself, then waits, frame by frame, for what the press should bring.
_WATCH = """(done) => {
    const reached = new Function(`return ${done}`);
    window.painted = null;
    const pressed = () => {
        const start = performance.now();
        const look = () => reached()
            ? requestAnimationFrame(() => (window.painted = performance.now() - start))
            : requestAnimationFrame(look);
        requestAnimationFrame(look);
    };
    const once = { capture: true, once: true };
    ["keydown", "pointerdown"].forEach((name) => document.addEventListener(name, pressed, once));
}"""
# The stage lives in a shadow root; where it is gets noted once.
_FIND = """() => {
    const find = (root) => [...root.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean)
        .map((shadow) => shadow.querySelector(".stage-root[data-step]") ?? find(shadow)).find(Boolean);
    const stage = find(document);
    window.stageStep = () => Number(stage.dataset.step);
}"""


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        script = Path(folder) / "bare.py"
        script.write_text(BARE, "utf-8")
        with served(script) as bare, served(ROOT / "app.py") as app:
            browser = launched(playwright)
            slider, walk = browser.new_page(viewport=WIDE), browser.new_page(viewport=WIDE)
            slider.goto(bare)
            slider.get_by_text("value 5").wait_for()
            slider.locator("input[type=range]").focus()
            walk.goto(app + START)
            walk.locator(".stage-root[data-step]").wait_for()
            walk.wait_for_timeout(3000)
            walk.evaluate(_FIND)
            times: dict[str, list[float]] = {"slider": [], "next": [], "jump": []}
            for turn in range(repeats + 2):
                found = {
                    "slider": _timed(slider, _says(f"value {6 + turn}"), _key),
                    "next": _timed(walk, _at(_step(walk) + 1), _key),
                    "jump": _jump(walk, turn),
                }
                if turn >= 2:  # the first ones warm up
                    for name, time in found.items():
                        times[name].append(time)
            browser.close()
    base = statistics.median(times["slider"])
    print(f"{'':8}{'median':>9}{'slowest':>9}{'÷ slider':>10}")
    for name, found in times.items():
        middle = statistics.median(found)
        print(f"{name:8}{middle:7.0f} ms{max(found):6.0f} ms{middle / base:10.2f}")
    print(f"goal: next at most {GOAL} × the slider")


def _timed(page: Page, done: str, press: Callable[[Page], None]) -> float:
    page.bring_to_front()
    page.wait_for_timeout(_REST)
    page.evaluate(_WATCH, done)
    press(page)
    page.wait_for_function("window.painted !== null", polling=10)
    return float(page.evaluate("window.painted"))


def _key(page: Page) -> None:
    page.keyboard.press("ArrowRight")


def _jump(page: Page, turn: int) -> float:
    """Six stages on within the block, or back to its first, neither of which was sent ahead."""
    segment = page.locator(".level").last.locator(".segment").nth(6 * (turn % 2 == 0))
    first = int(re.findall(r"\d+", str(segment.get_attribute("title")))[0])
    return _timed(page, _at(first), lambda _: segment.click())


def _says(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


def _at(step: int) -> str:
    return f"window.stageStep() === {step}"


def _step(page: Page) -> int:
    return int(page.evaluate("window.stageStep()"))


if __name__ == "__main__":
    main()
