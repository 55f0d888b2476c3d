"""The model that is on screen: the Transformer of 2017, one of today's at small sizes, or a published one."""

from __future__ import annotations

import streamlit as st

from engine.runtime.variants.named_model import TRANSFORMER
from pages.ui.state import session
from pages.ui.state.chosen_model import CHOICES
from pages.ui.state.settings import Settings, with_model, without_model
from pages.ui.state.size_rules import Memory

_HELP = (
    "Today's models run here at small sizes with random weights. At real size a model runs without numbers: every "
    "shape, and not one byte of its tensors."
)


def draw(settings: Settings) -> None:
    """Draws the list of models.

    Args:
        settings: whose model is shown as the chosen one.
    """
    names = tuple(CHOICES)
    key, start = session.widget("model", TRANSFORMER if settings.model is None else settings.model.name)
    st.selectbox(
        "Model",
        names,
        names.index(start),
        format_func=CHOICES.__getitem__,
        key=key,
        help=_HELP,
        on_change=session.chosen("model", key, choose),
    )


def choose(name: str) -> None:
    """Shows another model. To be called from a widget's callback."""
    settings = session.settings_now()
    session.change_settings(without_model(settings) if name == TRANSFORMER else with_model(settings, name), Memory())
