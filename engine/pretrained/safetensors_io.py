"""Tensors in a file, without pickle: safetensors, written whole or not at all, and checked when read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from engine.config import ConfigError, Problem
from engine.export.unfinished import unfinished

_FLOAT32 = "F32"  # as the format calls it
# One entry, because the format writes several in a random order, and the same weights should be the same bytes.
_ABOUT = "about"


class WeightsError(ConfigError):
    """A file of weights that cannot be used: the rule it breaks, what is there instead, and what to do."""


def weights_error(path: Path, rule: str, value: str, remedy: str) -> WeightsError:
    """The error that says why a file is not used.

    Args:
        path: the file.
        rule: what it breaks.
        value: what it holds instead.
        remedy: what to do.

    Returns:
        The error to raise.
    """
    return WeightsError((Problem("weights", rule, f"{path.name} {value}", remedy),))


def save(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Writes the tensors and what is to be known of them, which must be JSON.

    Until it is complete the file has a name of its own, so that a failure or Ctrl-C leaves whatever was there before.
    What an attempt left whose process was killed is taken away. Raises OSError where it cannot be written.

    Args:
        path: the file to be.
        tensors: by name.
        about: what is to be known of them.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    whole = to_bytes(plain, {_ABOUT: json.dumps(about, ensure_ascii=False)})
    with unfinished(path.parent, [path.name]) as parts:
        with open(parts[path.name], "xb") as file:
            file.write(whole)
            file.flush()
            os.fsync(file.fileno())  # the name must not outlive a power cut that the numbers do not
        os.replace(parts[path.name], path)


def load(path: Path, shapes: Mapping[str, tuple[int, ...]], remedy: str) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The float32 tensors of a file, which must have these names and shapes and no others, and what it says of them.

    ``remedy`` is what a person can do where it has not.

    Args:
        path: the file.
        shapes: by name.
        remedy: what to do where it cannot be used.

    Returns:
        The tensors by name, and what the file says of them.

    Raises:
        WeightsError: the file is not there, cannot be read, or holds anything else.
    """
    try:
        # Read, not mapped: a mapped file cannot be replaced everywhere while a model is in use.
        with safe_open(path, framework="pt", device="cpu", backend="pread") as file:
            names = set(file.keys())
            for name in shapes:
                if name not in names:
                    raise weights_error(path, "a weights file has every tensor of its model", f"has no {name}", remedy)
            for name in sorted(names):
                if name not in shapes:
                    rule = "a weights file has no tensor but those of its model"
                    raise weights_error(path, rule, f"has {_shown(name)} too", remedy)
                kept = file.get_slice(name)
                dtype, shape = kept.get_dtype(), tuple(kept.get_shape())
                if dtype != _FLOAT32:
                    raise weights_error(
                        path, f"weights are kept in float32 ({_FLOAT32})", f"has {name} in {dtype}", remedy
                    )
                if shape != shapes[name]:
                    raise weights_error(path, f"{name} has the shape {shapes[name]}", f"has it in {shape}", remedy)
            return {name: file.get_tensor(name) for name in shapes}, _about(file.metadata() or {})
    except FileNotFoundError as error:
        raise weights_error(path, "weights are read from their file", f"is not in {path.parent}", remedy) from error
    except (OSError, SafetensorError) as error:
        raise weights_error(path, "a weights file can be read", f"cannot: {_shown(str(error))}", remedy) from error


def _about(metadata: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        about = json.loads(metadata[_ABOUT])
    except (KeyError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _shown(text: str) -> str:
    """Text out of a file, as one line that can be printed."""
    shown = ascii(text)[1:-1]
    return shown if len(shown) <= 100 else shown[:97] + "..."
