"""From a press to painted, in a real browser: the app beside a bare Streamlit page on the same machine."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from engine import Config
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.forward import build_model
from engine.runtime.memory_estimate import TooLargeError, check_fits
from engine.runtime.run import run
from pages.ui.state.settings import RANGES
from tests.benchmarks import drag
from tests.benchmarks.floors import cold_app, travel_app
from tests.benchmarks.interleaved import Times, Turn, UnableError, interleaved
from tests.benchmarks.table import Row, Section, at_most, milliseconds, ratio
from tests.benchmarks.visit import APP, Visit, bare_app, crowded_app, fetched_app, in_time, key, says, torch_page
from tests.browser.conftest import launched, served
from tests.browser.settings_bar import size

PACKAGES = ("streamlit", "playwright")
PARTS = ("press", "drag", "cold", "bytes")
_ROUNDS, _COLD_ROUNDS = 9, 3
_COLD_PATIENCE = 120_000  # ms
_HELD = 150  # ms
_APART = 3  # between two lengths of which one is run: the arrow keys have those beside it run ahead
_MOST_ROUNDS = (RANGES["src_len"][1] - Config().src_len) // (2 * _APART) - 1  # each goes to two lengths not run before
_BLOCK = "encoder.layers.0.self_attention"
_NEAR = range(-1, 4)  # steps from where one is that the browser has, or that are no way
_LARGE = ("src_len", "tgt_len", "heads", "d_model", "d_ff", "vocab_size")
_STAGE_ROOT = ".stage-root[data-step]"
_STAGE = f'deep("{_STAGE_ROOT}")'

BARE, BARE_PAGE, BARE_COLD = "bare page: slider", "bare app: page to page", "bare page that imports torch"
NEXT, JUMP = "next step", "step not sent ahead"
FRESH, KNOWN, KEYS = "slider, not run before", "slider, run before", "slider, by an arrow key"
FRESH_AT_ONCE, KNOWN_AT_ONCE = "slider, not run before, let go at once", "slider, run before, let go at once"
TRAVEL, COLD = "page to page", "cold start"
CROWDED = "floor: as many plain elements, as many bytes"
FETCHED = "floor: as many bytes fetched, one number written"
CROWDED_TRAVEL = "floor: page to page with as many elements"
FLOOR_COLD = "floor: torch, and a component of as many bytes"
ALONE = "weights, pass and names by themselves"
_LIMIT = (
    "Streamlit's own way from a press to what it brings goes over the whole page: its floor is a page that computes "
    "nothing, with as many elements as the walkthrough and a component that says the number it was sent with as many "
    "bytes. A step and a size are fetched beside that way: their floor is a page with one component, which fetches as "
    "many bytes and writes a number. To what was not run before come the weights, the pass and the names of its steps; "
    "by themselves means in a process that does nothing else. A thumb is held for 150 ms at the value where it is let "
    "go, which a person cannot help; let go at once, it is not held at all, and nothing can be made ready. The floor "
    "of page to page is an app that computes nothing, whose second page has the elements of the attention page in its "
    "order, with a component that draws one empty canvas where the maps come."
)


class Presses:
    """What people press again and again, here and on the bare page."""

    def __init__(self, browser: Browser, app: str, bare: str, crowded: str, fetched: str, travel: str) -> None:
        self.slider = Visit(browser).open(bare, "text=value 5")
        self.slider.page.locator("input[type=range], [role=slider]").first.focus()
        self.value = 5
        self.crowded = Visit(browser).open(crowded, ".st-key-n")
        self.crowded.page.locator(".st-key-n input[type=range], .st-key-n [role=slider]").first.focus()
        self.sent = self.asked = 5
        self.fetched = Visit(browser).open(fetched, "input[type=range]")
        self.fetched.page.locator("input[type=range]").first.focus()
        self.start = _walk(app, f"{_BLOCK}.query:linear")
        self.walk = Visit(browser).open(self.start, _STAGE_ROOT)
        self.moved = Visit(browser).open(_walk(app, f"{_BLOCK}.scores", reads="tokens"), _STAGE_ROOT)
        size(self.moved.page, "src_len").focus()
        self.length = self.furthest = Config().src_len
        self.pages = Visit(browser).open(_walk(app, f"{_BLOCK}.scores"), _STAGE_ROOT)
        self.bare_pages = Visit(browser).open(bare, "text=value 5")
        self.crowded_pages = Visit(browser).open(travel, "text=first page")
        self.jumps = 0

    def turns(self) -> dict[str, Turn]:
        """Each presses twice or more and times the last. The first press after another page had the machine to itself
        takes up to twice as long, on the bare page too, and people move a slider more than once."""
        return {
            BARE: _last(self.bare, self.bare),
            CROWDED: _last(self.crowd, self.crowd),
            FETCHED: _last(self.fetch, self.fetch),
            NEXT: _last(self.next, self.next),
            JUMP: _last(self.jump, self.jump),
            FRESH: _last(self.drag_back, self.drag_on),
            FRESH_AT_ONCE: _last(self.throw_back, self.throw_on),
            KNOWN: _last(self.drag_back, self.drag_there),
            KNOWN_AT_ONCE: _last(self.throw_back, self.throw_there),
            KEYS: _last(self.back, self.on, self.on),
            ALONE: _last(self.alone, self.alone),
            BARE_PAGE: _last(self.bare_travel, self.bare_travel),
            CROWDED_TRAVEL: _last(self.crowded_travel, self.crowded_travel),
            TRAVEL: _last(self.travel, self.travel),
        }

    def bare(self) -> float:
        self.value += 1
        return self.slider.until(says(f"value {self.value}"), key("ArrowRight"))

    def crowd(self) -> float:
        self.sent += 1
        return self.crowded.until(f'deep(".said").textContent.trim() == "value {self.sent}"', key("ArrowRight"))

    def fetch(self) -> float:
        self.asked += 1
        return self.fetched.until(f'deep(".said").textContent.trim() == "value {self.asked}"', key("ArrowRight"))

    def next(self) -> float:
        return self.walk.until(f"{_STAGE}.dataset.step == {self._step() + 1}", key("ArrowRight"))

    def jump(self) -> float:
        """Five stages on within the block and round again, each time to another, and to none that was sent ahead.

        Steps and jumps leave the block in time; where all stages at hand were sent ahead, it is opened anew.
        """
        try:
            stage, first = self._far()
        except UnableError:
            self.walk.open(self.start, _STAGE_ROOT)
            stage, first = self._far()
        return self.walk.until(f"{_STAGE}.dataset.step == {first}", lambda _: stage.click())

    def _far(self) -> tuple[Locator, int]:
        """A stage that was not sent ahead, and the step it begins with."""
        stages = self.walk.page.locator(".level").last.locator(".segment")
        titles = stages.evaluate_all("stages => stages.map((stage) => stage.title)")
        firsts = [int(re.findall(r"\d+", title)[0]) for title in titles]
        self.jumps += 1
        place = far_stage(firsts, self._step(), 5 * self.jumps)
        return stages.nth(place), firsts[place]

    def move(self, by: int) -> float:
        self.length += by
        return self.moved.until(self._said(), key("ArrowRight" if by > 0 else "ArrowLeft"))

    def _said(self) -> str:
        # textContent runs the chips together, "H 4S 6S 6"; innerText would have the page laid out once more to be read.
        return f'deep(".panel[data-panel=scores] .chips").textContent.endsWith("S {self.length}")'

    def on(self) -> float:
        return self.move(1)

    def back(self) -> float:
        return self.move(-1)

    def let_go(self, value: int, held: int) -> float:
        """Drags the thumb to a value, holds it there for some milliseconds, and lets it go."""
        self.length = value
        thumb = size(self.moved.page, "src_len")
        drag = "(thumb, value) => { thumb.value = value; thumb.dispatchEvent(new Event('input')); }"
        leave = "(thumb) => thumb.dispatchEvent(new PointerEvent('pointerup', { bubbles: true, composed: true }))"

        def drag_and_leave(page: Page) -> None:
            thumb.evaluate(drag, value)
            page.wait_for_timeout(held)
            thumb.evaluate(leave)

        return self.moved.until(self._said(), drag_and_leave)

    def drag_on(self) -> float:
        return self.let_go(self._unseen(), _HELD)

    def drag_back(self) -> float:
        return self.let_go(self.length - _APART, _HELD)

    def drag_there(self) -> float:
        return self.let_go(self.length + _APART, _HELD)

    def throw_on(self) -> float:
        return self.let_go(self._unseen(), 0)

    def throw_back(self) -> float:
        return self.let_go(self.length - _APART, 0)

    def throw_there(self) -> float:
        return self.let_go(self.length + _APART, 0)

    def _unseen(self) -> int:
        """A length that was not run, neither when it was reached nor as the one beside it that the arrow keys reach."""
        self.furthest += _APART
        return self.furthest

    def alone(self) -> float:
        config = Config(src_len=self.furthest)
        start = time.perf_counter()
        trace = run(config, model=build_model(config))
        assert trace.steps
        return time.perf_counter() - start

    def travel(self) -> float:
        """To the page of attention; the way back is not timed."""
        seconds = self.pages.until("deep('.maps .map canvas')", _click("stMain", "Attention"))
        self.pages.until(f"{_STAGE}", _click("stMain", "Shapes"))
        return seconds

    def crowded_travel(self) -> float:
        seconds = self.crowded_pages.until("deep('.drawn:not([hidden])')", _click("stMain", "second"))
        self.crowded_pages.until(says("first page"), _click("stMain", "first"))
        return seconds

    def bare_travel(self) -> float:
        seconds = self.bare_pages.until(says("second page"), _click("stMain", "second"))
        self.bare_pages.until(says("value"), _click("stMain", "first"))
        return seconds

    def _step(self) -> int:
        return int(self.walk.page.evaluate(f"{_STAGE}.dataset.step"))

    def close(self) -> None:
        walks = (self.walk, self.moved, self.pages)
        for visit in (self.slider, self.crowded, self.fetched, *walks, self.bare_pages, self.crowded_pages):
            visit.close()


def far_stage(firsts: Sequence[int], here: int, begin: int) -> int:
    """Which of the stages that begin with these steps was not sent ahead to who is at the step ``here``: the first from
    ``begin`` on, and round again.

    Raises:
        UnableError: all of them were.
    """
    for further in range(len(firsts)):
        place = (begin + further) % len(firsts)
        if firsts[place] - here not in _NEAR:
            return place
    raise UnableError(f"each of the {len(firsts)} stages beside step {here} was sent ahead")


def _last(*presses: Turn) -> Turn:
    return lambda: [press() for press in presses][-1]


def _click(place: str, label: str):
    return lambda page: page.get_by_test_id(place).get_by_role("link", name=label, exact=True).first.click()


def _walk(app: str, step: str, **settings: object) -> str:
    return f"{app}/walkthrough?{urlencode({'weights': 'random', **settings, 'step': step})}"


def section(rounds: int | None, device: str, only: Sequence[str] = PARTS) -> Section:
    """The same on every ``device``: the app chooses its own."""
    rows: list[Row] = []
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        playwright = opened.enter_context(sync_playwright())
        browser = launched(playwright)
        opened.callback(browser.close)
        version = browser.version
        if {"press", "drag", "bytes"} & set(only):
            app, bare = (opened.enter_context(served(script)) for script in (APP, bare_app(folder)))
        if "press" in only:
            crowded = opened.enter_context(served(crowded_app(folder)))
            fetched = opened.enter_context(served(fetched_app(folder)))
            travel = opened.enter_context(served(travel_app(folder)))
            presses = Presses(browser, app, bare, crowded, fetched, travel)
            turns = presses.turns()
            interleaved(turns, 1)  # warms up
            rows += _pressed(interleaved(turns, min(rounds or _ROUNDS, _MOST_ROUNDS - 1)))
            presses.close()
        if "drag" in only:
            rows += drag.rows(browser, app)
        if "cold" in only:
            cold = {
                BARE_COLD: lambda: _cold_start(browser, torch_page(folder), "text=ready"),
                FLOOR_COLD: lambda: _cold_start(browser, cold_app(folder), "text=ready"),
                COLD: lambda: _cold_start(browser, APP, ".st-key-strip .box"),
            }
            interleaved(cold, 1)  # the files are read from disk once
            times = interleaved(cold, rounds or _COLD_ROUNDS)
            rows += [row_or_why(times, BARE_COLD, BARE_COLD), row_or_why(times, FLOOR_COLD, BARE_COLD)]
            rows += [row_or_why(times, COLD, BARE_COLD, 1.2)]
        if "bytes" in only:
            rows += _bytes(browser, app)
    return Section(
        "The screen",
        "From the press to the frame that shows what it should bring, ÷ the same on a bare Streamlit page beside it, "
        "in turn; each time the last of two or three presses. Cold start is from starting the server to the first page "
        "painted.",
        ("what", "÷ bare page", "time, or size"),
        rows,
        [f"Browser: Chromium {version}, without a window.", _LIMIT],
    )


def _pressed(times: Times) -> list[Row]:
    goals = {NEXT: 1.5, JUMP: 2.0, FRESH: 1.6, FRESH_AT_ONCE: 1.6, KNOWN: 1.3, KNOWN_AT_ONCE: 1.3, TRAVEL: 3.0}
    bases = dict.fromkeys((TRAVEL, BARE_PAGE, CROWDED_TRAVEL), BARE_PAGE)
    return [
        row_or_why(times, name, bases.get(name, BARE), goals.get(name))
        for name in (
            *(BARE, NEXT, JUMP, CROWDED, FETCHED, KEYS),
            *(FRESH, FRESH_AT_ONCE, ALONE, KNOWN, KNOWN_AT_ONCE, BARE_PAGE, CROWDED_TRAVEL, TRAVEL),
        )
    ]


def row_or_why(times: Times, name: str, base: str, goal: float | None = None) -> Row:
    """The row, or what was given up on."""
    for missing in (name, base):
        if missing in times.unable:
            return Row((name, f"skipped: {'' if missing == name else f'{missing}: '}{times.unable[missing]}", ""))
    return _row(times, name, base, goal)


def _row(times: Times, name: str, base: str, goal: float | None = None) -> Row:
    over = times.ratio(name, base)
    goals = [] if goal is None else [at_most("÷ bare", over.median, goal)]
    return Row((name, ratio(over), milliseconds(times.spread(name).median)), goals)


def _cold_start(browser: Browser, script: Path, shows: str) -> float:
    start = time.perf_counter()
    with served(script) as address, in_time("the first page", _COLD_PATIENCE):
        page: Page = browser.new_page()
        page.set_default_timeout(_COLD_PATIENCE)
        page.goto(address)
        page.locator(shows).first.wait_for()
        seconds = time.perf_counter() - start
        page.close()
    return seconds


def _bytes(browser: Browser, app: str) -> list[Row]:
    """What one stage of the largest tensors sends. Further layers would be the same again, so there is one of each."""
    config = largest()
    names = (*_LARGE, "batch", "encoder_layers", "decoder_layers")
    settings = {name: getattr(config, name) for name in names} | {"reads": "tokens"}
    said = f"batch {config.batch}, {config.heads} heads, length {config.src_len}, d_model {config.d_model}"
    rows = []
    for module, name, op in (
        (_BLOCK, "weights", "softmax"),
        ("encoder.layers.0.feed_forward", "hidden", "linear"),
        ("", "logits", "linear"),
    ):
        step = f"{module}.{name}".removeprefix(".")
        visit = Visit(browser)
        # Another step first, so that script and style have come and what is counted is the stage.
        try:
            visit.open(_walk(app, "source_embedding.embedded", **settings), _STAGE_ROOT)
            sent = _sent(visit, step, name, op) / 1e3
        except UnableError as error:
            rows.append(Row((f"{step}, {said}", f"skipped: {error}", "")))
            continue
        finally:
            visit.close()
        rows.append(Row((f"{step}, {said}", "", f"{sent:.0f} KB"), [at_most("a stage", sent, 300, " KB")]))
    return rows


def _sent(visit: Visit, step: str, name: str, op: str) -> int:
    """The bytes that come when this step is chosen."""
    before = visit.received
    with in_time(f"the stage of {step}"):
        box = visit.page.locator(".st-key-walk-search input").first
        box.click()
        box.press_sequentially(step)
        visit.page.get_by_role("option", name=re.compile(rf"{re.escape(step)}\s+\({op}\)")).first.click()
        visit.page.locator(f'.panel[data-panel="{name}"]').first.wait_for()
    visit.rest()
    return visit.received - before


def largest() -> Config:
    """The largest tensors that the controls reach and this machine has room for."""
    most = {
        name: high for name, (_, high) in RANGES.items() if name in ("src_len", "tgt_len", "heads", "d_model", "d_ff")
    }
    device = resolve_device("auto", "float32")
    for batch in range(RANGES["batch"][1], 0, -1):
        config = Config(batch=batch, **most, encoder_layers=1, decoder_layers=1)
        try:
            check_fits(config, memory_budget(device))
        except TooLargeError:
            continue
        return config
    raise RuntimeError("not even one sentence fits")
