"""The bar above every page that runs a model: the sizes in a row, and the drawer with all other settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import Trace
from pages.ui.settings_bar import drawer, model_chooser, saved_trace_controls, size_row, variant_drawer, variant_row
from pages.ui.state import session, size_rules
from pages.ui.state.settings import RANGES, Settings
from pages.ui.state.size_rules import Memory

_MODEL_WIDTH = 210  # pixels: the longest name of a model


@dataclass(frozen=True)
class SettingsBar:
    """The parts of the bar. All stand at their positions before anything is in them."""

    model: DeltaGenerator
    sizes: DeltaGenerator
    more: DeltaGenerator

    def draw_sizes(self, settings: Settings, trace: Trace | None) -> None:
        """Draws the sizes.

        Args:
            settings: what the sliders show.
            trace: the run of these settings; None where they cannot be run.
        """
        if not settings.opened:
            with self.model:
                model_chooser.draw(settings)
        with self.sizes:
            if settings.opened:
                saved_trace_controls.draw_shown(settings.opened, trace)
            elif settings.model is not None:
                variant_row.draw(settings, settings.model, trace)
            else:
                size_row.draw(settings, trace)

    def draw_drawer(self, settings: Settings) -> None:
        """Draws the inside of the drawer, which the browser mounts while it is open."""
        with self.more:
            if settings.model is not None and not settings.opened:
                variant_drawer.draw(settings, settings.model)
            else:
                drawer.draw(settings)


def begin() -> SettingsBar:
    """Draws the bar, with nothing in it yet."""
    with st.container(key="settings-bar", horizontal=True, wrap=False, vertical_alignment="top"):
        model = st.container(key="settings-model", width=_MODEL_WIDTH)
        sizes = st.container(key="settings-sizes")
        # Streamlit is not told when it opens and closes: a press on a link to another page also closes it, and the run
        # of this page that would follow could still be sending when the browser has left it.
        more = st.popover("More settings", key="drawer")
    return SettingsBar(model, sizes, more)


def mover() -> Callable[[str, Any], Settings]:
    """A function that returns the settings that a size moved to a value leads to, for where there is no session."""
    return partial(_moved, session.settings_now(), session.moves())


def _moved(settings: Settings, moves: Memory, name: str, value: Any) -> Settings:
    if settings.model is not None:
        return replace(settings, model=settings.model.move(name, value))
    low, high = RANGES[name]
    if not low <= value <= high:
        raise ValueError(f"{name} goes from {low} to {high}: got {value}")
    return size_rules.move(settings, moves, name, value, partial(drawer.written, settings))[0]
