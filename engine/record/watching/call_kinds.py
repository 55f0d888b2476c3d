"""What the recorder has to do for a call, known by the function alone."""

from __future__ import annotations

from typing import Any

import torch

from engine.record.watching.drawing_calls import DRAWING
from engine.record.watching.writing_calls import writes

# Getters that return a tensor nobody computed with.
_SKIPPED_GETTERS = frozenset({"grad", "_grad", "_base"})
# Calls that take a list of tensors.
_LISTING = frozenset(("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "einsum", "block_diag"))
PLAIN, WRITES, SKIP, LISTS, DRAWS, LEAVES_TORCH, BECOMES_LIST = range(7)
# Calls that hand a tensor's numbers to numpy.
_TO_NUMPY = frozenset(("numpy", "__array__"))
# What most of the other calls return, x.size(0) and x.dtype above all: known at a glance to hold no tensor.
NO_TENSOR = frozenset((int, bool, float, str, type(None), torch.Size, torch.dtype, torch.device))


def kind_of_call(func: Any) -> int:
    """One of the kinds above."""
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return SKIP if getattr(func.__self__, "__name__", "") in _SKIPPED_GETTERS else PLAIN
    if name == "__set__":
        return WRITES if getattr(func.__self__, "__name__", "") == "data" else PLAIN
    if writes(name):
        return WRITES
    if name in DRAWING:
        return DRAWS
    if name in _TO_NUMPY:
        return LEAVES_TORCH
    if name == "tolist":
        return BECOMES_LIST
    return LISTS if name in _LISTING else PLAIN


def as_it_is(value: Any) -> Any:
    """A list as it is now; it may hold other things by the time the recording is looked at."""
    return list(value) if value.__class__ is list else value
