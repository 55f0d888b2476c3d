"""The links of the top bar: those that stand while torch loads, and those that take their place."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
import streamlit as st

from pages.ui.app import loading_placeholder, tour_stops
from pages.ui.app.frame import PAGES
from tests.pages.test_pages import opened

LABELS = [*(page.label for page in PAGES), "Tour"]


@pytest.fixture
def loading(monkeypatch):
    """A page that gets no further than to what it shows while torch loads."""
    with monkeypatch.context() as patch:
        patch.setattr(loading_placeholder, "begin", st.stop)
        yield patch


def links(app):
    """The links of the top bar and what each says to the page that it opens."""
    protos = [link.proto for link in app.get("page_link") if link.proto.label in LABELS]
    return [link.label for link in protos], [parse_qs(link.query_string) for link in protos]


@pytest.mark.parametrize("page", ["app.py", "pages/labs.py"])
def test_a_link_that_is_followed_while_torch_loads_takes_along_what_the_address_says(loading, page):
    labels, queries = links(opened(page, heads="8", d_model="64"))
    assert labels == LABELS
    said = {"weights": ["random"], "heads": ["8"], "d_model": ["64"]}
    assert queries[:-1] == [said] * len(PAGES)
    assert queries[-1] == said | {name: [value] for name, value in tour_stops.FIRST.items()}


def test_once_the_page_is_drawn_every_link_stands_once(loading):
    app = opened("app.py", heads="8")
    loading.undo()
    app.run()
    labels, queries = links(app)
    assert not app.exception
    assert labels == LABELS
    assert all(query["heads"] == ["8"] for query in queries)
