"""Tensors whose memory the program wrote to under another name, such as a cache through one of its slices.

Nothing of the program says what such a tensor is afterwards, so steps are added that do: ``cache[:, :t] = …`` with
the tensor that was written, or the part of that tensor which is now this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from engine.ops.numerics import memory_of
from engine.record.memory.shared_elements import SharedElements, shared_elements
from engine.record.recording import Overwrite, Recording
from engine.record.trace import Leaf, Step


class RewrittenMemory:
    """The writes of a recording, and what each tensor is after them.

    Args:
        recording: what the recorder kept.
        maker_of: by the id of a tensor the step that made it as it is now.
        steps: the steps so far, to which those of rewritten tensors are added.
    """

    def __init__(self, recording: Recording, maker_of: dict[int, Step], steps: list[Step]) -> None:
        self._recording = recording
        self._maker_of = maker_of
        self._steps = steps
        self._blocks: dict[int, int | None] = {}
        # Block of memory → the steps that wrote into it, and whether what they wrote is their value.
        self._writers: dict[int, list[tuple[Step, bool]]] = {}
        # By the id of a tensor the last of those steps that it was held against.
        self._looked_at: dict[int, int] = {}

    def add(self, step: Step, tensor: Tensor, overwrites: Sequence[Overwrite]) -> None:
        """Adds what a step wrote into.

        Args:
            step: the step.
            tensor: what it returned.
            overwrites: of its call: each tensor that it wrote into.
        """
        for overwrite in overwrites:
            if overwrite.memory is not None:
                self._writers.setdefault(overwrite.memory, []).append((step, overwrite.target is tensor))

    def block(self, tensor: Tensor) -> int | None:
        """Which block of memory is behind a tensor of the recording; None where it is not one plain block."""
        key = id(tensor)
        if key not in self._blocks:
            memory = memory_of(tensor)
            self._blocks[key] = None if memory is None else memory._cdata
        return self._blocks[key]

    def present(self, tensor: Tensor, leaves: Mapping[int, Leaf], number: int) -> tuple[Step | Leaf, Step | None]:
        """What made a tensor as call ``number`` reads it.

        Args:
            tensor: one that a step made or that is among the leaves.
            leaves: by the id of their tensor.
            number: the call's.

        Returns:
            The last step that made or changed it, or the leaf that it is; and a step that wrote into its memory where
            nobody can tell which of its elements that changed.
        """
        maker = self._maker_of.get(id(tensor))
        leaf = None if maker else leaves[id(tensor)]
        state: Step | Leaf | None = maker
        for writer, has_value in self._since(tensor, maker):
            after = self._recording.before(tensor, writer.call + 1)
            try:
                shared = shared_elements(after, writer.value)
            except ValueError:
                has_value = False
            if not has_value:
                return state or self._before(leaf, number), writer
            if shared is not None:
                state = self._with(state or self._before(leaf, writer.call), writer, shared, after, number)
                self._maker_of[id(tensor)] = state
            self._looked_at[id(tensor)] = writer.index
        return state or self._before(leaf, number), None

    def _since(self, tensor: Tensor, maker: Step | None) -> list[tuple[Step, bool]]:
        """The steps that wrote into a tensor's memory since it was made, by whichever name."""
        block = self.block(tensor) if self._writers else None
        writers = [] if block is None else self._writers.get(block, [])
        last = max(-1 if maker is None else maker.index, self._looked_at.get(id(tensor), -1))
        return [(step, has_value) for step, has_value in writers if step.index > last]

    def _before(self, leaf: Leaf | None, number: int) -> Leaf:
        """A leaf with the numbers that it had when this call began."""
        assert leaf is not None
        before = self._recording.before(leaf.value, number)
        return leaf if before is leaf.value else Leaf(leaf.kind, leaf.name, before)

    def _with(self, state: Step | Leaf, writer: Step, shared: SharedElements, after: Tensor, number: int) -> Step:
        """A tensor after a write: a part of what was written, or what it was with that in some places."""
        value = writer
        if shared.written_key or not shared.read_key:
            whole = not shared.read_key
            part = after if whole else writer.value[shared.written_key]
            value = self._step(
                "getitem", state if whole else writer, (writer,), shared.written_key or (...,), part, number
            )
            if whole:
                return value
        return self._step("setitem", state, (state, value), shared.read_key, after, number, writer.source)

    def _step(
        self,
        op: str,
        named: Step | Leaf,
        tensors: tuple[Step | Leaf, ...],
        key: tuple[Any, ...],
        value: Tensor,
        number: int,
        source: Any = None,
    ) -> Step:
        first, *others = tensors
        is_plain = not any(isinstance(part, Tensor) for part in key)
        keys = [Leaf("argument", "", key)] if is_plain else [Leaf("constant", "index", part) for part in key]
        parents = (first, *keys, *others)
        step = Step(
            index=len(self._steps),
            op=op,
            name=named.name,
            path=named.path if isinstance(named, Step) else "",
            axes=(None,) * value.dim(),
            parents=parents,
            source=source,
            value=value,
            memory="view" if op == "getitem" else "overwritten",
            call=number,
            keywords=("",) * len(parents),
            _recompute=partial(_again, key, *(tensor.value for tensor in tensors)),
        )
        self._steps.append(step)
        return step


def _again(key: tuple[Any, ...], tensor: Tensor, value: Tensor | None = None) -> Tensor:
    if value is None:
        return tensor.detach()[key]
    written = tensor.detach().clone()
    with torch.no_grad():
        written[key] = value
    return written
