"""The bar above every page that runs a model: the sizes in a row, and the drawer with all other settings."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import Trace
from pages.ui.settings_bar import drawer, saved_trace_controls, size_row
from pages.ui.state.settings import Settings


@dataclass(frozen=True)
class SettingsBar:
    """The two parts of the bar. Both stand at their positions before anything is in them."""

    sizes: DeltaGenerator
    more: DeltaGenerator

    def draw_sizes(self, settings: Settings, trace: Trace | None) -> None:
        """Draws the sizes.

        Args:
            settings: what the sliders show.
            trace: the run of these settings; None where they cannot be run.
        """
        with self.sizes:
            if settings.opened:
                saved_trace_controls.draw_shown(settings.opened, trace)
            else:
                size_row.draw(settings, trace)

    def draw_drawer(self, settings: Settings) -> None:
        """Draws the inside of the drawer, which the browser mounts while it is open."""
        with self.more:
            drawer.draw(settings)


def begin() -> SettingsBar:
    """Draws the bar, with nothing in it yet."""
    with st.container(key="settings-bar", horizontal=True, wrap=False, vertical_alignment="top"):
        sizes = st.container(key="settings-sizes")
        # Streamlit is not told when it opens and closes: a press on a link to another page also closes it, and the run
        # of this page that would follow could still be sending when the browser has left it.
        more = st.popover("More settings", key="drawer")
    return SettingsBar(sizes, more)
