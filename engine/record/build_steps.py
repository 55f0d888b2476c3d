"""Turns what the recorder kept into steps: names, axes, parents, memory. Runs once, when a trace is first looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import Any

import torch
from torch import Tensor, nn

from engine.record import gc_pause
from engine.record.axis_names.comment_axes import CommentedAxes
from engine.record.axis_names.notes import AxisNotes
from engine.record.axis_names.resolve import NamedAxes
from engine.record.call_lines import CallLines, assigned_name, handed_name
from engine.record.inside import RecordedOpening, has_opener
from engine.record.memory.rewritten import RewrittenMemory
from engine.record.memory.transforms import Transforms, not_watched, transform_name
from engine.record.recording import Execution, Recording, outputs_of
from engine.record.trace import Leaf, Step, Trace
from engine.record.watching.numpy_round_trips import FROM_NUMPY, NumpyRoundTrips, unknown_to_torch

_OPERATORS = {"truediv": "div", "invert": "bitwise_not", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}
_REFLECTED = frozenset(("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"))


def build_steps(recording: Recording, record_plain: Callable[..., Trace]) -> tuple[Step, ...]:
    """The steps of a recording, in execution order.

    Args:
        recording: what the recorder kept.
        record_plain: records a function for the inside of a fused call (see ``engine.record.inside``).
    """
    with gc_pause.paused():
        return _StepBuilder(recording, record_plain).steps()


class _StepBuilder:
    def __init__(self, recording: Recording, record_plain: Callable[..., Trace]) -> None:
        self.recording = recording
        self.record_plain = record_plain
        self.paths = _paths(recording)
        self.leaves: dict[int, Leaf] = {}
        for name, tensor in recording.inputs.items():
            self.leaves.setdefault(id(tensor), self._leaf("input", name, tensor))
        for module in _roots(recording):
            prefix = self.paths[id(module)]
            for kind, tensors in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
                for name, tensor in tensors:
                    full = f"{prefix}.{name}" if prefix else name
                    self.leaves.setdefault(id(tensor), self._leaf(kind, full, tensor))
        self.built: list[Step] = []
        self.maker_of: dict[int, Step] = {}
        self.memory = RewrittenMemory(recording, self.maker_of, self.built)
        self.round_trips = NumpyRoundTrips(recording)
        self.transforms = Transforms(recording)
        self.lines = CallLines(recording)
        self.comments = CommentedAxes(recording, self.lines, self.paths)

    def _leaf(self, kind: str, name: str, tensor: Tensor) -> Leaf:
        return Leaf(kind, name, tensor, _overwritten=partial(self.recording.written_since, tensor))

    def steps(self) -> tuple[Step, ...]:
        for number in range(len(self.recording.calls)):
            self._call(number)
        self._name_axes(self.built)
        return tuple(self.built)

    def _name_axes(self, steps: Sequence[Step]) -> None:
        """Names the axes that no comment names, and holds the comments against the rest of the program."""
        # The built-in model's comments name every axis, and tests hold that they are true.
        if self.recording.axis_names and all(None not in step.axes for step in steps):
            for index, step in enumerate(steps):
                object.__setattr__(
                    step, "axis_notes", _from_comments(len(step.axes), self.comments.contradictions.get(index))
                )
            return
        named = NamedAxes(
            steps,
            executions=[self.recording.calls[step.call][4] for step in steps],
            roots=_roots(self.recording),
            target=self.recording.target,
            inputs=self.recording.inputs,
            contradictions=self.comments.contradictions,
        )
        for index, step in enumerate(steps):
            # What an axis is called depends on other steps, so it is known only when all are there.
            object.__setattr__(step, "axes", named.axes_of(index))
            for leaf in (parent for parent in step.inputs if isinstance(parent, Leaf)):
                object.__setattr__(leaf, "axes", named.axes_of_given(leaf))
            # Not left for later: what asks for them would keep all steps and the program alive in a circle.
            object.__setattr__(step, "axis_notes", named.notes_of(index))

    def _call(self, number: int) -> None:
        """Adds the steps of this call, one for every tensor it returned."""
        func, args, kwargs, result, execution, *_ = self.recording.calls[number]
        read = _flatten(args, kwargs or {})
        given = [value for _, value in read if isinstance(value, Tensor)]
        if _is_reflected(func) or func is torch.Tensor.where:  # 2 - x calls x.__rsub__(2), and x.where takes x first
            read[:2] = read[1::-1]
        parents, keywords = self._parents(read, number)
        op = op_name(func)
        if self.round_trips.comes_from_numpy(op, args):
            before = self._left_before(number)
            parents, keywords = (*parents, *before), (*keywords, *("",) * len(before))
        source = self.lines.source(self.recording.calls[number])
        path = self._path(execution)
        outputs = outputs_of(result)
        overwrites = self.recording.overwrites_at(number)
        written = {id(overwrite.target) for overwrite in overwrites}
        for position, tensor in enumerate(outputs):
            value = self.recording.before(tensor, number + 1)
            memory = self._memory(tensor, given, written)
            axes = self.comments.axes_of(number, value, len(self.built))
            step = Step(
                index=len(self.built),
                op=op,
                name=self._name(number, op, position, len(outputs)),
                path=path,
                axes=axes or (None,) * value.dim(),
                parents=parents,
                source=source,
                value=value,
                memory=memory,
                call=number,
                output=position,
                keywords=keywords,
                _recompute=partial(_recompute, self.recording, number, position),
                _overwritten=partial(self.recording.written_since, tensor) if value is tensor else None,
                _open=RecordedOpening(self.recording, number, op, self.record_plain) if has_opener(op) else None,
            )
            # A call that hands its input back leaves the numbers to the step that made them.
            if step.memory != "same":
                self.maker_of[id(tensor)] = step
            if position == 0:
                self.memory.add(step, tensor, overwrites)
            self.built.append(step)

    def _left_before(self, number: int) -> tuple[Step | Leaf, ...]:
        """What was handed to numpy before this call, by the steps that made it or the leaves that it is."""
        known = (self.maker_of.get(key) or self.leaves.get(key) for key in self.round_trips.left_before(number))
        return tuple(dict.fromkeys(filter(None, known)))

    def _from_numpy(self, tensor: Tensor, number: int) -> Step | None:
        """A step for a tensor that numpy made: of the numbers that were handed to it before. None where none were."""
        before = self._left_before(number) if self.round_trips.is_of_numpy(tensor) else ()
        if not before:
            return None
        return self._unwatched(FROM_NUMPY, tensor, before, number, unknown_to_torch)

    def _through_transform(self, tensor: Tensor, number: int) -> Step | None:
        """A step for a tensor that a transform of torch.func was given or returned. None for any other."""
        other = self.transforms.other_side(tensor, chain(reversed(self.built), self.leaves.values()))
        if other is None:
            return None
        return self._unwatched(transform_name(tensor, other.value), tensor, (other,), number, not_watched)

    def _unwatched(
        self, op: str, tensor: Tensor, parents: tuple[Step | Leaf, ...], number: int, recompute: Callable[[], Tensor]
    ) -> Step:
        """A step that no recorded call made, before the call that reads its tensor."""
        step = Step(
            index=len(self.built),
            op=op,
            name=op,
            path=self._path(self.recording.calls[number][4]),
            axes=(None,) * tensor.dim(),
            parents=parents,
            source=None,
            value=self.recording.before(tensor, number),
            memory="new",
            call=number,
            keywords=("",) * len(parents),
            _recompute=recompute,
            _overwritten=partial(self.recording.written_since, tensor),
        )
        self.maker_of[id(tensor)] = step
        self.built.append(step)
        return step

    def _parents(self, read: Sequence[tuple[str, Any]], number: int) -> tuple[tuple[Step | Leaf, ...], tuple[str, ...]]:
        """What the call was given, and the keyword of each."""
        keywords: list[str] = []
        parents: list[Step | Leaf] = []
        for name, value in read:
            keywords.append(name)
            if not isinstance(value, Tensor):
                parents.append(Leaf("argument", name, value))
                continue
            maker = self.maker_of.get(id(value))
            if maker is None and id(value) not in self.leaves:
                maker = self._from_numpy(value, number) or self._through_transform(value, number)
            if maker is None and id(value) not in self.leaves:
                kind = "parameter" if isinstance(value, nn.Parameter) else "constant"
                self.leaves[id(value)] = self._leaf(kind, name or kind, value)
            own, writer = self.memory.present(value, self.leaves, number)
            parents.append(own)
            if writer is not None:
                parents.append(writer)
                keywords.append("")
        return tuple(parents), tuple(keywords)

    def _path(self, execution: Execution) -> str:
        return "" if execution.module is None else self.paths.get(id(execution.module), "")

    def _name(self, number: int, op: str, output: int, outputs: int) -> str:
        """The name that the call's own line gives its result; without one, that of the line that called a helper."""
        if not self.lines.ends_its_line(number):
            return op
        call = self.recording.calls[number]
        name = assigned_name(self.lines.source(call), output, outputs)
        if name:
            return name
        for line in self.lines.calling_lines(number):
            # What another module of the program assigns is its own name for the tensor.
            if line.execution.module is not call[4].module and not call[4].torch_call:
                break
            name = handed_name(line, output, outputs)
            if name:
                return name
        return f"{op}[{output}]" if outputs > 1 else op

    def _memory(self, tensor: Tensor, given: Sequence[Tensor], written: set[int]) -> str:
        if id(tensor) in written:
            return "overwritten"
        block = self.memory.block(tensor)
        memory = "new"
        for other in given:
            if other is tensor:
                return "same"
            if block is not None and self.memory.block(other) == block:
                memory = "view"
        return memory


