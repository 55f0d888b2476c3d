"""How long a dragged size takes until the boxes stand as it says, at the largest sizes, in a real browser."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import Browser, CDPSession, Page

from tests.benchmarks.table import Row, at_most
from tests.browser.conftest import WIDE

FRAME = 16.7  # ms at 60 frames a second
SIZES = ("heads", "src_len", "d_model", "batch")
_MOVES, _WARM = 60, 5
_SETTINGS = {"reads": "tokens", "batch": 4, "src_len": 128, "d_model": 512, "heads": 8}
_STEP = "encoder.layers.0.self_attention.scores"
_READY = "[data-testid=stApp][data-test-script-state=notRunning]"
_WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
_HELPERS = """() => {
  const find = (root, selector) => {
    for (const node of root.querySelectorAll("*")) {
      const inside = node.matches(selector) ? node : node.shadowRoot && find(node.shadowRoot, selector);
      if (inside) return inside;
    }
    return null;
  };
  const drawing = find(document, ".strip:not(.small) > .scroll .drawing");
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  const painted = () => new Promise((next) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = next;
    requestAnimationFrame(() => port2.postMessage(0));
  });
  window.drag = (name, move) => {
    const input = find(document, `input[data-size=${name}]`);
    const span = Number(input.max) - Number(input.min);
    input.value = Number(input.min) + ((move * 7) % (span + 1));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    drawing.getBoundingClientRect();
  };
  window.dragToPaint = async (name, move) => {
    await frame();
    const start = performance.now();
    window.drag(name, move);
    await painted();
    return performance.now() - start;
  };
}"""


def rows(browser: Browser, app: str) -> list[Row]:
    """A row for each size: what script and layout take of the browser's own time, and how long it is until the paint.

    The first is time of the processor, which other programs of the machine do not lengthen; the second is by the clock.
    """
    page = browser.new_context(viewport=WIDE).new_page()
    page.goto(f"{app}/walkthrough?{urlencode({**_SETTINGS, 'step': _STEP})}")
    page.locator(".panel[data-geometry]").first.wait_for(timeout=120_000)
    page.locator(_READY).wait_for(timeout=120_000)
    page.evaluate(_HELPERS)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    measured = [_row(page, session, name) for name in SIZES]
    page.context.close()
    return measured


def _row(page: Page, session: CDPSession, name: str) -> Row:
    work, clock = [], []
    for move in range(_WARM + _MOVES):
        before = _work(session)
        page.evaluate("([name, move]) => window.drag(name, move)", [name, move])
        work.append(_work(session) - before)
    for move in range(_WARM + _MOVES):
        clock.append(page.evaluate("([name, move]) => window.dragToPaint(name, move)", [name, move]))
    own, until = (_p95(times[_WARM:]) for times in (work, clock))
    text = f"{own:.1f} ms of script and layout, {until:.1f} ms to the paint"
    return Row((f"{name} dragged, p95", "", text), [at_most("script and layout", own, FRAME, " ms")])


def _work(session: CDPSession) -> float:
    """Milliseconds that the page has spent so far in script, style and layout."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1e3 * sum(metric["value"] for metric in metrics if metric["name"] in _WORK)


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]
