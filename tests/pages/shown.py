"""What a page sends to the browser, taken apart for the tests."""

from __future__ import annotations

import json
import struct
from typing import Any

from streamlit.testing.v1 import AppTest


def stages(app: AppTest, key: str = "stage") -> list[tuple[int, dict[str, Any]]]:
    """The steps and headers of every stage in the message of the component with this key, the one on screen first."""
    [message] = [element.proto.bytes for element in app.get("bidi_component") if key in element.proto.id]
    (count,) = struct.unpack_from("<I", message)
    at = -(-(4 + 8 * count) // 8) * 8
    found = []
    for place in range(count):
        step, length = struct.unpack_from("<iI", message, 4 + 8 * place)
        (header,) = struct.unpack_from("<I", message, at)
        found.append((step, json.loads(message[at + 4 : at + 4 + header])))
        at += -(-length // 8) * 8
    return found


def stage(app: AppTest, key: str = "stage") -> dict[str, Any]:
    """The header of the stage on screen."""
    return stages(app, key)[0][1]


def message_size(app: AppTest, key: str = "stage") -> int:
    """Bytes that the component with this key is sent, its script and style included."""
    [proto] = [element.proto for element in app.get("bidi_component") if key in element.proto.id]
    return int(proto.ByteSize())
