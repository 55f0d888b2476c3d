"""Attention maps side by side, with the rows as tiles to press: a press shows that row in every map at once."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st
import torch
from torch import Tensor

from pages.ui.components.mount import component

MOST_NUMBERS = 40_000  # that are sent at once: some 210 kB
_MOST_ROWS = 64
_component = component(__file__, "head_maps")


@dataclass(frozen=True)
class Choice:
    """A token that could come next: as shown, its probability 0 to 1, and that in words, short and exact.

    Attributes:
        token: as it is shown.
        probability: from 0 to 1.
        short: that in a few characters.
        exact: that with all its digits, when it is pointed at.
    """

    token: str
    probability: float
    short: str
    exact: str


@dataclass(frozen=True)
class MapRow:
    """One row of all maps.

    Attributes:
        tile: the token on its tile.
        below: what stands below it, such as a probability.
        name: what the row is called, in two or three words.
        sentence: the same as a sentence.
        exact: what the tile says when it is pointed at.
        choices: what could come next there, the likeliest first; empty where nothing is written.
        rest: what the choices leave out, a sentence.
        matters: which layer matters there, a sentence; "" where that was not measured.
        even: (layers) and (layers, maps): what becomes of the probability with even weights, in words.
    """

    tile: str
    below: str
    name: str
    sentence: str
    exact: str
    choices: Sequence[Choice] = ()
    rest: str = ""
    matters: str = ""
    even: tuple[Sequence[str], Sequence[Sequence[str]]] = ((), ())


@dataclass(frozen=True)
class MapsChosen:
    """What is chosen: a row, and of the maps one of one layer."""

    row: int
    layer: int
    head: int


def head_maps(
    weights: Sequence[Tensor],
    rows: Sequence[MapRow],
    keys: Sequence[str],
    names: tuple[Sequence[str], Sequence[str]],
    words: Mapping[str, str],
    chosen: MapsChosen,
    *,
    key: str,
    on_row: Callable[[int], None],
    on_map: Callable[[int, int], None],
) -> None:
    """Draws the tiles, the keys shaded by the chosen row, and the maps.

    Args:
        weights: (maps, queries, keys) for each layer; of many rows, those around the chosen one are drawn.
        rows: one for each query that has a tile.
        keys: a name for each key.
        names: of the layers, and of the maps of each layer.
        words: the labels of the parts, as head_maps.js has them.
        chosen: what is chosen.
        key: the component's key on the page.
        on_row: gets the row of the tile that was pressed. Called before the next run.
        on_map: gets layer and map of the map that was pressed.
    """
    heard = f"{key}:heard"
    first, count = rows_drawn(len(rows), chosen.row, sum(len(each) for each in weights) * len(keys))
    numbers = torch.cat(
        [each[:, first : first + count].reshape(-1).detach().to("cpu", torch.float32) for each in weights]
    )
    data = {
        "rows": [asdict(row) for row in rows],
        "keys": list(keys),
        "layers": list(names[0]),
        "heads": list(names[1]),
        "words": dict(words),
        "chosen": asdict(chosen),
        "first": first,
        "count": count,
        "weights": base64.b64encode(numbers.numpy().astype("<f4").tobytes()).decode("ascii"),
        "heard": st.session_state.get(heard, 0),
    }

    def pressed() -> None:
        press: Mapping[str, Any] = st.session_state[key]["press"] or {}
        st.session_state[heard] = press.get("turn", 0)
        row, layer, head = (press.get(name) for name in ("row", "layer", "head"))
        # A browser is not trusted.
        if isinstance(row, int) and row in range(len(rows)) and row != chosen.row:
            on_row(row)
        if not (isinstance(layer, int) and isinstance(head, int)):
            return
        is_map = layer in range(len(weights)) and head in range(len(names[1]))
        if is_map and (layer, head) != (chosen.layer, chosen.head):
            on_map(layer, head)

    _component(key=key, data=data, height="content", on_press_change=pressed)


def rows_drawn(rows: int, chosen: int, numbers: int) -> tuple[int, int]:
    """The first row of the maps that is drawn, and how many are.

    Args:
        rows: how many there are.
        chosen: the row that has to be among them.
        numbers: how many numbers one row of all maps has.
    """
    count = max(1, min(rows, _MOST_ROWS, MOST_NUMBERS // max(numbers, 1)))
    return max(0, min(chosen - count // 2, rows - count)), count
