"""What a lab says to those who predicted another answer, to those who skipped, and how far they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from engine.labs.bugs import SublayerSizes, compare
from engine.labs.bugs.mistakes import MISTAKES
from engine.labs.notebook import replay
from engine.labs.notebook.shapes import options as shapes_of
from pages.ui.labs import bugs, notebook
from pages.ui.labs.kit import lab_widgets
from pages.ui.labs.kit.registry import LABS, lab_of
from tests.pages.labs.opened import PAGE, answers, lab, revealed
from tests.pages.test_pages import opened, words

KEYS = [lab.key for lab in LABS]


@dataclass
class Asked:
    """What a lab asked, and its sections, in the order in which they were drawn."""

    questions: dict[str, tuple[Sequence[str], str, str, dict[str, str]]] = field(default_factory=dict)
    sections: list[str] = field(default_factory=list)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Every question that a lab asks from now on is skipped, and kept here."""
    kept, predict, section = Asked(), lab_widgets.predict, lab_widgets.section

    def skipped(name, question, options, answer, because="", wrong=None):
        kept.questions[name] = options, answer, because, dict(wrong or {})
        lab_widgets._seen(name)
        return predict(name, question, options, answer, because, wrong)

    def noted(name, title):
        kept.sections.append(name)
        section(name, title)

    monkeypatch.setattr(lab_widgets, "predict", skipped)
    monkeypatch.setattr(lab_widgets, "section", noted)
    return kept


@pytest.mark.parametrize("key", KEYS)
def test_every_wrong_option_of_every_question_has_a_sentence_that_skipping_does_not_show(key, asked):
    app = lab(key)
    assert not app.exception
    assert len(asked.questions) >= 2
    skipped = words(app)
    for name, (options, answer, because, wrong) in asked.questions.items():
        assert answer in options, name
        for option in options:
            if option == answer:
                continue
            sentence = wrong.get(option, "")
            assert len(sentence) > 30, f"{name}: nothing is said to those who chose {option!r}"
            assert sentence.endswith("."), sentence
            assert sentence not in because
            assert sentence not in skipped


@pytest.mark.parametrize("key", KEYS)
def test_the_registry_knows_how_many_questions_a_lab_asks_and_which_sections_it_has(key, asked):
    assert not lab(key).exception
    known = lab_of(key)
    assert known is not None
    assert known.questions in (None, len(asked.questions))
    assert tuple(asked.sections) == known.sections


@pytest.mark.parametrize("index", range(len(MISTAKES)))
def test_each_mistake_says_for_every_stage_why_the_runs_do_not_first_differ_there(index):
    comparison = compare(index, SublayerSizes(3, 5, 4, 4, 8, 2))
    for stage in bugs.STAGES:
        sentence = bugs._not_here(stage, comparison)
        steps = [at for at, pair in enumerate(comparison.pairs) if pair.stage == stage]
        if comparison.first is not None and steps and steps[-1] < comparison.first:
            assert all(not comparison.pairs[at].unequal for at in steps)
            assert "still equal" in sentence
        assert sentence.endswith(".")


def test_every_line_of_the_notebook_says_what_is_wrong_with_each_other_shape():
    run = replay(10, 20, 512, 8)
    told = 0
    for line in run.lines:
        for shape in shapes_of(line, 10, 20, 512, 8):
            if line.step is None or shape == line.step.shape:
                continue
            sentence = notebook._not_this_shape(line.step, shape)
            assert str(shape) in sentence
            assert ("holds as many" in sentence or "in another order" in sentence) == (
                line.step.value.reshape(-1).numel() == math.prod(shape)
            )
            told += 1
    assert told > 20


def test_a_wrong_choice_is_answered_and_unchanged_strides_are_not_confirmed():
    app = lab("memory_layout")
    app.radio[0].set_value("(8, 4, 1)").run()
    said = words(app)
    assert "You predicted: (8, 4, 1). **Computed: (4, 8, 1).**" in said
    assert "that is why the strides cannot stay: the first axis is now H, and one step along H goes 4" in said
    app.radio[0].set_value("(12, 4, 1)").run()
    assert "(12, 4, 1) is what a new tensor of this shape would have" in words(app)
    assert "cannot stay" not in words(app)


def test_a_difference_of_rounding_is_said_to_be_the_same_numbers():
    app = lab("why_split")
    app.radio[0].set_value("other numbers").run()
    assert "means the same numbers" in words(app)


def test_skipping_shows_no_arrow_and_is_not_called_wrong():
    app = revealed(lab("view_or_permute"))
    said = words(app)
    assert said.count("No prediction. **Computed: ") == 2
    assert ":orange[→]" not in said
    assert ":green[✓]" not in said
    assert "2 of 2 questions opened · 0 predicted · 0 as computed" in said


def test_progress_counts_what_was_predicted_and_what_was_right():
    app = lab("view_or_permute")
    assert "questions opened" not in words(app)
    app.radio[0].set_value("none").run()
    app.radio[1].set_value("another token's").run()
    right = sum(
        answer == choice for answer, choice in zip(answers(app).values(), ("none", "another token's"), strict=True)
    )
    assert f"2 of 2 questions opened · 2 predicted · {right} as computed" in words(app)


def test_the_code_is_folded_without_its_comments_until_every_question_is_answered():
    app = lab("masking")
    [script] = [block.value for block in app.code if "import torch" in block.value]
    assert "#" not in script
    assert len(app.main.expander) == 1
    *_, script = [block.value for block in revealed(app).code if "import torch" in block.value]
    assert "# by 0, after softmax" in script


def test_a_link_to_a_section_opens_it_and_asks_what_it_asks():
    app = opened(PAGE, lab="masking", section="after")
    assert not app.exception
    assert list(answers(app)) == ["hidden", "filler"]
    assert [radio.key.rpartition(".")[2] for radio in app.radio] == ["hidden", "filler", "sum"]
    assert "##### Why −∞ before softmax, and not 0 after it?" in words(app)


def test_a_link_to_no_section_says_so_and_skips_nothing():
    app = opened(PAGE, lab="masking", section="nowhere")
    assert "`section=nowhere` was asked for" in app.warning[0].value
    assert answers(app) == {}
