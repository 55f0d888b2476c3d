"""The script on a lab's page prints the page's numbers, or its first line says which are others."""

from __future__ import annotations

import contextlib
import io
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Expander, Node

from engine.labs.script_cells import cells
from pages.ui.labs.kit.registry import LABS, lab_of
from tests.pages.labs.opened import PAGE, lab, revealed
from tests.pages.labs.script_lines import LINES, Line, Page
from tests.pages.test_pages import ROOT, opened

KEYS = [lab.key for lab in LABS]
DRAWN = 1  # sets of slider values for each lab, beside the usual ones; the long check draws more
# What changes what is looked at, and must show what the script prints.
_KEPT = {"notebook": {"line": "1", "shapes": "every line"}, "explanation": {"kind": "shuffled"}}
_DATES = ("21 November 2026", "3/4/2021", "2026년 5월 1일", "June 2019")
_ROUNDING = 1e-5
_FOLDER = ", to run in the project's folder"


def scripts(app: AppTest) -> list[str]:
    return [block.value for block in app.code if block.language == "python" and "import torch" in block.value]


def drawn_values(key: str, draw: random.Random) -> dict[str, str]:
    """A value for every slider, option and line of text of the lab."""
    app = revealed(lab(key))
    values = {_name(slider.key): str(draw.randint(int(slider.min), int(slider.max))) for slider in app.main.slider}
    values |= {
        _name(group.key): str(draw.choice(group.options))
        for group in app.main.get("button_group")
        if group.key and "your own" not in group.options
    }
    values |= {_name(line.key): draw.choice(_DATES) for line in app.main.text_input}
    return values | _KEPT.get(key, {})


def _name(key: str) -> str:
    return key.split(".", 2)[2]


def printed(script: str) -> list[str]:
    """The lines that a script prints, the last one the error that ended it, if one did."""
    usual, threads = torch.get_default_dtype(), torch.get_num_threads()
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(script, "<copied>", "exec"), {"__name__": "__main__"})
    except RuntimeError as error:
        output.write(str(error))
    finally:
        torch.set_default_dtype(usual)
        torch.set_num_threads(threads)
    return output.getvalue().splitlines()


def printed_by_python_alone(script: str, folder: Path) -> list[str]:
    run = subprocess.run([sys.executable, "-"], input=script, cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def assert_as_on_the_page(key: str, page: Page, script: str, lines: list[str]) -> None:
    assert lines
    for text in lines:
        kinds = [kind for kind in LINES[key] if re.fullmatch(kind.printed, text)]
        assert kinds, f"nothing on the page is known to be {text!r}"
        match = re.fullmatch(kinds[0].printed, text)
        assert match
        if kinds[0].shown is None:
            first = script.splitlines()[0]
            assert re.match("# .*other", first)
            continue
        shown = kinds[0].shown(page, match)
        for one, other in zip(match.groups(), shown, strict=True):
            assert same(one, other, kinds[0]), f"{text!r}, but the page shows {other}"


def same(one: str, other: str, line: Line) -> bool:
    """Whether both are the same text, or the same number to the digits of the one that has fewer."""
    one, other = (text.replace("−", "-").replace("∞", "inf").strip() for text in (one, other))
    if one == other:
        return True
    if re.match("[<>] ", other):
        limit, value = float(other[2:]), float(one)
        return value <= limit if other[0] == "<" else value >= limit
    one, other = (re.sub(r"(?<=\d),(?=\d{3})", "", text) for text in (one, other))
    try:
        first, second = float(one), float(other)
    except ValueError:
        return False
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    if line.rounding and max(abs(first), abs(second)) < _ROUNDING:
        return True
    if one.isdigit() and other.isdigit():
        return first == second
    # Sums in another order may round the last digit the other way.
    return abs(first - second) <= max(_unit(one), _unit(other)) * (1 + 1e-9)


def _unit(number: str) -> float:
    """One in the last digit of a number as it is written."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def assert_scripts_print_what_the_page_shows(key: str, values: dict[str, str]) -> None:
    app = revealed(lab(key, **values))
    assert not app.exception
    page = Page(app)
    for script in scripts(app):
        assert_as_on_the_page(key, page, script, printed(script))


@pytest.mark.parametrize("key", KEYS)
def test_the_script_run_by_python_alone_prints_the_numbers_of_the_page(key, tmp_path, monkeypatch):
    app = revealed(lab(key, **_KEPT.get(key, {})))
    page, found = Page(app), scripts(app)
    assert found
    *beside_answers, whole = found
    titles = [node.label for node in in_order(app.main) if isinstance(node, Expander) and "of PyTorch" in node.label]
    # A script whose title does not name the folder to run it in runs in any.
    for script, title in zip(beside_answers, titles, strict=True):
        monkeypatch.chdir(ROOT if _FOLDER in title else tmp_path)
        assert (_FOLDER in title) == ("engine" in script)
        assert_as_on_the_page(key, page, script, printed(script))
    [title] = [text.value for text in app.markdown if "All of it in one script" in text.value]
    assert_as_on_the_page(key, page, whole, printed_by_python_alone(whole, ROOT if _FOLDER in title else tmp_path))
    monkeypatch.chdir(ROOT)
    if key == "notebook":  # a line shows the cell that it stands in, so the others are on the page at other lines
        others = (revealed(lab(key, line=line)) for line in (2, 6, 13, 16))
        beside_answers += [script for other in others for script in scripts(other)[:1]]
    assert sorted(beside_answers) == sorted(text.strip() for text in cells(whole).values())


def in_order(block: Block) -> Iterator[Node]:
    """What stands on the page, from the top down."""
    for child in block.children.values():
        yield child
        if isinstance(child, Block):
            yield from in_order(child)


@pytest.mark.parametrize("key", [known.key for known in LABS if known.sections])
def test_a_section_that_a_link_opens_shows_the_lines_of_the_answers_before_it_and_of_no_question_that_waits(key):
    sections = lab_of(key).sections
    app = opened(PAGE, lab=key, section=sections[len(sections) // 2])
    assert not app.exception
    waiting = {button.key.removesuffix(".show") for button in app.button if button.key.endswith(".show")}
    seen = list(in_order(app.main))
    questions = [at for at, node in enumerate(seen) if getattr(node, "key", None) in waiting]
    lines = [at for at, node in enumerate(seen) if isinstance(node, Expander) and "lines of PyTorch" in node.label]
    assert lines
    assert max(lines) < min(questions, default=len(seen))


@pytest.mark.parametrize("seed", range(DRAWN))
@pytest.mark.parametrize("key", KEYS)
def test_the_script_prints_the_numbers_of_the_page_wherever_the_sliders_stand(key, seed):
    assert_scripts_print_what_the_page_shows(key, drawn_values(key, random.Random(f"{key} {seed}")))


@pytest.mark.parametrize(
    ("one", "other", "rounding", "expected"),
    [
        ("0.72441", "0.7244", False, True),
        ("0.740", "0.7244", False, False),
        ("1.049e+06", "1,048,576", False, True),
        ("12", "13", False, False),
        ("4.8e-07", "9.5e−07", True, True),
        ("4.8e-07", "9.5e−07", False, False),
        ("nan", "NaN", False, True),
        ("nan", "0.5", False, False),
        ("0.99999", "> 0.999", False, True),
        ("0.5", "> 0.999", False, False),
    ],
)
def test_a_number_is_the_same_only_to_the_digits_that_are_shown(one, other, rounding, expected):
    assert same(one, other, Line("", None, rounding)) == expected
