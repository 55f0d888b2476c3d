"""Numbers that are none, or more than their dtype holds."""

from engine.findings.numbers import first_nan, lost, overflow  # noqa: F401  rules are registered when imported
