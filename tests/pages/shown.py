"""What a page sends to the browser, taken apart for the tests."""

from __future__ import annotations

import json
import struct
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.ui.app.lazy_expander import OPENED

_KINDS = (
    "slider",
    "select_slider",
    "number_input",
    "selectbox",
    "multiselect",
    "text_input",
    "text_area",
    "checkbox",
    "toggle",
    "radio",
    "button_group",
)


def unfolded(app: AppTest, *keys: str) -> AppTest:
    """The page with what stands folded away under these keys open. AppTest has no way to press an expander."""
    app.session_state[OPENED] = set(keys)
    return app.run()


def control(app: AppTest, name: str) -> Any:
    """The widget of this name, also where another has taken the place of the first."""
    [element] = [
        element for kind in _KINDS for element in app.get(kind) if (element.key or "").partition(":")[0] == name
    ]
    return element


def ahead(app: AppTest) -> list[tuple[int, dict[str, Any]]]:
    """The steps and headers of the stages that were sent ahead."""
    message = _message(app, "stage:ahead").bytes
    (count,) = struct.unpack_from("<I", message)
    at = -(-(4 + 8 * count) // 8) * 8
    found = []
    for place in range(count):
        step, length = struct.unpack_from("<II", message, 4 + 8 * place)
        found.append((step, _header(message[at : at + length])))
        at += -(-length // 8) * 8
    return found


def stage(app: AppTest, key: str = "stage") -> dict[str, Any]:
    """The header of the stage on screen."""
    return _header(_message(app, key).bytes)


def message_size(app: AppTest, key: str = "stage") -> int:
    """Bytes that the component with this key is sent, its script and style included."""
    return int(_message(app, key).ByteSize())


def _message(app: AppTest, key: str) -> Any:
    [proto] = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith(f"-{key}")]
    return proto


def _header(stage: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", stage)
    header: dict[str, Any] = json.loads(stage[4 : 4 + length])
    return header
