"""Every rule names the program that is wrong in its way, and is quiet about the right twin."""

import pytest
import torch

from engine import findings
from engine.findings.finding import findings_text, rules
from engine.findings.known import Known
from tests.engine.findings.programs import TWINS as ATTENTION_TWINS
from tests.engine.findings.programs import drawn, recorded
from tests.engine.findings.programs_of_tokens import TOKEN_TWINS
from tests.engine.long_programs import blocks_side_by_side

TWINS = {**ATTENTION_TWINS, **TOKEN_TWINS}

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


def test_a_row_taken_from_every_row_of_a_square_does_not_grow_both_sides():
    def centred(x, row):
        return (x - row).square().mean()

    assert findings(recorded(centred, drawn(5, 5), drawn(5, seed=1))) == ()


def test_softmax_is_saturated_where_more_than_half_of_the_rows_are():
    def attention(factors):
        # Row i has scores 0 and its factor: one weight of nearly 1 where the factor is large.
        scores = factors[:, None] @ torch.tensor([[0.0, 1.0]])
        return scores.softmax(-1) @ torch.ones(2, 3)

    assert names(findings(recorded(attention, torch.tensor([20.0, 20.0, 20.0, 1.0])))) == ["saturated_softmax"]
    assert findings(recorded(attention, torch.tensor([20.0, 20.0, 1.0, 1.0]))) == ()


def test_twice_as_many_attentions_ask_at_most_twice_as_often_what_depends_on_what(monkeypatch):
    depends, asked = Known.depends, []
    monkeypatch.setattr(Known, "depends", lambda *asks: asked.append(1) or depends(*asks))
    questions = []
    for blocks in (40, 80):
        asked.clear()
        findings(blocks_side_by_side(blocks))
        questions.append(len(asked))
    assert questions[1] <= 2 * questions[0] + 80
