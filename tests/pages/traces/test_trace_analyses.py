"""Findings and comparisons are worked out once a trace, and keep nothing in memory."""

import gc
import weakref

import pytest

from engine import Config, compare, findings, run
from pages.ui.traces import trace_analyses
from pages.ui.traces.trace_analyses import comparison_of, findings_by_step, findings_of


@pytest.fixture(scope="module")
def unmasked():
    return run(Config(causal_mask=False))


def test_findings_are_those_of_the_engine_and_looked_for_once(unmasked, monkeypatch):
    suspicions = findings_of(unmasked)
    assert [(finding.rule, finding.step, finding.also) for finding in suspicions] == [
        (finding.rule, finding.step, finding.also) for finding in findings(unmasked)
    ]
    monkeypatch.setattr(trace_analyses, "findings", pytest.fail)
    assert findings_of(unmasked) is suspicions


def test_a_finding_stands_at_every_step_that_it_is_about(unmasked):
    (finding,) = findings_of(unmasked)
    by_step = findings_by_step(unmasked)
    assert set(by_step) == {finding.step.index, *(step.index for step in finding.also)}
    assert all(found == (finding,) for found in by_step.values())


def test_a_comparison_is_that_of_the_engine_and_made_once(unmasked, monkeypatch):
    other = run(Config())
    expected, comparison = compare(unmasked, other), comparison_of(unmasked, other)
    fields = ("a", "b", "verdict", "difference", "inputs_agreed")
    assert [[getattr(pair, field) for field in fields] for pair in comparison.pairs] == [
        [getattr(pair, field) for field in fields] for pair in expected.pairs
    ]
    assert comparison.pairs.index(comparison.first) == expected.pairs.index(expected.first)
    monkeypatch.setattr(trace_analyses, "compare", pytest.fail)
    assert comparison_of(unmasked, other).first.step is comparison.first.step


def test_nothing_that_is_kept_holds_a_trace_or_its_tensors():
    first, second = run(Config(causal_mask=False)), run(Config())
    findings_of(first)
    comparison_of(first, second)
    tensor = weakref.ref(second.steps[-1].value)
    kept = weakref.ref(first)
    del second
    gc.collect()
    assert tensor() is None  # although the first is still there
    del first
    gc.collect()
    assert kept() is None
