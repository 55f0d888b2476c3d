"""Several people on one server at once, each with settings of their own: how long they wait, and what stays behind."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as Late

from engine import Config
from engine.runtime.devices import memory_budget, resolve_device
from engine.runtime.footprint import measure
from tests.benchmarks import resident
from tests.benchmarks.interleaved import Spread
from tests.benchmarks.table import Goal, Row, Section, at_most, megabytes, milliseconds, ratio
from tests.benchmarks.visit import APP, bare_app
from tests.browser.conftest import WIDE, launched, serving

PACKAGES = ("streamlit", "playwright")
PEOPLE = (1, 5, 20)
_ROUNDS = 1
_PATIENCE = 180_000  # ms
_LEAVING = 10  # seconds for a server to notice that people have gone
_CONFIG = Config(d_model=256, heads=8, encoder_layers=4, decoder_layers=4, weights="random")
_SET = ("weights", "d_model", "heads", "encoder_layers", "decoder_layers")
_BARE, _OURS = "bare page", "this project"
_LARGE = {
    "weights": "random", "reads": "tokens", "d_model": 512, "heads": 8, "batch": 4, "encoder_layers": 3,
    "decoder_layers": 3,
}  # fmt: skip
_LENGTHS = range(100, 220, 10)  # tokens, one person each: together they want more than the store may hold
_TOO_LARGE = {
    "weights": "random", "reads": "tokens", "batch": 16, "src_len": 256, "tgt_len": 256, "d_model": 1024, "heads": 16,
    "encoder_layers": 6, "decoder_layers": 6,
}  # fmt: skip
_OVERHEAD = 2**28  # bytes that the process may take beyond the store's budget: what it has been shown, and threads

# Notes when a tab first shows what it should, also one that lies behind others, where no frames are drawn.
_NOTE = """(() => {
    const has = (root) => %s || [...root.querySelectorAll("*")].some((node) => node.shadowRoot && has(node.shadowRoot));
    window.shown = null;
    // Not more often: to look through the tabs of twenty people takes the time that their pages need.
    const look = () => has(document) ? (window.shown = performance.now()) : setTimeout(look, 200);
    look();
})()"""
_REFUSAL = '(root === document && document.body?.innerText.includes("un may take"))'
_STAGE = 'root.querySelector(".stage-root[data-step]")'
_VALUE = '(root === document && document.body?.innerText.includes("value 5"))'


class Crowd:
    """People who come to one server at the same moment."""

    def __init__(self, browser: Browser, address: str, path: str, shows: str) -> None:
        self.browser, self.address, self.path, self.note = browser, address, path, _NOTE % shows
        self.came = 0

    def arrive(self, number: int) -> list[float | None]:
        """Seconds until each of them saw what they came for, from when they asked; None for who never did.

        Each asks for weights that nobody had before.
        """
        pages = [self.browser.new_page(viewport=WIDE) for _ in range(number)]
        for page in pages:
            page.set_default_timeout(_PATIENCE)
            page.add_init_script(self.note)
            self.came += 1
            with suppress(Late):  # nobody answered them: nothing will be shown either
                page.goto(f"{self.address}{self.path}&seed={self.came}", wait_until="commit")
        seconds: list[float | None] = []
        for page in pages:
            try:
                page.wait_for_function("window.shown > 0", polling=100)
                seconds.append(page.evaluate("window.shown") / 1e3)
            except Late:
                seconds.append(None)
        for page in pages:
            page.close()
        return seconds


def section(rounds: int | None, device: str, people: Sequence[int] = PEOPLE) -> Section:
    """The same on every ``device``: the app chooses its own."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        bare_address, _ = opened.enter_context(serving(bare_app(folder)))
        address, server = opened.enter_context(serving(APP))
        browser = launched(opened.enter_context(sync_playwright()))
        opened.callback(browser.close)
        usual = {name: getattr(_CONFIG, name) for name in _SET}
        crowds = {
            _BARE: Crowd(browser, bare_address, "/?n=1", _VALUE),
            _OURS: Crowd(browser, address, f"/walkthrough?{urlencode(usual)}", _STAGE),
        }
        for crowd in crowds.values():
            crowd.arrive(1)  # the first visitor waits for torch
        at_rest = _left(server)
        refused = _refused(browser, address)
        rows = [row for number in people for row in _crowded(number, crowds, rounds or _ROUNDS, server, at_rest)]
        rows += [*refused, _crowded_memory(browser, address, server, at_rest)]
    size = measure(_CONFIG)
    return Section(
        "People at once",
        "People who open the walkthrough at the same moment, each with other weights, ÷ as many on a bare page of a "
        "bare server, in turn; one browser holds all their tabs. What stays is what the server's process has grown by "
        "since its first visitor left.",
        ("people", "where", "median ÷ bare", "median", "slowest", "painted", "stays"),
        rows,
        [f"One person's model is {megabytes(size.parameters)}, their trace {megabytes(size.tensors)}."],
    )


