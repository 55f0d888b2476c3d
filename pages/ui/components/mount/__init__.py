"""Registers a component of the project with Streamlit, from files that are read once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import streamlit as st

_IMPORT = re.compile(r'^import \{[^}]*\} from "(?P<path>\.[^"]*)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|function|class) )", re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*[^*]*(?:\*(?!/)[^*]*)*\*/)$", re.MULTILINE)


def component(module: str, name: str, *, isolate_styles: bool = True) -> Any:
    """A component, from a CSS file and a JavaScript file of one name.

    Args:
        module: the file that it is drawn from, beside which they lie: its ``__file__``.
        name: of both files, and of the component. What the script imports comes with it; its default export is the
            function that Streamlit calls: ``rendererOf`` in lifecycle.js makes it.
        isolate_styles: whether the component lies in a shadow root, so that the page's styles do not reach it.

    Returns:
        The function that draws it; Streamlit's own says what it takes.
    """
    return st.components.v2.component(
        f"tensor_shape_explorer.{name}",
        css=style_of(Path(module).with_name(f"{name}.css")),
        js=script_of(Path(module).with_name(f"{name}.js")),
        isolate_styles=isolate_styles,
    )


def script_of(script: Path) -> str:
    """A script and all that it imports as one module, without indentation and comments: it travels with every update.

    No two of these scripts may give one name to different things outside of functions: they share one scope.
    """
    lines = [line.strip() for path in _with_imports(script) for line in _stripped(path).splitlines()]
    return "\n".join(line for line in lines if line)


def style_of(style: Path) -> str:
    """The style without indentation, because it is sent with every update."""
    return "\n".join(line.strip() for line in style.read_text("utf-8").splitlines())


def _with_imports(script: Path) -> list[Path]:
    """The script after everything it imports, each file once."""
    order: dict[Path, None] = {}
    _visit(script.resolve(), order, set())
    return list(order)


def _visit(script: Path, order: dict[Path, None], begun: set[Path]) -> None:
    # Modules may import each other in a circle, as long as only functions use what they import.
    if script in begun:
        return
    begun.add(script)
    for match in _IMPORT.finditer(script.read_text("utf-8")):
        _visit((script.parent / match["path"]).resolve(), order, begun)
    order[script] = None


def _stripped(script: Path) -> str:
    text = _IMPORT.sub("", script.read_text("utf-8"))
    return _COMMENT.sub("", _EXPORT.sub("", text))
