"""Quantities as people read them."""

from __future__ import annotations


def format_bytes(nbytes: float) -> str:
    """A number of bytes as people read it, in powers of 1024: 1536 → "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB"):
        if nbytes < 1024:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:,.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:,.1f} GiB"
