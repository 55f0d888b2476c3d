"""Turns what the recorder kept into steps: names, axes, parents, memory. Runs once, when a trace is first looked at."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn

from engine import axes
from engine.cost import flops
from engine.source import Source, locate
from engine.trace import Leaf, Step

# func, args, kwargs, result, code, instruction offset, running module, group. A plain tuple, because one is made for
# every call while the recorded program is running.
Call = tuple[Any, tuple[Any, ...], "dict[str, Any] | None", Any, "CodeType | None", int, "nn.Module | None", int]
AxisNames = Sequence[tuple[str, Mapping[str, str]]]

_OPERATORS = {"truediv": "div", "invert": "bitwise_not", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}
_REFLECTED = frozenset(("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"))


@dataclass(frozen=True)
class Overwrite:
    """Memory as it was just before call number ``at`` wrote into it."""

    at: int
    target: Tensor
    storage: int
    shape: torch.Size
    stride: tuple[int, ...]
    offset: int
    copy: torch.UntypedStorage | None

    @classmethod
    def before(cls, at: int, target: Tensor) -> Overwrite:
        memory = target.untyped_storage()
        copy = None if target.is_meta else memory.clone()
        return cls(at, target, memory._cdata, target.shape, target.stride(), int(target.storage_offset()), copy)

    def restore(self, tensor: Tensor) -> Tensor:
        """``tensor`` with the numbers it had before the call."""
        if self.copy is None:
            return tensor
        shape, stride, offset = tensor.shape, tensor.stride(), tensor.storage_offset()
        if tensor is self.target:  # transpose_() and its like change these as well
            shape, stride, offset = self.shape, self.stride, self.offset
        kept = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        return kept.set_(self.copy, offset, shape, stride)


@dataclass(frozen=True)
class Tape:
    """Everything the recorder kept of one recording."""

    calls: tuple[Call, ...]
    overwrites: tuple[Overwrite, ...]
    inputs: Mapping[str, Tensor]
    target: Any
    axis_names: AxisNames = field(default=())

    def before(self, tensor: Tensor, call: int) -> Tensor:
        """The tensor with the numbers it had when this call began."""
        if not self.overwrites:
            return tensor
        storage = tensor.untyped_storage()._cdata
        for overwrite in self.overwrites:
            if overwrite.at >= call and overwrite.storage == storage:
                return overwrite.restore(tensor)
        return tensor


def resolve(tape: Tape) -> tuple[Step, ...]:
    """The steps of a recording, in execution order."""
    return _Resolver(tape).steps()


class _Resolver:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.paths = _paths(tape)
        self.leaves: dict[int, Leaf] = {id(tensor): Leaf("input", name, tensor) for name, tensor in tape.inputs.items()}
        for module in _roots(tape):
            prefix = self.paths[id(module)]
            for kind, tensors in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
                for name, tensor in tensors:
                    full = f"{prefix}.{name}" if prefix else name
                    self.leaves.setdefault(id(tensor), Leaf(kind, full, tensor))
        self.made: dict[int, Step] = {}
        self.writers: dict[int, Step] = {}
        self.sources: dict[tuple[int, int], Source] = {}
        self.renames: dict[str, Mapping[str, str]] = {}

    def steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for number in range(len(self.tape.calls)):
            for step in self._call(number, len(steps)):
                steps.append(step)
        return tuple(steps)

    def _call(self, number: int, index: int) -> Iterator[Step]:
        func, args, kwargs, result, code, lasti, module, _ = self.tape.calls[number]
        read = tuple(_flatten(args, kwargs or {}))
        given = [value for _, value in read if isinstance(value, Tensor)]
        parents = self._parents(read, number)
        op = _op(func)
        source = self._source(code, lasti)
        path = self.paths.get(id(module), "") if module is not None else ""
        final = self._ends_its_line(number)
        outputs = (result,) if isinstance(result, Tensor) else tuple(t for t in result if isinstance(t, Tensor))
        written = {id(o.target) for o in self.tape.overwrites if o.at == number}
        for position, tensor in enumerate(outputs):
            value = self.tape.before(tensor, number + 1)
            step = Step(
                index=index + position,
                op=op,
                name=_name(source, op, position, len(outputs)) if final else op,
                path=path,
                axes=self._axes(source, path, value) if final else (None,) * value.dim(),
                parents=parents,
                source=source,
                value=value,
                memory=_memory(tensor, given, written),
                flops=flops(op, given, value),
                call=number,
                output=position,
                _recompute=self._recompute(number, position),
            )
            # A call that hands its input back leaves the numbers to the step that made them.
            if step.memory != "same":
                self.made[id(tensor)] = step
            if step.memory == "overwritten":
                self.writers[tensor.untyped_storage()._cdata] = step
            yield step

    def _parents(self, read: Sequence[tuple[str, Any]], number: int) -> tuple[Step | Leaf, ...]:
        parents: list[Step | Leaf] = []
        for name, value in read:
            if not isinstance(value, Tensor):
                parents.append(Leaf("argument", name, value))
                continue
            made = self.made.get(id(value))
            if made is not None:
                parents.append(made)
            else:
                leaf = self.leaves.get(id(value)) or Leaf("constant", name or "constant", value)
                before = self.tape.before(value, number)
                parents.append(leaf if before is value else Leaf(leaf.kind, leaf.name, before))
            # Somebody may have written into this memory under another name since.
            writer = self.writers.get(value.untyped_storage()._cdata) if self.writers else None
            if writer is not None and (made is None or writer.index > made.index):
                parents.append(writer)
        return tuple(parents)

    def _source(self, code: CodeType | None, lasti: int) -> Source | None:
        if code is None:
            return None
        key = (id(code), lasti)
        if key not in self.sources:
            self.sources[key] = locate(code, lasti)
        return self.sources[key]

    def _ends_its_line(self, number: int) -> bool:
        """Whether this call is the last that its expression made; the ones before it are torch's own inner calls."""
        calls = self.tape.calls
        if number + 1 == len(calls):
            return True
        mine, following = calls[number], calls[number + 1]
        return mine[7] != following[7] or mine[4] is not following[4] or mine[5] != following[5]

    def _axes(self, source: Source | None, path: str, value: Tensor) -> tuple[str | None, ...]:
        unknown = (None,) * value.dim()
        if source is None or not source.targets or source.comment_axes is None:
            return unknown
        if len(source.comment_axes) != value.dim():
            return unknown
        if path not in self.renames:
            self.renames[path] = next((n for p, n in self.tape.axis_names if fnmatch.fnmatchcase(path, p)), {})
        # A bare size in a comment is no name; 1 is, for an axis that is only there to broadcast.
        named = (None if item.isdigit() and item != "1" else item for item in source.comment_axes)
        return tuple(item and axes.rename(item, self.renames[path]) for item in named)

    def _recompute(self, number: int, position: int) -> Callable[[], Tensor]:
        tape = self.tape

        def recompute() -> Tensor:
            func, args, kwargs, *_ = tape.calls[number]
            writes = {id(o.target) for o in tape.overwrites if o.at == number}

            def then(value: Any) -> Any:
                if isinstance(value, Tensor):
                    before = tape.before(value, number)
                    return before.clone() if id(value) in writes else before
                if isinstance(value, (tuple, list)) and not isinstance(value, torch.Size):
                    return type(value)(then(item) for item in value) if type(value) in (tuple, list) else value
                return value

            arguments = [then(value) for value in args]
            result = func(*arguments, **{name: then(value) for name, value in (kwargs or {}).items()})
            if result is None:  # x[i] = y
                return arguments[0]
            if isinstance(result, Tensor):
                return result
            return [value for value in result if isinstance(value, Tensor)][position]

        return recompute


