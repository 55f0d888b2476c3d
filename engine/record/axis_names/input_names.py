"""What the axes of the recorded callable's own arguments are: its annotations, its docstring, the arguments' names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from engine.axes import symbol_for
from engine.record.axis_names.labels import Label
from engine.record.axis_names.naming import Anchor
from engine.record.axis_names.nodes import sizes_of
from engine.record.axis_names.shape_words import written_symbol

# The names that the field gives to a model's arguments. L is the only sequence there is; where a model reads one
# sequence and writes another, S and T.
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "input_ids": ("B", "L"),
    "token_type_ids": ("B", "L"),
    "position_ids": ("B", "L"),
    "attention_mask": ("B", "L"),
    "labels": ("B", "L"),
    "inputs_embeds": ("B", "L", "d_model"),
    "hidden_states": ("B", "L", "d_model"),
    "encoder_hidden_states": ("B", "S", "d_model"),
    "encoder_attention_mask": ("B", "S"),
    "decoder_input_ids": ("B", "T"),
    "decoder_attention_mask": ("B", "T"),
    "decoder_position_ids": ("B", "T"),
    "decoder_inputs_embeds": ("B", "T", "d_model"),
    "pixel_values": ("B", "C", "Hpx", "Wpx"),
    "input_features": ("B", "mel", "2*S"),
}
_ANNOTATION = re.compile(r"(?:\w+\.)*\w+\[[^,\]]+,\s*[\"']([^\"']*)[\"']\s*\]")
_SHAPED = re.compile(r"^\s*(\w+)\s*(?:\(|:)[^\n]*?\bshape\s*:?\s*`{0,2}[(\[]([^()\[\]]*)[)\]]", re.MULTILINE)


# By axis the symbol and whether it is vague, None where nothing is said.
Symbols = tuple[tuple[str, bool] | None, ...]


def input_anchors(target: Any, inputs: Mapping[str, Tensor]) -> dict[int, list[list[Anchor]]]:
    """What is said of the axes of the tensors given, by the tensor's id.

    Args:
        target: what was recorded.
        inputs: the tensors that it was given, by the parameter that took them.
    """
    function, documented = _function(target)
    names = _parameter_names(function)
    layer = _of_torch_layer(target)
    annotations = dict(getattr(function, "__annotations__", {}))
    shapes = dict(documented_shapes(documented))
    anchors: dict[int, list[list[Anchor]]] = {}
    for name, tensor in inputs.items():
        axis_anchors: list[list[Anchor]] = [[] for _ in range(tensor.dim())]
        readings = (
            ("annotation", annotation_axes(annotations.get(name))),
            ("docstring", shapes.get(name)),
            ("argument name", layer.get(name) or _by_name(name, names)),
        )
        for source, symbols in readings:
            for axis, label in enumerate(fitting_labels(symbols, sizes_of(tensor))):
                if label is not None:
                    axis_anchors[axis].append(Anchor(label[0], source, vague=label[1]))
        if any(axis_anchors):
            anchors.setdefault(id(tensor), axis_anchors)
    return anchors


def annotation_axes(annotation: Any) -> Symbols | None:
    """The axes in an annotation such as jaxtyping's ``Float[Tensor, "batch length d_model"]``."""
    text = getattr(annotation, "dim_str", None)
    if text is None and isinstance(annotation, str):
        written = _ANNOTATION.fullmatch(annotation.strip())
        text = written and written[1]
    if not isinstance(text, str) or not text.split() or "..." in text or "*" in text:
        return None
    # jaxtyping: #n may be broadcast, _ is any size, n=4 names one
    words = [word.lstrip("#?").partition("=")[0] for word in text.split()]
    return tuple(_symbol(word) for word in words)


def documented_shapes(text: str) -> Iterator[tuple[str, Symbols]]:
    """``input_ids (`torch.LongTensor` of shape `(batch_size, sequence_length)`)``, by parameter."""
    for name, words in _SHAPED.findall(text):
        items = [word.strip(" `") for word in words.split(",") if word.strip(" `")]
        if items and not any("..." in item for item in items):
            yield name, tuple(_documented(item) for item in items)


def fitting_labels(symbols: Symbols | None, shape: Sequence[int]) -> Iterator[tuple[Label, bool] | None]:
    """The labels of as many symbols as there are axes, each with whether it is vague; none for another number."""
    if symbols is None or len(symbols) != len(shape):
        return
    for symbol, size in zip(symbols, shape, strict=True):
        if symbol is None:
            yield None
        elif symbol[0].startswith("2*"):
            half = Label((("2", 2), (symbol[0][2:], size // 2)))
            yield (half, symbol[1]) if size % 2 == 0 else None
        else:
            yield Label.of(symbol[0], size), symbol[1]


def _symbol(word: str) -> tuple[str, bool] | None:
    return written_symbol(word) if word.isidentifier() and word != "_" else None


def _documented(word: str) -> tuple[str, bool] | None:
    """The symbol of a word of a docstring; one that is not the field's tells little of the axis."""
    known = _symbol(word)
    return known and (known[0], known[1] or symbol_for(word) is None)


def _function(target: Any) -> tuple[Any, str]:
    while isinstance(target, partial):
        target = target.func
    function = type(target).forward if isinstance(target, nn.Module) else target
    return function, inspect.getdoc(function) or ""


def _parameter_names(function: Any) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _of_torch_layer(target: Any) -> Mapping[str, Symbols]:
    """What torch's own attention layers take, in the order that their ``batch_first`` says."""
    while isinstance(target, partial):
        target = target.func
    if isinstance(target, nn.MultiheadAttention):
        lengths, first = {"query": "L", "key": "L_k", "value": "L_k"}, target.batch_first
    elif isinstance(target, nn.Transformer):
        lengths, first = {"src": "S", "tgt": "T"}, target.batch_first
    elif isinstance(target, nn.TransformerDecoder | nn.TransformerDecoderLayer):
        lengths, first = {"tgt": "T", "memory": "S"}, _layer_of(target).self_attn.batch_first
    elif isinstance(target, nn.TransformerEncoder | nn.TransformerEncoderLayer):
        lengths, first = {"src": "L"}, _layer_of(target).self_attn.batch_first
    else:
        return {}
    orders = {name: ("B", length) if first else (length, "B") for name, length in lengths.items()}
    return {name: tuple((symbol, False) for symbol in (*order, "d_model")) for name, order in orders.items()}


def _layer_of(target: Any) -> Any:
    return target.layers[0] if hasattr(target, "layers") else target


def _by_name(name: str, parameters: frozenset[str]) -> Symbols | None:
    axes = _ARGUMENTS.get(name)
    if axes is None:
        return None
    two = "decoder_input_ids" in parameters
    return tuple(("S" if symbol == "L" and two else symbol, False) for symbol in axes)
