"""Seeded weights: every parameter drawn from a generator of its own.

Because no parameter's numbers depend on another's, adding a layer changes nothing in the layers that were there, and
adding a word nothing in the embeddings of the others. Drawn on the CPU in float32, then rounded to the dtype asked for
and moved, so every device and every dtype starts from the same numbers.
"""

import hashlib
import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.config import Config
from engine.model.transformer import Transformer

Model = TypeVar("Model", bound=nn.Module)

_SPREAD = 0.02  # standard deviation of a vector that is looked up in no table, as is usual for a ViT
# What nn.Embedding and nn.Linear draw their first numbers with.
_DRAWS = frozenset((nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_))


def build(config: Config, pad: int, device: torch.device) -> Transformer:
    """The Transformer of this config with its seeded weights, in evaluation mode, on the device.

    Args:
        config: its sizes, seed, dtype and switches.
        pad: the id of padding tokens.
        device: where to.

    Returns:
        The model.
    """
    model = skeleton(config, pad, "cpu")
    draw(model, config.seed)
    dtype = getattr(torch, config.dtype)
    is_built = device.type == "cpu" and dtype is torch.float32
    return model if is_built else model.to(device=device, dtype=dtype)


def skeleton(config: Config, pad: int, device: str = "meta") -> Transformer:
    """The same model in float32 with nothing drawn: on the meta device shapes without a byte of memory.

    Args:
        config: its sizes and switches.
        pad: the id of padding tokens.
        device: "meta", or one on which there is memory that nothing is written to.

    Returns:
        The model.
    """
    return undrawn(lambda: Transformer(config, pad), device)


def undrawn(construct: Callable[[], Model], device: str) -> Model:
    """A module in float32 with nothing drawn, in evaluation mode and without gradients.

    Args:
        construct: makes the module.
        device: where its parameters are to be; "meta" for shapes alone.
    """
    # torch.device looks at every call once more, so not where it would change nothing.
    is_default = torch.get_default_device() == torch.device(device)
    with nullcontext() if is_default else torch.device(device), _WithoutDraws():
        model = construct()
    if torch.get_default_dtype() is not torch.float32:  # a program around us may have another
        model.float()
    return model.requires_grad_(False).eval()


@torch.no_grad()
def draw(model: nn.Module, seed: int) -> None:
    """Fills every parameter of a module from a generator of its own; one that two modules share by its first name."""
    drawn: set[int] = set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in drawn:
                drawn.add(id(parameter))
                generator = torch.Generator().manual_seed(_seed(seed, f"{path}.{name}"))
                _fill(module, name, parameter, generator)


def is_drawn(name: str) -> bool:
    """Whether the parameter of this name is drawn at random. A layer norm's are not: it begins as the plain one."""
    module, _, _ = name.rpartition(".")
    return not module.endswith("norm")


class _WithoutDraws(TorchFunctionMode):
    """Leaves out the draws of PyTorch's own initialisation: the numbers come from elsewhere or are not wanted, and the
    first draw on the meta device loads 800 modules, most of a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _seed(seed: int, path: str) -> int:
    # The CPU's generator looks at 32 bits of its seed and no more, so those must hold the seed and the path mixed.
    digest = hashlib.blake2b(f"{seed} {path}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _fill(module: nn.Module, name: str, parameter: Tensor, generator: torch.Generator) -> None:
    if isinstance(module, nn.Embedding):
        # Standard deviation 1/√d_model, so that after the × √d_model of the paper's section 3.4 it is 1.
        # normal_ draws in blocks of 16 and a last shorter one otherwise; whole blocks keep a word's numbers the same
        # however many words follow.
        drawn = torch.empty(-(-parameter.numel() // 16) * 16, dtype=parameter.dtype)
        drawn.normal_(0.0, parameter.size(1) ** -0.5, generator=generator)
        parameter.copy_(drawn[: parameter.numel()].view_as(parameter))
    elif isinstance(module, nn.Linear) and name == "weight":
        nn.init.xavier_uniform_(parameter, generator=generator)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.in_features)  # torch.nn.Linear's own rule for its bias
        parameter.uniform_(-bound, bound, generator=generator)
    elif name in ("weight", "bias"):
        parameter.fill_(1.0 if name == "weight" else 0.0)  # a norm begins as the plain normalisation
    else:
        parameter.normal_(0.0, _SPREAD, generator=generator)  # a learned token or position of its own
