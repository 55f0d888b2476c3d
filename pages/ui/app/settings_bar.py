"""The bar above every page that runs a model: the sizes in a row, and the drawer with all other settings."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import Trace
from pages.ui.app import controls, saved_trace_controls, size_row
from pages.ui.app.variants import model_chooser, variant_controls, variant_row
from pages.ui.state.settings import Settings

DRAWER = "drawer"  # the key of the drawer: it is open where the session says True

_MODEL_WIDTH = 210  # pixels: the longest name of a model


@dataclass(frozen=True)
class SettingsBar:
    """The parts of the bar. All stand at their positions before anything is in them."""

    model: DeltaGenerator
    sizes: DeltaGenerator
    drawer: DeltaGenerator
    is_open: bool

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
        """Draws the inside of the drawer; nothing while it is closed, so that a run has fewer elements to send."""
        if self.is_open:
            with self.drawer:
                if settings.model is not None and not settings.opened:
                    variant_controls.draw(settings, settings.model)
                else:
                    controls.draw(settings)


def begin() -> SettingsBar:
    """Draws the bar, with nothing in it yet."""
    with st.container(key="settings-bar", horizontal=True, wrap=False, vertical_alignment="top"):
        model = st.container(key="settings-model", width=_MODEL_WIDTH)
        sizes = st.container(key="settings-sizes")
        drawer = st.popover("More settings", key=DRAWER, on_change="rerun", width="content")
    return SettingsBar(model, sizes, drawer, bool(drawer.open))
