"""Which lab is about the operation on the card, and its address with the sizes of this run."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from engine import Step, Trace
from engine.explain.why import attention_part
from pages.ui.labs.kit.lab_widgets import PREFIX
from pages.ui.labs.kit.model_sizes import sizes_of_config
from pages.ui.labs.kit.registry import lab_of

# A part of attention → its lab, the section on it ("" for all of it), and which slider takes which axis of this step.
_LabSection = tuple[str, str, Mapping[str, str]]
_SPLIT = ("view_or_permute", "routes", {"batch": "B", "length": "L", "heads": "H", "d_k": "d_k"})
_MEMORY = {"length": "L", "heads": "H", "d_k": "d_k"}
_WHY_SPLIT = {"heads": "H", "d_k": "d_k", "length": "L"}
_SIZES = {"batch": "B", "heads": "H", "queries": "L", "keys": "L_k", "d_k": "d_k", "d_k_of_keys": "d_k"}
_SCALING = {"d_k": "d_k", "keys": "L_k"}
_PARTS: Mapping[str, _LabSection] = {
    "key_t transpose": ("memory_layout", "moved", {**_MEMORY, "operation": "=transpose"}),
    "scores matmul": ("sizes_that_agree", "products", {**_SIZES, "values": "L_k", "d_v": "d_v"}),
    "scaled div": ("scaling", "spread", _SCALING),
    "masked masked_fill": ("masking", "broadcast", {"batch": "B", "heads": "H", "target": "L", "source": "L_k"}),
    "weights softmax": ("scaling", "rows", _SCALING),
    "mixed matmul": ("why_split", "patterns", _WHY_SPLIT),
    **{f"{split} {op}": _SPLIT for split in ("query", "key", "value") for op in ("view", "permute")},
    "mixed permute": ("memory_layout", "moved", {**_MEMORY, "operation": "=permute"}),
    "mixed contiguous": ("memory_layout", "contiguous", {**_MEMORY, "operation": "=permute"}),
    "concat view": ("why_split", "sum", _WHY_SPLIT),
    "output linear": ("why_split", "sum", _WHY_SPLIT),
}
_KEY_HEADS = ("key_heads", "", {"kv_heads": "H_kv", "group": "G", "length": "L_k", "d_k": "d_k"})
_CACHE = ("kv_cache", "", {"batch": "B", "length": "T", "kv_heads": "H_kv", "group": "G"})
# In the attention of today's models: what the attention of 2017 does not do.
_PARTS_OF_TODAY: Mapping[str, _LabSection] = {
    "key repeat_interleave": _KEY_HEADS,
    "value repeat_interleave": _KEY_HEADS,
    "key cat": _CACHE,
    "value cat": _CACHE,
}
_ROTARY = ("rotary", "", {"pairs": "F", "base": "base"})
_CAUSAL = ("masking", "broadcast", {"kind": "=causal", "batch": "B", "heads": "H", "target": "T"})
_MODULES_OF_TODAY: Mapping[str, _LabSection] = {
    "query_rotation": _ROTARY,
    "key_rotation": _ROTARY,
    "rotary_angles": _ROTARY,
    "mask": _CAUSAL,
    "target_mask": _CAUSAL,
    "window_mask": _CAUSAL,
    "source_padding_mask": ("masking", "broadcast", {"kind": "=padding", "batch": "B", "heads": "H", "source": "S"}),
}
# Whatever the program is.
_LOSSES = frozenset(("cross_entropy", "nll_loss"))
_LOSS = ("shifted_loss", "", {"vocabulary": "V"})
# Elsewhere in the built-in model: the last part of a module's path.
_PADDING = {"kind": "=padding", "batch": "B", "heads": "H"}
_MODULES: Mapping[str, _LabSection] = {
    "source_position": ("word_order", "waves", {"positions": "S", "d_model": "d_model"}),
    "target_position": ("word_order", "waves", {"positions": "T", "d_model": "d_model"}),
    "source_padding_mask": ("masking", "broadcast", {**_PADDING, "source": "S"}),
    "target_padding_mask": ("masking", "broadcast", {**_PADDING, "source": "T"}),
    "causal_mask": ("masking", "broadcast", {"kind": "=causal", "batch": "B", "heads": "H", "target": "T"}),
}
_CROSS = {"key linear", "value linear"}


def lab_link(trace: Trace, step: Step, settings: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """The lab on the operation of a step.

    Args:
        trace: the trace of the step.
        step: the step.
        settings: those of the page, as its address has them, to come back to.

    Returns:
        The lab's question, and the address that opens its section on the operation with the sizes of this step; None
        where no lab is about it.
    """
    chosen = _lab(trace, step)
    if chosen is None:
        return None
    key, section, sliders = chosen
    lab = lab_of(key)
    if lab is None:
        return None
    sizes = _sizes(trace, step)
    values = {name: _value(sizes, symbol) for name, symbol in sliders.items()}
    given = {PREFIX + name: value for name, value in values.items() if value is not None}
    at = {"section": section} if section else {}
    return lab.question.replace("`", ""), f"labs?{urlencode({**(settings or {}), 'lab': key, **at, **given})}"


def _lab(trace: Trace, step: Step) -> _LabSection | None:
    module = step.path.rpartition(".")[2]
    part = f"{step.name} {step.op}"
    if step.op in _LOSSES:
        return _LOSS
    if trace.variant is not None:
        if module == "cross_attention" and part in _CROSS:
            return "encoder_to_decoder", "cross", {}
        own = _PARTS_OF_TODAY.get(part) or _PARTS.get(part) if module.endswith("attention") else None
        return own or _MODULES_OF_TODAY.get(module)
    if trace.config is None:
        return _PARTS.get(attention_part(trace, step))
    if module == "cross_attention" and part in _CROSS:
        return "encoder_to_decoder", "cross", {}
    return _PARTS.get(part) if module.endswith("attention") else _MODULES.get(module)


def _value(sizes: Mapping[str, int], symbol: str) -> str | None:
    """What a slider is set to: what stands after ``=``, or the size of an axis; None where it is not known."""
    if symbol.startswith("="):
        return symbol[1:]
    return None if symbol not in sizes else str(sizes[symbol])


def _sizes(trace: Trace, step: Step) -> Mapping[str, int]:
    """The sizes by the symbols above: those of the trace, and of this step where the trace has several."""
    sizes = {**trace.sizes, **sizes_of_config(trace.variant)}
    tensors = [tensor for tensor in (*step.inputs, step) if isinstance(tensor, Step)]
    for tensor in tensors:
        sizes |= {symbol: size for symbol, size in zip(tensor.axes, tensor.shape, strict=True) if symbol}
    lengths = [axis for axis, symbol in enumerate(step.axes) if symbol in ("S", "T", "L", "L_k")]
    if lengths:
        first, last = step.shape[lengths[0]], step.shape[lengths[-1]]
        sizes |= {"L": first, "L_k": last}
    return sizes
