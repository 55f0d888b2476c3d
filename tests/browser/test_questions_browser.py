"""The questions in a real browser: from the front page in two presses, with the answer in sight."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from engine.questions import answer, question_of
from tests.browser.conftest import NARROW, WIDE
from tests.browser.tabs import Opener

pytestmark = [pytest.mark.browser, pytest.mark.still]

# The questions from students' notes.
NOTES = (
    "masked_fill", "several_positions", "transpose_or_permute", "permute_before_product", "view_straight", "why_split",
    "contiguous", "bidirectional", "far_words", "keys_and_values", "root_d_k", "flat_region", "where_from",
    "minus_infinity", "costs", "all_at_once", "shuffled", "cache", "explanation", "image_tokens",
)  # fmt: skip
_BELOW = 60  # pixels from the question to its answer
_SIGHT = 800  # pixels from the top of the screen
# Whether the answer stands in sight right below its question, and its first and last word on each line are what a
# person sees there: the top bar may lie over the page.
_RIGHT_BELOW = """([sentence, summary, sight, below]) => {
    const [answer, question] = [sentence, summary].map((element) => element.getBoundingClientRect());
    const gap = answer.top - question.bottom;
    return answer.top > 0 && answer.bottom < sight && gap > 0 && gap < below
        && [...sentence.getClientRects()].every(({ left, right, top, bottom }) => [left + 4, right - 4].every(
            (x) => sentence.contains(document.elementFromPoint(x, (top + bottom) / 2))));
}"""


def _sentence(key: str) -> re.Pattern[str]:
    """The longest part of an answer that Markdown leaves as it is."""
    question = question_of(key)
    assert question is not None
    plain = max(re.split(r"[`*_^]", answer(question).sentences[0]), key=len)
    return re.compile(re.escape(plain.strip()[:60]))


@pytest.mark.parametrize(
    ("keys", "viewport"),
    [
        pytest.param(NOTES, WIDE, marks=pytest.mark.whole, id="all"),
        pytest.param(NOTES, NARROW, marks=pytest.mark.whole, id="all, on a phone"),
        pytest.param(NOTES[::4], WIDE, id="some"),
    ],
)
def test_each_question_from_the_notes_is_answered_in_two_presses_right_below_it(
    keys: tuple[str, ...], viewport: dict[str, int], tabs: Opener, app: str
) -> None:
    tab = tabs(viewport=viewport)
    tab.goto(app, timeout=90_000)
    tab.get_by_role("link", name="Questions", exact=True).first.click()
    expect(tab.locator("summary").first).to_be_visible(timeout=90_000)
    for key in keys:
        question = question_of(key)
        assert question is not None
        summary = tab.locator("summary").filter(has_text=question.text)
        summary.click()
        sentence = tab.locator(f".st-key-answer-{key} strong").filter(has_text=_sentence(key)).first
        expect(sentence).to_be_visible()
        # An answer that opens at the lower edge is brought up by the page, after it has come. All is measured at once:
        # the page may move between two measurements.
        tab.wait_for_function(_RIGHT_BELOW, arg=[sentence.element_handle(), summary.element_handle(), _SIGHT, _BELOW])
        told = " ".join(tab.locator(f".st-key-answer-{key}").inner_text().split())
        for part in answer(question).sentences:
            assert " ".join(re.sub(r"[`*]", "", part).split()) in told, key
        summary.click()
        expect(sentence).to_be_hidden()


def test_an_answer_is_no_wider_than_a_phone(tabs: Opener, app: str) -> None:
    tab = tabs(viewport=NARROW)
    tab.goto(f"{app}/questions?question=permute_before_product")
    expect(tab.get_by_text(_sentence("permute_before_product")).first).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
