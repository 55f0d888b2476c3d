"""What a recording saw: an immutable list of steps. Everything shown or exported is computed from it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from engine import ops
from engine.axes import sizes_text
from engine.config import Config
from engine.ops.numerics import held_bytes, memory_of
from engine.record.axis_names.notes import AxisDisagreement, AxisNotes
from engine.record.inside import Opening, flops_inside, largest_difference
from engine.record.source import Source
from engine.record.statistics import NOTHING, Statistics, statistics
from engine.record.trace_file.module_facts import ModuleFacts
from engine.record.trace_file.run_modes import USUAL_MODES, RunModes
from engine.record.unreadable import why_unreadable
from engine.variant_config import VariantConfig

_NO_STEP = "no step is called {name!r}; none is near"
_NO_STEP_NEAREST = "no step is called {name!r}; nearest: {nearest}"

if TYPE_CHECKING:
    import pandas as pd

    from engine.record.failure.failure import Failure

Labels = tuple[str, ...] | tuple[tuple[str, ...], ...]


class _Recorded:
    """A value that a recording refers to, and whether its numbers can still be looked at."""

    name: str
    value: Any
    _overwritten: Callable[[], bool] | None

    @property
    def overwritten(self) -> bool:
        """Whether its memory was written to after the recording, so that ``value`` has other numbers than then.

        Torch counts no writes through ``.data``, through numpy and into tensors of inference mode: they go unnoticed.
        """
        return self._overwritten is not None and self._overwritten()

    @property
    def unreadable(self) -> str | None:
        """Why its numbers can't be looked at, in one sentence; None where they can."""
        return why_unreadable(self.name, self.value, self.overwritten)


@dataclass(frozen=True, eq=False)
class Leaf(_Recorded):
    """Something a step read that no step made.

    ``kind`` is "parameter" or "buffer" (``name`` is its path in the module), "input" (``name`` is the argument of the
    recorded callable), "constant" (a tensor from elsewhere) or "argument" (anything that is not a tensor, such as
    ``dim=-1``; ``name`` is empty for a positional one).

    ``value`` is what was read, ``axes`` are the symbols of a tensor's axes, None where one is unknown.
    """

    kind: str
    name: str
    value: Any = field(repr=False)
    axes: tuple[str | None, ...] = ()
    _overwritten: Callable[[], bool] | None = field(default=None, repr=False, kw_only=True)

    def __str__(self) -> str:
        if self.kind == "argument":
            return f"{self.name}={self.value!r}" if self.name else repr(self.value)
        return self.name


