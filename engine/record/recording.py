"""What the recorder kept of one recording, and what memory that was overwritten held before."""

from __future__ import annotations

import inspect
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import CodeType
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from engine.ops.numerics import memory_of


class Execution(NamedTuple):
    """One run of a function of the recorded program. Two of them are told apart by identity.

    Attributes:
        code: the function's code, None where nothing but torch runs.
        module: the module whose method it is, or that of its caller.
        torch_call: for torch's own code that the program called, a number that all of it that one call ran has in
            common; 0 for the program's code.
        caller: the execution that called it; None for the outermost.
        caller_lasti: the offset of the instruction of ``caller`` that called it.
    """

    code: CodeType | None
    module: nn.Module | None
    torch_call: int = 0
    caller: Execution | None = None
    caller_lasti: int = 0


# func, args, kwargs, result, execution, instruction offset, group, count. A plain tuple, because one is made for every
# call while the recorded program is running. A group are the calls that one execution of one line made inside torch;
# the count is how often a result that is one tensor had been written to.
Call = tuple[Any, tuple[Any, ...], "dict[str, Any] | None", Any, Execution, int, int, "int | None"]
AxisNames = Sequence[tuple[str, Mapping[str, str]]]

_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Overwrite:
    """Memory as it was just before call number ``at`` wrote into it, or read it where ``writes`` is False.

    Attributes:
        at: the number of the call.
        target: the tensor through which it was written.
        memory: what tells one block of memory from another; None where the tensor has not one plain block.
        shape, stride, offset: how the target lay in it, in elements.
        copy: the numbers as they were, of the whole block, or of the tensor where there is none.
        writes: whether the call wrote.
    """

    at: int
    target: Tensor
    memory: int | None
    shape: torch.Size
    stride: tuple[int, ...]
    offset: int
    copy: torch.UntypedStorage | Tensor
    writes: bool = True

    @classmethod
    def before(cls, at: int, target: Tensor, writes: bool = True) -> Overwrite:
        """Keeps what a tensor holds before a call writes into it.

        Args:
            at: the number of the call.
            target: the tensor.
            writes: whether the call is sure to write into it.
        """
        memory = memory_of(target)
        if memory is None:  # not one plain block of memory: only the tensor itself can be kept
            return cls(at, target, None, target.shape, (), 0, target.detach().clone(), writes)
        copy = memory if target.is_meta else memory.clone()
        return cls(at, target, memory._cdata, target.shape, target.stride(), int(target.storage_offset()), copy, writes)

    def restore(self, tensor: Tensor, layout: Overwrite | Tensor) -> Tensor:
        """``tensor`` with the numbers it had before the call, laid out as it was then."""
        if isinstance(self.copy, Tensor):
            return self.copy
        if isinstance(layout, Tensor):
            shape, stride, offset = layout.shape, layout.stride(), int(layout.storage_offset())
        else:
            shape, stride, offset = layout.shape, layout.stride, layout.offset
        kept = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        kept = kept.set_(self.copy, offset, shape, stride)
        return kept.conj() if tensor.is_conj() else kept


