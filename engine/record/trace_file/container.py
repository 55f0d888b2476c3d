"""The container of a trace file: a safetensors file with the manifest as JSON and every block of memory once.

Blocks are bytes (U8) under the names ``manifest`` and ``storage.0``, ``storage.1``, …; each begins at a multiple of 64
bytes and is filled up to the next one, so that any dtype can be read where it stands. A file is mapped, not read: what
nobody looks at is never loaded, and what is written into an opened tensor stays out of the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

ALIGNMENT = 64
FORMAT, VERSION = "tensor-shape-explorer.trace", 2
_OLD_VERSIONS = tuple(map(str, range(1, VERSION)))
MANIFEST, STORAGE = "manifest", "storage.{number}"
# safetensors itself refuses a longer header. The manifest of ten thousand steps has about one million bytes.
_LONGEST_HEADER, _LONGEST_MANIFEST = 100_000_000, 256_000_000

_TOO_SHORT = "it has {size} bytes, fewer than its header says"
_NO_HEADER = "it is not a safetensors file"
_NO_TRACE = "it is a safetensors file, but not a trace"
_OTHER_VERSION = "it was written in version {version} of the format; this program reads version {known}"
_OLDER = (
    "it was written in version {version} of the format, which this program no longer reads; record its program again"
)
_BLOCKS = "the blocks in it do not follow on each other"
_LONG = "its manifest has {size} bytes, more than {most}"
_NO_MANIFEST = "its manifest is not JSON"


@dataclass(frozen=True)
class Container:
    """A trace file whose header was checked.

    Attributes:
        manifest: the parsed JSON.
        memory: the whole file; None for a trace without numbers.
        blocks: by the number of each ``storage.N`` where it begins and ends in the file, filled up to a multiple of 64
            bytes.
    """

    manifest: Any
    memory: torch.UntypedStorage | None
    blocks: Mapping[int, tuple[int, int]]


def padded(nbytes: int) -> int:
    """Bytes filled up to a multiple of the alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def write_container(file: BinaryIO, manifest: Any, storages: Sequence[tuple[int, torch.UntypedStorage]]) -> None:
    """Writes the container.

    Args:
        file: open for writing bytes.
        manifest: what is written as JSON.
        storages: the number and the memory of each block. One is copied to the CPU at a time.
    """
    about = json.dumps(manifest, separators=(",", ":"), allow_nan=False).encode()
    about = about.ljust(padded(len(about)))
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "version": str(VERSION)}}
    end = 0
    sizes = [(MANIFEST, len(about)), *((STORAGE.format(number=n), padded(s.nbytes())) for n, s in storages)]
    for name, size in sizes:
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text = text.ljust(padded(len(text) + 8) - 8)
    file.write(len(text).to_bytes(8, "little") + text + about)
    for _, storage in storages:
        file.write(_bytes_of(storage))
        file.write(bytes(padded(storage.nbytes()) - storage.nbytes()))


def container_bytes(sizes: Iterable[int]) -> int:
    """About how many bytes a file with storages of these sizes has, its manifest and header left out."""
    return sum(map(padded, sizes))


def read_container(path: Path) -> Container:
    """Maps a file and checks that it is a trace in a container, without looking at any number.

    Raises:
        ValueError: it is not; says why without naming the file.
        OSError: it cannot be read.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > _LONGEST_HEADER:
            raise ValueError(_NO_HEADER)
        header = _parsed(file.read(min(length, size)), _NO_HEADER)
        first = 8 + length
        if first > size:
            raise ValueError(_TOO_SHORT.format(size=size))
        if not isinstance(header, dict):
            raise ValueError(_NO_HEADER)
        about = header.pop("__metadata__", None)
        if not isinstance(about, dict) or about.get("format") != FORMAT or MANIFEST not in header:
            raise ValueError(_NO_TRACE)
        version = about.get("version")
        if version != str(VERSION):
            refused = _OLDER if version in _OLD_VERSIONS else _OTHER_VERSION
            raise ValueError(refused.format(version=version, known=VERSION))
        spans = _spans(header, size - first)
        begin, end = spans.pop(MANIFEST)
        if end - begin > _LONGEST_MANIFEST:
            raise ValueError(_LONG.format(size=end - begin, most=_LONGEST_MANIFEST))
        file.seek(first + begin)
        manifest = _parsed(file.read(end - begin), _NO_MANIFEST)
    if not spans:
        return Container(manifest, None, {})
    # Private: a page that is written to becomes this process's own.
    whole = cast("torch.UntypedStorage", torch.UntypedStorage.from_file(str(path), shared=False, nbytes=size))
    names = {STORAGE.format(number=number): number for number in range(len(spans))}
    if names.keys() != spans.keys() or first % ALIGNMENT:
        raise ValueError(_BLOCKS)
    return Container(manifest, whole, {names[name]: (first + a, first + b) for name, (a, b) in spans.items()})


def _parsed(text: bytes, refused: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(refused) from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _spans(header: dict[str, Any], room: int) -> dict[str, tuple[int, int]]:
    """Where each block begins and ends; they must lie one after the other, and fill the file."""
    spans: dict[str, tuple[int, int]] = {}
    for name, entry in header.items():
        # A long trace has a block for every step: a match statement takes three times as long.
        shape, offsets = (entry.get("shape"), entry.get("data_offsets")) if type(entry) is dict else (None, None)
        if type(offsets) is not list or len(offsets) != 2 or entry.get("dtype") != "U8":
            raise ValueError(_BLOCKS)
        begin, end = offsets
        if type(begin) is not int or type(end) is not int or begin > end or begin % ALIGNMENT or shape != [end - begin]:
            raise ValueError(_BLOCKS)
        spans[name] = (begin, end)
    at = 0
    for begin, end in sorted(spans.values()):
        if begin != at:
            raise ValueError(_BLOCKS)
        at = end
    if at != room:
        raise ValueError(_BLOCKS)
    return spans


def _bytes_of(storage: torch.UntypedStorage) -> memoryview:
    on_cpu = storage if storage.device.type == "cpu" else storage.cpu()
    return torch.empty(0, dtype=torch.uint8).set_(on_cpu).numpy().data
