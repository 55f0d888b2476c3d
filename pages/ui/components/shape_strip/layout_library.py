"""The layout library of the strip, as a text that Streamlit sends once."""

from __future__ import annotations

from pathlib import Path

LIBRARY = "tensorShapeExplorerDagre"


def library_of(script: Path) -> str:
    """The layout library as a component that draws nothing: it puts the library where the strip looks for it."""
    code = "\n".join(line for line in script.read_text("utf-8").splitlines() if not line.startswith("//"))
    return (
        f"{code}\nglobalThis.{LIBRARY} = dagre;\n"
        'window.dispatchEvent(new Event("shape-strip:library"));\nexport default function () {}\n'
    )
