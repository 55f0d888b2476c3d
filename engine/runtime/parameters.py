"""How many parameters a model has, module by module, with the arithmetic that gives each count."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from torch import Tensor, nn

from engine.config import Config
from engine.model.variants.registry import variant_skeleton
from engine.model.weights import skeleton
from engine.text.tokenizer import PAD
from engine.variant_config import VariantConfig


@dataclass(frozen=True)
class ParameterCount:
    """The parameters of a module and of all modules in it.

    Attributes:
        name: the module's path in the one that holds it; "model" for the whole.
        arithmetic: what adds up to the count, ``4 × (32 × 32 + 32)``.
        count: how many numbers; a parameter that several modules share counts where it comes first.
        inside: the modules in it that have any.
    """

    name: str
    arithmetic: str
    count: int
    inside: tuple[ParameterCount, ...] = ()


def count_parameters(module: nn.Module, name: str = "model") -> ParameterCount:
    """Counts the parameters of a module by their shapes; they may be on the meta device."""
    return _counted(module, name, set())


def parameters_of(config: Config | VariantConfig) -> ParameterCount:
    """The parameters of this config's model, of which not one number is made."""
    if isinstance(config, VariantConfig):
        return _of_variant(dataclasses.replace(config, batch=1, seed=0, dtype="float32", device="meta"))
    # No count depends on these, so another text or seed builds no other model.
    others = {"batch": 1, "src_len": 1, "tgt_len": 1, "seed": 0, "dtype": "float32", "device": "cpu"}
    return _of_sizes(config.change(**others, weights="random"))


@lru_cache(maxsize=64)
def _of_sizes(config: Config) -> ParameterCount:
    return count_parameters(skeleton(config, PAD))


@lru_cache(maxsize=64)
def _of_variant(config: VariantConfig) -> ParameterCount:
    return count_parameters(variant_skeleton(config, PAD))


def size_arithmetic(parameters: Sequence[Tensor], linear: bool) -> str:
    """The sizes of parameters, added up: ``32 × 128 + 128``.

    Args:
        parameters: of one module.
        linear: whether they are a Linear's, whose weight is kept as (out, in) and read as in × out.
    """
    sizes = (reversed(parameter.shape) if linear else parameter.shape for parameter in parameters)
    return " + ".join(" × ".join(map(str, shape)) for shape in sizes)


def rows(counted: ParameterCount, depth: int = 0) -> Iterator[tuple[int, str, ParameterCount]]:
    """The modules in their order, each with how deep it lies and its name. Of layers that are alike the first stands
    for all: ``layers.0 to 5``."""
    for _, alike in groupby(
        counted.inside, lambda child: (child.name.partition(".")[0], child.arithmetic, child.inside)
    ):
        first, *others = alike
        name = f"{first.name} to {others[-1].name.rpartition('.')[2]}" if others else first.name
        yield depth, name, first
        yield from rows(first, depth + 1)


def _counted(module: nn.Module, name: str, seen: set[Tensor]) -> ParameterCount:
    own = [part for part in module.parameters(recurse=False) if part not in seen]
    seen.update(own)
    inside = tuple(part for path, child in _children(module) if (part := _counted(child, path, seen)).count)
    if not own and len(inside) == 1:  # what only holds another module has that one's arithmetic
        return ParameterCount(name, inside[0].arithmetic, inside[0].count, inside if inside[0].inside else ())
    sizes = [size_arithmetic(own, isinstance(module, nn.Linear))] if own else []
    # Of what holds parameters itself the sizes, of what holds other modules the count.
    sizes += [f"{part.count:,}" if part.inside else part.arithmetic for part in inside]
    count = sum(part.numel() for part in own) + sum(part.count for part in inside)
    return ParameterCount(name, _added(sizes), count, inside)


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules in a module; those in a list, such as layers, as if they were its own."""
    for name, child in module.named_children():
        if isinstance(child, nn.ModuleList):
            yield from ((f"{name}.{path}", part) for path, part in child.named_children())
        else:
            yield name, child


def _added(terms: Sequence[str]) -> str:
    """A sum; a term that comes several times in a row is written once: ``4 × (32 × 32 + 32)``."""
    sums = []
    for term, same in groupby(terms):
        times = len(list(same))
        factor = term if term.replace(",", "").isdigit() else f"({term})"
        sums.append(term if times == 1 else f"{times} × {factor}")
    return " + ".join(sums)
