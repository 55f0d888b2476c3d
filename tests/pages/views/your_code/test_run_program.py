"""Programs in the process that runs people's code: what is shown of each way to fail, and that a good one is shown."""

from __future__ import annotations

import runpy

import pytest
import torch

from pages.ui.traces.opened import OPENED
from pages.ui.views.attention import attentions_of
from pages.ui.views.share.share_view import python_of
from pages.ui.views.your_code.examples import example_text
from pages.ui.views.your_code.line_shapes import marks_of, problem_of
from pages.ui.views.your_code.program import UserProgram
from pages.ui.views.your_code.run_program import run_program
from pages.ui.views.your_code.script import recording_script_of
from pages.ui.views.your_code.signature import with_text
from tests.pages.views.your_code.programs_that_fail import FAILING


def typed(text: str) -> UserProgram:
    """The program as it is when this text was typed over the first example."""
    program = with_text(UserProgram(""), example_text("attention"))
    try:
        return with_text(program, text)
    except SyntaxError:
        return UserProgram(text, program.target, program.is_class, program.inputs, program.sizes)


def test_the_working_attention_runs_and_its_weights_are_recognised():
    outcome = run_program(typed(example_text("attention")))
    assert (outcome.sentence, outcome.line) == ("", None)
    trace = OPENED.get(outcome.name).trace
    [attention] = attentions_of(trace).values()
    assert attention.weights.shape == (2, 4, 6, 6)
    assert marks_of(trace)[-1].shape == (2, 6, 32)
    assert outcome.status.startswith(f"{len(trace.steps)} steps in ")


@pytest.mark.parametrize("name", FAILING)
def test_a_program_that_fails_shows_what_ran_the_line_and_the_reason(name):
    failing = FAILING[name]
    outcome = run_program(typed(failing.text))
    assert outcome.sentence
    said, line = outcome.sentence, outcome.line
    trace = OPENED.get(outcome.name).trace if outcome.name else None
    assert bool(trace and trace.steps) is failing.has_steps
    if trace is not None and trace.failure is not None:
        said = f"{said} {trace.failure.note}"
        problem = problem_of(trace, failing.text)
        assert problem is not None
        assert failing.edges in ("", problem.message)
        line = problem.line
    assert failing.says in said
    assert failing.line == line


def test_an_input_that_cannot_be_made_is_said_and_nothing_runs():
    program = typed(example_text("attention"))
    broken = UserProgram(program.text, program.target, True, program.inputs, (("B", 2),))
    assert "D" in run_program(broken).sentence


def test_the_python_beside_a_tensor_of_ones_own_code_makes_the_numbers_that_its_process_made(tmp_path, capsys):
    program = typed(example_text("attention"))
    trace = OPENED.get(run_program(program).name).trace
    file = tmp_path / "taken_along.py"
    file.write_text(python_of(trace, trace.find("weights"), recording_script_of(program)))
    made = runpy.run_path(str(file))
    assert [step.full_name for step in made["trace"].steps] == [step.full_name for step in trace.steps]
    assert all(torch.equal(a.value, b.value) for a, b in zip(made["trace"].steps, trace.steps, strict=True))
    assert "(2, 4, 6, 6)" in capsys.readouterr().out
    assert recording_script_of(UserProgram("x = 1")) == ""
