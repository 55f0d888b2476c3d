"""What is worked out of a trace once, and kept as long as the trace is: its findings, and comparisons with others."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from engine import Finding, Trace, compare, findings
from engine.compare import Difference, StepPair, TraceComparison, Verdict
from engine.graph.model_map import map_of
from engine.graph.strip_box import Strip


@dataclass(frozen=True)
class _PairNumbers:
    """A pair without its steps, which would keep the other trace's tensors in memory."""

    a: int | None
    b: int | None
    verdict: Verdict
    difference: Difference | None
    inputs_agreed: bool

    def pair(self, a: Trace, b: Trace) -> StepPair:
        """The pair again."""
        first = None if self.a is None else a.steps[self.a]
        second = None if self.b is None else b.steps[self.b]
        return StepPair(first, second, self.verdict, self.difference, self.inputs_agreed)


@dataclass(frozen=True)
class _ComparisonNumbers:
    pairs: tuple[_PairNumbers, ...]
    first: int | None


MOST_STEPS_AT_ONCE = 2000  # the findings of more steps are looked for where a person asks for them

# The steps of a trace do not hold it: what is kept here about a trace goes with it.
_findings: WeakKeyDictionary[Trace, tuple[Finding, ...]] = WeakKeyDictionary()
_comparisons: WeakKeyDictionary[Trace, WeakKeyDictionary[Trace, _ComparisonNumbers]] = WeakKeyDictionary()
_maps: WeakKeyDictionary[Trace, Strip] = WeakKeyDictionary()
_lock = threading.Lock()


def found_at_once(trace: Trace) -> bool:
    """Whether the findings of a trace are known, or take no longer to look for than people wait for a picture."""
    with _lock:
        return trace in _findings or is_quick_to_search(trace)


def is_quick_to_search(trace: Trace) -> bool:
    """Whether the findings of a trace take no longer to look for than people wait for a picture."""
    return len(trace.steps) <= MOST_STEPS_AT_ONCE


def findings_of(trace: Trace) -> tuple[Finding, ...]:
    """What is suspicious in a trace, looked for once."""
    with _lock:
        kept = _findings.get(trace)
    if kept is not None:
        return kept
    suspicions = findings(trace)  # may take seconds, in which others look at traces of their own
    with _lock:
        return _findings.setdefault(trace, suspicions)


def model_map(trace: Trace) -> Strip:
    """The blocks of a whole model, found once."""
    with _lock:
        if trace not in _maps:
            _maps[trace] = map_of(trace)
        return _maps[trace]


def findings_by_step(trace: Trace) -> Mapping[int, tuple[Finding, ...]]:
    """The findings of a trace by the indices of the steps that they are about."""
    by_step: dict[int, tuple[Finding, ...]] = {}
    for finding in findings_of(trace):
        for step in (finding.step, *finding.also):
            if step is not None:
                by_step[step.index] = (*by_step.get(step.index, ()), finding)
    return by_step


def comparison_of(a: Trace, b: Trace) -> TraceComparison:
    """Two traces compared, once.

    Args:
        a: what it should be.
        b: what is looked at.
    """
    with _lock:
        kept = _comparisons.setdefault(a, WeakKeyDictionary())
        numbers = kept.get(b)
    if numbers is None:
        comparison = compare(a, b)
        with _lock:
            numbers = kept.setdefault(b, _numbers_of(comparison))
    pairs = tuple(pair.pair(a, b) for pair in numbers.pairs)
    return TraceComparison(pairs, None if numbers.first is None else pairs[numbers.first])


def _numbers_of(comparison: TraceComparison) -> _ComparisonNumbers:
    pairs = tuple(
        _PairNumbers(
            None if pair.a is None else pair.a.index,
            None if pair.b is None else pair.b.index,
            pair.verdict,
            pair.difference,
            pair.inputs_agreed,
        )
        for pair in comparison.pairs
    )
    first = next((position for position, pair in enumerate(comparison.pairs) if pair is comparison.first), None)
    return _ComparisonNumbers(pairs, first)
