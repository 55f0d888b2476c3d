"""Which calls write into tensors, and which of their tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

# Calls that write into a tensor under a name that does not end in an underscore.
_AUGMENTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
_WRITING = frozenset({"__setitem__", *(f"__i{op}__" for op in _AUGMENTED)})
_HARMLESS = frozenset({"requires_grad_", "detach_", "share_memory_", "rename_"})
# Calls that may write into other arguments than their first, and the argument that says whether they do.
_WRITING_OTHERS = {"batch_norm": "training", "instance_norm": "use_input_stats", "embedding": "max_norm"}
# Torch does not count what these write into their running statistics, so a later call could not be noticed.
_UNCOUNTED = frozenset(("batch_norm", "instance_norm"))
# Where torch.batch_norm itself takes its running statistics and its switch; torch.nn.functional's has it by name.
_STATISTICS, _SWITCH = slice(3, 5), 5


def writes(name: str) -> bool:
    """Whether a call of this name writes into a tensor, or reads one whose writers torch does not count."""
    return (
        name in _WRITING
        or name in _WRITING_OTHERS
        or (name.endswith("_") and not name.endswith("__") and name not in _HARMLESS)
    )


def written_tensors(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """The tensors that a call writes into.

    Args:
        func: what is called.
        args, kwargs: what it is given.
    """
    name = getattr(func, "__name__", "")
    targets: Any
    if name in _WRITING_OTHERS:
        targets = _other_arguments(args, kwargs) if _switched_on(name, args, kwargs) else ()
    elif kwargs.get("out") is not None:
        targets = kwargs["out"]
    else:
        targets = args[0] if args else next((value for value in kwargs.values() if holds_tensor(value)), ())
    return tuple(filter(is_tensor, targets if isinstance(targets, (tuple, list)) else (targets,)))


def uncounted_tensors(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """The running statistics that a call only reads: small ones, whose later changes nobody could notice.

    Args:
        func: what is called.
        args, kwargs: what it is given.
    """
    name = getattr(func, "__name__", "")
    if name not in _UNCOUNTED or _switched_on(name, args, kwargs):
        return ()
    return tuple(filter(is_tensor, _other_arguments(args, kwargs)))


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor, of whichever class."""
    return isinstance(value, Tensor)


def holds_tensor(result: Any) -> bool:
    """Whether a call returned a tensor, or a tuple or list with one in it."""
    return is_tensor(result) or (isinstance(result, (tuple, list)) and any(map(is_tensor, result)))


def _switched_on(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if name in _UNCOUNTED and len(args) > _SWITCH:
        return bool(args[_SWITCH])
    return bool(kwargs.get(_WRITING_OTHERS[name]))


def _other_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    if len(args) > _SWITCH:
        return args[_STATISTICS]
    return (*args[1:], kwargs.get("running_mean"), kwargs.get("running_var"))