@dataclass(frozen=True, eq=False, repr=False)
class Step(_Recorded):
    """One call that returned a tensor, and everything needed to see what made that tensor.

    Attributes:
        index: its number in the trace, from 0.
        op: the usual name of its operation, such as "view".
        name: what the program calls it, such as "query".
        path: of the module that made it; "" outside of any.
        axes: the symbol of each axis, None where one is unknown.
        parents: what it was given, in order.
        source: where it stands in the program; None where no line of one made it.
        value: the tensor PyTorch returned, not a copy.
        shape, dtype, is_contiguous, nbytes: of that tensor, as torch has them; its bytes count, shared or not.
        memory: where its numbers live: "new" memory, a "view" of something it read, the "same" tensor handed back, or
            "overwritten", when the call wrote into its input.
        call, output: the number of the call, and which of its results this is, both from 0.
        keywords: the names under which the call was given its parents, "" for those given by position.
        axis_notes: where the symbols are from, and what speaks against them.
    """

    index: int
    op: str
    name: str
    path: str
    axes: tuple[str | None, ...]
    parents: tuple[Step | Leaf, ...]
    source: Source | None
    value: Tensor
    memory: str
    call: int
    output: int = 0
    keywords: tuple[str, ...] = field(default=(), kw_only=True)
    _recompute: Callable[[], Tensor] = field(kw_only=True)
    axis_notes: AxisNotes = field(default=AxisNotes(), kw_only=True)
    _open: Opening | None = field(default=None, kw_only=True)
    _overwritten: Callable[[], bool] | None = field(default=None, kw_only=True)
    _device: torch.device | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "step"

    @property
    def full_name(self) -> str:
        """Module path and name, as ``Trace.find`` takes it."""
        return f"{self.path}.{self.name}" if self.path else self.name

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def axes_from(self) -> tuple[str | None, ...]:
        """By axis where its name is from, such as "comment" or "carried from query"; None for one without a name."""
        return self.axis_notes.origins or (None,) * len(self.axes)

    @property
    def axes_disagree(self) -> tuple[AxisDisagreement, ...]:
        """The axes to which the program gives two names, both with where they are from."""
        return self.axis_notes.disagreements

    @property
    def axes_contradiction(self) -> str | None:
        """What in the step's shape comment can't be true of its tensor, as a sentence; None where nothing speaks so."""
        return self.axis_notes.contradiction

    @property
    def stride(self) -> tuple[int, ...]:
        """How many elements of memory lie between neighbours, per axis."""
        # A sparse tensor is no grid in memory: it has no strides and is not contiguous.
        return tuple(self.value.stride()) if self.value.layout == torch.strided else ()

    @property
    def dtype(self) -> torch.dtype:
        return self.value.dtype

    @property
    def device(self) -> torch.device:
        """Where it was computed; a tensor from a file is on the CPU, wherever it was before."""
        return self._device or self.value.device

    @property
    def is_view(self) -> bool:
        """True where the numbers live in memory that was there before the call."""
        return self.memory != "new"

    @property
    def is_contiguous(self) -> bool:
        return self.value.layout == torch.strided and self.value.is_contiguous()

    @property
    def nbytes(self) -> int:
        return self.value.numel() * self.value.element_size()

    @cached_property
    def flops(self) -> int | None:
        """Floating-point operations of the call, counted once, with the first tensor that it returned."""
        if self.output:
            return 0
        known = ops.flops(self)
        if known is not None or self._open is None or any(tensor.unreadable for tensor in (self, *self.inputs)):
            return known
        return flops_inside(self.op, self._open)

    @cached_property
    def statistics(self) -> Statistics:
        """Minimum, maximum, mean and so on of the value, computed when first asked for."""
        return NOTHING if memory_of(self.value) is None or self.overwritten else statistics(self.value)

    @cached_property
    def inside(self) -> Trace | None:
        """A fused call in plain operations, recorded when first asked for.

        None for a call that is not fused, and where its numbers or those that it read can't be looked at any more.
        """
        if self._open is None or self.unreadable or any(parent.unreadable for parent in self.inputs):
            return None
        inside: Trace | None = self._open()
        return inside

    @cached_property
    def inside_difference(self) -> float | None:
        """The largest difference between an element of ``value`` and of what the plain operations give."""
        return None if self.inside is None else largest_difference(self.value, self.output, self.inside.output)

    @property
    def inputs(self) -> tuple[Step | Leaf, ...]:
        """The parents that are tensors, in the order of the call."""
        return tuple(parent for parent in self.parents if parent.kind != "argument")

    @property
    def arguments(self) -> tuple[Leaf, ...]:
        """The parents that are not tensors, such as ``dim=-1``."""
        return tuple(parent for parent in self.parents if isinstance(parent, Leaf) and parent.kind == "argument")

    def __repr__(self) -> str:
        return f"Step({self.index} {self.full_name}: {self.op}, ({sizes_text(self.axes, self.shape)}), {self.dtype})"

    def _repr_html_(self) -> str:
        from engine.explain.notebook_html import step_html

        return step_html(self)

    def recompute(self) -> Tensor:
        """Makes the call again on what it read then; what comes back is detached from any gradients.

        Equal to ``value`` unless the operation draws random numbers or leaves memory as it finds it (``torch.empty``).

        Raises:
            ValueError: something that it read can't be looked at any more.
        """
        for parent in self.inputs:
            if parent.unreadable:
                raise ValueError(parent.unreadable)
        return self._recompute()


