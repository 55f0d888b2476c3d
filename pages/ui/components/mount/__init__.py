"""Registers a component of the project with Streamlit, from files that are read once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

_MOUNTED = Path(__file__).parent / "mounted.js"


def component(style: Path, scripts: Sequence[Path], *, isolate_styles: bool = True) -> Any:
    """A component, named after the file of its style.

    Args:
        style: the CSS file.
        scripts: the JavaScript files, in the order in which they use one another. The last has the function that
            Streamlit calls; what it keeps from update to update comes from `mounted`.
        isolate_styles: whether the component lies in a shadow root, so that the page's styles do not reach it.

    Returns:
        The function that draws it; Streamlit's own says what it takes.
    """
    return st.components.v2.component(
        f"tensor_shape_explorer.{style.stem}",
        css=style_of(style),
        js=script_of(scripts),
        isolate_styles=isolate_styles,
    )


def script_of(scripts: Sequence[Path]) -> str:
    """The scripts as one module, without indentation and comment lines, because it is sent with every update."""
    lines = [line.strip() for path in (_MOUNTED, *scripts) for line in path.read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def style_of(style: Path) -> str:
    """The style without indentation, because it is sent with every update."""
    return "\n".join(line.strip() for line in style.read_text("utf-8").splitlines())
