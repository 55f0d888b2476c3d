"""The glossary of the top bar."""

from __future__ import annotations

from engine.axes import AXES as ALL_AXES
from pages.ui.app.glossary import AXES, TERMS, glossary_html


def test_every_axis_of_the_glossary_is_one_of_the_engine_s_and_means_the_same():
    for symbols, meaning in AXES:
        for symbol in symbols.split(", "):
            entry = ALL_AXES[symbol]
            words = {word.strip(",:") for word in f"{entry.name} {entry.meaning}".split()}
            assert words & {word.strip(",:") for word in meaning.split()}, symbol


def test_each_word_stands_once_in_a_row_of_its_own_with_the_colour_that_it_has_everywhere():
    page = glossary_html(dark=False)
    words = [word for word, _ in (*AXES, *TERMS)]
    assert len(set(words)) == len(words)
    assert page.count("<tr>") == len(words)
    assert '<th scope="row" style="color: #a35e0b">H</th>' in page
    assert '<th scope="row" style="color: #e8a04c">H</th>' in glossary_html(dark=True)
