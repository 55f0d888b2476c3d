"""What the axes of a module's weights are, from the text that made them: ``nn.Linear(config.hidden_size, d_ff)``.

A size is followed through the constructors of the modules around it until it has a name of the field:
``nn.Linear(self.embed_dim, self.all_head_size)``, where ``self.all_head_size = self.n_heads * self.head_dim``, makes a
weight of (H*d_k, d_model). Each name is held against the sizes that the module has; one that does not fit is dropped.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from engine.axes import symbol_for
from engine.record.axis_names.labels import Label, Labels
from engine.record.axis_names.text.constructor_text import (
    MISSING,
    assignments,
    calls_in,
    container_entry,
    filled_sizes,
    whole_number,
)
from engine.record.axis_names.text.program_text import bound_arguments, dotted, method_of, parameters

# By kind of module: its constructor's arguments in order, and those that each weight's axes have the size of.
_LAYERS: Mapping[type, tuple[tuple[str, ...], Mapping[str, tuple[str | None, ...]]]] = {
    nn.Linear: (
        ("in_features", "out_features"),
        {"weight": ("out_features", "in_features"), "bias": ("out_features",)},
    ),
    nn.Embedding: (("num_embeddings", "embedding_dim"), {"weight": ("num_embeddings", "embedding_dim")}),
    nn.LayerNorm: (("normalized_shape",), {"weight": ("normalized_shape",), "bias": ("normalized_shape",)}),
    nn.RMSNorm: (("normalized_shape",), {"weight": ("normalized_shape",)}),
    nn.Conv1d: (
        ("in_channels", "out_channels", "kernel_size"),
        {"weight": ("out_channels", "in_channels", "kernel_size"), "bias": ("out_channels",)},
    ),
    nn.Conv2d: (
        ("in_channels", "out_channels", "kernel_size"),
        {"weight": ("out_channels", "in_channels", "kernel_size", "kernel_size"), "bias": ("out_channels",)},
    ),
}

# The size of what a constructor was given and did not keep.
_UNKNOWN = -1


def constructed_modules(roots: Sequence[nn.Module]) -> dict[int, ConstructedModule]:
    """Every module by its id, with what is known of how it was made.

    Args:
        roots: the outermost modules.
    """
    modules: dict[int, ConstructedModule] = {}
    for root in roots:
        ConstructedModule(root, None, {}).collect(modules)
    return modules


def weight_labels(modules: Mapping[int, ConstructedModule]) -> dict[int, Labels]:
    """The labels of the axes of parameters and buffers by the tensor's id, where any is known."""
    labels: dict[int, Labels] = {}
    for constructed in modules.values():
        for name, tensor in (*constructed.module._parameters.items(), *constructed.module._buffers.items()):
            known = None if tensor is None else constructed.weight(name, tensor)
            if known is not None and any(known):
                labels.setdefault(id(tensor), known)
    return labels


