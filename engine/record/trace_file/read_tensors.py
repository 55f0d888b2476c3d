"""The tensors of a trace file, each looked over before torch is given it: torch would enlarge memory that is too small.

Nothing is loaded: a tensor refers to the mapped file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from engine.record.trace_file.container import Container, padded
from engine.record.trace_file.fields import entries, flag, number, text
from engine.record.trace_file.plain_values import DTYPES, device_of

Devices = list[torch.device | None]
_MOST_AXES = 64
_MOST_BYTES = 2**62
# An expanded tensor, or windows that overlap, shows more elements than there are in memory. Whoever looks at all of
# them needs memory for each.
MOST_REPEATED = 2**28
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
    storages: list[torch.UntypedStorage] = []
    kept = 0
    for position, entry in enumerate(entries(container.manifest, "storages")):
        nbytes = number(entry, "nbytes", 0, _MOST_BYTES)
        if flag(entry, "meta"):
            storages.append(torch.UntypedStorage(nbytes, device="meta"))
            continue
        block = container.blocks.get(kept)
        if block is None or block.nbytes() != padded(nbytes):
            size = 0 if block is None else block.nbytes()
            raise ValueError(_BAD_BLOCK.format(position=position, nbytes=nbytes, kept=size))
        storages.append(block[:nbytes])
        kept += 1
    if kept != len(container.blocks):
        raise ValueError(_BAD_BLOCK.format(position=kept, nbytes=0, kept=container.blocks[kept].nbytes()))
    return storages


def tensors_of(manifest: Any, storages: list[torch.UntypedStorage]) -> list[Tensor]:
    """The tensors that the manifest lists.

    Raises:
        ValueError: one of them cannot be.
    """
    listed = entries(manifest, "tensors")
    plain = {
        position: _plain(entry, position, storages) for position, entry in enumerate(listed) if "sparse" not in entry
    }
    return [
        plain[position] if position in plain else _sparse(entry, position, plain)
        for position, entry in enumerate(listed)
    ]


def devices_of(manifest: Any) -> Devices:
    """By tensor the device on which it was computed, None for the one on which it is now.

    Raises:
        ValueError: there is no such device.
    """
    named = (entry.get("device") for entry in entries(manifest, "tensors"))
    return [None if name is None else device_of(name) for name in named]


def _sizes(entry: Mapping[str, Any], name: str) -> list[int]:
    sizes = entry.get(name)
    if not isinstance(sizes, list) or len(sizes) > _MOST_AXES:
        raise ValueError(f"{name} is not a list of numbers: {sizes!r}")
    return [number({name: size}, name, 0, _MOST_BYTES) for size in sizes]


def _dtype(entry: Mapping[str, Any], position: int) -> torch.dtype:
    dtype = DTYPES.get(text(entry, "dtype"))
    if dtype is None:
        raise ValueError(_NO_DTYPE.format(position=position, dtype=entry["dtype"]))
    return dtype


def _plain(entry: Mapping[str, Any], position: int, storages: list[torch.UntypedStorage]) -> Tensor:
    shape, dtype = _sizes(entry, "shape"), _dtype(entry, position)
    count = math.prod(shape)
    if count * dtype.itemsize > _MOST_BYTES:
        raise ValueError(_TOO_MANY.format(position=position, count=count, available=0, most=MOST_REPEATED))
    if entry.get("numbers") is False:  # it had none that could be kept
        return torch.empty(shape, dtype=dtype, device="meta")
    stride, offset = _sizes(entry, "stride"), number(entry, "offset", 0, _MOST_BYTES)
    storage = storages[number(entry, "storage", 0, len(storages) - 1)]
    if len(stride) != len(shape):
        raise ValueError(_BAD_LAYOUT.format(position=position, strides=len(stride), axes=len(shape)))
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True)) if count else offset - 1
    needed, available = (last + 1) * dtype.itemsize, storage.nbytes()
    if needed > available:
        raise ValueError(_OUTSIDE.format(position=position, needed=needed, available=available))
    if count > MOST_REPEATED and count * dtype.itemsize > available and storage.device.type != "meta":
        raise ValueError(_TOO_MANY.format(position=position, count=count, available=available, most=MOST_REPEATED))
    tensor = _unfilled(entry, dtype, storage.device).set_(storage, offset, shape, stride)
    if flag(entry, "conj"):
        tensor = tensor.conj()
    if flag(entry, "neg"):
        tensor = torch._neg_view(tensor)
    # Torch chooses another kernel for some products of tensors that need gradients, also where it computes none.
    return tensor.requires_grad_(flag(entry, "requires_grad"))


def _unfilled(entry: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> Tensor:
    match entry.get("quantized"):
        case None:
            return torch.empty(0, dtype=dtype, device=device)
        case [int() | float() as scale, int(zero_point)]:
            return torch._empty_affine_quantized((0,), scale=scale, zero_point=zero_point, dtype=dtype)
        case other:
            raise ValueError(f"no tensor is quantized by {other!r}")


def _sparse(entry: Mapping[str, Any], position: int, plain: Mapping[int, Tensor]) -> Tensor:
    parts = entry["sparse"]
    if not isinstance(parts, list) or len(parts) != 2 or not all(type(part) is int and part in plain for part in parts):
        raise ValueError(f"tensor {position} is made of {parts!r}, not of indices and values")
    indices, values = (plain[part] for part in parts)
    coalesced = flag(entry, "coalesced")
    shape = _sizes(entry, "shape")
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=True, is_coalesced=coalesced)
