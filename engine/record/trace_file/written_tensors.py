"""The tensors of a trace as a file keeps them: every block of memory once, and each tensor as a way to read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.ops.numerics import memory_of

Entry = Mapping[str, Any]


class TensorTable:
    """The tensors that were asked for, in the order in which they were first.

    Attributes:
        entries: what the manifest says of each.
        storages: the block of memory of each number, which is kept alive meanwhile.
    """

    def __init__(self) -> None:
        self.entries: list[Entry | None] = []
        self.storages: list[torch.UntypedStorage] = []
        self._kept: list[Tensor] = []  # alive, so that no other tensor can have the same id
        self._numbers: dict[int, int] = {}
        self._blocks: dict[int, int] = {}

    def number(self, tensor: Tensor) -> int:
        """The number of this tensor object."""
        known = self._numbers.get(id(tensor))
        if known is not None:
            return known
        number = self._numbers[id(tensor)] = len(self.entries)
        self._kept.append(tensor)
        self.entries.append(None)  # parts of a sparse tensor come after it
        with torch.no_grad():
            self.entries[number] = self._entry(tensor)
        return number

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """What the manifest says of each block of memory."""
        return [
            {"nbytes": storage.nbytes(), **({} if _has_bytes(storage) else {"meta": True})} for storage in self.storages
        ]

    def with_bytes(self) -> list[tuple[int, torch.UntypedStorage]]:
        """The blocks that have numbers, each with its place among those."""
        return list(enumerate(storage for storage in self.storages if _has_bytes(storage)))

    def _entry(self, tensor: Tensor) -> Entry:
        shown: dict[str, Any] = {"dtype": str(tensor.dtype).removeprefix("torch.")}
        if tensor.requires_grad:
            shown["requires_grad"] = True
        if tensor.is_inference():
            shown["inference"] = True
        if str(tensor.device) not in ("cpu", "meta"):
            shown["device"] = str(tensor.device)
        if tensor.is_nested or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            shape = [] if tensor.is_nested else list(tensor.shape)
            return shown | {"shape": shape, "numbers": False}
        shown["shape"] = list(tensor.shape)
        if tensor.layout == torch.sparse_coo:
            parts = (tensor._indices(), tensor._values())
            return shown | {"sparse": list(map(self.number, parts)), "coalesced": tensor.is_coalesced()}
        memory = memory_of(tensor)
        if tensor.layout != torch.strided or memory is None or (tensor.is_quantized and not _is_affine(tensor)):
            return shown | {"numbers": False}
        if tensor.is_quantized:
            shown["quantized"] = [tensor.q_scale(), tensor.q_zero_point()]
        if tensor.is_conj():
            shown["conj"] = True
        if tensor.is_neg():
            shown["neg"] = True
        return shown | {
            "storage": self._block(memory),
            "stride": list(tensor.stride()),
            "offset": int(tensor.storage_offset()),
        }

    def _block(self, memory: torch.UntypedStorage) -> int:
        key = memory._cdata
        if key not in self._blocks:
            self._blocks[key] = len(self.storages)
            self.storages.append(memory)
        return self._blocks[key]


def _is_affine(tensor: Tensor) -> bool:
    return bool(tensor.qscheme() == torch.per_tensor_affine)


def _has_bytes(storage: torch.UntypedStorage) -> bool:
    """Whether there is anything behind it: a meta tensor has no memory, nor have the wrappers of some libraries."""
    return storage.device.type != "meta" and (storage.nbytes() == 0 or storage.data_ptr() != 0)
