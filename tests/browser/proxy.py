"""A reverse proxy in front of a server, for HTTP and WebSocket alike, that sends whatever headers a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

_MOST = 2**16  # bytes read at once
_END = b"\r\n\r\n"


@contextmanager
def proxied(address: str, headers: Mapping[str, str]) -> Iterator[str]:
    """The address of a proxy of a server on this computer.

    Args:
        address: the server's, such as ``http://127.0.0.1:8501``.
        headers: set in every request, in place of those of the same names.
    """
    host, port = address.removeprefix("http://").split(":")
    sockets: list[socket.socket] = []

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            sockets.append(self.request)
            head = b""
            while _END not in head:
                received = self.request.recv(_MOST)
                if not received:
                    return
                head += received
            with socket.create_connection((host, int(port))) as server:
                sockets.append(server)
                server.sendall(_rewritten(head, headers))
                back = threading.Thread(target=_pipe, args=(server, self.request))
                back.start()
                _pipe(self.request, server)
                back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()
            thread.join()
            for one in sockets:  # a WebSocket that a page still holds, or what the browser opened and never used
                _end(one)


def _rewritten(received: bytes, headers: Mapping[str, str]) -> bytes:
    """The first bytes of a connection with these headers."""
    head, _, body = received.partition(_END)
    request, *lines = head.decode("latin-1").split("\r\n")
    sent = dict(headers)
    if not any(line.lower().startswith("upgrade:") for line in lines):
        sent["Connection"] = "close"  # one request a connection: those that followed would pass as they are
    replaced = {name.lower() for name in sent}
    kept = [line for line in lines if line.split(":")[0].lower() not in replaced]
    added = [f"{name}: {value}" for name, value in sent.items()]
    return "\r\n".join([request, *kept, *added]).encode("latin-1") + _END + body


def _pipe(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_MOST):
            other.sendall(data)
    _end(other)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
