"""The sizes of today's models, by the symbols of the glossary, and which of them a lab begins with."""

from __future__ import annotations

from collections.abc import Mapping

from engine.config import Config
from engine.labs.rotary import BASES
from engine.variant_config import VariantConfig
from pages.ui.labs.kit.lab_widgets import PREFIX
from pages.ui.state.chosen_model import ChosenModel

# A symbol → the setting that it is, where a config has one of this name.
_SETTINGS: Mapping[str, str] = {
    "B": "batch", "L": "length", "H": "heads", "H_kv": "kv_heads", "d_k": "d_k", "V": "vocab_size",
}  # fmt: skip
# A lab → which slider takes which symbol.
_SLIDERS: Mapping[str, Mapping[str, str]] = {
    "rotary": {"pairs": "F", "base": "base"},
    "key_heads": {"kv_heads": "H_kv", "group": "G", "length": "L", "d_k": "d_k"},
    "kv_cache": {"batch": "B", "length": "L", "kv_heads": "H_kv", "group": "G"},
    "shifted_loss": {"length": "L", "vocabulary": "V"},
    "scaling": {"d_k": "d_k"},
    "view_or_permute": {"batch": "B", "length": "L", "heads": "H", "d_k": "d_k"},
    "memory_layout": {"length": "L", "heads": "H", "d_k": "d_k"},
    "why_split": {"length": "L", "heads": "H", "d_k": "d_k"},
}


def sizes_of_config(config: VariantConfig | Config | None) -> dict[str, int]:
    """The sizes of a model that was chosen beside the one that the app opens on.

    Args:
        config: its config; None for any other program, of which nothing is known.

    Returns:
        By symbol: B sentences, L tokens, H heads of queries, H_kv heads of keys, G heads of queries to one of keys, d_k
        features of a head, V tokens of the vocabulary, F pairs of features that rotary positions turn, and their
        ``base``; what the model does not have is left out, and so is a base that no lab offers.
    """
    if config is None:
        return {}
    sizes = {symbol: getattr(config, name) for symbol, name in _SETTINGS.items() if hasattr(config, name)}
    sizes.setdefault("H_kv", sizes["H"])
    sizes["G"] = sizes["H"] // sizes["H_kv"]
    base = getattr(config, "rope_base", None)
    if base is not None:
        sizes["F"] = sizes["d_k"] // 2
        if base in BASES:
            sizes["base"] = base
    return sizes


def sizes_of_model(lab: str, model: ChosenModel | None) -> dict[str, str]:
    """What the address of a lab carries of the chosen model; what is beyond a slider is moved there, with a note.

    Args:
        lab: the lab's key.
        model: the chosen model; None for the Transformer of 2017, whose labs begin with sizes of their own.

    Returns:
        The values by their names in the address; empty for a lab that takes none.
    """
    if model is None:
        return {}
    sizes = sizes_of_config(model.config)
    taken = {slider: sizes[symbol] for slider, symbol in _SLIDERS.get(lab, {}).items() if symbol in sizes}
    return {PREFIX + slider: str(size) for slider, size in taken.items()}