@lru_cache(maxsize=4096)
def _from_comments(rank: int, contradiction: str | None) -> AxisNotes:
    """The notes of axes that a comment names; steps share them, because a trace holds one for each step."""
    return AxisNotes(("comment",) * rank, contradiction=contradiction)


def _recompute(recording: Recording, number: int, position: int) -> Tensor:
    """Makes call ``number`` again, on what it read then; what it returned in this position."""
    func, args, kwargs, recorded, *_ = recording.calls[number]
    writes = {id(overwrite.target) for overwrite in recording.overwrites_at(number)}

    def then(value: Any) -> Any:
        if isinstance(value, Tensor):
            before = recording.before(value, number)
            return before.clone() if id(value) in writes else before
        if type(value) in (tuple, list):
            return type(value)(then(item) for item in value)
        return value

    # With gradients only where there were: nn.LSTM runs other kernels, which round otherwise, and a tensor of inference
    # mode cannot be computed with again where gradients are on.
    with torch.set_grad_enabled(any(output.requires_grad for output in outputs_of(recorded))):
        arguments = [then(value) for value in args]
        result = func(*arguments, **{name: then(value) for name, value in (kwargs or {}).items()})
    if result is None:  # x[i] = y
        result = arguments[0]
    return outputs_of(result)[position].detach()


