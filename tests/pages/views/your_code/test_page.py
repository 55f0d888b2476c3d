"""The page of somebody's own code in Streamlit's own harness, on traces that were recorded here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from engine import Trace, record, save_trace
from pages.ui.app import own_computer
from pages.ui.traces.opened import OPENED
from pages.ui.views.your_code import page, program_state
from pages.ui.views.your_code.examples import EXAMPLES, example_text
from pages.ui.views.your_code.program import UserProgram, arguments, target_call
from pages.ui.views.your_code.program_state import EditedProgram
from pages.ui.views.your_code.run_program import Outcome
from pages.ui.views.your_code.script import to_address
from pages.ui.views.your_code.signature import with_added_input, with_text
from tests.pages.shown import stage

ROOT = Path(__file__).parents[4]
STATE, RUNS = program_state._STATE, program_state._RUNS


def program_of(text: str) -> UserProgram:
    return with_text(UserProgram(""), text)


@pytest.fixture
def ran(monkeypatch, tmp_path) -> list[UserProgram]:
    """Everything that was run. It is recorded in this process, and the visitor sits at this computer."""
    programs: list[UserProgram] = []

    def run_here(program: UserProgram) -> Outcome:
        programs.append(program)
        trace = recorded(program, tmp_path)
        path = save_trace(trace, tmp_path / f"{len(programs)}.trace")
        with open(path, "rb") as file:
            return Outcome(program, OPENED.add("your_code.trace", file, made_from=program))

    monkeypatch.setattr(page, "run_program", run_here)
    monkeypatch.setattr(page, "warm_up", lambda: None)
    monkeypatch.setattr(page, "bounds", lambda: ())
    monkeypatch.setattr(own_computer, "why_not", lambda: "")
    return programs


def recorded(program: UserProgram, folder: Path) -> Trace:
    file = folder / "your_code.py"
    file.write_text(program.text, "utf-8")
    names: dict[str, Any] = {"torch": torch}
    exec(compile(program.text, str(file), "exec"), names)
    function: Callable[..., Any] = eval(target_call(program), names)
    args = eval(f"dict({', '.join(arguments(program))})", names)
    try:
        return record(function, **args)
    except RuntimeError as error:
        return error.trace


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "pages/your_code.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def pressed(app: AppTest) -> AppTest:
    """Run, as the button in the editor asks for it."""
    app.session_state[STATE] = replace(app.session_state[STATE], is_linked=False)
    app.session_state[RUNS] = replace(app.session_state[RUNS], is_asked=True)
    return app.run()


def editor(app: AppTest) -> dict[str, Any]:
    [proto] = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-code")]
    return json.loads(proto.json)


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info, *app.error, *app.warning))


def components(app: AppTest) -> set[str]:
    return {element.proto.id.rpartition("-")[2] for element in app.get("bidi_component")}


def test_it_opens_with_a_working_attention_and_runs_nothing(ran):
    app = opened()
    assert not app.exception
    shown = editor(app)
    assert shown["text"] == example_text("attention")
    assert [row["name"] for row in shown["table"]["rows"]] == ["d_model", "heads", "x"]
    assert shown["canRun"] is True
    assert shown["marks"] == []
    assert ran == []


def test_a_run_shows_the_strip_the_lens_and_the_shape_beside_every_line(ran):
    app = pressed(opened())
    assert not app.exception
    assert [program.text for program in ran] == [example_text("attention")]
    assert {"strip", "stage", "code.sizes"} <= components(app)
    trace = OPENED.get(app.session_state["explorer.settings"].opened).trace
    assert trace.steps[stage(app)["player"]["step"]].name == "scores"
    marks = {mark["line"]: mark for mark in editor(app)["marks"]}
    lines = example_text("attention").splitlines()
    [weights] = [number for number, line in enumerate(lines, 1) if "softmax" in line]
    assert [size[0] for size in marks[weights]["sizes"]] == ["2", "4", "6", "6"]
    [chunk] = [number for number, line in enumerate(lines, 1) if "chunk" in line]
    assert ([size[0] for size in marks[chunk]["sizes"]], marks[chunk]["more"]) == (["2", "6", "32"], "×3")


def test_every_other_page_shows_the_run(ran):
    app = pressed(opened())
    name = app.session_state["explorer.settings"].opened
    for path in ("attention", "every_step", "export"):
        other = AppTest.from_file(str(ROOT / f"pages/{path}.py"), default_timeout=60)
        other.query_params["trace"] = name
        other.run()
        assert not other.exception
        assert not other.error
        if path == "attention":
            assert "attention.maps" in components(other)


def test_code_in_the_address_is_shown_and_waits_for_a_press(ran):
    program = program_of("def double(x):  # (B, L)\n    return x * 2\n")
    app = opened(code=to_address(program))
    assert editor(app)["text"] == program.text
    assert editor(app)["linked"] is True
    assert "Read it before you press" in words(app)
    assert ran == []
    pressed(app)
    assert [one.text for one in ran] == [program.text]
    assert "Read it before you press" not in words(app)


def test_a_press_for_one_program_never_runs_another_that_comes_with_an_address(ran):
    app = opened()
    app.session_state[RUNS] = replace(app.session_state[RUNS], is_asked=True)
    app.session_state[STATE] = None
    app.query_params["code"] = to_address(program_of("def double(x):\n    return x * 2\n"))
    app.session_state["explorer.view"] = {"code": app.query_params["code"]}
    app.run()
    assert editor(app)["linked"] is True
    assert ran == []


def test_an_address_that_holds_no_program_leaves_what_was_there_and_says_so(ran):
    app = opened(code="abc")
    assert editor(app)["text"] == example_text("attention")
    assert "which is no program" in words(app)


def test_nothing_runs_for_a_browser_that_is_not_on_this_computer(ran, monkeypatch):
    monkeypatch.setattr(own_computer, "why_not", lambda: "This page comes through a proxy, which sends `via`.")
    app = pressed(opened())
    assert ran == []
    assert editor(app)["canRun"] is False
    assert "only for a browser on the computer that serves this page" in words(app)
    assert "streamlit run app.py" in app.code[0].value


def test_a_run_that_raised_shows_what_ran_and_the_edges_that_disagree(ran):
    app = opened(code=to_address(program_of(example_text("keys_not_transposed"))))
    pressed(app)
    assert not app.exception
    problem = editor(app)["problem"]
    assert example_text("keys_not_transposed").splitlines()[problem["line"] - 1].strip() == "scores = q @ k"
    assert problem["message"] == "d_k 8 ≠ L 6"
    assert {"strip", "stage"} <= components(app)


def test_the_remedy_can_be_tried_and_then_the_code_runs_on(ran):
    app = pressed(opened(code=to_address(program_of(example_text("keys_not_transposed")))))
    app.button(key="code.try").click().run()
    assert not app.exception
    assert "scores = q @ k.transpose(-2, -1)" in ran[-1].text
    assert editor(app)["problem"] is None
    assert editor(app)["revision"] == 1


@pytest.mark.parametrize("name", ["keys_not_transposed", "view_after_transpose"])
def test_an_example_of_a_mistake_is_the_working_one_but_for_one_line(name):
    pairs = zip(example_text("attention").splitlines(), example_text(name).splitlines(), strict=True)
    assert sum(right != wrong for right, wrong in pairs) == 1


@pytest.mark.parametrize("name", [name for name, label in EXAMPLES.items() if label.startswith("Fails")])
def test_every_failing_example_is_mended_by_its_remedy(ran, name):
    app = pressed(opened(code=to_address(program_of(example_text(name)))))
    app.button(key="code.try").click().run()
    assert not app.exception
    assert editor(app)["problem"] is None


def test_a_syntax_error_stands_at_its_line_and_keeps_the_inputs(ran):
    app = opened()
    written = app.session_state[STATE]
    broken = replace(written.program, text=written.program.text.replace("def forward(self, x):", "def forward(self, x"))
    app.session_state[STATE] = EditedProgram(broken, 1, syntax=(12, "'(' was never closed"))
    app.run()
    assert editor(app)["problem"] == {"line": 12, "message": "'(' was never closed", "of": broken.text}
    assert [row["name"] for row in editor(app)["table"]["rows"]] == ["d_model", "heads", "x"]


def test_a_shape_that_cannot_be_made_is_said_at_its_input(ran):
    program = program_of("def double(x):  # (B, L)\n    return x * 2\n")
    program = replace(program, inputs=(replace(program.inputs[0], text="B, Q + "),))
    app = opened(code=to_address(program))
    assert "neither a number nor a size" in editor(app)["table"]["rows"][0]["problem"]


def test_the_text_is_there_again_after_another_page(ran):
    app = opened(code=to_address(program_of("def double(x):\n    return x * 2\n")))
    app.switch_page(str(ROOT / "pages/export.py")).run()
    app.switch_page(str(ROOT / "pages/your_code.py")).run()
    assert editor(app)["text"] == "def double(x):\n    return x * 2\n"


def test_the_address_of_a_run_shows_it_again_without_running(ran):
    app = pressed(opened())
    settings = app.session_state["explorer.settings"]
    again = opened(trace=settings.opened, code=app.session_state[STATE].address)
    assert {"strip", "stage"} <= components(again)
    assert len(ran) == 1
    # It was run on this computer, so that nobody need be told to read it first.
    assert "Read it before you press" not in words(again)


def test_code_that_was_changed_since_the_run_that_its_address_names_is_to_be_read_first(ran):
    app = pressed(opened())
    other = program_of("def double(x):\n    return x * 2\n")
    again = opened(trace=app.session_state["explorer.settings"].opened, code=to_address(other))
    assert editor(again)["text"] == other.text
    assert "Read it before you press" in words(again)
    assert len(ran) == 1


def test_a_program_without_steps_says_so(ran):
    app = pressed(opened(code=to_address(program_of("def nothing(x):\n    return 3\n"))))
    assert not app.exception
    assert "Nothing was recorded" in words(app)


def test_an_address_whose_run_is_gone_keeps_the_code_and_says_so(ran):
    app = opened(trace="gone", code=to_address(program_of("def double(x):\n    return x * 2\n")))
    assert not app.exception
    assert "is not kept on this server any more" in words(app)
    assert editor(app)["text"] == "def double(x):\n    return x * 2\n"


def test_inputs_are_added_and_removed_in_the_table_and_what_code_may_do_is_said(ran):
    app = opened(code=to_address(program_of("z = 1\n")))
    app.session_state[STATE] = replace(
        app.session_state[STATE], program=with_added_input(app.session_state[STATE].program)
    )
    app.run()
    [row] = editor(app)["table"]["rows"]
    assert (row["name"], row["added"], row["problem"]) == ("x", True, "")
    assert "code.sizes" in components(app)
    assert "it can read and change your files and use the network" in words(app)
