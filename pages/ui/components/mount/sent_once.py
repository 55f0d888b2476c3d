"""A component whose script Streamlit sends once to each browser, and then only names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.components.mount import script_of, style_of

_EXPORTED = "export default "
_SLOT = "tensorShapeExplorer_{name}"
_CODE = """{assigned}
window.dispatchEvent(new Event("{slot}"));
export default function () {{}}
"""
# It travels with every update, and so only calls what came before.
_CALLER = """export default function (update) {{
const draw = () => globalThis.{slot}(update);
if (globalThis.{slot}) return draw();
let close = () => {{}};
const drawLate = () => {{ close = draw(); }};
window.addEventListener("{slot}", drawLate, {{ once: true }});
return () => {{ window.removeEventListener("{slot}", drawLate); close(); }};
}}
"""


class SentOnce:
    """A component in two parts: a script that never changes and draws nothing, and what has the data and calls it.

    Streamlit repeats the script of a component in every message with its data. A component that is always the same is
    a message that it sends once, if it is more than 10 kB, and then names by its hash.
    """

    def __init__(self, name: str, style: Path, script: Path) -> None:
        """Registers both parts.

        Args:
            name: the component's, lower case with underscores.
            style: the CSS file.
            script: the JavaScript file, as ``component`` takes it.
        """
        slot = _SLOT.format(name=name)
        self._code = st.components.v2.component(f"tensor_shape_explorer.{name}_code", js=code_of(script, slot))
        self._caller = st.components.v2.component(
            f"tensor_shape_explorer.{name}", css=style_of(style), js=_CALLER.format(slot=slot)
        )

    def mount(self, *, key: str, **rest: Any) -> Any:
        """Draws it. The container around should have no gap, for the script is an element of no height.

        Args:
            key: the component's.
            rest: what else Streamlit's components take.

        Returns:
            What they return.
        """
        self._code(key=f"{key}:sent-once", data=0, height="content")
        return self._caller(key=key, **rest)


def code_of(script: Path, slot: str) -> str:
    """A script as a component that draws nothing: it puts the function where the caller looks for it.

    Raises:
        ValueError: the script does not export one function by default.
    """
    text = script_of(script)
    if text.count(_EXPORTED) != 1:
        raise ValueError(f"{script.name} must have one default export, a function: it has {text.count(_EXPORTED)}")
    return _CODE.format(assigned=text.replace(_EXPORTED, f"globalThis.{slot} = "), slot=slot)
