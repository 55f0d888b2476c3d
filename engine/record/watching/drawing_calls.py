"""Fused calls that draw random numbers inside, which nobody sees, and the generator's state just before them.

With it the call can be replayed, and the inside of the call has the numbers that were drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.record.recording import tensors_in

_RECURRENT = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu"))
# Where torch's functions take their chance of dropout, and the switch between training and rest.
_ATTENTION_CHANCE, _HEADS_CHANCE, _HEADS_SWITCH, _RECURRENT_CHANCE, _RECURRENT_SWITCH = 4, 10, 13, 5, 6
DRAWING = frozenset(("scaled_dot_product_attention", "multi_head_attention_forward")) | _RECURRENT


def generator_before(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The state of the CPU's generator, where this call is about to draw from it; None where it does not.

    A state is 5 KB, and is kept for the calls that need it alone. On a GPU reading the state would wait for the device.

    Args:
        func: what is called.
        args, kwargs: what it is given.
    """
    if not _draws(func.__name__, args, kwargs) or any(tensor.device.type != "cpu" for tensor in tensors_in(args)):
        return None
    return torch.get_rng_state()


def _draws(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    if name in _RECURRENT:
        # Sequences packed by their lengths have a tensor more, and stay closed.
        return len(args) > _RECURRENT_SWITCH and args[_RECURRENT_CHANCE] > 0 and bool(args[_RECURRENT_SWITCH])
    chance, switch = _ATTENTION_CHANCE, None
    if name == "multi_head_attention_forward":
        chance, switch = _HEADS_CHANCE, _HEADS_SWITCH
    dropped = kwargs.get("dropout_p", args[chance] if len(args) > chance else 0.0)
    return dropped > 0 and (
        switch is None or bool(kwargs.get("training", args[switch] if len(args) > switch else True))
    )
