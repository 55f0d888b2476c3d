"""What fused calls are in plain PyTorch. A module here registers its openers when it is imported below."""

from engine.record.openers import fast_paths  # noqa: F401