def _roots(tape: Tape) -> tuple[nn.Module, ...]:
    """The outermost modules that ran: the recorded one, or those that a recorded function called."""
    if isinstance(tape.target, nn.Module):
        return (tape.target,)
    bound = getattr(tape.target, "__self__", None)
    if isinstance(bound, nn.Module):
        return (bound,)
    ran = list({id(call[6]): call[6] for call in tape.calls if call[6] is not None}.values())
    inside = {id(child) for module in ran for child in module.modules() if child is not module}
    return tuple(module for module in ran if id(module) not in inside)


def _paths(tape: Tape) -> dict[int, str]:
    """Module id → its path. One outermost module is the root, ""; several are told apart by their class."""
    roots = _roots(tape)
    paths: dict[int, str] = {}
    for number, root in enumerate(roots):
        prefix = "" if len(roots) == 1 else f"{type(root).__name__.lower()}_{number}"
        for name, module in root.named_modules():
            paths.setdefault(id(module), ".".join(filter(None, (prefix, name))))
    return paths


def _flatten(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every argument with its name; tensors inside lists and tuples one by one, other things whole."""
    for name, value in [*(("", value) for value in args), *kwargs.items()]:
        if isinstance(value, (tuple, list)) and any(isinstance(item, Tensor) for item in value):
            yield from ((name, item) for item in value)
        else:
            yield name, value


def _op(func: Any) -> str:
    name: str = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__"):
        return str(getattr(func.__self__, "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        if name[:1] in "ri" and name[1:] in _REFLECTED:
            name = name[1:] + ("_" if name[0] == "i" else "")
        return _OPERATORS.get(name, name)
    return name


def _name(source: Source | None, op: str, position: int, outputs: int) -> str:
    targets = source.targets if source else ()
    if outputs > 1 and len(targets) == outputs:
        return targets[position]
    if outputs == 1 and len(targets) == 1:
        return targets[0]
    if outputs > 1 and len(targets) == 1:
        return f"{targets[0]}[{position}]"
    return f"{op}[{position}]" if outputs > 1 else op


def _memory(tensor: Tensor, given: Sequence[Tensor], written: set[int]) -> str:
    if id(tensor) in written:
        return "overwritten"
    if any(tensor is other for other in given):
        return "same"
    if tensor.numel() == 0:
        return "new"
    storage = tensor.untyped_storage()._cdata
    return "view" if any(other.untyped_storage()._cdata == storage for other in given) else "new"
