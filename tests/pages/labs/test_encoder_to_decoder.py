"""The lab of the encoder and the decoder, as a person meets it."""

import pytest

from engine.labs.encoder_to_decoder import code, crossing, handed_over
from engine.labs.encoder_to_decoder.decoding_cost import ways
from pages.ui.app.markdown_escape import escaped, visible
from tests.pages.labs.opened import answers, lab, predicted, revealed
from tests.pages.shown import panel_values, stage
from tests.pages.test_pages import words

KEY = "encoder_to_decoder"


def test_nothing_is_shown_before_a_person_predicts_which_tensors_grow():
    app = predicted(KEY, "K and V alone", right=False)
    assert "Q goes from (1, 4, 5, 16) to (1, 4, 6, 16); K stays (1, 4, 18, 16); V stays (1, 4, 18, 16)." in words(app)
    assert len(app.radio) == 2


def test_the_shapes_differences_and_counts_on_the_page_are_those_that_were_computed():
    text = "3 March 1987"
    app = revealed(lab(KEY, date=text, step=6, layer=1, head=2, place=0))
    found, handed, steps = crossing(text, 6, 1), handed_over(text, 0, 6), ways(text)
    assert list(answers(app)) == ["grows", "memory", "same", "saved"]
    assert answers(app)["grows"] == "Q alone"
    assert answers(app)["memory"] == "none of them"
    said = words(app)
    for value in (found.memory, found.asking, found.query, found.key, found.value, found.weights):
        assert f"| {tuple(value.shape)} |" in said
    assert f"**S = {len(found.source)}**" in said
    assert f"**T = {len(found.target)}**" in said
    assert f"0 of {handed.usual.numel():,} differ with the old memory" in said
    assert f"| 4 March 1987 | the old one | {escaped(handed.answers[2])} | 0 |" in said
    assert f"{sum(steps.everything):,} FLOPs anew, {sum(steps.cache):,} with the cache" in said
    table = app.dataframe[0].value
    assert table["anew"].tolist() == table["cache"].tolist() == list(steps.tokens)
    assert app.code[-1].value == code(14, 7, 4, 16).strip()


def test_the_tensors_that_are_drawn_have_the_sizes_of_the_step():
    app = revealed(lab(KEY, step=6, head=3))
    cross = stage(app, "labs.encoder_to_decoder.cross")["panels"]
    sizes = [{axis["symbol"]: axis["size"] for axis in panel["axes"]} for panel in cross]
    assert sizes == [{"T": 7, "d_k": 16}, {"S": 18, "d_k": 16}, {"T": 7, "S": 18}]
    kept = stage(app, "labs.encoder_to_decoder.cache")["panels"]
    assert [[axis["size"] for axis in panel["axes"]] for panel in kept] == [[1, 16], [7, 16], [1, 7]]


def test_the_three_attentions_stand_side_by_side_with_their_calls_and_sizes():
    app = revealed(lab(KEY, date="3 March 1987", step=6, layer=1, head=2))
    said = words(app)
    found = crossing("3 March 1987", 6, 1)
    weights = (found.encoder_weights, found.decoder_weights, found.weights)
    texts = ((found.source, found.source), (found.target, found.target), (found.target, found.source))
    sizes = []
    for index, call in enumerate(("attend(x, x)", "attend(y, y, causal)", "attend(y, memory)")):
        key = f"labs.encoder_to_decoder.three.{index}"
        [panel] = stage(app, key)["panels"]
        rows, columns = (axis["size"] for axis in panel["axes"])
        assert f"`{call}`  \nweights (1, 4, {rows}, {columns})" in said
        assert tuple(tuple(axis["labels"]) for axis in panel["axes"]) == tuple(map(_visible, texts[index]))
        assert panel_values(app, 0, key) == weights[index][0, 2].flatten().tolist()
        sizes.append((rows, columns))
    # 12 characters, begin and end; begin and 6 characters.
    assert sizes == [(14, 14), (7, 7), (7, 14)]
    assert "all numbers together are 0: no token looks at a later one" in said
    assert "Layer 1 of the trained model, head 2." in said
    for row in (
        "| encoder | `attend(x, x)` | source | source |",
        "| decoder, masked | `attend(y, y, causal)` | target | target |",
        "| encoder to decoder | `attend(y, memory)` | target | source, as the encoder left it |",
    ):
        assert row in said


def _visible(tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(visible, tokens))


@pytest.mark.parametrize(("asked", "said"), [("1" * 41, "at most 40 characters"), ("\x00", "character")])
def test_a_text_that_cannot_be_read_gets_a_sentence_and_no_traceback(asked, said):
    app = lab(KEY, date=asked)
    assert not app.exception
    assert said in app.error[0].value
    app.text_input[0].set_value("11/3/1987").run()
    assert not app.error
    assert len(app.radio) == 1
    app.text_input[0].set_value("").run()
    assert app.text_input[0].value == "21 November 2026"


@pytest.mark.parametrize("values", [{"date": "x", "step": 99, "place": 99}, {"date": "a ?|`*" + "9" * 30, "step": 0}])
def test_the_ends_of_the_sliders_and_a_text_that_is_no_date_show_no_error(values):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    assert not app.error
    assert len(answers(app)) == 4
    assert answers(app)["memory"] == "none of them"
