"""Heads that are cut, repeated or put together so that a row holds pieces that do not belong together."""

from engine.findings.heads import features, grouped, merged, split  # noqa: F401  rules are registered when imported
