"""Which sizes of the chosen model a lab begins with, where it is one of today's."""

from __future__ import annotations

from collections.abc import Mapping

from engine.labs.rotary import BASES
from pages.ui.labs.kit.lab_widgets import PREFIX
from pages.ui.state.chosen_model import ChosenModel

# A lab → which slider takes which of the sizes below.
_SLIDERS: Mapping[str, Mapping[str, str]] = {
    "rotary": {"pairs": "pairs", "base": "base"},
    "key_heads": {"kv_heads": "kv_heads", "group": "group", "length": "length", "d_k": "d_k"},
    "kv_cache": {"batch": "batch", "length": "length", "kv_heads": "kv_heads", "group": "group"},
    "shifted_loss": {"length": "length", "vocabulary": "vocab_size"},
    "scaling": {"d_k": "d_k"},
    "view_or_permute": {"batch": "batch", "length": "length", "heads": "heads", "d_k": "d_k"},
    "memory_layout": {"length": "length", "heads": "heads", "d_k": "d_k"},
    "why_split": {"length": "length", "heads": "heads", "d_k": "d_k"},
}


def sizes_of_model(lab: str, model: ChosenModel | None) -> dict[str, str]:
    """What the address of a lab carries of the chosen model; what is beyond a slider is moved there, with a note.

    Args:
        lab: the lab's key.
        model: the chosen model; None for the Transformer of 2017, whose labs begin with sizes of their own.
    """
    if model is None:
        return {}
    sizes = _sizes(model)
    taken = {slider: sizes[name] for slider, name in _SLIDERS.get(lab, {}).items() if name in sizes}
    return {PREFIX + slider: str(size) for slider, size in taken.items()}


def _sizes(model: ChosenModel) -> Mapping[str, int]:
    config = model.config
    names = ("batch", "length", "heads", "kv_heads", "d_k", "vocab_size")
    sizes = {name: getattr(config, name) for name in names if hasattr(config, name)}
    if "heads" in sizes:
        sizes.setdefault("kv_heads", sizes["heads"])
        sizes["group"] = sizes["heads"] // sizes["kv_heads"]
    base = getattr(config, "rope_base", None)
    if base is not None:
        sizes["pairs"] = sizes["d_k"] // 2
        if base in BASES:
            sizes["base"] = base
    return sizes
