"""The modules of a trace: which lies in which, which are the layers of a stack, and what people call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from engine.graph.module_names import OTHER_LAYERS, STACKS, LayerWords, title_of


def is_inside(path: str, module: str) -> bool:
    """Whether a path is this module's or that of something in it; the whole model, "", holds everything."""
    return not module or path == module or path.startswith(f"{module}.")


@lru_cache(maxsize=4096)
def ancestors(path: str) -> tuple[str, ...]:
    """The modules a path leads through, the outermost first, and the path itself.

    A list that holds the layers of a stack (``STACKS`` has its name) is none of them: nobody thinks of it as a part of
    the model.
    """
    parts = path.split(".") if path else []
    return tuple(
        ".".join(parts[:depth])
        for depth in range(1, len(parts) + 1)
        if not (parts[depth - 1] in STACKS and depth < len(parts) and parts[depth].isdecimal())
    )


def stacks(paths: Iterable[str]) -> Mapping[str, tuple[int, ...]]:
    """The lists of a model whose members are the same again with other weights, and the numbers of their members.

    A list with a name of ``STACKS`` is a stack when two of its members are alike, or when it has one alone; T5's
    ``layer``, which holds an attention and a feed-forward network, is none. A list of any other name is a stack when
    two of its members have the same modules inside.

    Args:
        paths: the module paths of a trace's steps.

    Returns:
        The path of each list → its members' numbers, in order. A list at the top of a model has the path "".
    """
    members: dict[str, dict[int, set[str]]] = {}
    for path in set(paths):
        parts = path.split(".")
        for depth, part in enumerate(parts):
            if part.isdecimal():
                inside = members.setdefault(".".join(parts[:depth]), {}).setdefault(int(part), set())
                inside.update(".".join(parts[depth + 1 : end]) for end in range(depth + 2, len(parts) + 1))
    return {path: tuple(sorted(inside)) for path, inside in members.items() if _are_alike(path, inside)}


def _are_alike(path: str, inside: Mapping[int, set[str]]) -> bool:
    is_known = path.rpartition(".")[2] in STACKS
    if len(inside) == 1:
        return is_known
    kinds = [frozenset(modules) for modules in inside.values() if modules or is_known]
    return len(set(kinds)) < len(kinds)


def display_name(path: str) -> str:
    """What people call a module: ``layer 0``, ``self-attention``; "" is the whole ``model``."""
    if not path:
        return "model"
    parent, _, last = path.rpartition(".")
    if not last.isdecimal() or not parent:
        return title_of(last)
    return layer_words(parent).title.format(list=list_name(parent).removesuffix("s"), number=last)


def numbered(stack: str, number: int) -> str:
    """The path of a list's member."""
    return f"{stack}.{number}" if stack else str(number)


def layer_words(stack: str) -> LayerWords:
    """How the members of a list are spoken of."""
    return STACKS.get(list_name(stack), OTHER_LAYERS)


def list_name(stack: str) -> str:
    """The last part of a list's path in plain words."""
    return stack.rpartition(".")[2].replace("_", " ")
