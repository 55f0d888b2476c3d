"""Decides what is shown: what the page passes, or what the person chose in the browser.

A page that restores a link passes other values than before; a person clicks. The one that changed since the last run
wins, the person's choice if both did. Otherwise what was shown stays, also with new data and after other pages.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from engine.ops.access import Index
from pages.ui.components.tensor_view.types import Panel

Memory = MutableMapping[str, Any]


def latest(memory: Memory, argument: Any, chosen: Any, turn: int = 0, adopted: bool = False) -> tuple[Any, bool]:
    """Decides what to show now.

    Args:
        memory: what this function remembers from run to run; empty at first.
        argument: what the page passes.
        chosen: what the person chose in the browser; None until they have chosen.
        turn: counts the person's choices: the same one made again, after the page had moved on, is a new choice.
        adopted: whether the page writes what the person chose into the address; then what it passes decides.

    Returns:
        What to show, and whether that changed because of the page.
    """
    before = memory.get("held", argument)
    held, from_page = before, False
    anew = chosen is not None and memory and (turn, chosen) != (memory["turn"], memory["chosen"])
    if anew or (chosen is not None and not memory and not adopted):
        held = chosen
    elif not memory:
        from_page = True
    elif adopted or argument != memory["argument"]:
        held, from_page = argument, argument != before
    memory.update(argument=argument, chosen=chosen, turn=turn, held=held)
    return held, from_page


def pin_of(panels: Sequence[Panel], pinned: tuple[int, Index] | None, step: int | None = None) -> dict[str, Any] | None:
    """A pin as it is remembered, with title and step: the same index in another tensor is another cell.

    Args:
        panels: the panels on the stage.
        pinned: the number of a panel and the index of its cell; None where nothing is pinned.
        step: the step on the stage; None where there is no player.
    """
    if pinned is None or not 0 <= pinned[0] < len(panels):
        return None
    return {"panel": pinned[0], "title": panels[pinned[0]].title, "step": step, "index": list(pinned[1])}


def valid_pin(panels: Sequence[Panel], pin: Any, step: int | None = None) -> tuple[int, Index] | None:
    """The pin, if its cell exists in what is drawn now.

    Args:
        panels: the panels on the stage.
        pin: as ``pin_of`` makes it, or anything else that a browser sends.
        step: the step on the stage; None where there is no player.

    Returns:
        The number of the panel and the index of the cell; None where there is no such cell.
    """
    if not isinstance(pin, dict) or pin.get("step") != step:
        return None
    number, index = pin.get("panel"), pin.get("index")
    if not isinstance(number, int) or not 0 <= number < len(panels) or not isinstance(index, list):
        return None
    panel = panels[number]
    shape = tuple(panel.value.shape)
    if pin.get("title") != panel.title or len(index) != len(shape):
        return None
    if not all(isinstance(i, int) and 0 <= i < size for i, size in zip(index, shape, strict=True)):
        return None
    return number, tuple(index)


def valid_starts(at: Any) -> dict[str, int]:
    """Where each axis begins, as far as it makes sense; the windows clamp the rest."""
    if not isinstance(at, dict):
        return {}
    return {key: start for key, start in at.items() if isinstance(key, str) and type(start) is int}
