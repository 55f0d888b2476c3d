"""Every rule names the program that is wrong in its way, and is quiet about the right twin."""

import pytest

from engine import findings
from engine.findings.finding import findings_text, rules
from tests.engine.findings.programs import TWINS

NEEDS_PROGRAM = {"sizes_equal_by_accident"}


def names(suspicions):
    return [suspicion.rule for suspicion in suspicions]


def test_every_rule_has_a_wrong_program_and_a_right_twin():
    assert set(TWINS) | NEEDS_PROGRAM == set(rules())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", TWINS)
def test_a_program_that_is_wrong_in_one_way_has_that_finding_alone(name):
    suspicions = findings(TWINS[name].wrong())
    assert name in names(suspicions)
    assert set(names(suspicions)) - {name} <= set(TWINS[name].companions), findings_text(suspicions)


@pytest.mark.parametrize("name", TWINS)
def test_the_right_twin_has_none(name):
    suspicions = findings(TWINS[name].right())
    assert names(suspicions) == [], findings_text(suspicions)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", TWINS)
def test_a_finding_stands_at_a_step_of_its_trace_with_a_sentence_and_numbers(name):
    trace = TWINS[name].wrong()
    suspicion = next(suspicion for suspicion in findings(trace) if suspicion.rule == name)
    assert suspicion.step in trace.steps
    assert suspicion.sentence[0].isupper() or suspicion.sentence.startswith(suspicion.step.name) or suspicion.evidence
    assert "{" not in suspicion.sentence
