"""Numbers that a program hands to numpy and takes back: torch sees them go and come, and nothing between.

What comes back is taken to be made of everything that went before, for nobody can say of which part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from engine.ops.numerics import memory_of
from engine.record.recording import Recording

FROM_NUMPY = "numpy"
_MAKING_TENSORS = frozenset(("tensor", "as_tensor", "asarray"))
_UNKNOWN = "what numpy computed was not watched, and can't be computed again"


class NumpyRoundTrips:
    """What left torch in a recording, and which tensors came back.

    Args:
        recording: what the recorder kept.
    """

    def __init__(self, recording: Recording) -> None:
        self._left = recording.left

    def left_before(self, number: int) -> list[int]:
        """The ids of the tensors that were handed to numpy before this call."""
        return [id(tensor) for at, tensor in self._left if at <= number]

    def comes_from_numpy(self, op: str, args: Sequence[Any]) -> bool:
        """Whether a call makes a tensor of an array of numpy."""
        return bool(self._left) and op in _MAKING_TENSORS and type(args[0]).__module__ == "numpy" if args else False

    def is_of_numpy(self, tensor: Tensor) -> bool:
        """Whether a tensor that no call of torch returned lies in memory that torch did not make."""
        memory = memory_of(tensor) if self._left and not isinstance(tensor, nn.Parameter) else None
        return memory is not None and memory.device.type == "cpu" and not memory.resizable()


def unknown_to_torch() -> Tensor:
    """Stands for a call that could be made again.

    Raises:
        ValueError: always.
    """
    raise ValueError(_UNKNOWN)
