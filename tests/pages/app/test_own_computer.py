"""Who is taken to sit at the computer that serves the page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui.app.own_computer import _frame_objection, _objection

HERE = {"host": ["127.0.0.1:8501"], "origin": ["http://127.0.0.1:8501"]}


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
@pytest.mark.parametrize(
    "host", ["127.0.0.1:8501", "localhost:8501", "localhost", "LOCALHOST:8501", "[::1]:8501", "127.9.9.9", "[::1]"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_browser_on_this_computer_may(address, host, scheme):
    assert _objection(address, None, {"host": [host], "origin": [f"{scheme}://{host}"], "cookie": ["a"]}) == ""


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "explorer.example", "unix:///run/x"])
def test_nobody_may_where_the_server_answers_other_computers(address):
    assert _objection(address, None, HERE).startswith("The server answers other computers too: its address is ")


@pytest.mark.parametrize("visitor", ["192.168.1.5", "fe80::1", "10.0.0.1", ""])
def test_a_connection_from_another_computer_may_not(visitor):
    assert _objection("127.0.0.1", visitor, HERE).startswith("This page was opened from another computer")


@pytest.mark.parametrize(
    "name",
    [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-whatever",
    ],
)
@pytest.mark.parametrize("value", ["", "for=127.0.0.1", "127.0.0.1"])
def test_whoever_comes_through_a_proxy_may_not(name, value):
    assert _objection("127.0.0.1", None, HERE | {name: [value]}) == (
        f"This page comes through a proxy, which sends `{name}`."
    )


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [""],
        ["evil.test:8501"],
        ["127.0.0.1.evil.test"],
        ["localhost.evil.test:8501"],
        ["evil.test@127.0.0.1"],
        ["127.0.0.1@evil.test"],
        ["127.0.0.1#evil.test"],
        ["127.0.0.1/evil.test"],
        ["127.0.0.1:8501", "evil.test:8501"],
        ["127.0.0.1:8501", "127.0.0.1:8501"],
        ["0.0.0.0:8501"],
        ["192.168.1.5:8501"],
        ["localhost."],
        ["[::1"],
        ["::1"],
        ["[::]:8501"],
        ["2130706433"],
        ["127.1"],
        ["0x7f.0.0.1"],
        ["127.0.0.1:"],
        ["127.0.0.1:x"],
        [" 127.0.0.1"],
        ["127.0.0.1\n"],
        ["１27.0.0.1"],
    ],
)
def test_a_page_opened_under_any_other_name_may_not(hosts):
    for origin in (f"http://{hosts[0] if hosts else ''}", "http://127.0.0.1:8501", "http://localhost"):
        objection = _objection("127.0.0.1", None, {"host": hosts, "origin": [origin]})
        assert objection.startswith("This page was opened at "), objection
        assert objection.isprintable()


@pytest.mark.parametrize(
    "origins",
    [
        [],
        [""],
        ["null"],
        ["http://evil.test:8501"],
        ["http://127.0.0.1"],
        ["http://127.0.0.1:3000"],
        ["http://localhost:8501"],
        ["http://127.0.0.1:8501.evil.test"],
        ["http://127.0.0.1:8501@evil.test"],
        ["http://127.0.0.1:8501", "http://evil.test"],
        ["http://127.0.0.1:8501/"],
        ["ftp://127.0.0.1:8501"],
        ["127.0.0.1:8501"],
    ],
)
def test_the_page_of_another_program_may_not(origins):
    assert _objection("127.0.0.1", None, HERE | {"origin": origins}).startswith("This page was asked for by ")


@given(st.text(), st.text(), st.sampled_from(["http://", "https://", "", "null"]))
def test_whatever_else_a_handshake_says_is_refused_in_words(host, origin, scheme):
    objection = _objection("127.0.0.1", None, {"host": [host], "origin": [scheme + origin]})
    assert objection
    assert objection.isprintable()


def test_a_page_in_a_frame_of_another_site_may_not():
    assert _frame_objection(True, {}) == (
        "This page is inside a page of another site, or the browser keeps no cookies; open it in a tab of its own."
    )
    assert _frame_objection(True, {"other": "1"}) != ""
    assert _frame_objection(True, {"_streamlit_xsrf": "2|a|b"}) == ""


def test_a_server_that_sets_no_cookie_expects_none():
    assert _frame_objection(False, {}) == ""
