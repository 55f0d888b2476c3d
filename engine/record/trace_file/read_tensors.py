"""The tensors of a trace file, each looked over before torch is given it: torch would enlarge memory that is too small.

Nothing is loaded: a tensor refers to the mapped file. What many tensors have in common, their layout, is looked over
once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.record.trace_file.container import Container, padded
from engine.record.trace_file.fields import column, entries, flag, length, mapping, number, numbers, text, wrong
from engine.record.trace_file.plain_values import DTYPES, device_of
from engine.record.trace_file.written_tensors import NO_BLOCK

Devices = Sequence[torch.device | None]
_MOST_AXES = 64
_MOST_BYTES = 2**62
# An expanded tensor, or windows that overlap, shows more elements than there are in memory. Whoever looks at all of
# them needs memory for each.
MOST_REPEATED = 2**28
_COMPRESSED = {
    str(layout): layout for layout in (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
}
_OUTSIDE = "tensor {position} reads beyond its memory: {needed} bytes of {available}"
_TOO_MANY = "tensor {position} shows {count} elements of {available}; at most {most} may be repeated"
_BAD_LAYOUT = "tensor {position} has {strides} strides for {axes} axes"
_BAD_BLOCK = "block {position} has {nbytes} bytes where {kept} are kept"
_NO_DTYPE = "tensor {position} is of the dtype {dtype}, which torch does not have"


def storages_of(container: Container) -> list[torch.UntypedStorage]:
    """The blocks of memory that the manifest lists, each as long as it was.

    Raises:
        ValueError: they are not those of the file.
    """
    listed = mapping(container.manifest, "storages")
    sizes = column(listed, "nbytes", length(listed, "nbytes"), 0, _MOST_BYTES)
    without = frozenset(numbers(listed, "meta", 0, len(sizes) - 1))
    storages: list[torch.UntypedStorage] = []
    kept = 0
    for position, nbytes in enumerate(sizes):
        if position in without:
            storages.append(torch.UntypedStorage(nbytes, device="meta"))
            continue
        begin, end = container.blocks.get(kept, (0, 0))
        if container.memory is None or kept not in container.blocks or end - begin != padded(nbytes):
            raise ValueError(_BAD_BLOCK.format(position=position, nbytes=nbytes, kept=end - begin))
        storages.append(container.memory[begin : begin + nbytes])
        kept += 1
    if kept != len(container.blocks):
        begin, end = container.blocks[kept]
        raise ValueError(_BAD_BLOCK.format(position=kept, nbytes=0, kept=end - begin))
    return storages


@dataclass(frozen=True)
class _Layout:
    """What tensors have in common that differ in where they begin.

    Attributes:
        entry: what the manifest says of it.
        dtype, shape, stride: of its tensors; ``stride`` is None where they don't lie in a block of memory.
        count: how many elements it has.
        reach: how many elements of memory it spans.
        requires_grad: whether gradients were noted for it.
        plain: whether torch needs to be told no more than these.
    """

    entry: Mapping[str, Any]
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...] | None
    count: int
    reach: int
    requires_grad: bool
    plain: bool


class TensorReader:
    """Reads the tensors that a manifest lists.

    Args:
        manifest: parsed JSON.
        storages: see ``storages_of``.
    """

    def __init__(self, manifest: Any, storages: Sequence[torch.UntypedStorage]) -> None:
        listed = mapping(manifest, "tensors")
        self._storages = storages
        self._layouts = entries(listed, "layouts")
        count = length(listed, "layout")
        self._layout = column(listed, "layout", count, 0, len(self._layouts) - 1)
        self._storage = column(listed, "storage", count, NO_BLOCK, len(storages) - 1)
        self._offset = column(listed, "offset", count, 0, _MOST_BYTES)
        self._tensors: list[Tensor] = []

    def tensors(self) -> list[Tensor]:
        """The tensors.

        Raises:
            ValueError, RuntimeError: one of them cannot be.
        """
        layouts: dict[int, _Layout] = {}
        for position, (which, block, offset) in enumerate(zip(self._layout, self._storage, self._offset, strict=True)):
            layout = layouts.get(which)
            if layout is None:
                layout = layouts[which] = _layout(self._layouts[which], position)
            self._tensors.append(self._tensor(layout, block, offset, position))
        return self._tensors

    def devices(self) -> Devices:
        """By tensor the device on which it was computed, None for the one on which it is now.

        Raises:
            ValueError: there is no such device.
        """
        named = [entry.get("device") for entry in self._layouts]
        devices = [None if name is None else device_of(name) for name in named]
        return [devices[which] for which in self._layout]

    def _tensor(self, layout: _Layout, block: int, offset: int, position: int) -> Tensor:
        entry = layout.entry
        if "sparse" in entry:
            indices, values = self._parts(entry, "sparse", 2)
            coalesced = flag(entry, "coalesced")
            return torch.sparse_coo_tensor(
                indices, values, layout.shape, check_invariants=True, is_coalesced=coalesced
            )  # fmt: skip
        if "compressed" in entry:
            kind = _COMPRESSED.get(text(entry, "compressed"))
            if kind is None:
                raise wrong("compressed", entry["compressed"], f"one of {', '.join(_COMPRESSED)}")
            compressed, plain, values = self._parts(entry, "parts", 3)
            return torch.sparse_compressed_tensor(
                compressed, plain, values, list(layout.shape), layout=kind, check_invariants=True
            )
        if layout.stride is None:  # it had no numbers that could be kept
            return torch.empty(layout.shape, dtype=layout.dtype, device="meta")
        if block == NO_BLOCK:
            raise wrong("storage", block, f"a whole number from 0 to {len(self._storages) - 1}")
        storage = self._storages[block]
        _check_reach(layout, offset, storage, position)
        if layout.plain:
            empty = torch.empty(0, dtype=layout.dtype, device=storage.device)
            tensor = empty.set_(storage, offset, layout.shape, layout.stride)
            return tensor.requires_grad_() if layout.requires_grad else tensor
        tensor = self._unfilled(layout, storage).set_(storage, offset, layout.shape, layout.stride)
        if flag(entry, "conj"):
            tensor = tensor.conj()
        if flag(entry, "neg"):
            tensor = torch._neg_view(tensor)
        # Torch chooses another kernel for some products of tensors that need gradients, also where it computes none.
        return tensor.requires_grad_(layout.requires_grad)

    def _unfilled(self, layout: _Layout, storage: torch.UntypedStorage) -> Tensor:
        entry, dtype = layout.entry, layout.dtype
        if "channels" in entry:
            scales, zero_points = self._parts({"channels": list(entry["channels"])[:2]}, "channels", 2)
            axis = numbers(entry, "channels", 0, _MOST_BYTES)[2:]
            if len(axis) != 1 or axis[0] >= len(layout.shape) or layout.count * dtype.itemsize > storage.nbytes():
                raise wrong("channels", entry["channels"], "the scales, zero points and axis of a tensor")
            return torch._empty_per_channel_affine_quantized(
                layout.shape, scales=scales, zero_points=zero_points, axis=axis[0], dtype=dtype
            )  # fmt: skip
        match entry.get("quantized"):
            case None:
                return torch.empty(0, dtype=dtype, device=storage.device)
            case [int() | float() as scale, int(zero_point)]:
                return torch._empty_affine_quantized((0,), scale=scale, zero_point=zero_point, dtype=dtype)
            case other:
                raise ValueError(f"no tensor is quantized by {other!r}")

    def _parts(self, entry: Mapping[str, Any], name: str, count: int) -> list[Tensor]:
        """The tensors that a tensor is made of; they stand before it."""
        parts = numbers(entry, name, 0, len(self._tensors) - 1)
        if len(parts) != count:
            raise wrong(name, parts, f"{count} tensors")
        return [self._tensors[part] for part in parts]


def _layout(entry: Mapping[str, Any], position: int) -> _Layout:
    dtype = DTYPES.get(text(entry, "dtype"))
    if dtype is None:
        raise ValueError(_NO_DTYPE.format(position=position, dtype=entry["dtype"]))
    shape = _sizes(entry, "shape")
    count = math.prod(shape)
    if count * dtype.itemsize > _MOST_BYTES:
        raise ValueError(_TOO_MANY.format(position=position, count=count, available=0, most=MOST_REPEATED))
    if entry.get("numbers") is False or "sparse" in entry or "compressed" in entry:
        return _Layout(entry, dtype, shape, None, count, 0, False, False)
    stride = _sizes(entry, "stride")
    if len(stride) != len(shape):
        raise ValueError(_BAD_LAYOUT.format(position=position, strides=len(stride), axes=len(shape)))
    reach = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True)) if count else 0
    plain = entry.keys() <= {"dtype", "shape", "stride", "device", "inference", "requires_grad"}
    return _Layout(entry, dtype, shape, stride, count, reach, flag(entry, "requires_grad"), plain)


def _check_reach(layout: _Layout, offset: int, storage: torch.UntypedStorage, position: int) -> None:
    needed, available = (offset + layout.reach) * layout.dtype.itemsize, storage.nbytes()
    if needed > available:
        raise ValueError(_OUTSIDE.format(position=position, needed=needed, available=available))
    count = layout.count
    if count > MOST_REPEATED and count * layout.dtype.itemsize > available and storage.device.type != "meta":
        raise ValueError(_TOO_MANY.format(position=position, count=count, available=available, most=MOST_REPEATED))


def _sizes(entry: Mapping[str, Any], name: str) -> tuple[int, ...]:
    sizes = entry.get(name)
    if not isinstance(sizes, list) or len(sizes) > _MOST_AXES:
        raise ValueError(f"{name} is not a list of numbers: {sizes!r}")
    return tuple(number({name: size}, name, 0, _MOST_BYTES) for size in sizes)
