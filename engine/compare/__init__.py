"""Two traces, step by step: which steps belong together, and where the first difference was made."""

from engine.compare.comparison import Comparison, compare
from engine.compare.difference import Difference
from engine.compare.verdicts import StepPair, Verdict

__all__ = ["Comparison", "Difference", "StepPair", "Verdict", "compare"]
