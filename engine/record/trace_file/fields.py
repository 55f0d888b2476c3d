"""Fields of a manifest, each of the kind it must be: a file can say anything.

Every function here is given the object and the name of the field, and raises ValueError for a value of another kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WRONG = "{name} is {value}, not {kind}"
_SHOWN = 60  # characters of a value that is quoted


def wrong(name: str, value: Any, kind: str) -> ValueError:
    """The error for a field that is not of its kind.

    Args:
        name: the field.
        value: what it holds.
        kind: what it should hold.

    Returns:
        The error to raise.
    """
    return ValueError(_WRONG.format(name=name, value=repr(value)[:_SHOWN], kind=kind))


def text(entry: Mapping[str, Any], name: str) -> str:
    """A text.

    Raises:
        ValueError: the field holds anything else.
    """
    value = entry.get(name)
    if not isinstance(value, str):
        raise wrong(name, value, "a text")
    return value


def number(entry: Mapping[str, Any], name: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``.

    Args:
        entry: the record.
        name: the field.
        low, high: both ends, included.

    Returns:
        The number.

    Raises:
        ValueError: the field is missing, or holds anything else.
    """
    value = entry.get(name)
    if type(value) is not int or not low <= value <= high:
        raise wrong(name, value, f"a whole number from {low} to {high}")
    return value


def flag(entry: Mapping[str, Any], name: str) -> bool:
    """True or False; False where it is left out.

    Raises:
        ValueError: the field holds anything else.
    """
    value = entry.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def entries(entry: Any, name: str) -> list[dict[str, Any]]:
    """A list of objects.

    Raises:
        ValueError: the field holds anything else.
    """
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise wrong(name, value, "a list of objects")
    return value


def texts(entry: Mapping[str, Any], name: str, *, gaps: bool = False) -> tuple[Any, ...]:
    """A list of texts; with ``gaps`` some of them may be missing.

    Args:
        entry: the record.
        name: the field.
        gaps: whether entries may be missing.

    Returns:
        The texts, None where one is missing.

    Raises:
        ValueError: the field is missing, or holds anything else.
    """
    value = entry.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) or (gaps and item is None) for item in value):
        raise wrong(name, value, "a list of texts")
    return tuple(value)


def numbers(entry: Mapping[str, Any], name: str, low: int, high: int) -> tuple[int, ...]:
    """A list of whole numbers from ``low`` to ``high``.

    Args:
        entry: the record.
        name: the field.
        low, high: both ends of each, included.

    Returns:
        The numbers.

    Raises:
        ValueError: the field is missing, or holds anything else.
    """
    return tuple(number({name: item}, name, low, high) for item in _number_list(entry, name))


def column(entry: Mapping[str, Any], name: str, length: int, low: int, high: int) -> list[int]:
    """One whole number from ``low`` to ``high`` for each of ``length`` things.

    Args:
        entry: the record.
        name: the field.
        length: how many numbers there must be.
        low, high: both ends of each, included.

    Returns:
        The numbers.

    Raises:
        ValueError: the field is missing, or holds anything else.
    """
    values = entry.get(name)
    if not isinstance(values, list) or len(values) != length:
        raise wrong(name, values, f"a list of {length} numbers")
    if values and (set(map(type, values)) != {int} or min(values) < low or max(values) > high):
        for value in values:
            number({name: value}, name, low, high)
    return values


def length(entry: Mapping[str, Any], name: str) -> int:
    """How many things a column tells of.

    Raises:
        ValueError: the field holds anything else.
    """
    return len(_number_list(entry, name))


def _number_list(entry: Mapping[str, Any], name: str) -> list[Any]:
    """A list that should hold numbers; what it does hold is looked at by who reads it."""
    values = entry.get(name)
    if not isinstance(values, list):
        raise wrong(name, values, "a list of numbers")
    return values


def mapping(entry: Any, name: str) -> dict[str, Any]:
    """An object.

    Raises:
        ValueError: the field holds anything else.
    """
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, dict):
        raise wrong(name, value, "an object")
    return value
