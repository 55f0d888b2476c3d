"""What is said on the pages: sentences that people had to read twice are not said again."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNCLEAR = (
    "Target, empty: what the model writes",
    "Take the trace along",
    "One row a step.",
    "One row an element",
    "Shown instead is the example",
    "also to download",
    "which only random weights leave free",
    "Most of all: head",
    "each one place on",
    "the name of a frame to close it",
    "Writing freely, beside being told",
    "Draw 0",
)
TEXTS = {
    path.relative_to(ROOT): path.read_text("utf-8")
    for folder in ("pages", "engine")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".js") and "min" not in path.suffixes
}


@pytest.mark.parametrize("phrase", UNCLEAR)
def test_no_page_says_what_people_had_to_read_twice(phrase):
    assert len(TEXTS) > 300
    assert [str(path) for path, text in TEXTS.items() if phrase in text] == []
