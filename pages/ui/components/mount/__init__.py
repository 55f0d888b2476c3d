"""A component of our own for Streamlit, made of files that are read once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import streamlit as st

_IMPORT = re.compile(r'^import \{[^}]*\} from "(?P<path>\.[^"]*)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|function|class) )", re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*[^*]*(?:\*(?!/)[^*]*)*\*/)$", re.MULTILINE)


def component(style: Path, script: Path, *, isolate_styles: bool = True) -> Any:
    """What draws a component, named after the file of its style.

    The script's default export is the function that Streamlit calls: ``rendererOf`` in lifecycle.js makes it.
    """
    return st.components.v2.component(
        f"tensor_shape_explorer.{style.stem}",
        css=style_of(style),
        js=script_of(script),
        isolate_styles=isolate_styles,
    )


def script_of(script: Path) -> str:
    """A script and all that it imports as one module, without indentation and comments: it travels with every update.

    No two of these scripts may give one name to different things outside of functions: they share one scope.
    """
    lines = [line.strip() for path in _with_imports(script) for line in _stripped(path).splitlines()]
    return "\n".join(line for line in lines if line)


def style_of(style: Path) -> str:
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
