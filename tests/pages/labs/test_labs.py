"""What holds of every lab."""

import ast
import sys

import pytest
import torch
from streamlit.testing.v1 import AppTest

from pages.ui.labs.kit.registry import GROUPS, LABS, lab_of
from tests.pages.labs.opened import PAGE, answers, folded, lab, revealed
from tests.pages.test_pages import ROOT, opened, words

KEYS = [lab.key for lab in LABS]


def snippets(app: AppTest) -> list[str]:
    return [block.value for block in app.code if block.language == "python" and "import torch" in block.value]


def test_every_question_is_on_the_page_of_all_of_them_and_opens_its_lab():
    app = opened(PAGE)
    assert not app.exception
    assert [button.label for button in app.button] == [f"**{lab.question}**" for lab in LABS]
    app.button(key="lab-to-view_or_permute").click().run()
    assert f"#### {LABS[0].question}" in words(app)
    assert app.query_params["lab"] == "view_or_permute"
    app.button(key="lab-to-all").click().run()
    assert "lab" not in app.query_params
    assert len(app.button) == len(LABS)
    for group in GROUPS:
        assert f"##### {group}" in words(app)


def test_an_address_of_no_lab_says_so_and_shows_all_of_them():
    app = lab("nothing`here")
    assert app.warning[0].value.startswith("``lab=nothing`here`` was asked for; there is no lab of that name.")
    assert len(app.button) == len(LABS)


def test_keys_are_names_of_modules_and_no_two_are_the_same():
    assert len(set(KEYS)) == len(KEYS) == 18
    assert [lab_of(key).module().__name__ for key in KEYS] == [f"pages.ui.labs.{key}" for key in KEYS]


@pytest.mark.parametrize("key", KEYS)
def test_a_lab_asks_at_least_twice_and_computes_an_answer_among_its_options(key):
    app = revealed(lab(key))
    assert not app.exception
    found = answers(app)
    assert len(found) >= 2
    options = {radio.key.partition("predict.")[2]: radio.options for radio in app.radio}
    for name, answer in found.items():
        assert answer in options[name]


@pytest.mark.parametrize("key", KEYS)
def test_the_code_of_a_lab_needs_nothing_of_this_project_and_prints_something(key, monkeypatch, capsys):
    found = snippets(revealed(lab(key)))
    assert found
    monkeypatch.chdir(ROOT)
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    for text in found:
        imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
        assert {name.partition(".")[0] for name in names} <= {
            *sys.stdlib_module_names,
            "torch",
            "einops",
            "safetensors",
        }
        try:
            exec(compile(text, "<copied>", "exec"), {"__name__": "__main__"})
        finally:
            torch.set_default_dtype(usual)
            torch.set_num_threads(threads)
        assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("key", KEYS)
def test_a_lab_keeps_its_values_in_range_whatever_an_address_says(key):
    app = revealed(lab(key))
    names = [slider.key.rpartition(".")[2] for slider in app.main.slider]
    for value in ("-999999", "999999"):
        app = revealed(lab(key, **dict.fromkeys(names, value)))
        assert not app.exception
        for slider in app.main.slider:
            assert slider.min <= slider.value <= slider.max


@pytest.mark.parametrize("key", ["explanation", "long_range", "masking", "memory_layout", "scaling"])
def test_what_is_folded_for_experts_is_drawn_only_once_it_is_opened(key):
    def for_experts(app):
        return [part for part in app.main.expander if part.label.startswith("For experts: ")]

    app = revealed(folded(key))
    closed = for_experts(app)
    assert closed
    assert not any(part.children for part in closed)
    app = revealed(lab(key))
    assert not app.exception
    assert len(for_experts(app)) == len(closed)
    assert all(part.children for part in for_experts(app))


def test_a_value_that_is_no_number_is_said_to_be_none_and_the_usual_one_is_taken():
    app = lab("view_or_permute", heads="nonsense")
    assert app.main.slider(key="labs.view_or_permute.heads").value == 3
    [note] = app.warning
    assert note.value == (
        "`lab_heads=nonsense` was asked for; Heads H is a whole number from 1 to 8, in the digits 0 to 9. 3 is used."
    )


def test_a_prediction_counts_and_what_was_only_looked_at_does_not():
    app = lab("view_or_permute")
    app.radio[0].set_value("none").run()
    assert "You predicted: none. **Computed: fewer than half.**" in words(app)
    app.switch_page("app.py").run()
    app.query_params.clear()
    app.switch_page(PAGE).run()
    assert ":green[1 predicted, 0 as computed]" in words(app)
