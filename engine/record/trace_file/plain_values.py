"""Arguments that are no tensors as JSON, and back: numbers, texts, lists, and a few kinds with a tag.

What JSON has stands for itself, a list for a list. Everything else is an object with one key, its tag. A value of no
known kind is kept as its ``repr`` and comes back as ``NotKept``, which prints the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_DEEPEST = 40  # of values inside values
_LONGEST = 100_000  # characters of a repr
_LARGEST = 10**4000  # Python reads no longer number
DTYPES: Mapping[str, torch.dtype] = {
    str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)
}
_NAMED: Mapping[str, Mapping[str, Any]] = {
    "dtype": DTYPES,
    "layout": {str(value): value for value in vars(torch).values() if isinstance(value, torch.layout)},
    "memory_format": {str(value): value for value in vars(torch).values() if isinstance(value, torch.memory_format)},
}
_CONTAINERS: Mapping[str, Callable[[list[Any]], Any]] = {"tuple": tuple, "size": torch.Size}
_BAD = "{tag} is not kept as {text}"


@dataclass(frozen=True)
class NotKept:
    """A value that a trace file keeps only as its text."""

    text: str

    def __repr__(self) -> str:
        return self.text


def to_plain(value: Any, tensor_number: Callable[[Tensor], int], depth: int = 0) -> Any:
    """A value as JSON.

    Args:
        value: anything.
        tensor_number: the number under which the file keeps a tensor.
        depth: how many values it stands inside.
    """
    if value is None or type(value) in (bool, str) or (type(value) is int and -_LARGEST < value < _LARGEST):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, Tensor):
        return {"tensor": tensor_number(value)}
    if depth < _DEEPEST:
        tagged = _tagged(value, lambda inner: to_plain(inner, tensor_number, depth + 1))
        if tagged is not None:
            return tagged
    return {"repr": _text(value)}


def _tagged(value: Any, plain: Callable[[Any], Any]) -> Any:
    """None for a value of no known kind."""
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is torch.Size:
        return {"size": list(value)}
    if type(value) is tuple:
        return {"tuple": [plain(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[plain(key), plain(item)] for key, item in value.items()]}
    if type(value) is slice:
        return {"slice": [plain(value.start), plain(value.stop), plain(value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if type(value) is complex:
        return {"complex": repr(value)}
    if type(value) is torch.device:
        return {"device": str(value)}
    for tag, kind in (("dtype", torch.dtype), ("layout", torch.layout), ("memory_format", torch.memory_format)):
        if type(value) is kind:
            return {tag: str(value).removeprefix("torch.") if tag == "dtype" else str(value)}
    return None


def _text(value: Any) -> str:
    try:
        return repr(value)[:_LONGEST]
    except Exception:  # somebody else's __repr__
        return type(value).__name__


def from_plain(plain: Any, tensors: list[Tensor]) -> Any:
    """The value that ``to_plain`` wrote.

    Args:
        plain: parsed JSON.
        tensors: those of the file.

    Raises:
        ValueError: no value is written like this.
    """
    if plain is None or isinstance(plain, (bool, str, int, float)):
        return plain
    if isinstance(plain, list):
        return [from_plain(item, tensors) for item in plain]
    if not isinstance(plain, dict) or len(plain) != 1:
        raise ValueError(_BAD.format(tag="a value", text=repr(plain)))
    ((tag, kept),) = plain.items()
    bad = ValueError(_BAD.format(tag=tag, text=repr(kept)))
    match tag, kept:
        case (("tuple" | "size"), list()):
            items = [from_plain(item, tensors) for item in kept]
            if tag == "size" and not all(type(item) is int and -(2**63) <= item < 2**63 for item in items):
                raise bad
            return _CONTAINERS[tag](items)
        case "dict", list():
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in kept):
                raise bad
            try:
                return {from_plain(key, tensors): from_plain(item, tensors) for key, item in kept}
            except TypeError:  # a key that cannot be one
                raise bad from None
        case "slice", [start, stop, step]:
            return slice(*(from_plain(item, tensors) for item in (start, stop, step)))
        case "ellipsis", True:
            return ...
        case "float", ("nan" | "inf" | "-inf"):
            return float(kept)
        case "complex", str():
            return complex(kept)
        case "device", str():
            return device_of(kept)
        case (("dtype" | "layout" | "memory_format"), str()) if kept in _NAMED[tag]:
            return _NAMED[tag][kept]
        case "tensor", int() if type(kept) is int and 0 <= kept < len(tensors):
            return tensors[kept]
        case "repr", str():
            return NotKept(kept)
    raise bad


def device_of(text: Any) -> torch.device:
    """The device of this name.

    Raises:
        ValueError: there is none.
    """
    try:
        if isinstance(text, str):
            return torch.device(text)
    except RuntimeError:
        pass
    raise ValueError(_BAD.format(tag="device", text=repr(text)))
