"""What a function's text says of sizes: ``B, L, D = x.shape``, ``x.view(B, L, self.n_head, -1)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.record.axis_names.labels import Label


def written_anchors(steps: Sequence[Any], codes: Sequence[Any]) -> Iterator[tuple[int, int, Label, str, int]]:
    yield from ()
