"""CodeMirror as the one text that Streamlit sends."""

from __future__ import annotations

from pathlib import Path

LIBRARY = "tensorShapeExplorerCodeMirror"


def library_of(script: Path) -> str:
    """CodeMirror as a component that draws nothing: it puts the library where the editor looks for it."""
    code = script.read_text("utf-8")
    return (
        f"{code}\nglobalThis.{LIBRARY} = codemirror;\n"
        'window.dispatchEvent(new Event("code-editor:library"));\nexport default function () {}\n'
    )
