"""Positions that are not those of the tokens they are given to."""

from engine.findings.positions import (  # noqa: F401  rules are registered when imported
    added_restart,
    batch_first,
    padding_side,
    rotary_pairs,
    rotary_restart,
)
