"""Several stages in one message: those that may be asked for next.

4 bytes     how many stages, little-endian, as everything here
8 bytes     for each: its step, and its length in bytes
padding     to a multiple of 8, here and after each stage
the stages  as wire_format.py writes them
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence


def join(stages: Sequence[tuple[int, bytes]]) -> bytes:
    head = struct.pack("<I", len(stages)) + b"".join(struct.pack("<II", step, len(data)) for step, data in stages)
    return b"".join(map(_padded, (head, *(data for _, data in stages))))


def within(stages: Iterable[tuple[int, bytes]], most: int) -> list[tuple[int, bytes]]:
    """As many of them, from the first on, as stay within so many bytes together."""
    taken: list[tuple[int, bytes]] = []
    for step, data in stages:
        most -= len(data)
        if most < 0:
            break
        taken.append((step, data))
    return taken


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 8)
