"""A saved trace in the app: given to the server, uploaded, reloaded, and gone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from engine import record, save_trace
from tests.browser.conftest import ROOT, serving
from tests.browser.settings_bar import link, size
from tests.browser.test_own_computer_browser import open_export, refused

pytestmark = [pytest.mark.browser, pytest.mark.still]

PAGES = ("", "walkthrough", "attention", "decoding", "labs", "every_step", "export")
SOME = ("", "walkthrough", "export")


def attend(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    scores = query @ key.mT  # (B, L, L_k)
    weights = scores.softmax(-1)  # (B, L, L_k)
    return weights


def broken(query: torch.Tensor) -> torch.Tensor:
    doubled = query * 2
    return doubled @ doubled


def settle(page: Page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=120_000)


def errors(page: Page) -> list[str]:
    return page.locator("[data-testid=stException]").all_inner_texts()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save_trace(record(attend, torch.rand(2, 5, 8), torch.rand(2, 4, 8)), folder / "attend.trace")
    with pytest.raises(RuntimeError) as raised:
        record(broken, torch.rand(2, 5, 8))
    save_trace(raised.value.trace, folder / "broken.trace")
    (folder / "cat.trace").write_bytes(b"\x89PNG")
    return folder


@pytest.mark.parametrize(
    "pages", [pytest.param(PAGES, id="all", marks=pytest.mark.whole), pytest.param(SOME, id="some")]
)
def test_every_page_shows_the_trace_that_the_server_was_given(pages: tuple[str, ...], tab: Page, files: Path):
    with serving(ROOT / "app.py", "--", str(files / "attend.trace")) as (address, _):
        for path in pages:
            tab.goto(f"{address}/{path}")
            settle(tab)
            if path != "labs":
                expect(tab.get_by_text("attend.trace is shown: a saved trace of 3 steps.")).to_be_visible()
            assert errors(tab) == []
        tab.goto(f"{address}/walkthrough?step=weights")
        settle(tab)
        expect(tab.get_by_text("softmax").locator("visible=true").first).to_be_visible()
        tab.get_by_role("button", name="Back to the Transformer").click()
        expect(size(tab, "heads")).to_be_visible()
        expect(tab).to_have_url(f"{address}/walkthrough?trace=none")
        tab.goto("about:blank")


def test_an_uploaded_trace_survives_a_reload_and_a_server_for_other_computers_says_what_is_missing(
    tab: Page, app: str, files: Path
):
    tab.goto(f"{app}/every_step")
    settle(tab)
    tab.get_by_role("button", name="More settings").click()
    upload = tab.locator("[data-testid=stFileUploaderDropzoneInput]")
    upload.set_input_files(files / "cat.trace")
    expect(tab.get_by_text("cat.trace can't be opened as a trace: it is not a safetensors file.")).to_be_visible()
    upload.set_input_files(files / "attend.trace")
    expect(tab.get_by_text("attend.trace is shown: a saved trace of 3 steps.")).to_be_visible()
    expect(tab.get_by_text("3 of 3 steps.")).to_be_visible()
    settle(tab)
    tab.reload()
    expect(tab.get_by_text("3 of 3 steps.")).to_be_visible()
    link(tab, "Shapes").click()
    expect(tab.get_by_text("step 1 of 2")).to_be_visible()
    kept = tab.url.removeprefix(app)
    assert "trace=" in kept
    with serving(ROOT / "app.py", "--server.address=0.0.0.0", "--", str(files / "broken.trace")) as (other, _):
        tab.goto(f"{other}{kept}")
        expect(tab.get_by_text("open its file again")).to_be_visible()
        tab.get_by_role("button", name="Back to the Transformer").click()
        expect(tab.get_by_text("step 28 of")).to_be_visible()
        a_failed_run_is_shown(tab, other)
        open_export(tab, other, trace="none")
        assert "The server answers other computers too: its address is 0.0.0.0, not 127.0.0.1." in refused(tab)
        tab.goto("about:blank")


def a_failed_run_is_shown(tab: Page, address: str) -> None:
    """On a server that was given a run that failed: what ran and why it ended."""
    tab.goto(address)
    expect(tab.locator(".failure")).to_contain_text("1 step ran before it")
    expect(tab.locator(".failure")).to_contain_text("doubled")
    assert errors(tab) == []
