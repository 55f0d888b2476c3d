"""The modules of a trace: which lies in which, and what people call them."""

from __future__ import annotations

import re
from functools import lru_cache

# A layer of a stack: what comes before the dot and the number is the list that holds the layers.
LAYER = re.compile(r"((?:.*?\.)?layers)\.\d+(?:\.|$)")

_TITLES = {
    "source_embedding": "source embedding",
    "target_embedding": "target embedding",
    "source_position": "source positional encoding",
    "target_position": "target positional encoding",
    "source_padding_mask": "source padding mask",
    "target_padding_mask": "target padding mask",
    "self_attention": "self-attention",
    "cross_attention": "cross-attention",
    "feed_forward": "feed-forward",
    "self_attention_norm": "LayerNorm",
    "cross_attention_norm": "LayerNorm",
    "feed_forward_norm": "LayerNorm",
}


def is_inside(path: str, module: str) -> bool:
    """Whether a path is this module's or that of something in it; the whole model, "", holds everything."""
    return not module or path == module or path.startswith(f"{module}.")


@lru_cache(maxsize=4096)
def chain(path: str) -> tuple[str, ...]:
    """The modules a path leads through, the outermost first.

    The list that holds the layers of a stack is none of them: nobody thinks of it as a part of the model.
    """
    parts = path.split(".") if path else []
    modules = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    lists = {layer[1] for one in modules if (layer := LAYER.fullmatch(one))}
    return tuple(one for one in modules if one not in lists)


def title(path: str) -> str:
    """What people call a module: ``layer 0``, ``self-attention``; "" is the whole ``model``."""
    if not path:
        return "model"
    *before, last = path.split(".")
    if last.isdigit() and before:
        return f"{before[-1].removesuffix('s')} {last}"
    return _TITLES.get(last, last.replace("_", " "))
