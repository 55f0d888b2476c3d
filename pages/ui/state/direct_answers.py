"""What a browser fetches by itself, beside the run of the page that the same press begins.

Streamlit answers a press by running a fragment of the page, and the browser goes over all of its elements before it
paints one. What people wait for, the stage of a step, takes a fraction of that where it is fetched alone. It is the
stage that the run draws, from the same settings by the same functions, only sooner; the run then draws it again.

A session is known by its ticket, which nobody can guess and only its own pages have.

What a person may ask for next can be asked ahead. That is answered only from the state that the page was drawn
from, one question at a time, and while nothing is being answered that a person waits for.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from secrets import token_urlsafe
from weakref import WeakValueDictionary

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Answer = Callable[[Mapping[str, str]], bytes | None]

_PATIENCE = 0.5  # seconds that a run of the page lets an answer go first
_UNTIL_PAINTED = 0.1  # seconds from an answer until what it made may be looked through for garbage
_SESSIONS: WeakValueDictionary[str, DirectAnswers] = WeakValueDictionary()


class DirectAnswers:
    """What one session's browser may fetch. It is kept in the session, and goes with it."""

    def __init__(self) -> None:
        self.ticket = token_urlsafe(24)
        self._answer: Answer | None = None
        self._offers = 0
        self._at_work = 0
        self._idle = threading.Condition()
        self._is_ahead = threading.Lock()
        _SESSIONS[self.ticket] = self

    def offer(self, answer: Answer) -> int:
        """Has the browser's next questions answered.

        Args:
            answer: called in a thread of the server's with the question; it must not ask the session for anything.
                Returns None where the run of the page is to be waited for.

        Returns:
            The number of this offer, which a question that is asked ahead has to name as its ``ahead``.
        """
        with self._idle:
            self._answer = answer
            self._offers += 1
            return self._offers

    def answer(self, question: Mapping[str, str]) -> bytes | None:
        """What was asked for; None where there is no answer."""
        answer = self._answer
        if answer is None:
            return None
        if "ahead" in question:
            return self._answer_ahead(question)
        with self._idle:
            self._at_work += 1
        try:
            return answer(question)
        finally:
            with self._idle:
                self._at_work -= 1
                self._idle.notify_all()

    def _answer_ahead(self, question: Mapping[str, str]) -> bytes | None:
        if not self._is_ahead.acquire(blocking=False):
            return None
        try:
            with self._idle:
                answer, is_present = self._answer, question["ahead"] == str(self._offers)
                if answer is None or not is_present or self._at_work:
                    return None
            return answer(question)
        finally:
            self._is_ahead.release()

    def go_first(self) -> None:
        """Waits a moment for what is being answered: two threads at the same work would both be late."""
        with self._idle:
            self._idle.wait_for(lambda: not self._at_work, _PATIENCE)


@contextmanager
def _collector_waiting() -> Iterator[None]:
    """Keeps Python's cyclic garbage collector from going over all that an answer makes while a person waits for it."""
    gc.disable()
    try:
        yield
    finally:
        # By a clock of its own: the request may be given up before its answer is sent.
        later = threading.Timer(_UNTIL_PAINTED, gc.enable)
        later.daemon = True
        later.start()


async def _fetched(request: Request) -> Response:
    answers = _SESSIONS.get(request.path_params["ticket"])
    question = dict(request.query_params)
    with _collector_waiting():
        data = None if answers is None else await anyio.to_thread.run_sync(answers.answer, question)
    headers = {"cache-control": "no-store", "content-type": "application/octet-stream"}
    return Response(data, headers=headers) if data is not None else Response(status_code=204)


def routes(base: str) -> list[Route]:
    """Where the browser finds the answers.

    Args:
        base: the path below which the app is served, as ``server.baseUrlPath`` has it. A proxy may take it away from
            what it passes on, or leave it.
    """
    at = ["/direct/{ticket}", *([f"/{base.strip('/')}/direct/{{ticket}}"] if base.strip("/") else [])]
    return [Route(path, _fetched) for path in at]
