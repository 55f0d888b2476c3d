"""Whether a visitor sits at the computer that serves the page: nobody else may write into its folders.

The server's own address and the handshake of the visitor's connection tell. A page elsewhere can have its own name lead
to 127.0.0.1 (DNS rebinding), and through a proxy every visitor's connection begins on this computer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import streamlit as st

from pages.ui.app.markdown_escape import code, short_text

# A reverse proxy adds one of these. One that adds none and rewrites both Host and Origin cannot be told from a browser
# on this computer, nor can an SSH tunnel: whoever sets those up decides who comes through them.
_OF_PROXIES = re.compile("forwarded|x-forwarded-.*|via|x-real-ip")
# Streamlit's own cookie. Inside a frame of another site's page Chromium withholds it and Safari does, Firefox does not;
# a press in there may be one that the page around it led to.
_COOKIE = "_streamlit_xsrf"
_FRAMED = "This page is inside a page of another site, or the browser keeps no cookies; open it in a tab of its own."
_HOST = re.compile(r"(\[[0-9a-f:]+\]|[0-9a-z.-]+)(:[0-9]{1,5})?")


def why_not() -> str:
    """Why this visitor may not write to folders of the computer that serves the page; nothing where they may."""
    headers = st.context.headers
    sent = {name.lower(): headers.get_all(name) for name in headers}
    objection = _objection(st.get_option("server.address"), st.context.ip_address, sent)
    return objection or _frame_objection(bool(st.get_option("server.enableXsrfProtection")), st.context.cookies)


def _frame_objection(sets_cookie: bool, cookies: Mapping[str, str]) -> str:
    """``why_not`` of a visitor who sends these cookies to a server that sets its own, or does not."""
    return _FRAMED if sets_cookie and _COOKIE not in cookies else ""


def _objection(address: str | None, visitor: str | None, headers: Mapping[str, Sequence[str]]) -> str:
    """``why_not`` of a server at this address, and of a visitor's address and headers, whose names are lower case.

    ``visitor`` is None for one on this computer, as in ``st.context.ip_address``.
    """
    if not _is_loopback(address or ""):
        return f"The server answers other computers too: its address is {_shown(address)}, not 127.0.0.1."
    for name in headers:
        if _OF_PROXIES.fullmatch(name):
            return f"This page comes through a proxy, which sends {_shown(name)}."
    if visitor is not None:
        return f"This page was opened from another computer, {_shown(visitor)}."
    host, origin = (" ".join(headers.get(name, ())).lower() for name in ("host", "origin"))
    named = _HOST.fullmatch(host)
    if named is None or not _is_loopback(named[1].strip("[]")):
        return f"This page was opened at {_shown(host)}, not at localhost or 127.0.0.1."
    if origin not in (f"http://{host}", f"https://{host}"):  # from another port it is another program's page
        return f"This page was asked for by {_shown(origin)}, not by {_shown(host)}."
    return ""


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _shown(text: str | None) -> str:
    return code(short_text(text)) if text else "not known"
