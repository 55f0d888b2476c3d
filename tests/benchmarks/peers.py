"""One adapter for every way to record a forward pass, each used as its own documentation says.

A peer is given a module and its inputs. ``record`` makes one recorded pass and returns what holds all that was
recorded; ``count`` says how many of what that is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from sys import _getframe
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine import Trace, record
from tests.benchmarks.interleaved import UnableError

Inputs = tuple[Tensor, ...]
Count = tuple[int, str]


class _Passing(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class _Keeping(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.kept.append(result)
        return result


class _Placing(_Keeping):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            caller = _getframe(1)
            self.kept.append((func, args, kwargs, result, caller.f_code, caller.f_lasti))
        return result


class Peer(Protocol):
    def record(self) -> Any: ...

    def count(self, recorded: Any) -> Count: ...


class Plain:
    """The pass itself, unrecorded."""

    def __init__(self, model: nn.Module, inputs: Inputs) -> None:
        self.model, self.inputs = model, inputs

    def record(self) -> Any:
        return self.model(*self.inputs)

    def count(self, recorded: Any) -> Count:
        return 0, "nothing"


class Floor(Plain):
    """A TorchFunctionMode that passes every call on: the least that seeing them can cost."""

    def record(self) -> Any:
        with _Passing():
            return self.model(*self.inputs)


class Keeping(Plain):
    """The floor that also keeps every output, so that no memory is used a second time: the least that having them
    afterwards can cost."""

    mode = _Keeping
    kept = "bare outputs"

    def record(self) -> list[Any]:
        with self.mode() as mode:
            self.model(*self.inputs)
        return mode.kept

    def count(self, recorded: list[Any]) -> Count:
        return len(recorded), self.kept


class Placing(Keeping):
    """The floor that keeps every output with what it was made of and the line that called: the least that naming steps
    and their parents afterwards can cost."""

    mode = _Placing
    kept = "calls with their arguments"


class Ours(Plain):
    """This project."""

    def record(self) -> Trace:
        return record(self.model, *self.inputs)

    def count(self, recorded: Trace) -> Count:
        return len(recorded.steps), "operations"


class Hooks(Plain):
    """``register_forward_hook`` on every module, as torch documents it."""

    def record(self) -> dict[str, Any]:
        outputs: dict[str, Any] = {}

        def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                outputs[name] = output

            return hook

        handles = [module.register_forward_hook(keep(name)) for name, module in self.model.named_modules()]
        self.model(*self.inputs)
        for handle in handles:
            handle.remove()
        return outputs

    def count(self, recorded: dict[str, Any]) -> Count:
        return len(recorded), "module outputs"


class TorchlensTrace(Plain):
    """``torchlens.trace(model, inputs)``: every operation with its graph."""

    def record(self) -> Any:
        import torchlens

        return torchlens.trace(self.model, list(self.inputs))

    def count(self, recorded: Any) -> Count:
        return len(recorded.ops), "operations"


class TorchlensRecord(Plain):
    """``torchlens.record`` with every operation kept: its quick recording, whose structure is made later."""

    def record(self) -> Any:
        import torchlens

        return torchlens.record(self.model, list(self.inputs), default_op=True)

    def count(self, recorded: Any) -> Count:
        return recorded.n_records, "operations"


class Nnsight(Plain):
    """``tracer.cache()`` in ``NNsight(model).trace(…)``: every module's output, left on its device."""

    def __init__(self, model: nn.Module, inputs: Inputs) -> None:
        from nnsight import NNsight

        super().__init__(model, inputs)
        self.wrapped = NNsight(model)

    def record(self) -> Any:
        wrapped, inputs = self.wrapped, self.inputs
        with wrapped.trace(*inputs) as tracer:
            cache = tracer.cache(device=None)
        return cache

    def count(self, recorded: Any) -> Count:
        return len(recorded.keys()), "module outputs"


class Bridge(Plain):
    """``run_with_cache`` of TransformerLens' bridge, which takes the models of Hugging Face it knows."""

    def __init__(self, model: nn.Module, inputs: Inputs) -> None:
        from transformer_lens.model_bridge.sources import build_bridge_from_module

        super().__init__(model, inputs)
        if not hasattr(model, "config"):
            raise UnableError("takes Hugging Face models only")
        self.bridge = build_bridge_from_module(model, type(model).__name__, hf_config=model.config)

    def record(self) -> Any:
        return self.bridge.run_with_cache(*self.inputs)

    def count(self, recorded: Any) -> Count:
        return len(recorded[1]), "hook points"


PLAIN, FLOOR, OURS = "plain", "floor: bare TorchFunctionMode", "this project"
KEEPING, PLACING = "floor that keeps the outputs", "floor that keeps outputs, arguments and lines"
TORCHLENS = "torchlens.trace"
PEERS: Mapping[str, type[Plain]] = {
    PLAIN: Plain,
    FLOOR: Floor,
    KEEPING: Keeping,
    PLACING: Placing,
    OURS: Ours,
    "module hooks": Hooks,
    TORCHLENS: TorchlensTrace,
    "torchlens.record": TorchlensRecord,
    "nnsight cache": Nnsight,
    "TransformerLens bridge": Bridge,
}
_NEEDS = {
    TORCHLENS: "torchlens",
    "torchlens.record": "torchlens",
    "nnsight cache": "nnsight",
    "TransformerLens bridge": "transformer_lens",
}


def missing(name: str) -> str:
    """What the peer of this name lacks here, in words; "" where it is installed."""
    needs = _NEEDS.get(name)
    return f"{needs} is not installed" if needs and find_spec(needs) is None else ""


def ready(name: str, model: nn.Module, inputs: Inputs) -> Peer:
    """The peer of this name, about to record this.

    Raises:
        UnableError: it does not take such a model.
    """
    warnings.simplefilter("ignore")  # they warn of what concerns their users, in the midst of the figures
    return PEERS[name](model, inputs)
