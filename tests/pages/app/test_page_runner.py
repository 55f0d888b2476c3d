"""On the way to another page what it is about is painted before the rest is sent, and nobody waits otherwise."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pages.ui.app import page_runner
from tests.pages.shown import Size
from tests.pages.test_pages import opened


@pytest.fixture
def moments(monkeypatch):
    """The pauses, in seconds; nobody really waits."""
    taken: list[float] = []
    monkeypatch.setattr(page_runner, "time", SimpleNamespace(sleep=taken.append))
    return taken


def test_there_is_a_pause_on_the_way_to_another_page_alone(moments):
    app = opened("app.py")
    assert moments == []
    Size(app, "heads").set_value(2).run()
    assert moments == []
    app.switch_page("pages/attention.py").run()
    assert len(moments) == 1
    app.run()
    assert len(moments) == 1
    app.switch_page("app.py").run()
    assert len(moments) == 2
    assert not app.exception