@dataclass(frozen=True, eq=False)
class Trace:
    """An immutable recording. Compared and hashed by identity, and untouched by any later run.

    Attributes:
        output: what the recorded callable returned.
        config: the settings of the built-in Transformer, None for anything else.
        labels: what stands along an axis: one list per batch entry for the length axes ("S", "T"), one list for all
            for the vocabulary ("V").
        notes: what could not be watched, each in a sentence.
        sizes: how long each named axis is.
        failure: what the recorded callable raised, None where it returned.
        variant: the settings of one of today's Transformers, None for anything else.
        modes: gradients, inference and autocast, as they were when the recording began.
    """

    output: Any = field(repr=False)
    config: Config | None = None
    labels: Mapping[str, Labels] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    variant: VariantConfig | None = None
    modes: RunModes = USUAL_MODES
    _inputs: Callable[[], Mapping[str, Tensor]] = field(repr=False, kw_only=True)
    _recorded: Callable[[], Iterable[Tensor]] = field(repr=False, kw_only=True)
    _build_steps: Callable[[], tuple[Step, ...]] = field(repr=False, kw_only=True)
    _modules: Callable[[], Mapping[str, ModuleFacts]] = field(repr=False, kw_only=True)

    @cached_property
    def inputs(self) -> Mapping[str, Tensor]:
        """The tensors it was given, by argument name."""
        return MappingProxyType(dict(self._inputs()))

    @cached_property
    def modules(self) -> Mapping[str, ModuleFacts]:
        """The modules of the program by their paths: class, training or not, sizes."""
        return MappingProxyType(dict(self._modules()))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step in execution order. Names, source and parents are worked out when first asked for."""
        # Two threads may both work them out; setdefault makes them agree on one.
        return self.__dict__.setdefault("_steps", self._build_steps())

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Step, ...]]:
        by_key: dict[str, list[Step]] = {}
        for step in self.steps:
            by_key.setdefault(step.full_name, []).append(step)
        return {name: tuple(steps) for name, steps in by_key.items()}

    def find(self, name: str) -> Step:
        """The step with this module path and name, e.g. ``encoder.layers.0.self_attention.scores``.

        Where a name is assigned several times (``query`` is projected, split, then permuted), it is the last one.

        Raises:
            KeyError: nothing has this name; says which names come closest.
        """
        return self.find_all(name)[-1]

    def find_all(self, name: str) -> tuple[Step, ...]:
        """Every step with this module path and name, in execution order. Raises KeyError as ``find`` does."""
        if name not in self._by_name:
            near = difflib.get_close_matches(name, self._by_name, n=3)
            raise KeyError((_NO_STEP_NEAREST if near else _NO_STEP).format(name=name, nearest=", ".join(near)))
        return self._by_name[name]

    @cached_property
    def consumers(self) -> Mapping[int, tuple[Step, ...]]:
        """Step index → the steps that read it."""
        readers: dict[int, dict[int, Step]] = {}
        for step in self.steps:
            for parent in step.inputs:
                if isinstance(parent, Step):
                    readers.setdefault(parent.index, {})[step.index] = step
        return MappingProxyType({index: tuple(steps.values()) for index, steps in readers.items()})

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        by_key: dict[str, int] = {}
        for step in self.steps:
            for symbol, size in zip(step.axes, step.shape, strict=True):
                if symbol is not None:
                    by_key.setdefault(symbol, size)
        return MappingProxyType(by_key)

    def __repr__(self) -> str:
        failed = "" if self.failure is None else f", failed in {self.failure.op or self.failure.error}"
        return f"Trace(steps={len(self.steps)}{failed})"

    def _repr_html_(self) -> str:
        from engine.explain.notebook_html import trace_html

        return trace_html(self)

    def to_frame(self) -> pd.DataFrame:
        """Every step as a row of a pandas DataFrame, with the columns of steps.csv in their order.

        Returns:
            A new frame; its columns are described in ``engine.export.step_columns``. Computes the statistics of every
            step that nobody asked for before.
        """
        from engine.export.step_frame import step_frame

        return step_frame(self.steps)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of memory the recorded tensors hold, counting shared memory once."""
        # Read from the tensors alone: how large a run is, is asked before anybody looks at its steps.
        return held_bytes(self._recorded())
