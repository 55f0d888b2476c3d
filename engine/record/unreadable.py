"""Why the numbers of a recorded tensor are not those that it had when it was recorded."""

from __future__ import annotations

import torch
from torch import Tensor

_OVERWRITTEN = (
    "{name} can't be looked at: its memory was written to after the recording ended, so its numbers are not those of "
    "then; record it again"
)
_TRANSFORMED = (
    "{name} can't be looked at: it existed only inside a transform of torch.func, such as vmap or grad, and its "
    "numbers went with it; record the function without the transform"
)
_PACKED = "{name} can't be looked at: torch has no way to read the numbers of {dtype}, two in a byte"


def why_unreadable(name: str, value: object, overwritten: bool) -> str | None:
    """One sentence, None for a tensor whose numbers can be looked at.

    Args:
        name: what the sentence calls the tensor.
        value: the tensor.
        overwritten: whether its memory was written to after the recording.
    """
    if overwritten:
        return _OVERWRITTEN.format(name=name)
    if isinstance(value, Tensor) and value.dtype == torch.float4_e2m1fn_x2:
        return _PACKED.format(name=name, dtype=str(value.dtype).removeprefix("torch."))
    if isinstance(value, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(value):
        return _TRANSFORMED.format(name=name)
    return None
