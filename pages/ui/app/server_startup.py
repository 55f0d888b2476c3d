"""What the server does when it starts: torch is loaded before anybody visits, and the browser opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from threading import Thread

import streamlit as st
from streamlit import cli_util
from streamlit.web.server import server_util


@asynccontextmanager
async def begin(_: st.App) -> AsyncIterator[None]:
    """The lifespan of the app. Whoever comes while torch loads waits at Python's own lock of the module."""
    Thread(target=import_module, args=("pages.ui.app.preload_torch",), name="loads torch", daemon=True).start()
    if not st.get_option("server.headless"):
        _open_browser()
    yield


def _open_browser() -> None:
    """As Streamlit does it, but not for an ``st.App``. The server's socket listens already."""
    host = st.get_option("server.address") or "localhost"
    cli_util.open_browser(server_util.get_url(server_util.get_display_address(host)))