def _crowded(number: int, crowds: dict[str, Crowd], rounds: int, server: int, at_rest: int | None) -> list[Row]:
    waited: dict[str, list[list[float | None]]] = {name: [] for name in crowds}
    for _ in range(rounds):
        for name, crowd in crowds.items():
            waited[name].append(crowd.arrive(number))
    after = _left(server)
    medians = {name: [Spread.of(_painted(each)).median for each in turns] for name, turns in waited.items()}
    rows = []
    for name, turns in waited.items():
        everyone = [seconds for turn in turns for seconds in turn]
        painted = _painted(everyone)
        over = Spread.of([one / base for one, base in zip(medians[name], medians[_BARE], strict=True)])
        goals, stays = [], ""
        if name == _OURS:
            goals.append(Goal("everyone painted", len(painted) == len(everyone)))
            if after is not None and at_rest is not None:
                budget = memory_budget(resolve_device("auto", "float32"))
                stays = megabytes(after - at_rest)
                goals.append(at_most("stays", (after - at_rest) / 1e6, round(budget / 1e6), " MB, the store's budget"))
        cells = (
            str(number),
            name,
            ratio(over),
            milliseconds(Spread.of(painted).median),
            milliseconds(max(painted)),
            f"{len(painted)} of {len(everyone)}",
            stays,
        )
        rows.append(Row(cells, goals))
    return rows


def _refused(browser: Browser, warm: str) -> list[Row]:
    """How long it takes until a run that does not fit is refused, on a server that is warm and on a fresh one."""
    path = f"/walkthrough?{urlencode(_TOO_LARGE)}"
    rows = []
    with serving(APP) as (fresh, _):
        for server, address, limit in (("fresh", fresh, 4), ("warm", warm, 2)):
            [seconds] = Crowd(browser, address, path, _REFUSAL).arrive(1)
            took = _painted([seconds])[0]
            goal = at_most("refused", took, limit, " s")
            cells = ("1", f"a run that does not fit, {server} server", "", milliseconds(took), "", "", "")
            rows.append(Row(cells, [goal]))
    return rows


def _crowded_memory(browser: Browser, address: str, server: int, at_rest: int | None) -> Row:
    """What stays when people have gone whose runs are together larger than the store's budget."""
    seconds: list[float | None] = []
    for length in _LENGTHS:
        asked = urlencode(_LARGE | {"src_len": length, "tgt_len": length})
        seconds += Crowd(browser, address, f"/walkthrough?{asked}", _STAGE).arrive(1)
    after, painted = _left(server), _painted(seconds)
    goals, stays = [Goal("everyone painted", None not in seconds)], ""
    if after is not None and at_rest is not None:
        budget = memory_budget(resolve_device("auto", "float32")) + _OVERHEAD
        stays = megabytes(after - at_rest)
        goals.append(at_most("stays", (after - at_rest) / 1e6, round(budget / 1e6), " MB, the budget and 256 MiB"))
    median = milliseconds(Spread.of(painted).median)
    what = "this project, runs of 290 to 620 MB, one after the other"
    cells = (
        str(len(seconds)),
        what,
        "",
        median,
        milliseconds(max(painted)),
        f"{len(painted)} of {len(seconds)}",
        stays,
    )
    return Row(cells, goals)


def _painted(seconds: Sequence[float | None]) -> list[float]:
    # Nobody at all is as slow as can be.
    return [one for one in seconds if one is not None] or [_PATIENCE / 1e3]


def _left(server: int) -> int | None:
    """What the server's process takes once everybody has gone."""
    time.sleep(_LEAVING)
    return resident.now(server) if resident.KNOWN else None
