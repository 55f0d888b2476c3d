"""What is said of a number, for every operation: sentence and arithmetic, worked out by hand."""

import math

import pytest
import torch

from engine import Config, explain, record, run
from engine.explain.explanation import formula

F = torch.nn.functional
T = torch.tensor
NAN, INFINITY = math.nan, math.inf
# e^−DROP twice and 1 make e, whose logarithm is 1.
DROP = -math.log((math.e - 1) / 2)


def told(function, *tensors, at=()):
    trace = record(function, *tensors)
    return explain(trace, trace.steps[-1], at)


def sentence(function, *tensors, at=()):
    return told(function, *tensors, at=at).sentence


def both(function, *tensors, at=()):
    here = told(function, *tensors, at=at)
    assert here.agrees
    return here.sentence, here.arithmetic


def without_name(said):
    """A sentence without the element that it is about: ``is x[0] plus y[0].``"""
    return said[said.index(" is ") + 1 :]


@pytest.mark.parametrize(
    ("place", "says", "arithmetic"),
    [
        (0, "relu[0] is 0, because x[0] = −0.5 is below 0.", None),
        (1, "relu[1] is x[1] = 0, unchanged because it is not below 0.", "= max(0, 0) = 0"),
        (2, "relu[2] is x[2] = 0.5, unchanged because it is not below 0.", "= max(0, 0.5) = 0.5"),
    ],
)
def test_relu_says_below_at_and_above_zero(place, says, arithmetic):
    said, written = both(lambda x: x.relu(), T([-0.5, 0.0, 0.5]), at=(place,))
    assert said == says
    assert arithmetic in (None, written)


@pytest.mark.parametrize(
    ("limits", "says", "arithmetic"),
    [
        ({"min": -1, "max": 2}, "clamp[0] is x[0], made at least −1 and at most 2.", "= min(2, max(−1, 5)) = 2"),
        ({"min": 7}, "clamp[0] is x[0], made at least 7.", "= max(7, 5) = 7"),
        ({"max": 3}, "clamp[0] is x[0], made at most 3.", "= min(3, 5) = 3"),
        ({"min": 5, "max": 5}, "clamp[0] is x[0], made at least 5 and at most 5.", "= min(5, max(5, 5)) = 5"),
    ],
)
def test_clamp_says_its_limits_each_by_its_own_word(limits, says, arithmetic):
    assert both(lambda x: x.clamp(**limits), T([5.0]), at=(0,)) == (says, arithmetic)


