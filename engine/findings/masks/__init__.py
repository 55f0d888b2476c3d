"""Masks that hide what should be seen, or show what should be hidden."""

from engine.findings.masks import (  # noqa: F401  rules are registered when imported
    all_hidden,
    decoder,
    hides_nothing,
    inverted,
    later_token,
    on_queries,
    padding_seen,
    shifted,
)