@dataclass
class ConstructedModule:
    """A module, and the call in its owner's constructor that made it.

    Attributes:
        owner: the module whose constructor made it, None where that is not known.
        given: the call's arguments by parameter, as the owner's text has them.
    """

    module: nn.Module
    owner: ConstructedModule | None
    given: Mapping[str, ast.expr]
    _assigned: dict[str, list[ast.expr]] | None = None
    _busy: set[str] = field(default_factory=set)

    def collect(self, modules: dict[int, ConstructedModule]) -> None:
        """Adds this module and those inside it."""
        if id(self.module) not in modules:
            modules[id(self.module)] = self
            for name, child in self.module._modules.items():
                if child is not None:
                    self._child(name, child).collect(modules)

    def weight(self, name: str, tensor: Tensor) -> Labels | None:
        """The labels of the axes of one of the module's own weights."""
        for kind, (_, weights) in _LAYERS.items():
            if isinstance(self.module, kind) and name in weights and tensor.dim() == len(weights[name]):
                return tuple(
                    self._argument(word or "", size) for word, size in zip(weights[name], tensor.shape, strict=True)
                )
        for value in self.assigned.get(f"self.{name}", ()):
            sizes = filled_sizes(value)
            if sizes is not None and len(sizes) == tensor.dim():
                return tuple(self.label(node, size) for node, size in zip(sizes, tensor.shape, strict=True))
        return None

    def _argument(self, word: str, size: int) -> Label | None:
        """The label of a constructor's argument, as the owner's text has it."""
        node = self.given.get(word)
        if node is None or self.owner is None:
            return None
        if isinstance(node, ast.Tuple) and len(node.elts) == 1:
            node = node.elts[0]
        return self.owner.label(node, size)

    @property
    def assigned(self) -> Mapping[str, list[ast.expr]]:
        """What the constructors of the class and its bases assign, by name: ``self.head_dim``, ``embed_dim``."""
        if self._assigned is None:
            self._assigned = {}
            for kind in type(self.module).__mro__:
                method = method_of(kind, "__init__") if "__init__" in kind.__dict__ else None
                for target, value in assignments(method[1]) if method and kind is not nn.Module else ():
                    self._assigned.setdefault(target, []).append(value)
        return self._assigned

    def _child(self, name: str, child: nn.Module) -> ConstructedModule:
        """A module inside this one, with the arguments that it was made with."""
        if isinstance(self.module, nn.ModuleList | nn.Sequential | nn.ModuleDict) and self.owner is not None:
            # A container has no constructor of its own; the calls stand where it was filled.
            calls = [call for expression in self.given.values() for call in calls_in(expression)]
            return self.owner._made_by(child, calls, self.given, name)
        values = self.assigned.get(f"self.{name}", [])
        if isinstance(child, nn.ModuleList | nn.Sequential | nn.ModuleDict) and type(child).__init__ in (
            nn.ModuleList.__init__,
            nn.Sequential.__init__,
            nn.ModuleDict.__init__,
        ):
            added = self.assigned.get(f"self.{name}.append", [])
            return ConstructedModule(child, self, {str(n): value for n, value in enumerate((*values, *added))})
        return self._made_by(child, [call for value in values for call in calls_in(value)], {}, name)

    def _made_by(
        self, child: nn.Module, calls: Sequence[ast.Call], whole: Mapping[str, ast.expr], name: str
    ) -> ConstructedModule:
        if isinstance(child, nn.ModuleList | nn.Sequential | nn.ModuleDict) and type(child).__module__.startswith(
            "torch."
        ):
            inside = container_entry(whole, name)
            return ConstructedModule(child, self, whole if inside is None else {"0": inside})
        entry = container_entry(whole, name)
        if isinstance(entry, ast.Call):
            calls = [entry]
        class_name = type(child).__name__
        named = [call for call in calls if dotted(call.func).rpartition(".")[2] == class_name]
        names = _constructor_parameters(type(child))
        constructed = [
            ConstructedModule(child, self, bound_arguments(call, names))
            for call in named or list(filter(_makes_a_module, calls))[:1]
        ]
        # Of the two sides of an ``if`` the one whose sizes the weights have.
        return max(constructed, key=ConstructedModule._named_sizes, default=ConstructedModule(child, self, {}))

    def _named_sizes(self) -> int:
        """How many axes of this module's own weights have a name."""
        weights = ((name, tensor) for name, tensor in self.module._parameters.items() if tensor is not None)
        return sum(label is not None for name, tensor in weights for label in self.weight(name, tensor) or ())

    def label(self, node: ast.expr, size: int) -> Label | None:
        """The label of an expression in this module's constructor, None where it has none or another size."""
        known = self._label(node)
        if known is None:
            return None
        # What the outermost constructor was given is not known any more; one such factor follows from the size.
        counts = [count for _, count in known.factors if count != _UNKNOWN]
        if len(counts) == len(known.factors) - 1 and size % math.prod(counts) == 0:
            missing = size // math.prod(counts)
            known = Label(tuple((name, missing if count == _UNKNOWN else count) for name, count in known.factors))
        return known if known.size == size else None

    def _label(self, node: ast.expr) -> Label | None:
        match node:
            case ast.Constant(value=int(number)) if number > 1:
                return Label.of(str(number), number)
            case ast.Attribute():
                return self._attribute(node)
            case ast.Name():
                return self._name(node.id)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.IfExp():
                chosen = self._chosen(node)
                return None if chosen is None else self._label(chosen)
            case ast.BoolOp(op=ast.Or()):
                given = next((call for call in node.values if self.value(call) not in (None, 0, MISSING)), None)
                return None if given is None else self._label(given)
            case ast.Call(func=ast.Name(id="int" | "round"), args=[inner, *_]):
                return self._label(inner)
            case ast.Call(func=ast.Name(id="getattr"), args=[base, ast.Constant(value=str(attribute)), *other]):
                holder = self.value(base)
                if getattr(holder, attribute, None) is not None:
                    return self._label(ast.Attribute(base, attribute))
                return self._label(other[0]) if other else None
        return None

    def _attribute(self, node: ast.Attribute) -> Label | None:
        value, symbol = self.value(node), symbol_for(node.attr)
        if symbol is not None and isinstance(value, int):
            return Label.of(symbol, value)
        if dotted(node.value) == "self":
            return self._resolved(f"self.{node.attr}")
        return None

    def _name(self, name: str) -> Label | None:
        if name in self.given and self.owner is not None:
            outer = self.owner._label(self.given[name])
            value, symbol = self.value(ast.Name(name)), symbol_for(name)
            # The caller may say 4 * hidden_size of what this constructor calls intermediate_size.
            if symbol is not None and isinstance(value, int) and (outer is None or len(outer.factors) > 1):
                return Label.of(symbol, value)
            return outer
        if name in self.assigned:
            symbol, value = symbol_for(name), self.value(ast.Name(name))
            if symbol is not None and isinstance(value, int):
                return Label.of(symbol, value)
            return self._resolved(name)
        symbol, value = symbol_for(name), self.value(ast.Name(name))
        if symbol is not None and value is MISSING:
            return Label.of(symbol, _UNKNOWN)
        return Label.of(symbol, value) if symbol is not None and isinstance(value, int) else None

    def _resolved(self, target: str) -> Label | None:
        """What a variable or an attribute was set to, where the constructor sets it to one thing only."""
        if target in self._busy:
            return None
        self._busy.add(target)
        try:
            labels = {self._label(value) for value in self.assigned.get(target, ())}
        finally:
            self._busy.discard(target)
        return labels.pop() if len(labels) == 1 else None

    def _arithmetic(self, node: ast.BinOp) -> Label | None:
        left, right = self._label(node.left), self._label(node.right)
        number = node.right.value if isinstance(node.right, ast.Constant) else None
        match node.op:
            case ast.Mult():
                return None if left is None or right is None else left.times(right)
            case ast.FloorDiv() | ast.Div():
                if left is None or left.size < 0 or (right is not None and right.size < 0):
                    return None
                if isinstance(number, int) and number > 1:
                    return left.over(number)
                # The width of all heads, divided by how many there are.
                if right is not None and right.text == "H" and left.text in ("d_model", "H*d_k"):
                    return Label.of("d_k", left.size // right.size)
            case ast.Add() | ast.Sub() if left is not None and left.size > 0 and isinstance(number, int):
                return left.plus(number if isinstance(node.op, ast.Add) else -number)
        return None

    def _chosen(self, node: ast.IfExp) -> ast.expr | None:
        match node.test:
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[ast.Constant(value=None)]):
                value = self.value(left)
                if value is MISSING:
                    return None
                return node.body if (value is None) is isinstance(op, ast.Is) else node.orelse
        value = self.value(node.test)
        return None if value is MISSING else node.body if value else node.orelse

    def value(self, node: ast.expr) -> Any:
        """The value that an expression of the constructor had, as far as the module still tells it."""
        match node:
            case ast.Constant():
                return node.value
            case ast.Name(id="self"):
                return self.module
            case ast.Name(id=name):
                if name in self.given and self.owner is not None:
                    outer = self.owner.value(self.given[name])
                    if outer is not MISSING:
                        return outer
                values = self.assigned.get(name, [])
                if len(values) == 1 and name not in self._busy:
                    self._busy.add(name)
                    try:
                        inner = self.value(values[0])
                    finally:
                        self._busy.discard(name)
                    if inner is not MISSING:
                        return inner
                return getattr(self.module, name, MISSING)
            case ast.Attribute():
                holder = self.value(node.value)
                return MISSING if holder is MISSING else getattr(holder, node.attr, MISSING)
            case ast.BinOp():
                return whole_number(node.op, self.value(node.left), self.value(node.right))
            case ast.IfExp():
                chosen = self._chosen(node)
                return MISSING if chosen is None else self.value(chosen)
        return MISSING


def _makes_a_module(call: ast.Call) -> bool:
    """Whether a call may be that of a class under another name: ``ATTENTION[kind](config)``, ``attention_class()``.

    ``copy.deepcopy(layer)`` and ``_get_clones(layer, n)`` take no arguments of a constructor.
    """
    name = dotted(call.func).rpartition(".")[2]
    return not name or name[0].isupper() or name.endswith(("class", "cls", "type"))


def _constructor_parameters(kind: type) -> tuple[str, ...]:
    for layer, (names, _) in _LAYERS.items():
        if kind is layer:
            return names
    method = method_of(kind, "__init__")
    return () if method is None else parameters(method[1])[1:]
