"""What a page sends to the browser, taken apart for the tests."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest

from pages.ui.app.lazy_expander import OPENED

_PRESENT = 2**32 - 1  # stands in the place of a step beside the stages that are sent ahead
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
    """The widget of this name, also where another has taken the place of the first, or the slider of a size."""
    if any(slider["name"] == name for slider in sizes(app)["sliders"]):
        return Size(app, name)
    [element] = [
        element for kind in _KINDS for element in app.get(kind) if (element.key or "").partition(":")[0] == name
    ]
    return element


@dataclass
class Size:
    """A slider of the row of sizes, with the manners of a widget of AppTest."""

    app: AppTest
    name: str
    asked: int | None = None

    @property
    def value(self) -> int:
        return int(self._slider["value"])

    @property
    def options(self) -> list[int]:
        """All values that it can be moved to."""
        return list(map(int, self._slider["foreseen"]))

    def set_value(self, value: int) -> Size:
        self.asked = value
        return self

    def run(self) -> AppTest:
        assert self.asked in self.options
        turn = sizes(self.app)["heard"] + 1
        return trigger(self.app, "sizes", "size", {"name": self.name, "value": self.asked, "turn": turn})

    @property
    def _slider(self) -> dict[str, Any]:
        [slider] = [slider for slider in sizes(self.app)["sliders"] if slider["name"] == self.name]
        return slider


def sizes(app: AppTest) -> dict[str, Any]:
    """What the row of sizes is sent; a row without sliders where the page has none."""
    if not any(element.proto.id.endswith("-sizes") for element in app.get("bidi_component")):
        return {"sliders": [], "fixed": [], "heard": 0}
    return json.loads(_message(app, "sizes").json)


def fixed_sizes(app: AppTest) -> dict[str, int]:
    """The sizes that follow from the text, by their axes."""
    return {size["symbol"]: size["value"] for size in sizes(app)["fixed"]}


def head_maps(app: AppTest) -> dict[str, Any]:
    """What the maps of attention are sent."""
    return json.loads(_message(app, "attention.maps").json)


def map_weights(app: AppTest, layer: int, head: int, row: int) -> list[float]:
    """The weights of one row of one map, as they were sent."""
    sent = head_maps(app)
    numbers = base64.b64decode(sent["weights"])
    keys = len(sent["keys"])
    at = ((layer * len(sent["heads"]) + head) * sent["count"] + row - sent["first"]) * keys
    return list(struct.unpack_from(f"<{keys}f", numbers, 4 * at))


def press_map(app: AppTest, **chosen: int) -> AppTest:
    """Presses a tile or a map of the attention page: a row, or a layer and a head."""
    sent = head_maps(app)
    return trigger(app, "attention.maps", "press", {**sent["chosen"], **chosen, "turn": sent["heard"] + 1})


def undo(app: AppTest) -> AppTest:
    """Presses Undo beside the sizes."""
    assert sizes(app)["status"]["has_undo"]
    return trigger(app, "sizes", "undo", True)


def trigger(app: AppTest, key: str, event: str, value: Any) -> AppTest:
    """Has the component with this key report an event, for which AppTest has no call."""
    states = app._tree.get_widget_states()
    state = states.widgets.add()
    state.id = _make_trigger_id(_message(app, key).id, "events")
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])
    return app._run(states)


def ahead(app: AppTest) -> list[tuple[int, dict[str, Any]]]:
    """The steps and headers of the stages that were sent ahead."""
    return [(step, _header(data)) for step, data in _sent_ahead(app) if step != _PRESENT]


def present(app: AppTest) -> dict[str, Any]:
    """What the browser needs to ask for further stages ahead."""
    [data] = [data for step, data in _sent_ahead(app) if step == _PRESENT]
    return json.loads(data)


def _sent_ahead(app: AppTest) -> list[tuple[int, bytes]]:
    message = _message(app, "stage:ahead").bytes
    (count,) = struct.unpack_from("<I", message)
    at = -(-(4 + 8 * count) // 8) * 8
    found = []
    for place in range(count):
        step, length = struct.unpack_from("<II", message, 4 + 8 * place)
        found.append((step, bytes(message[at : at + length])))
        at += -(-length // 8) * 8
    return found


def stage(app: AppTest, key: str = "stage") -> dict[str, Any]:
    """The header of the stage on screen."""
    return _header(_message(app, key).bytes)


def panel_values(app: AppTest, panel: int, key: str = "stage") -> list[float]:
    """The numbers of a panel of the stage on screen, in the order of its axes; float32 alone."""
    message = _message(app, key).bytes
    (length,) = struct.unpack_from("<I", message)
    values = _header(message)["panels"][panel]["values"]
    return list(struct.unpack_from(f"<{values['length']}f", message, -(-(4 + length) // 8) * 8 + values["offset"]))


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


def report(app: AppTest, key: str, **state: Any) -> AppTest:
    """Has the component with this key report a state, as a browser does."""
    states = app._tree.get_widget_states()
    widget = states.widgets.add()
    widget.id = _message(app, key).id
    widget.json_value = json.dumps(state)
    return app._run(states)


def sent_bytes(app: AppTest, key: str) -> bytes:
    """What a component that takes bytes is sent."""
    return bytes(_message(app, key).bytes)


def sent_json(app: AppTest, key: str) -> Any:
    """What any other component is sent."""
    return json.loads(_message(app, key).json)
