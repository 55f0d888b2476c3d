"""The files of a component's JavaScript as the one text that Streamlit sends."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "(?P<path>\.[^"]*)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|function|class) )", re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*[^*]*(?:\*(?!/)[^*]*)*\*/)$", re.MULTILINE)
LIBRARY = "tensorShapeExplorerDagre"


def module_of(script: Path) -> str:
    """A script after all that it imports, as one module. No two of the files may give one name to different things."""
    order: dict[Path, str] = {}
    _visit(script.resolve(), order)
    lines = [line.strip() for text in order.values() for line in text.splitlines()]
    return "\n".join(line for line in lines if line)


def _visit(script: Path, order: dict[Path, str]) -> None:
    if script in order:
        return
    text = script.read_text("utf-8")
    for match in _IMPORT.finditer(text):
        _visit((script.parent / match["path"]).resolve(), order)
    order[script] = _EXPORT.sub("", _COMMENT.sub("", _IMPORT.sub("", text)))


def library_of(script: Path) -> str:
    """The layout library as a component that draws nothing: it puts the library where the strip looks for it."""
    code = "\n".join(line for line in script.read_text("utf-8").splitlines() if not line.startswith("//"))
    return (
        f"{code}\nglobalThis.{LIBRARY} = dagre;\n"
        'window.dispatchEvent(new Event("shape-strip:library"));\nexport default function () {}\n'
    )
