"""A step as one row of a table: a column is its name and what it says of a step.

steps.csv, ``Trace.to_frame`` and the page of every step all have these columns, in this order. To add one, add a line
to ``COLUMNS``.

- ``axes``, ``shape`` and ``stride`` are written like Python tuples, ``(B, H, S, d_k)`` and ``(2, 4, 5, 8)``, an axis
  of no known name as ``?``; ``ast.literal_eval`` reads the last two.
- ``flops`` is None where the operation has no known price.
- ``min``, ``max``, ``mean`` and ``std`` are over the finite elements, and None where there are none.
- ``file`` is relative to the folder that holds ``engine``, where it lies inside it.
- ``parents`` are joined by ``; ``: a step as ``#`` and its index, a parameter or input by its name, any other argument
  as it was written in the call. ``#12; encoder.layers.0.self_attention.w_q.weight; dim=-1``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.record.trace import Leaf, Step

CellValue = str | int | float | None


def _tuple_text(items: Iterable[object]) -> str:
    words = [str(item) for item in items]
    return f"({words[0]},)" if len(words) == 1 else f"({', '.join(words)})"


def _parent_text(parent: Step | Leaf) -> str:
    if isinstance(parent, Step):
        return f"#{parent.index}"
    try:
        return str(parent)
    except Exception:  # somebody else's __repr__
        return type(parent.value).__name__


COLUMNS: Mapping[str, Callable[[Step], CellValue]] = {
    "step": lambda step: step.index,
    "path": lambda step: step.path,
    "name": lambda step: step.name,
    "op": lambda step: step.op,
    "axes": lambda step: _tuple_text(axis or "?" for axis in step.axes),
    "shape": lambda step: _tuple_text(step.shape),
    "stride": lambda step: _tuple_text(step.stride),
    "dtype": lambda step: str(step.dtype).removeprefix("torch."),
    "device": lambda step: str(step.device),
    "is_view": lambda step: step.is_view,
    "is_contiguous": lambda step: step.is_contiguous,
    "numel": lambda step: step.value.numel(),
    "bytes": lambda step: step.nbytes,
    "flops": lambda step: step.flops,
    "min": lambda step: step.statistics.min,
    "max": lambda step: step.statistics.max,
    "mean": lambda step: step.statistics.mean,
    "std": lambda step: step.statistics.std,
    "nan": lambda step: step.statistics.nan,
    "inf": lambda step: step.statistics.inf,
    "expression": lambda step: step.source.expression if step.source else None,
    "file": lambda step: step.source.shown_file if step.source else None,
    "line": lambda step: step.source.line if step.source else None,
    "parents": lambda step: "; ".join(map(_parent_text, step.parents)),
}
"""Column name → its value for a step. None is an empty cell."""
