"""How a program treats its tensors: axes, memory, switches, weights, labels."""

from engine.findings.program import (  # noqa: F401  rules are registered when imported
    comments,
    equal_sizes,
    fast_path,
    growth,
    in_place,
    labels,
    raised,
    tied,
    training,
)
