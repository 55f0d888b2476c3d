"""Writing folders, seen from a real browser: at the computer itself, through proxies, under a foreign name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import launched_beside
from tests.browser.proxy import proxied
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

EXPORT = "export?weights=random&encoder_layers=1&decoder_layers=1&d_model=8&heads=2"


def open_export(page: Page, address: str, **query: str) -> None:
    page.goto("&".join([f"{address}/{EXPORT}", *(f"{name}={value}" for name, value in query.items())]))
    expect(page.get_by_text("The same from a terminal or a notebook")).to_be_visible(timeout=120_000)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)


def refused(page: Page) -> str:
    """Why there is no form; the downloads are there."""
    assert page.get_by_role("button", name="Write both files").count() == 0
    assert page.get_by_role("textbox", name="Folder", exact=True).count() == 0
    expect(page.get_by_role("button", name="Download steps.csv")).to_be_enabled()
    caption = page.get_by_text("Offered only to a browser on the computer that serves this page.")
    expect(caption).to_be_visible()
    return caption.inner_text()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_browser_on_this_computer_writes_and_is_asked_before_files_are_replaced(
    name: str, browser: Browser, app: str, tmp_path: Path
):
    with browser.new_context() as context:
        page = context.new_page()
        open_export(page, app.replace("127.0.0.1", name))
        page.get_by_role("textbox", name="Folder", exact=True).fill(str(tmp_path))
        page.get_by_role("button", name="Write both files").click()
        expect(page.get_by_text(f"Wrote steps.csv and values.csv to {tmp_path}")).to_be_visible(timeout=60_000)
        (tmp_path / "values.csv").write_text("mine")
        (tmp_path / "steps.csv").unlink()
        page.get_by_role("button", name="Write both files").click()
        expect(page.get_by_text(f"{tmp_path} already has values.csv.")).to_be_visible(timeout=60_000)
        assert (tmp_path / "values.csv").read_text() == "mine"
        page.get_by_role("button", name="Replace values.csv").click()
        expect(page.get_by_text(f"Wrote steps.csv and values.csv to {tmp_path}")).to_be_visible(timeout=60_000)
        assert (tmp_path / "values.csv").read_text().startswith("step,")


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"), ("Via", "1.1 proxy"), ("X-Real-IP", "1.2.3.4")],
)
def test_through_a_reverse_proxy_there_is_no_form(name: str, value: str, tabs: Opener, app: str):
    host = app.removeprefix("http://")
    # It hides its own name from the server, so that its header alone tells.
    with proxied(app, {"Host": host, "Origin": app, name: value}) as address:
        page = tabs()
        open_export(page, address)
        assert f"comes through a proxy, which sends {name.lower()}" in refused(page)
        page.goto("about:blank")


def test_through_a_proxy_that_hides_host_alone_there_is_no_form(tabs: Opener, app: str):
    with proxied(app, {"Host": app.removeprefix("http://")}) as address:
        page = tabs()
        open_export(page, address)
        assert f"was asked for by {address}" in refused(page)
        page.goto("about:blank")


def test_a_proxy_that_hides_everything_cannot_be_told(tabs: Opener, app: str):
    """The one way left, and the reason for a word of warning beside the rules."""
    with proxied(app, {"Host": app.removeprefix("http://"), "Origin": app}) as address:
        page = tabs()
        open_export(page, address)
        expect(page.get_by_role("button", name="Write both files")).to_be_visible()
        page.goto("about:blank")


@pytest.fixture(scope="module")
def rebound(browser: Browser) -> Iterator[Browser]:
    """A browser of its own for which a foreign name leads to this computer, as after DNS rebinding."""
    other = launched_beside(browser, "--host-resolver-rules=MAP evil.test 127.0.0.1")
    yield other
    other.close()


def test_under_a_foreign_name_that_leads_here_there_is_no_form(rebound: Browser, app: str):
    with rebound.new_page() as page:
        open_export(page, app.replace("127.0.0.1", "evil.test"))
        assert "This page was opened at evil.test:" in refused(page)


@contextmanager
def serving_text(text: str) -> Iterator[int]:
    """The port of a server whose every page is this HTML."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_a_foreign_site_gets_no_form_in_a_frame_and_no_connection_of_its_own(rebound: Browser, app: str):
    frame = f"<iframe src='{app}/{EXPORT}' width=1300 height=1500></iframe>"
    with serving_text(frame) as port, rebound.new_page() as page:
        page.goto(f"http://evil.test:{port}/")
        inside = page.frame_locator("iframe")
        expect(inside.get_by_text("Offered only to a browser on the computer")).to_be_visible(timeout=120_000)
        expect(inside.get_by_text("This page is inside a page of another site")).to_be_visible()
        assert inside.get_by_role("button", name="Write both files").count() == 0
        ended = page.evaluate(
            """address => new Promise(resolve => {
                const socket = new WebSocket(address, "streamlit");
                socket.onopen = () => resolve("open");
                socket.onclose = () => resolve("closed");
            })""",
            f"{app.replace('http', 'ws', 1)}/_stcore/stream",
        )
        assert ended == "closed"
        read = page.evaluate("address => fetch(address).then(() => 'read', () => 'refused')", f"{app}/_stcore/health")
        assert read == "refused"
