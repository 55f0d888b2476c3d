"""In which modes of torch's a program was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch

_DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class RunModes:
    """The modes that held when a recording began.

    Attributes:
        gradients: whether operations were noted for backward.
        inference: whether ``torch.inference_mode`` was on.
        autocast: by kind of device the dtype that autocast computed in there; empty where it was off.
    """

    gradients: bool = True
    inference: bool = False
    autocast: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


USUAL_MODES = RunModes()
_WITHOUT_GRADIENTS = RunModes(gradients=False)


def present_modes() -> RunModes:
    """The modes that hold now."""
    if not torch._C._is_any_autocast_enabled() and not torch.is_inference_mode_enabled():
        return USUAL_MODES if torch.is_grad_enabled() else _WITHOUT_GRADIENTS
    autocast = {
        device: str(torch.get_autocast_dtype(device)).removeprefix("torch.")
        for device in _DEVICES
        if torch.is_autocast_enabled(device)
    }
    return RunModes(torch.is_grad_enabled(), torch.is_inference_mode_enabled(), MappingProxyType(autocast))
