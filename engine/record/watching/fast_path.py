"""Torch's fused paths, kept while a recording watches.

``nn.TransformerEncoder``, ``nn.TransformerEncoderLayer`` and ``nn.MultiheadAttention`` take a fused path in evaluation
without gradients, unless ``torch.overrides.has_torch_function`` says that somebody watches their tensors. A recorder
would make it say so, and the modules would compute something else than they do unwatched. While a recording runs in
any thread, torch asks the function below in its place. In a thread whose modes are all recorders it answers as if
there was none; everywhere else the answer is torch's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.jit._builtins import _register_builtin
from torch.overrides import _get_current_function_mode_stack, has_torch_function

from engine.record.watching.shared_change import SharedChange


def _without_recorders(args: Iterable[Any]) -> bool:
    """``has_torch_function`` as it would answer without the recorders of this thread."""
    modes = _get_current_function_mode_stack()
    if not modes or not all(getattr(mode, "keeps_fast_path", False) for mode in modes):
        return has_torch_function(args)
    return torch._C._is_torch_function_enabled() and any(map(_overrides, args))


def _overrides(value: Any) -> bool:
    """Whether a value's own class takes part in ``__torch_function__``, as subclasses of tensors do."""
    if type(value) is torch.Tensor:
        return False
    nobody = torch._C._disabled_torch_function_impl
    return getattr(value, "__torch_function__", nobody) is not nobody


# Programs may compile a module with TorchScript while they are recorded; torch's own function is registered like this.
_register_builtin(_without_recorders, "aten::has_torch_function")


def _keep() -> None:
    if torch.overrides.has_torch_function is has_torch_function:
        torch.overrides.has_torch_function = _without_recorders


def _give_back() -> None:
    if torch.overrides.has_torch_function is _without_recorders:
        torch.overrides.has_torch_function = has_torch_function


KEPT = SharedChange(_keep, _give_back)
"""While it stands recorders do not keep torch from its fused paths."""
