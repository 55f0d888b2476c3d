"""What a trace knows of the modules of its program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ModuleFacts:
    """One module, as it was when somebody first asked.

    Attributes:
        kind: its class with the class's module, ``torch.nn.modules.linear.Linear``.
        training: whether it was in training.
        sizes: its attributes that are whole numbers, such as ``num_heads``; those of a Hugging Face config as
            ``config.hidden_size``.
    """

    kind: str
    training: bool
    sizes: Mapping[str, int]


def module_facts(modules: Mapping[str, nn.Module]) -> Mapping[str, ModuleFacts]:
    """The facts of modules by their paths; a config that several share is told of the first."""
    listed: set[int] = set()
    facts: dict[str, ModuleFacts] = {}
    for path, module in modules.items():
        sizes = _whole_numbers(module)
        config = vars(module).get("config")
        if config is not None and id(config) not in listed and hasattr(config, "__dict__"):
            listed.add(id(config))
            sizes |= {f"config.{name}": value for name, value in _whole_numbers(config).items()}
        facts[path] = ModuleFacts(f"{type(module).__module__}.{type(module).__qualname__}", module.training, sizes)
    return facts


def _whole_numbers(owner: object) -> dict[str, int]:
    return {name: value for name, value in vars(owner).items() if type(value) is int and not name.startswith("_")}
