"""Writing to a folder of the computer that serves the page: only for whoever sits at it, and nothing lost."""

import pytest

from pages.ui.app import own_computer
from tests.pages.shown import control
from tests.pages.test_pages import opened

LAYERS = {"encoder_layers": "1", "decoder_layers": "1"}
NAMES = ["steps.csv", "values.csv"]


@pytest.fixture
def at_the_computer(monkeypatch):
    """There is no connection in Streamlit's test harness, so nobody there sits at the computer."""
    monkeypatch.setattr(own_computer, "why_not", lambda: "")


def write_button(app):
    return next(button for button in app.button if button.label.startswith("Write both"))


def asked_to_write(app, folder):
    app.text_input[0].set_value(str(folder))
    return write_button(app).click().run()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("at_the_computer")
class TestAtTheComputer:
    @pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "/dev/null/x", "/proc/x"])
    def test_a_folder_that_cannot_be_written_to_is_an_error_in_words(self, folder):
        app = asked_to_write(opened("pages/export.py", **LAYERS), folder)
        assert not app.exception
        [error] = app.error
        assert len(error.value) > 10
        assert not app.success

    @pytest.mark.parametrize(
        ("folder", "said"),
        [
            ("", "A folder needs a name"),
            ("   ", "A folder needs a name"),
            ("a\x00b", "no control characters"),
            ("\u202eout", "direction marks"),
            (" out", "no space before or after it"),
            ("out/ in", "no space before or after it"),
        ],
    )
    def test_a_name_that_misleads_writes_nothing_and_is_answered(self, folder, said, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        app = asked_to_write(opened("pages/export.py", **LAYERS), folder)
        [error] = app.error
        assert said in error.value
        assert "; use " in error.value.replace("\\", "")
        assert error.value.isprintable()
        assert app.text_input[0].value == folder
        assert names(tmp_path) == []

    def test_both_files_are_written_to_the_folder_that_was_named(self, tmp_path):
        folder = tmp_path / "**new**"
        app = asked_to_write(opened("pages/export.py", **LAYERS), folder)
        assert [success.value for success in app.success] == [f"Wrote steps.csv and values.csv to `{folder}`"]
        assert names(folder) == NAMES
        assert not app.warning

    @pytest.mark.parametrize("present", [["values.csv"], ["steps.csv"], NAMES])
    def test_files_that_exist_are_named_and_replaced_only_when_that_is_said(self, present, tmp_path):
        for name in present:
            (tmp_path / name).write_text("mine")
        app = asked_to_write(opened("pages/export.py", **LAYERS), tmp_path)
        assert [warning.value for warning in app.warning] == [f"`{tmp_path}` already has {' and '.join(present)}."]
        assert names(tmp_path) == sorted(present)
        assert {(tmp_path / name).read_text() for name in present} == {"mine"}
        assert app.button(key="folder.replace").label == f"Replace {' and '.join(present)}"
        app.button(key="folder.replace").click().run()
        assert [success.value for success in app.success] == [f"Wrote steps.csv and values.csv to `{tmp_path}`"]
        assert names(tmp_path) == NAMES
        assert all((tmp_path / name).read_text().startswith("step,") for name in NAMES)
        assert not app.warning
        assert not app.run().success

    def test_files_that_exist_stay_when_that_is_said(self, tmp_path):
        (tmp_path / "values.csv").write_text("mine")
        app = asked_to_write(opened("pages/export.py", **LAYERS), tmp_path)
        app.button(key="folder.keep").click().run()
        assert not app.warning
        assert not app.success
        assert names(tmp_path) == ["values.csv"]
        assert (tmp_path / "values.csv").read_text() == "mine"

    def test_the_question_stays_while_something_else_is_set(self, tmp_path):
        (tmp_path / "values.csv").write_text("mine")
        app = asked_to_write(opened("pages/export.py", **LAYERS), tmp_path)
        control(app, "heads").set_value(8).run()
        assert len(app.warning) == 1
        assert (tmp_path / "values.csv").read_text() == "mine"

    def test_a_file_that_came_after_the_question_is_asked_about_anew(self, tmp_path):
        (tmp_path / "values.csv").write_text("mine")
        app = asked_to_write(opened("pages/export.py", **LAYERS), tmp_path)
        (tmp_path / "steps.csv").write_text("mine too")
        app.button(key="folder.replace").click().run()
        assert [warning.value for warning in app.warning] == [f"`{tmp_path}` already has steps.csv and values.csv."]
        assert (tmp_path / "values.csv").read_text() == "mine"
        assert (tmp_path / "steps.csv").read_text() == "mine too"

    def test_another_folder_takes_the_question_about_the_first_away(self, tmp_path):
        (tmp_path / "values.csv").write_text("mine")
        app = asked_to_write(opened("pages/export.py", **LAYERS), tmp_path)
        app = asked_to_write(app, tmp_path / "other")
        assert not app.warning
        assert names(tmp_path / "other") == NAMES
        assert (tmp_path / "values.csv").read_text() == "mine"


def test_whoever_does_not_sit_at_the_computer_gets_a_sentence_and_the_downloads(monkeypatch):
    monkeypatch.setattr(own_computer, "why_not", lambda: "They are elsewhere.")
    app = opened("pages/export.py", **LAYERS)
    assert not app.text_input
    assert not any(button.label.startswith("Write") for button in app.button)
    assert any(caption.value.endswith("They are elsewhere.") for caption in app.caption)
    assert [button.proto.label for button in app.get("download_button")] == [
        "Download steps.csv",
        "Download values.csv",
        "Download this trace",
    ]


@pytest.mark.parametrize("replaces", [False, True])
def test_it_is_asked_again_at_the_moment_of_writing(replaces, tmp_path, monkeypatch):
    """A connection may change between the drawing of the form and the press of its button."""
    answers = []
    monkeypatch.setattr(own_computer, "why_not", lambda: answers.pop(0) if answers else "")
    if replaces:
        (tmp_path / "values.csv").write_text("mine")
    before = names(tmp_path)
    app = opened("pages/export.py", **LAYERS)
    answers += [""] if replaces else ["", "They are elsewhere now."]
    app = asked_to_write(app, tmp_path)
    if replaces:
        answers += ["", "They are elsewhere now."]
        app.button(key="folder.replace").click().run()
    assert [error.value for error in app.error] == ["They are elsewhere now."]
    assert not app.success
    assert names(tmp_path) == before


def test_a_press_that_comes_while_the_form_is_not_there_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(own_computer, "why_not", lambda: "")
    app = opened("pages/export.py", **LAYERS)
    monkeypatch.setattr(own_computer, "why_not", lambda: "They are elsewhere.")
    asked_to_write(app, tmp_path)
    assert names(tmp_path) == []
