"""Two traces, step by step: which steps belong together, and where the first difference was made."""

from engine.compare.comparison import TraceComparison, compare
from engine.compare.difference import Difference
from engine.compare.verdicts import StepPair, Verdict

__all__ = ["Difference", "StepPair", "TraceComparison", "Verdict", "compare"]
