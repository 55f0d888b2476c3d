"""What is done to scores on their way to weights."""

from engine.findings.softmax import axis, saturated, scale  # noqa: F401  rules are registered when imported
