"""What fused calls are in plain PyTorch. A module here registers its openers when it is imported below."""

from engine.record.openers import compiled, embedding_bag, fast_paths, functional_attention, quantized, recurrence  # noqa: F401
