"""What is suspicious in a trace, a rule a file.

A rule is a function that looks at what is known of a trace and yields a ``Finding`` for each suspicion. It stands in
the folder of its kind and is registered there with ``rule``.
"""

from engine.findings import (  # noqa: F401  a rule is registered when imported
    heads,
    masks,
    numbers,
    positions,
    program,
    softmax,
)
from engine.findings.collect import findings
from engine.findings.finding import Finding, findings_text

__all__ = ["Finding", "findings", "findings_text"]
