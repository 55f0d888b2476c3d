"""Puts the style of every page, and what prints it, into the HTML that a visit begins with.

Streamlit has no place for a style of one's own but an element of the page, which comes after the first elements that it
is for, and again with every run.
"""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.ui.app import paper

_FONTS = Path(streamlit.__file__).parent / "static" / "static" / "media"
# Streamlit asks early for the font of its text alone. Text with code breaks at other words once its font is there.
_CODE_FONT = "".join(
    f'<link rel="preload" href="./static/media/{font.name}" as="font" type="font/woff2" crossorigin />'
    for font in _FONTS.glob("SourceCodeVF-Upright*.woff2")
)
_SHEET = Path(__file__).with_name("page.css").read_text("utf-8") + paper.style()
_SCRIPT = f'<script type="module">{paper.script()}</script>'
_HEAD = f"{_CODE_FONT}<style>{_SHEET}</style>{_SCRIPT}</head>".encode()
_VALIDATORS = (b"etag", b"last-modified", b"content-length")  # of the file without the style


class PageStyle:
    """An ASGI middleware that adds the style to whatever HTML the server answers a visit with."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as an ASGI application does."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or b"text/html" not in headers.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        # Not compressed, as the style could not be put in; nor "not modified", as a browser may have an older style.
        unasked = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
        plain = [(name, value) for name, value in scope["headers"] if name not in unasked]
        await self._app({**scope, "headers": plain}, receive, _Styled(send))


class _Styled:
    """Sends an answer on, with the style where it is HTML. One piece is held back until the last has come."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(b"</head>", _HEAD, 1)
        kept = [(name, value) for name, value in start["headers"] if name.lower() not in _VALIDATORS]
        await self._send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    kind = dict(start["headers"]).get(b"content-type", b"")
    return start["status"] == 200 and bool(kind.startswith(b"text/html"))
