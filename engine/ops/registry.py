"""One entry an operation: what it is called with, what it reads, its arithmetic, its formula and its price.

A module of this folder describes an operation and registers it; nothing else has to know of it. An entry of which a
part is missing cannot be registered, and an operation without an entry is unknown everywhere in the same way:
``lookup``, ``bind``, ``reads`` and ``flops`` give None.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from engine.ops import call as calls
from engine.ops.access import AccessMap, NoAccess
from engine.ops.call import Call, RecordedCall
from engine.ops.checks import Check
from engine.ops.element_context import Derivation, ElementContext
from engine.ops.formula import Cells

# By parameter, what is read of the tensor given as it; None where the call is not of a known kind.
Reads = Mapping[str, AccessMap] | None


class Movement(Enum):
    """What an operation does that only moves numbers."""

    REGROUPS = "the same numbers in the same order, in axes of other sizes"
    PERMUTES = "the same numbers with the axes in another order, or with axes of size 1 added or taken away"
    COPIES = "the same number at the same index; the dtype or the memory may be another"
    SELECTS = "some of the numbers, or numbers of several tensors, each perhaps more than once"


class Operation(ABC):
    """One operation.

    Attributes:
        names: what it goes by in PyTorch and Python, the usual name first; in-place forms such as ``add_`` as well.
        signature: its parameters, as ``engine.ops.call.bind`` reads them.
        swapped_names: further names, under which it takes its first two operands the other way round.
        movement: how it moves numbers, None where it computes new ones.
        takes_complex: whether its arithmetic holds for complex numbers too.
    """

    names: tuple[str, ...]
    signature: str
    swapped_names: tuple[str, ...] = ()
    movement: Movement | None = None
    takes_complex: bool = False

    @abstractmethod
    def reads(self, call: Call) -> Reads:
        """What one element of the output reads of each tensor, by parameter; a tensor left out is not read."""

    @abstractmethod
    def derive(self, at: ElementContext) -> Derivation:
        """The arithmetic of one element: its terms, their result, and the sentence that tells it."""

    @abstractmethod
    def formula(self, cells: Cells) -> str:
        """What one element of the output is, in the elements that it reads."""

    @abstractmethod
    def flops(self, call: Call) -> int:
        """Floating-point operations of the call. A multiplication and an addition are one each."""

    def checks(self, call: Call) -> Iterator[Check]:
        """What must hold of any call of this operation, measured on its numbers."""
        yield from ()


_Described = TypeVar("_Described", bound=Operation)
_BY_NAME: dict[str, Operation] = {}
_SWAPPED: set[str] = set()


def register(operation: Operation) -> None:
    """Adds an operation to the registry under its names. One of which a method is missing cannot even be made.

    Raises:
        TypeError: its names or its signature are missing.
        ValueError: another operation has one of its names.
    """
    missing = [part for part in ("names", "signature") if not getattr(operation, part, None)]
    if missing:
        raise TypeError(f"{type(operation).__name__} is only half described: it has no {' and no '.join(missing)}")
    for name in (*operation.names, *operation.swapped_names):
        if name in _BY_NAME:
            raise ValueError(f"an operation called {name} is registered already: {type(_BY_NAME[name]).__name__}")
    _BY_NAME.update(dict.fromkeys((*operation.names, *operation.swapped_names), operation))
    _SWAPPED.update(operation.swapped_names)


def operation(names: str, signature: str = "") -> Callable[[type[_Described]], type[_Described]]:
    """Describes a class as one operation and registers it: the line above every entry.

    Args:
        names: what it goes by, separated by spaces, the usual name first.
        signature: its parameters, as ``engine.ops.call.bind`` reads them; empty where it takes those of its base class.

    Returns:
        The decorator of the class, which is made without arguments.

    Raises:
        TypeError, ValueError: as ``register`` does.
    """

    def describe(entry: type[_Described]) -> type[_Described]:
        entry.names = tuple(names.split())
        if signature:
            entry.signature = signature
        register(entry())
        return entry

    return describe


def operations() -> tuple[Operation, ...]:
    """Every registered operation, once."""
    return tuple(dict.fromkeys(_BY_NAME.values()))


def lookup(op: str) -> Operation | None:
    """The operation with this name, None for one that nobody registered. ``add_`` and ``add`` are the same sum."""
    operation = _BY_NAME.get(op)
    return _BY_NAME.get(op.removesuffix("_")) if operation is None else operation


def canonical_name(op: str) -> str | None:
    """The usual name of an operation, None for one that nobody registered."""
    operation = lookup(op)
    return None if operation is None else operation.names[0]


def bind(step: RecordedCall) -> Call | None:
    """The call that made this, None where nobody registered the operation or it was called in a way that is unknown."""
    operation = lookup(step.op)
    if operation is None:
        return None
    return calls.bind(step, operation.names[0], operation.signature, swapped=step.op in _SWAPPED)


def reads_by_name(call: Call) -> Reads:
    """What one element of the output reads of each tensor, by parameter; None where the call is not of a known kind."""
    operation = lookup(call.op)
    # The rows of a nested tensor have lengths of their own, and it has no shape to speak of.
    nested = call.step.value.is_nested or any(call.args[name].value.is_nested for name in call.tensors)
    try:
        reads = None if operation is None or nested else operation.reads(call)
    except RuntimeError:
        # What a transform of torch.func wrapped has no numbers to read any more; some reads depend on them.
        if not any(map(_is_wrapped, call.step.parents)):
            raise
        reads = None
    return None if reads is None else {name: reads.get(name, NoAccess()) for name in call.tensors}


def _is_wrapped(parent: Any) -> bool:
    value = parent.value
    return isinstance(value, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(value)


class BoundOperation(NamedTuple):
    """A recorded call with its operation, its arguments by parameter, and what an element reads by parameter."""

    operation: Operation
    call: Call
    reads: Mapping[str, AccessMap]


def bound_operation(step: RecordedCall) -> BoundOperation | None:
    """The call with everything that its entry says of it; None for an unknown operation or kind of call."""
    operation, call = lookup(step.op), bind(step)
    by_name = None if call is None else reads_by_name(call)
    if operation is None or call is None or by_name is None:
        return None
    return BoundOperation(operation, call, by_name)


def reads(step: RecordedCall) -> tuple[AccessMap, ...] | None:
    """What one element of the output reads of each tensor, in the order of the call; None for an unknown operation."""
    bound = bound_operation(step)
    return None if bound is None else tuple(bound.reads.values())


def flops(step: RecordedCall) -> int | None:
    """FLOPs of the call; None for an unknown operation."""
    operation, call = lookup(step.op), bind(step)
    return None if operation is None or call is None else operation.flops(call)


def movement(op: str) -> Movement | None:
    """How an operation moves numbers, None where it computes new ones or is unknown."""
    operation = lookup(op)
    return None if operation is None else operation.movement
