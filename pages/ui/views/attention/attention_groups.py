"""The attentions of a trace that stand side by side on the page: those of the same kind, a layer each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from engine import Step
from pages.ui.views.attention.attention_steps import AttentionSteps

KINDS = {
    "encoder.layers.#.self_attention": ("encoder", "Encoder self-attention"),
    "decoder.layers.#.self_attention": ("decoder", "Decoder self-attention"),
    "decoder.layers.#.cross_attention": ("cross", "Cross-attention"),
}
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)|^\d+(?=\.|$)")
_LAYER, _HEAD, _INDEX = "layer {layer}", "head {head}", "axis {axis} = {index}"
_OTHER = "Attention"


@dataclass(frozen=True)
class AttentionGroup:
    """Attentions of one kind and one shape.

    Attributes:
        kind: what the address calls it.
        title: what people see.
        layers: the path of each attention → its steps.
        names: what each of them is called.
    """

    kind: str
    title: str
    layers: Mapping[str, AttentionSteps]
    names: tuple[str, ...]

    @property
    def weights(self) -> Step:
        """The weights of the first, whose axes and sizes all have."""
        return next(iter(self.layers.values())).weights

    @property
    def leading(self) -> tuple[str | None, ...]:
        """The symbols of all axes before queries and keys."""
        return next(iter(self.layers.values())).leading

    @property
    def head_axis(self) -> int | None:
        """The axis whose maps stand side by side: of the heads, or else the last before queries and keys."""
        if "H" in self.leading:
            return self.leading.index("H")
        last = len(self.leading) - 1
        return last if last >= 0 and self.leading[last] != "B" else None

    @property
    def heads(self) -> tuple[str, ...]:
        """What each map of a layer is called; one name, "", where a layer has one map."""
        axis = self.head_axis
        if axis is None:
            return ("",)
        indices = range(self.weights.shape[axis])
        if self.leading[axis] == "H":
            return tuple(_HEAD.format(head=index) for index in indices)
        return tuple(_INDEX.format(axis=axis, index=index) for index in indices)

    def maps(self, layer: str, position: tuple[int, ...]) -> Tensor:
        """The weights (maps, queries, keys) of one layer.

        Args:
            layer: its path.
            position: the index on every axis before queries and keys; that of the heads is not used.
        """
        value: Tensor = self.layers[layer].weights.value
        for axis in reversed(range(len(position))):
            if axis != self.head_axis:
                value = value.select(axis, position[axis])
        return value if self.head_axis is not None else value.unsqueeze(0)


def groups_of(attentions: Mapping[str, AttentionSteps]) -> dict[str, AttentionGroup]:
    """The attentions by kind, in the order they ran.

    Args:
        attentions: the path of each → its steps. Paths that differ in the number of a layer alone are of one kind; of
            those without a number, all of one shape are.
    """
    alike: dict[tuple[str, tuple[int, ...]], dict[str, AttentionSteps]] = {}
    for path, steps in attentions.items():
        pattern = _NUMBER.sub("#", path)
        key = (pattern if "#" in pattern else "", tuple(steps.weights.shape))
        alike.setdefault(key, {})[path] = steps
    groups: dict[str, AttentionGroup] = {}
    for (pattern, shape), layers in alike.items():
        kind, title = KINDS.get(pattern, (pattern or "attention", pattern or _OTHER))
        if kind in groups:
            kind = title = f"{kind} {'×'.join(map(str, shape))}"
        groups[kind] = AttentionGroup(kind, title, layers, _names(tuple(layers)))
    return groups


def _names(paths: tuple[str, ...]) -> tuple[str, ...]:
    """A layer's number where that is the one thing in which the paths differ, else the path."""
    numbers = [_NUMBER.findall(path) for path in paths]
    if all(len(each) == 1 for each in numbers) and len({each[0] for each in numbers}) == len(paths):
        return tuple(_LAYER.format(layer=each[0]) for each in numbers)
    return tuple(path or "attention" for path in paths)
