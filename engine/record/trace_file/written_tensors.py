"""The tensors of a trace as a file keeps them: every block of memory once, and each tensor as a way to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.ops.numerics import memory_of
from engine.record.trace_file.unique_rows import UniqueRows

Layout = Mapping[str, Any]
NO_BLOCK = -1
_COMPRESSED = {torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc}
_PER_CHANNEL = (torch.qint8, torch.quint8, torch.qint32)  # the others keep several numbers in a byte


class TensorTable:
    """The tensors that were asked for, in the order in which they were first.

    Attributes:
        storages: the block of memory of each number, which is kept alive meanwhile.
    """

    def __init__(self) -> None:
        self.storages: list[torch.UntypedStorage] = []
        self._layouts = UniqueRows()
        # By tensor: the number of its layout, of its block, and where in that it begins.
        self._entries: list[tuple[int, int, int]] = []
        self._kept: list[Tensor] = []  # alive, so that no other tensor can have the same id
        self._numbers: dict[int, int] = {}
        self._blocks: dict[int, int] = {}

    @property
    def tensors(self) -> dict[str, Any]:
        """What the manifest says of the tensors: the layouts there are, and a column each of the rest."""
        layout, storage, offset = zip(*self._entries, strict=True) if self._entries else ((), (), ())
        return {"layouts": self._layouts.rows, "layout": layout, "storage": storage, "offset": offset}

    def number(self, tensor: Tensor) -> int:
        """The number of this tensor object."""
        known = self._numbers.get(id(tensor))
        if known is not None:
            return known
        with torch.no_grad():
            layout, block, offset = self._entry(tensor)
            entry = (self._layouts.number(tuple(layout.items()), lambda: layout), block, offset)
        # Parts of a sparse tensor come before it.
        number = self._numbers[id(tensor)] = len(self._entries)
        self._kept.append(tensor)
        self._entries.append(entry)
        return number

    @property
    def blocks(self) -> dict[str, Any]:
        """What the manifest says of the blocks of memory: their bytes, and which of them have no numbers."""
        without = [number for number, storage in enumerate(self.storages) if not _has_bytes(storage)]
        return {"nbytes": [storage.nbytes() for storage in self.storages], "meta": without}

    def with_bytes(self) -> list[tuple[int, torch.UntypedStorage]]:
        """The blocks that have numbers, each with its place among those."""
        return list(enumerate(storage for storage in self.storages if _has_bytes(storage)))

    def _entry(self, tensor: Tensor) -> tuple[Layout, int, int]:
        """The layout of a tensor, with the number of its block and its offset there."""
        layout: dict[str, Any] = {"dtype": str(tensor.dtype).removeprefix("torch.")}
        if tensor.requires_grad:
            layout["requires_grad"] = True
        if tensor.is_inference():
            layout["inference"] = True
        if str(tensor.device) not in ("cpu", "meta"):
            layout["device"] = str(tensor.device)
        if tensor.is_nested or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            shape = () if tensor.is_nested else tuple(tensor.shape)
            return layout | {"shape": shape, "numbers": False}, NO_BLOCK, 0
        layout["shape"] = tuple(tensor.shape)
        if tensor.layout == torch.sparse_coo:
            parts = (tensor._indices(), tensor._values())
            sparse = {"sparse": tuple(map(self.number, parts)), "coalesced": tensor.is_coalesced()}
            return layout | sparse, NO_BLOCK, 0
        if tensor.layout in _COMPRESSED:
            compressed = {"compressed": str(tensor.layout), "parts": tuple(map(self.number, _compressed_parts(tensor)))}
            return layout | compressed, NO_BLOCK, 0
        memory = memory_of(tensor)
        quantized = self._quantized(tensor) if tensor.is_quantized else {}
        if tensor.layout != torch.strided or memory is None or quantized is None:
            return layout | {"numbers": False}, NO_BLOCK, 0
        layout |= quantized
        if tensor.is_conj():
            layout["conj"] = True
        if tensor.is_neg():
            layout["neg"] = True
        layout["stride"] = tuple(tensor.stride())
        return layout, self._block(memory), int(tensor.storage_offset())

    def _quantized(self, tensor: Tensor) -> dict[str, Any] | None:
        """How the numbers of a quantised tensor are read; None where no file keeps that."""
        if tensor.qscheme() == torch.per_tensor_affine:
            return {"quantized": (tensor.q_scale(), tensor.q_zero_point())}
        if tensor.qscheme() == torch.per_channel_affine and tensor.dtype in _PER_CHANNEL:
            parts = (tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points())
            return {"channels": (*map(self.number, parts), tensor.q_per_channel_axis())}
        return None

    def _block(self, memory: torch.UntypedStorage) -> int:
        key = memory._cdata
        if key not in self._blocks:
            self._blocks[key] = len(self.storages)
            self.storages.append(memory)
        return self._blocks[key]


def _compressed_parts(tensor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The compressed indices, the plain ones and the values."""
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices(), tensor.col_indices(), tensor.values()
    return tensor.ccol_indices(), tensor.row_indices(), tensor.values()


def _has_bytes(storage: torch.UntypedStorage) -> bool:
    """Whether there is anything behind it: a meta tensor has no memory, nor have the wrappers of some libraries."""
    return storage.device.type != "meta" and (storage.nbytes() == 0 or storage.data_ptr() != 0)
