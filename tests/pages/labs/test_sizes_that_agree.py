"""The lab of sizes, as a person meets it."""

import pytest

from engine.labs.sizes_that_agree import chain, code
from engine.labs.sizes_that_agree.attention_sizes import AttentionSizes
from engine.labs.sizes_that_agree.by_accident import MISTAKES, accident
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "sizes_that_agree"


def pressed(app, label):
    [button] = [button for button in app.button if button.label == label]
    return button.click().run()


def drawn(app):
    return " ".join(element.proto.body for element in app.get("html") if 'class="meeting"' in element.proto.body)


def test_nothing_is_shown_before_a_person_predicts_or_asks_to_see():
    app = lab(KEY)
    assert not app.exception
    assert app.get("bidi_component") == []
    assert drawn(app) == ""
    app.radio[0].set_value("both work").run()
    assert "You predicted that. **Computed: both work.** d_k: 3 = 3. Keys and values: 6 = 6." in words(app)
    assert drawn(app) == ""  # the shapes would tell the answer to the next question
    app.radio[1].set_value("(1, 2, 4, 5)").run()
    assert answers(app)["shape"] == "(1, 2, 4, 5)"
    assert drawn(app).count('class="meeting"') == 2


def test_what_works_is_shown_with_the_tensors_that_were_computed():
    app = revealed(lab(KEY))
    assert answers(app) == {
        "works": "both work",
        "shape": "(1, 2, 4, 5)",
        "after": "both work, all sizes agree",
        "accident.key not transposed": "it raises",
    }
    found = chain(AttentionSizes())
    for name, link in zip(("scores", "mixed"), found.links, strict=False):
        panels = stage(app, f"labs.sizes.{name}")["panels"]
        assert [axis["size"] for axis in panels[2]["axes"]] == list(link.value.shape)
        assert panels[2]["scale"]["largest"] == pytest.approx(link.value.abs().max().item())
    assert app.code[-1].value.strip() == code(AttentionSizes()).strip()


@pytest.mark.parametrize(
    ("button", "sizes", "answer", "says"),
    [
        (
            "Keys with another d_k",
            AttentionSizes(d_k_of_keys=4),
            "`query @ key.transpose(-2, -1)` raises",
            "d_k of keys 3, or d_k of queries 4",
        ),
        ("One value too few", AttentionSizes(values=5), "`weights @ value` raises", "6 values, or 5 keys"),
    ],
)
def test_a_broken_rule_is_shown_in_pytorchs_words_and_in_plain_ones(button, sizes, answer, says):
    app = revealed(pressed(lab(KEY), button))
    assert answers(app)["works"] == answer
    assert app.code[0].value == chain(sizes).links[-1].error
    assert f"**Works with:** {says}." in words(app)
    assert "?" in next(text.value for text in app.markdown if "would be" in text.value)
    assert "nothing: PyTorch raises" in drawn(app)
    assert "after" not in answers(app)
    assert app.code[-1].value.strip() == code(sizes).strip()


def test_another_d_v_breaks_nothing_and_w_o_follows_it():
    app = revealed(pressed(lab(KEY), "Another d_v"))
    assert answers(app)["shape"] == "(1, 2, 4, 8)"
    assert answers(app)["after"] == "both work, all sizes agree"
    assert next(slider.value for slider in app.slider if slider.label == "W_O takes") == 16


@pytest.mark.parametrize(
    ("button", "sizes", "answer"),
    [
        ("W_O takes one head", AttentionSizes(w_in=5), "`w_o(concat)` raises"),
        ("W_O gives one less", AttentionSizes(w_out=7), "`x + output` raises"),
    ],
)
def test_w_o_and_the_residual_have_rules_of_their_own(button, sizes, answer):
    app = revealed(pressed(revealed(lab(KEY)), button))
    assert answers(app)["after"] == answer
    assert chain(sizes).links[-1].error in [block.value for block in app.code]
    assert f"**Works with:** {chain(sizes).links[-1].rule.remedy}." in words(app)


def test_a_size_of_1_is_stretched_without_a_word_and_the_page_says_so():
    app = revealed(pressed(revealed(lab(KEY)), "W_O gives 1"))
    assert answers(app)["after"] == "both work, though two sizes differ"
    assert "PyTorch says nothing. One of the two sizes is 1" in words(app)
    assert drawn(app).count('class="chip apart"') == 2


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_shown_as_it_came_out(mistake):
    options = ("it raises", "it runs, and numbers are wrong", "it runs, and every number is right")
    sizes = AttentionSizes(batch=2, queries=4, keys=4, values=4, d_k=4, d_k_of_keys=4)
    values = {name: getattr(sizes, name) for name in ("batch", "queries", "keys", "values", "d_k", "d_k_of_keys")}
    app = revealed(lab(KEY, mistake=mistake, **values))
    found = accident(mistake, sizes)
    assert answers(app)[f"accident.{mistake}"] == options[1]
    assert f"{found.changed} of {found.right.numel()} numbers differ" in words(app)
    for says, value in (("right", found.right), ("wrong", found.wrong)):
        [panel] = stage(app, f"labs.sizes.accident.{says}")["panels"]
        assert panel["scale"]["largest"] == pytest.approx(value.abs().max().item())


def test_sizes_can_be_made_to_agree_by_accident_and_a_batch_of_one_hides_a_mistake():
    app = revealed(lab(KEY))
    assert answers(app)["accident.key not transposed"] == "it raises"
    app = pressed(app, "Make the sizes agree by accident")
    assert answers(app)["accident.key not transposed"] == "it runs, and numbers are wrong"
    app = revealed(lab(KEY, mistake="keys of one sentence"))
    assert answers(app)["accident.keys of one sentence"] == "it runs, and every number is right"
    app = pressed(app, "Larger sizes")
    assert answers(app)["accident.keys of one sentence"] == "it runs, and numbers are wrong"


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("size", [1, 8])
def test_the_ends_of_the_sliders_are_answered_too(mistake, size):
    names = ("batch", "heads", "queries", "keys", "values", "d_k", "d_k_of_keys", "d_v", "w_in", "w_out", "d_model")
    app = revealed(lab(KEY, mistake=mistake, **dict.fromkeys(names, 99 if size == 8 else 1)))
    assert not app.exception
    assert len(app.slider) == 11
    assert answers(app)["works"] == "both work"
    assert answers(app)["after"] == "both work, all sizes agree"
    assert all(len(radio.options) >= 3 for radio in app.radio)
