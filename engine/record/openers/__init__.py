"""What fused calls are in plain PyTorch. A module here registers its openers when it is imported below."""

from engine.record.openers import (  # noqa: F401
    compiled,
    embedding_bag,
    fast_paths,
    fourier,
    functional_attention,
    quantized,
    recurrence,
    resampling,
    small_functions,
    strided,
)
