"""How a program treats its tensors: axes, memory, switches, positions."""

from engine.findings.program import (  # noqa: F401  rules are registered when imported
    batch_first,
    comments,
    equal_sizes,
    fast_path,
    growth,
    in_place,
    positions,
    raised,
    training,
)
