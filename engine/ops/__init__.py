"""Operations, each described once: its arguments, what it reads, its arithmetic, its formula, its price, its checks.

To add one, write a subclass of ``Operation`` in the module of its kind in ``entries``; a line above it,
``@operation("names", "parameters")``, registers it.
"""

from engine.ops.call import Call, Operand, RecordedCall
from engine.ops.entries import (  # noqa: F401  an operation is registered when its module is imported
    complex_numbers,
    constructors,
    counting,
    elementwise,
    indexing,
    logic,
    pooling,
    products,
    rearranging,
    reductions,
    selecting,
    softmax,
)
from engine.ops.entries.contractions import (  # noqa: F401
    added_products,
    convolution,
    einsum,
    transposed_convolution,
)
from engine.ops.entries.losses import cross_entropy, differences  # noqa: F401
from engine.ops.entries.nonlinear import activations, clamping, dropout, functions  # noqa: F401
from engine.ops.entries.norms import batch_norm, normalization, vector_norms  # noqa: F401
from engine.ops.registry import (
    Movement,
    Operation,
    bind,
    canonical_name,
    flops,
    lookup,
    movement,
    operations,
    reads,
    reads_by_name,
    register,
)

__all__ = [
    "Call",
    "Movement",
    "Operand",
    "Operation",
    "RecordedCall",
    "bind",
    "canonical_name",
    "flops",
    "lookup",
    "movement",
    "operations",
    "reads",
    "reads_by_name",
    "register",
]