def _roots(recording: Recording) -> tuple[nn.Module, ...]:
    """The outermost modules that ran: the recorded one, or those that a recorded function called."""
    target = recording.target
    while isinstance(target, partial):
        target = target.func
    if isinstance(target, nn.Module):
        return (target,)
    bound = getattr(target, "__self__", None)
    if isinstance(bound, nn.Module):
        return (bound,)
    running = (call[4].module for call in recording.calls)
    ran = list({id(module): module for module in (*running, *recording.called) if module is not None}.values())
    inside = {id(child) for module in ran for child in module.modules() if child is not module}
    return tuple(module for module in ran if id(module) not in inside)


def modules_of(recording: Recording) -> dict[str, nn.Module]:
    """Path → module. One outermost module is the root, ""; several are told apart by their class."""
    roots = _roots(recording)
    modules: dict[str, nn.Module] = {}
    for number, root in enumerate(roots):
        prefix = "" if len(roots) == 1 else f"{type(root).__name__.lower()}_{number}"
        for name, module in root.named_modules():
            modules[".".join(filter(None, (prefix, name)))] = module
    return modules


def _paths(recording: Recording) -> dict[int, str]:
    """Module id → its path."""
    paths: dict[int, str] = {}
    for path, module in modules_of(recording).items():
        paths.setdefault(id(module), path)
    return paths


def _flatten(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Every argument with its name; tensors inside lists and tuples one by one, other things whole."""
    read: list[tuple[str, Any]] = []
    for name, value in chain(zip(repeat(""), args), kwargs.items()):
        if isinstance(value, (tuple, list)) and _holds_tensor(value):
            read += [(name, item) for _, item in _flatten(value, {})]
        else:
            read.append((name, value))
    return read


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(_holds_tensor(item) for item in value)
    return isinstance(value, Tensor)


def _is_reflected(func: Any) -> bool:
    """Whether Python called this with its operands the other way round from how they were written."""
    name = getattr(func, "__name__", "")
    return name[:3] == "__r" and name[3:-2] in _REFLECTED and name[-2:] == "__"


def op_name(func: Any) -> str:
    """The name of a called function, as ``Step.op`` has it: ``__matmul__`` is matmul."""
    name: str = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__"):
        return str(getattr(func.__self__, "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        if name[:1] in "ri" and name[1:] in _REFLECTED:
            name = name[1:] + ("_" if name[0] == "i" else "")
        return _OPERATORS.get(name, name)
    return name