LEFT, RIGHT = T([1.0, 2.0, 3.0]), T([2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("compare", "says", "arithmetic"),
    [
        (torch.lt, ("True: {} is less than {}", "False: {} is not less than {}", "False: {} is not less than {}"), "<"),
        (torch.le, ("True: {} is at most {}", "True: {} is at most {}", "False: {} is not at most {}"), "≤"),
        (
            torch.gt,
            ("False: {} is not greater than {}", "False: {} is not greater than {}", "True: {} is greater than {}"),
            ">",
        ),
        (torch.ge, ("False: {} is not at least {}", "True: {} is at least {}", "True: {} is at least {}"), "≥"),
        (torch.eq, ("False: {} is not equal to {}", "True: {} is equal to {}", "False: {} is not equal to {}"), "=="),
        (
            torch.ne,
            ("True: {} is different from {}", "False: {} is not different from {}", "True: {} is different from {}"),
            "≠",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_comparison_says_what_holds_below_at_and_above_a_tie(compare, says, arithmetic):
    def program(x, y):
        mask = compare(x, y)  # (S)
        return mask

    for place, template in enumerate(says):
        truth = template.partition(":")[0]
        filled = template.format(f"x[{place}] = {place + 1}", f"y[{place}] = 2")
        here = told(program, LEFT, RIGHT, at=(place,))
        assert here.sentence == f"mask[S={place}] is {filled}."
        assert here.formula == f"mask[{place}] = x[{place}] {arithmetic} y[{place}]"
        assert here.arithmetic == f"= ({place + 1} {arithmetic} 2) = {truth}"
        assert str(here.value) == truth


def test_a_comparison_with_a_number_of_the_call_names_it_once():
    assert sentence(lambda x: x >= 2, LEFT, at=(1,)) == "ge[1] is True: x[1] = 2 is at least 2."
    assert sentence(lambda x: x < 0, LEFT, at=(2,)) == "lt[2] is False: x[2] = 3 is not less than 0."


@pytest.mark.parametrize(
    ("combine", "says", "arithmetic"),
    [
        (lambda a, b: a & b, "is False: a[0] (True) and b[0] (False).", "= (True and False) = False"),
        (lambda a, b: a | b, "is True: a[0] (True) or b[0] (False).", "= (True or False) = True"),
        (lambda a, b: a ^ b, "is True: a[0] (True) or else b[0] (False).", "= (True or else False) = True"),
        (torch.logical_xor, "is True: a[0] (True) or else b[0] (False).", "= (True or else False) = True"),
        (torch.logical_and, "is False: a[0] (True) and b[0] (False).", "= (True and False) = False"),
        (lambda a, b: ~a, "is False: not a[0].", "= not True = False"),
    ],
)
def test_truth_values_are_combined_by_a_word_of_their_own(combine, says, arithmetic):
    said, written = both(lambda a, b: combine(a, b), T([True]), T([False]), at=(0,))
    assert (without_name(said), written) == (says, arithmetic)


@pytest.mark.parametrize(
    ("function", "says", "arithmetic"),
    [
        (lambda x, y: x + y, "is x[0] plus y[0].", "= 7 + 3 = 10"),
        (lambda x, y: x - y, "is x[0] minus y[0].", "= 7 − 3 = 4"),
        (lambda x, y: torch.add(x, y, alpha=2), "is x[0] plus 2 · y[0].", "= 7 + 2 · 3 = 13"),
        (lambda x, y: torch.sub(x, y, alpha=2), "is x[0] minus 2 · y[0].", "= 7 − 2 · 3 = 1"),
        (lambda x, y: x + 0.5, "is x[0] plus 0.5.", "= 7 + 0.5 = 7.5"),
        (lambda x, y: x * y, "is x[0] times y[0].", "= 7 · 3 = 21"),
        (lambda x, y: x / (y + 1), "is x[0] divided by add[0].", "= 7 / 4 = 1.75"),
        (lambda x, y: x // y, "is x[0] divided by y[0], rounded down.", "= ⌊7 / 3⌋ = 2"),
        (lambda x, y: x % y, "is what x[0] divided by y[0] leaves over.", "= 7 mod 3 = 1"),
        (lambda x, y: torch.div(x, y, rounding_mode="floor"), "is x[0] over y[0], rounded down.", "= ⌊7 / 3⌋ = 2"),
        (lambda x, y: torch.div(x, y, rounding_mode="trunc"), "is x[0] over y[0], rounded to 0.", "= [7 / 3] = 2"),
        (lambda x, y: x**y, "is x[0] to the power y[0].", "= 7^3 = 343"),
        (lambda x, y: 2**y, "is 2 to the power y[0].", "= 2^3 = 8"),
        (torch.maximum, "is the larger of x[0] and y[0].", "= max(7, 3) = 7"),
        (torch.minimum, "is the smaller of x[0] and y[0].", "= min(7, 3) = 3"),
        (lambda x, y: torch.where(x > y, x, y), "is x[0], because gt[0] is True.", "= (7 if True else 3) = 7"),
        (lambda x, y: torch.where(x < y, x, y), "is y[0], because lt[0] is False.", "= (7 if False else 3) = 3"),
    ],
)
def test_two_numbers_that_make_one_are_told_in_their_order(function, says, arithmetic):
    said, written = both(lambda x, y: function(x, y), T([7.0]), T([3.0]), at=(0,))
    assert (without_name(said), written) == (says, arithmetic)


@pytest.mark.parametrize(
    ("name", "x", "says", "formula", "value"),
    [
        ("sqrt", 16, "the square root of x[0]", "√x[0]", 4),
        ("rsqrt", 16, "1 divided by the square root of x[0]", "1 / √x[0]", 0.25),
        ("exp", 1, "e to the power x[0]", "e^x[0]", math.e),
        ("log", 8, "the natural logarithm of x[0]", "ln x[0]", 3 * math.log(2)),
        ("sin", 2, "the sine of x[0]", "sin x[0]", math.sin(2)),
        ("cos", 2, "the cosine of x[0]", "cos x[0]", math.cos(2)),
        ("tanh", 2, "the hyperbolic tangent of x[0]", "tanh x[0]", (math.e**4 - 1) / (math.e**4 + 1)),
        ("sigmoid", 2, "the sigmoid of x[0]", "1 / (1 + e^−x[0])", 1 / (1 + math.e**-2)),
        ("neg", 2, "x[0] with the other sign", "−x[0]", -2),
        ("abs", -2, "x[0] without its sign", "|x[0]|", 2),
        ("square", -3, "x[0] times itself", "x[0]²", 9),
        ("reciprocal", 4, "1 divided by x[0]", "1 / x[0]", 0.25),
    ],
)
def test_a_function_of_one_number_is_named_and_written_as_in_a_textbook(name, x, says, formula, value):
    here = told(lambda x: getattr(x, name)(), T([float(x)]), at=(0,))
    assert here.sentence == f"{name}[0] is {says}."
    assert here.formula == f"{name}[0] = {formula}"
    assert here.recomputed == pytest.approx(value, rel=1e-6)


def test_silu_and_both_kinds_of_gelu_say_what_they_multiply_by():
    x = T([2.0])
    here = told(lambda x: F.silu(x), x, at=(0,))
    assert (here.sentence, here.formula) == ("silu[0] is x[0] times its sigmoid.", "silu[0] = x[0] / (1 + e^−x[0])")
    part = "gelu[0] is x[0] times the part of a normal distribution that lies below it."
    here = told(lambda x: F.gelu(x), x, at=(0,))
    assert (here.sentence, here.formula) == (part, "gelu[0] = x[0] · Φ(x[0])")
    here = told(lambda x: F.gelu(x, approximate="tanh"), x, at=(0,))
    assert here.formula == "gelu[0] = ½ · x[0] · (1 + tanh(√(2/π) · (x[0] + 0.044715 · x[0]³)))"


def test_softmax_says_its_part_of_the_row_in_percent():
    x = T([0.0, math.log(3)])
    part = "is e^(score − largest) divided by the sum over the row"
    assert sentence(lambda x: x.softmax(-1), x, at=(1,)) == f"softmax[1] {part}: 1 / 1.333, 75 % of the row of 2."
    assert sentence(lambda x: x.softmax(-1), x, at=(0,)) == f"softmax[0] {part}: 0.3333 / 1.333, 25 % of the row of 2."
    eighth = T([[0.0] * 8])
    assert (
        sentence(lambda x: x.softmax(-1), eighth, at=(0, 7)) == f"softmax[0, 7] {part}: 1 / 8, 12.5 % of the row of 8."
    )
    hidden = T([0.0, -INFINITY])
    assert sentence(lambda x: x.softmax(-1), hidden, at=(1,)) == f"softmax[1] {part}: 0 / 1, 0 % of the row of 2."


def test_log_softmax_takes_the_largest_away_and_then_the_logarithm_of_the_sum():
    x = T([2.0, 2 - DROP, 2 - DROP])
    said, arithmetic = both(lambda x: x.log_softmax(-1), x, at=(0,))
    assert said == (
        "log_softmax[0] is the logarithm of e^(score − largest) divided by the sum over the row: ln(1 / 2.718)."
    )
    assert arithmetic == "= 2 − 2 − 1 = −1"


SPREAD = T([1.0, 2.0, 3.0, 6.0])  # mean 3, squared distances 4 + 1 + 0 + 9 = 14


@pytest.mark.parametrize(
    ("given", "divided", "value"),
    [
        ({"correction": 2}, "divided by 2 (4 − 2)", 7),
        ({"correction": 0}, "divided by 4", 3.5),
        ({"unbiased": False}, "divided by 4", 3.5),
        ({}, "divided by 3 (4 − 1)", 14 / 3),
        ({"unbiased": True}, "divided by 3 (4 − 1)", 14 / 3),
    ],
)
def test_a_variance_says_what_it_divides_by_and_why(given, divided, value):
    distances = "of 4 numbers, x[every]: their squared distances from their mean 3, added up and"
    here = told(lambda x: x.var(**given), SPREAD)
    assert here.sentence == f"var is the variance {distances} {divided}."
    assert here.recomputed == pytest.approx(value, rel=1e-6)
    here = told(lambda x: x.std(**given), SPREAD)
    assert here.sentence == f"std is the standard deviation {distances} {divided}, then the square root."
    assert here.recomputed == pytest.approx(math.sqrt(value), rel=1e-6)


@pytest.mark.parametrize(
    ("function", "numbers", "says", "arithmetic"),
    [
        (lambda x: x.sum(), [1, 2, 4], "the sum of 3 numbers, x[every]", "= 1 + 2 + 4 = 7"),
        (lambda x: x.sum(), [9], "the sum of 1 number, x[every]", "= 9 = 9"),
        (lambda x: x.mean(), [1, 2, 9], "the mean of 3 numbers, x[every]: their sum divided by 3", None),
        (lambda x: x.amax(0), [1, 5, 2], "the largest of 3 numbers, x[every]", "= max(1, 5, 2) = 5"),
        (lambda x: x.amin(0), [3, 5, 2], "the smallest of 3 numbers, x[every]", "= min(3, 5, 2) = 2"),
        (lambda x: x.amax(0), [1, 5, 2, 4], "the largest of 4 numbers, x[every]", "= max(1, 5, 2, 4) = 5"),
        (lambda x: x.amax(0), [1, 5, 2, 4, 9], "the largest of 5 numbers, x[every]", "= max(9, 5, 4, 2, …) = 9"),
    ],
)
def test_a_row_that_becomes_one_number_is_counted(function, numbers, says, arithmetic):
    said, written = both(function, T(numbers, dtype=torch.float32))
    assert without_name(said) == f"is {says}."
    assert arithmetic in (None, written)


def test_a_masked_number_and_one_that_is_not_are_told_apart():
    scores, mask = T([4.0, 5.0]), T([True, False])

    def program(scores, mask):
        masked = scores.masked_fill(mask, -8.0)  # (S)
        return masked

    assert both(program, scores, mask, at=(0,)) == (
        "masked[S=0] is masked: mask[0] is True, so −8 stands in for scores[0] = 4.",
        "= (−8 if True else 4) = −8",
    )
    assert both(program, scores, mask, at=(1,)) == (
        "masked[S=1] is not masked: mask[1] is False, so scores[1] passes unchanged.",
        "= (−8 if False else 5) = 5",
    )


@pytest.mark.parametrize(
    ("function", "at", "says"),
    [
        (lambda x, ids: x[ids], (0, 1), "is number 1 in row 2 of x; ids[0] = 2 chooses the row."),
        (lambda x, ids: x[:, 0][ids], (0,), "is number 2 of getitem; ids[0] = 2 chooses the row."),
        (
            lambda x, ids: F.embedding(ids, x),
            (0, 1),
            "is number 1 in row 2 of the table x; ids[0] = 2 chooses the row.",
        ),
        (lambda x, ids: x.index_select(0, ids), (1, 0), "is number 0 in row 0 of x; ids[1] = 0 chooses the row."),
    ],
)
def test_a_number_that_was_looked_up_says_its_row_and_what_chose_it(function, at, says):
    assert without_name(sentence(function, T([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), T([2, 0]), at=at)) == says


@pytest.mark.parametrize(
    ("function", "at", "says"),
    [
        (lambda x: x.triu(), (1, 0), "is set to 0: it lies below the part that triu keeps."),
        (lambda x: x.tril(), (0, 1), "is set to 0: it lies above the part that tril keeps."),
        (lambda x: x.T, (1, 0), "is x[0, 1]; no arithmetic: the same number, read with other strides."),
        (lambda x: x.view(4), (2,), "is x[1, 0]; no arithmetic: the same number, read with other strides."),
        (lambda x: x.contiguous(), (1, 0), "is x[1, 0]; no arithmetic: the same tensor, handed on untouched."),
        (lambda x: x.clone(), (1, 0), "is x[1, 0]; no arithmetic: copied, the same number at another place in memory."),
        (
            lambda x: x.double(),
            (1, 0),
            "is x[1, 0]; no arithmetic: the same number, converted from float32 to float64.",
        ),
        (lambda x: torch.arange(4, 20, 5), (2,), "is 4 + 2 · 5: arange counts, and reads no tensor."),
        (lambda x: torch.arange(9), (2,), "is 0 + 2 · 1: arange counts, and reads no tensor."),
        (lambda x: torch.full((2,), 1.5), (1,), "is 1.5: full writes the same number everywhere, and reads none."),
        (lambda x: torch.zeros(2), (1,), "is 0: zeros writes the same number everywhere, and reads none."),
        (lambda x: torch.ones_like(x), (1, 1), "is 1: ones_like writes the same number everywhere, and reads none."),
    ],
)
def test_a_number_without_arithmetic_says_how_it_came_there(function, at, says):
    assert without_name(sentence(function, T([[1.0, 2.0], [3.0, 4.0]]), at=at)) == says


def test_an_axis_of_one_entry_is_a_bare_index():
    trace = run(Config(batch=2, src_len=4, encoder_layers=1, decoder_layers=1, device="cpu"), source=["I go", "go"])
    mask = trace.find("source_padding_mask.mask")
    assert mask.axes == ("B", "1", "1", "S")
    said = explain(trace, mask, (1, 0, 0, 2)).sentence
    assert said.startswith("mask[B=1, 0, 0, S=2 “⟨end⟩”] is per_query[B=1, 0, S=2 “⟨end⟩”] of step ")


def test_terms_that_do_not_make_what_was_recorded_are_said_not_to():
    x = T([1.0, 2.0])
    trace = record(lambda x: x + 1, x)
    x.data[0] = NAN  # a write after the recording that torch does not count
    here = explain(trace, trace.steps[-1], (0,))
    assert here.agrees is False
    assert math.isnan(here.recomputed)
    assert here.sentence == "add[0] is x[0] plus 1. But 2 was recorded: these terms are not all that made it."


def test_a_number_that_was_recorded_as_nan_is_not_made_by_terms_that_are_finite():
    x = T([NAN, 2.0])
    trace = record(lambda x: x + 1, x)
    x.data[0] = 1.0
    here = explain(trace, trace.steps[-1], (0,))
    assert (here.recomputed, here.agrees) == (2.0, False)


def sentence_of(program, index, *tensors):
    trace = record(program, *tensors)
    return explain(trace, trace.steps[-1], index).sentence


def test_one_product_is_told_with_its_bias():
    x, w, b = torch.ones(1, 1), torch.ones(1, 1), torch.ones(1)
    sentence = sentence_of(lambda x, w, b: F.linear(x, w, b), (0, 0), x, w, b)
    assert sentence == "linear[0, 0] is 1 product, x[0, every] times w[0, every], plus b[0]."


def test_a_row_of_a_table_that_no_word_belongs_to_is_told_by_its_number():
    sentence = sentence_of(lambda ids, table: F.embedding(ids, table), (0, 1), torch.tensor([2]), torch.ones(3, 2))
    assert sentence == "embedding[0, 1] is number 1 in row 2 of the table table; ids[0] = 2 chooses the row."


def test_an_index_of_a_triangle_says_whether_it_is_a_row_or_a_column():
    told = [sentence_of(lambda: torch.tril_indices(3, 3), (axis, 1)) for axis in (0, 1)]
    assert told == [
        "tril_indices[0, 1] is 1: the row of number 2 of the elements that tril keeps.",
        "tril_indices[1, 1] is 0: the column of number 2 of the elements that tril keeps.",
    ]


def test_a_weight_of_classes_stands_in_the_formula_of_a_loss_and_what_it_means_beside_it():
    x, target, weight = torch.rand(2, 3), torch.tensor([0, 2]), torch.ones(3)
    (step,) = record(lambda x, target, weight: F.cross_entropy(x, target, weight), x, target, weight).steps
    assert "w · −ln p" in formula(step)
    assert formula(step).endswith("and w its class's weight weight_{c}")