@dataclass(frozen=True)
class Recording:
    """Everything the recorder kept of one recording.

    Attributes:
        calls: those that returned a tensor, in execution order.
        overwrites: what memory held before a call wrote into it.
        target, args, kwargs: what was recorded.
        called: modules that were called by code of no module.
        modules: those that the recorded module is made of, or that the recorded program called.
        axis_names: by pattern of module path, which axis a symbol of a shape comment stands for there.
        written_since: whether a tensor was written to after the recording ended.
        generators: by number, the state that the generator of random numbers had before a fused call that drew some.
        left: the tensors whose numbers were handed to numpy, each with the number of the next call.
        first_list: the number of the call after the first ``tolist``, None without one.
        threads: how many threads the recorded program started.
        insides: by number, what was recorded of the inside of a fused call.
    """

    calls: Sequence[Call]
    overwrites: Sequence[Overwrite]
    target: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    called: Sequence[nn.Module]
    modules: Sequence[nn.Module]
    axis_names: AxisNames
    written_since: Callable[[Tensor], bool]
    generators: Mapping[int, Tensor]
    left: Sequence[tuple[int, Tensor]] = ()
    first_list: int | None = None
    threads: int = 0
    insides: dict[int, Any] = field(default_factory=dict, repr=False)

    def before(self, tensor: Tensor, call: int) -> Tensor:
        """The tensor with the numbers it had when this call began."""
        if not self.overwrites:
            return tensor
        itself = _first(self._of_tensor.get(id(tensor), ()), call)
        memory = memory_of(tensor)
        shared = None if memory is None else _first(self._of_memory.get(memory._cdata, ()), call)
        first = min(
            (overwrite for overwrite in (shared, itself) if overwrite), key=lambda overwrite: overwrite.at, default=None
        )
        # transpose_() and its like change the layout of their target and of no other view.
        return tensor if first is None else first.restore(tensor, itself or tensor)

    def as_read(self, value: Any, call: int) -> Any:
        """The same arguments, with each tensor as it was when this call began."""
        return with_tensors(value, lambda tensor: self.before(tensor, call))

    def overwrites_at(self, call: int) -> Sequence[Overwrite]:
        """What this call wrote into."""
        return self._at.get(call, ())

    def recorded(self) -> Iterator[Tensor]:
        """Every tensor that a call returned, with the numbers it had then, in execution order."""
        for number, call in enumerate(self.calls):
            for tensor in outputs_of(call[3]):
                yield self.before(tensor, number + 1)

    @cached_property
    def inputs(self) -> Mapping[str, Tensor]:
        """The tensors the recorded callable was given, each under the name of the parameter that took it."""
        return _named_inputs(self.target, self.args, self.kwargs)

    @cached_property
    def _of_tensor(self) -> Mapping[int, list[Overwrite]]:
        return _grouped(self.overwrites, lambda overwrite: id(overwrite.target))

    @cached_property
    def _of_memory(self) -> Mapping[int | None, list[Overwrite]]:
        return _grouped(self.overwrites, lambda overwrite: overwrite.memory)

    @cached_property
    def _at(self) -> Mapping[int, list[Overwrite]]:
        return _grouped([o for o in self.overwrites if o.writes], lambda overwrite: overwrite.at)


def outputs_of(result: Any) -> tuple[Tensor, ...]:
    """The tensors that a call returned."""
    return (result,) if isinstance(result, Tensor) else tuple(item for item in result if isinstance(item, Tensor))


def with_tensors(value: Any, replace: Callable[[Tensor], Tensor]) -> Any:
    """A value, tuple, list or dictionary with its tensors replaced."""
    if isinstance(value, Tensor):
        return replace(value)
    if type(value) in (tuple, list):
        return type(value)(with_tensors(item, replace) for item in value)
    if type(value) is dict:
        return {name: with_tensors(item, replace) for name, item in value.items()}
    return value


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in a value, tuple, list or dictionary, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def _grouped(overwrites: Sequence[Overwrite], key: Callable[[Overwrite], _Key]) -> dict[_Key, list[Overwrite]]:
    groups: dict[_Key, list[Overwrite]] = {}
    for overwrite in overwrites:
        groups.setdefault(key(overwrite), []).append(overwrite)
    return groups


def _first(overwrites: Sequence[Overwrite], call: int) -> Overwrite | None:
    """The first of these, in the order they happened, that this call or a later one made."""
    position = bisect_left(overwrites, call, key=lambda overwrite: overwrite.at)
    return overwrites[position] if position < len(overwrites) else None


def _named_inputs(target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors given, each under the name of the parameter that took it."""
    while isinstance(target, partial):
        target, args, kwargs = target.func, (*target.args, *args), {**target.keywords, **kwargs}
    function = target.forward if isinstance(target, nn.Module) else target
    try:
        arguments: Mapping[str, Any] = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # a builtin without a signature
        arguments = {**{f"input{i}": value for i, value in enumerate(args)}, **kwargs}
    named: dict[str, Tensor] = {}
    queue = [("self", getattr(target, "__self__", None)), *arguments.items()]
    while queue:
        name, value = queue.pop(0)
        if isinstance(value, Tensor):
            named[name] = value
        elif isinstance(value, (tuple, list)):
            queue[:0] = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif isinstance(value, dict):
            queue[:0] = [(str(key), item) for key, item in value.items()]
    return named
