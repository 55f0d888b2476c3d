"""The stage and the strip as a browser fetches them, when a person goes to another step or lets a size go."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine import ConfigError, Trace
from pages.ui.components.tensor_view import Stage, stage_bytes
from pages.ui.components.tensor_view.bundle import join
from pages.ui.state.settings import Settings
from pages.ui.state.url_pin import pin_at, trail_at, view_at
from pages.ui.state.url_step import Location, location_at, location_from_key
from pages.ui.traces.trace_cache import CannotRunError, is_quick_to_run, trace_of
from pages.ui.views.explanation_view import explanation_of
from pages.ui.views.instrument import strip
from pages.ui.views.instrument.strip import StripChoice

Mover = Callable[[str, Any], Settings]
"""Returns the settings that a size moved to a value leads to."""


@dataclass(frozen=True)
class WalkState:
    """Where a session is, as far as the stage and the strip depend on it; nothing of it keeps a trace in memory.

    Args:
        drawn: the trace on screen.
        settings: those of that trace.
        view: the view of the page as the address has it.
        chosen: what of the trace is drawn as a strip.
        seen: the number of the last request of each kind that Python has had.
        moves: how many moves of a size it has had; None where a size does not lead to another stage by itself.
        mover: None there too.
        stage_of: makes the stage of a step of the settings; its last argument is ``moves``.
    """

    drawn: weakref.ref[Trace]
    settings: Settings
    view: Mapping[str, str]
    chosen: StripChoice
    seen: Mapping[str, int]
    moves: int | None
    mover: Mover | None
    stage_of: Callable[[Location, Settings, int | None], Stage]

    def answer(self, question: Mapping[str, str]) -> bytes | None:
        """The strip and the stage that a press leads to, as ``bundle.join`` writes them; None where only the run of
        the page can tell.

        Args:
            question: ``step`` and ``go``, the step that is gone to and the number of the request; or ``size``,
                ``value`` and ``moves``, what is moved and the number of the move, and ``other``, the number of the
                last move of another size. With ``ahead`` nobody waits for it, and only what is quick is run.
        """
        with suppress(ValueError, KeyError, ConfigError, CannotRunError):  # a browser is not trusted
            if "step" in question:
                return self._at_step(int(question["step"]), int(question["go"]))
            if self.moves is None or self.moves < int(question["other"]):
                return None  # these settings lack a move
            return self._moved(question["size"], int(question["value"]), int(question["moves"]), "ahead" in question)
        return None

    def _at_step(self, number: int, go: int) -> bytes | None:
        trace = self.drawn() or trace_of(self.settings)
        present = location_from_key(trace, self.view.get("step", ""))
        location = location_at(trace, present.within, number)
        if location is None:
            return None
        stage = self.stage_of(location, self.settings, self.moves)
        seen = {**self.seen, "go": go}
        return self._joined(trace, location, stage_bytes(stage, view_at(self.view.get("at", "")), seen))

    def _moved(self, name: str, value: int, moves: int, is_ahead: bool) -> bytes | None:
        if self.mover is None:
            return None
        settings = self.mover(name, value)
        if is_ahead and not is_quick_to_run(settings):
            return None
        trace = trace_of(settings)
        if not trace.steps:
            return None
        location = location_from_key(trace, self.view.get("step", ""))
        pinned = pin_at(location.trace, location.step, self.view.get("pin", ""))
        trail = trail_at(trace, self.view.get("trail", ""))
        explanation = None if pinned is None else explanation_of(location, *pinned, trail, trace)
        stage = self.stage_of(location, settings, moves)
        at = view_at(self.view.get("at", ""))
        sent = stage_bytes(stage, at, self.seen, pinned, explanation)
        return self._joined(trace, location, sent, has_map=False)

    def _joined(self, trace: Trace, location: Location, stage: bytes, *, has_map: bool = True) -> bytes:
        step = location.calls[0] if location.calls else location.step
        sent = strip.sent(trace, step, self.chosen, has_map=has_map)
        text = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
        return join([(0, text), (1, stage)])
