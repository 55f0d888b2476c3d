"""The lab of the division by √d_k, as a person meets it."""

import math
import re

import pytest

from engine.labs.scaling import attention, code, even, spread
from engine.ops.notation import number
from tests.pages.labs.opened import answers, lab, revealed
from tests.pages.shown import stage
from tests.pages.test_pages import words

KEY = "scaling"


def table(app, head):
    [text] = [element.value for element in app.markdown if element.value.startswith(head)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_a_prediction_of_the_spread_is_held_against_measured_numbers():
    app = lab(KEY)
    assert not app.exception
    assert len(app.radio) == 1
    assert "From d_k" not in words(app)
    app.radio[0].set_value("about 16-fold").run()
    small, large = spread(64), spread(1024)
    assert "You predicted: about 16-fold. **Computed: about 4-fold.**" in words(app)
    said = f"it is {number(small.deviation)} and {number(large.deviation)}: "
    assert said + f"{number(large.deviation / small.deviation, 3)} times as much" in words(app)


def test_the_tensors_and_the_table_are_those_of_the_experiment():
    app = revealed(lab(KEY, d_k=36, keys=7, seed=2))
    found = attention(36, 7, "normal", 2)
    flat = even(7)
    for name, scores, weights in zip(("scores", "scaled"), (found.scores, found.scaled), found.weights, strict=True):
        panels = stage(app, f"labs.scaling.{name}")["panels"]
        assert [axis["size"] for axis in panels[1]["axes"]] == [6, 7]
        assert panels[0]["scale"]["largest"] == pytest.approx(scores[0, :6].abs().max().item(), rel=1e-6)
        assert panels[1]["scale"]["kind"] == "probability"
        assert weights.shape == scores.shape
    rows = {row[0]: row[1:] for row in table(app, "| All 512 queries")[2:]}
    without, divided = found.measures
    for title, field in (
        ("Largest weight, mean", "largest"),
        ("Entropy in bits, mean", "entropy"),
    ):
        assert rows[title] == [number(getattr(one, field), 3) for one in (without, divided, flat)]
    gradients = [number(one.score_gradient, 3) for one in (without, divided, flat)]
    assert "{} against {}: ".format(*gradients) in words(app)
    assert f"Even weights would give {gradients[2]}." in words(app)
    assert app.code[-1].value == code(36, 7, "normal", 2).strip()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"spread": "about 4-fold", "largest": "0.75 or more", "gradient": "less than a hundredth of it"}),
        ({"d_k": 1}, {"spread": "about 4-fold", "gradient": "as large, within a tenth"}),
        ({"d_k": 1, "keys": 64}, {"largest": "less than 0.25", "gradient": "as large, within a tenth"}),
        ({"components": "one number repeated"}, {"spread": "about 16-fold"}),
        ({"d_k": 256, "keys": 64, "components": "one number repeated", "seed": 20}, {"largest": "0.75 or more"}),
        ({"d_k": 256, "keys": 2, "components": "+1 or −1"}, {"gradient": "less than a hundredth of it"}),
    ],
)
def test_the_answers_follow_the_sliders_to_their_ends(values, expected):
    app = revealed(lab(KEY, **values))
    assert not app.exception
    found = answers(app)
    assert list(found) == ["spread", "largest", "gradient", "trained"]
    assert {name: found[name] for name in expected} == expected


def test_the_text_says_that_theory_holds_only_where_it_does():
    assert "theory does not hold" not in words(revealed(lab(KEY)))
    repeated = words(revealed(lab(KEY, components="one number repeated")))
    assert "theory does not hold" in repeated
    measured = spread(1024, "one number repeated").variance
    assert f"the variance is {number(measured / 1024)} times d_k" in repeated


def test_the_slope_of_the_largest_weight_is_that_of_softmax_by_autograd():
    [text] = [
        element.value for element in revealed(lab(KEY, d_k=100, keys=6)).markdown if "p(1 − p) =" in element.value
    ]
    p, slope, divided_p, divided_slope = re.search(
        r"p = (\S+) and p\(1 − p\) = \*\*(\S+)\*\*\. .* weight is (\S+) and its slope \*\*(\S+?)\*\*\.", text
    ).groups()
    found = attention(100, 6, "normal", 0)
    largest = [row.amax().item() for row in found.weights[0].flatten(0, -2)]
    query = min(range(len(largest)), key=lambda at: abs(largest[at] - sorted(largest)[len(largest) // 2]))
    key = int(found.weights[0].flatten(0, -2)[query].argmax())
    for scores, said in ((found.scores, (p, slope)), (found.scaled, (divided_p, divided_slope))):
        row = scores.flatten(0, -2)[query].detach().clone().requires_grad_()
        weight = row.softmax(-1)[key]
        weight.backward()
        assert said == (number(weight.item()), number(row.grad[key].item(), 3))


def test_a_gradient_too_small_for_float64_leaves_a_gap_that_is_explained():
    missing = "Where a point is missing, the gradient is smaller than float64 can hold"
    assert missing in words(revealed(lab(KEY, d_k=256, keys=64, components="one number repeated")))
    assert missing not in words(revealed(lab(KEY)))


def test_the_trained_model_is_held_against_the_same_theory():
    app = revealed(lab(KEY))
    rows = [row[1:] for row in table(app, "| q·k / √d_k, standard deviation")[2:]]
    smallest = min(float(cell) for row in rows for cell in row) * math.sqrt(16)
    assert answers(app)["trained"] == ("larger in every head" if smallest > 4 else "smaller in some heads")
    assert len(rows) == 4


def test_values_beyond_the_sliders_are_moved_and_said():
    app = lab(KEY, d_k=0, keys=65)
    assert "`lab_d_k=0` was asked for; d_k goes from 1 to 256. 1 is used." in app.warning[0].value
    assert "`lab_keys=65` was asked for; Keys goes from 2 to 64. 64 is used." in app.warning[0].value
