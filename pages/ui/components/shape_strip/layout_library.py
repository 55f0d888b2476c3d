"""What never changes of the strip, its layout library and its own script, as texts that Streamlit sends once."""

from __future__ import annotations

from pathlib import Path

LIBRARY, STRIP = "tensorShapeExplorerDagre", "tensorShapeExplorerStrip"
_EXPORTED = "export default function ("


def library_of(script: Path) -> str:
    """The layout library as a component that draws nothing: it puts the library where the strip looks for it."""
    code = "\n".join(line for line in script.read_text("utf-8").splitlines() if not line.startswith("//"))
    return (
        f"{code}\nglobalThis.{LIBRARY} = dagre;\n"
        'window.dispatchEvent(new Event("shape-strip:library"));\nexport default function () {}\n'
    )


def code_of(script: str) -> str:
    """The strip's script as a component that draws nothing: it puts its function where ``CALLER`` looks for it."""
    if script.count(_EXPORTED) != 1:
        raise ValueError("the script of the strip must export one function by default")
    return (
        f"{script.replace(_EXPORTED, f'globalThis.{STRIP} = function (')}\n"
        'window.dispatchEvent(new Event("shape-strip:code"));\nexport default function () {}\n'
    )


CALLER = f"""export default function (update) {{
const draw = () => globalThis.{STRIP}(update);
if (globalThis.{STRIP}) return draw();
let close = () => {{}};
const drawLate = () => {{ close = draw(); }};
window.addEventListener("shape-strip:code", drawLate, {{ once: true }});
return () => {{ window.removeEventListener("shape-strip:code", drawLate); close(); }};
}}
"""
"""The script of the component that has the data: it travels with every update, and so only calls what came before."""
