import itertools
import math
import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import Config, record, run
from engine.explain.explanation import explain, rounding
from tests.engine.any_config import any_config
from tests.engine.explain.explained import explained, last

F = torch.nn.functional
DTYPES = ("float32", "float64", "bfloat16", "float16")
# Sentences of different lengths, so that there is padding.
TEXT = {"source": ["I go home", "I go"], "target": ["나는 집에 간다", "나는"]}


def indices(shape):
    return list(itertools.product(*map(range, shape)))


def assert_agrees(trace, step, index):
    here = explain(trace, step, index)
    recorded = step.value[index].item()
    told = (step.op, step.full_name, index, recorded, here.recomputed, here.tolerance)
    assert here.recomputed is not None, told
    assert type(here.value) is type(here.recomputed) is type(recorded), told
    if math.isfinite(recorded):
        assert abs(here.recomputed - recorded) <= here.tolerance, told
    else:
        assert here.recomputed == recorded or (math.isnan(recorded) and math.isnan(here.recomputed)), told
    assert here.agrees, told


# The model


@pytest.mark.parametrize(
    ("dtype", "pre_norm"),
    [("float32", True), ("float32", False), ("float64", True), ("bfloat16", False), ("float16", True)],
)
def test_every_element_of_a_small_transformer_is_made_again_from_its_terms(dtype, pre_norm):
    config = Config(
        d_model=4,
        heads=2,
        d_k=3,
        d_v=1,
        d_ff=6,
        encoder_layers=1,
        decoder_layers=1,
        dtype=dtype,
        norm_first=pre_norm,
        activation="gelu" if pre_norm else "relu",
        output="softmax" if pre_norm else "log_softmax",
    )
    trace = run(config, **TEXT)
    for step in trace.steps:
        for index in indices(step.shape):
            assert_agrees(trace, step, index)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(config=any_config(3), text=st.booleans())
def test_elements_of_any_transformer_are_made_again_from_their_terms(config, text):
    trace = run(config, **(TEXT if text else {}))
    for step in trace.steps:
        for index in random.Random(0).sample(indices(step.shape), min(4, step.value.numel())):
            assert_agrees(trace, step, index)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sampled_elements_of_a_larger_transformer_are_made_again_from_their_terms(dtype):
    trace = run(Config(src_len=9, tgt_len=7, d_model=128, heads=8, encoder_layers=1, decoder_layers=1, dtype=dtype))
    draw = random.Random(1)
    for step in trace.steps:
        for _ in range(3):
            assert_agrees(trace, step, tuple(draw.randrange(size) for size in step.shape))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_computed_on_a_gpu_are_made_again_from_their_terms(dtype):
    trace = run(Config(d_model=64, heads=4, encoder_layers=1, decoder_layers=1, dtype=dtype, device="cuda"), **TEXT)
    draw = random.Random(2)
    for step in trace.steps:
        for _ in range(4):
            assert_agrees(trace, step, tuple(draw.randrange(size) for size in step.shape))


# By hand


def test_a_matrix_product_is_told_term_by_term():
    left = torch.tensor([[1.0, 2.0, -3.0]])
    right = torch.tensor([[0.5], [4.0], [2.0]])

    def program(left, right):
        scores = left @ right  # (T, S)
        return scores

    here = explained(program, left, right, at=(0, 0))
    assert [term.contribution for term in here.terms] == [0.5, 8.0, -6.0]
    assert [(f.parent.name, f.index, f.value) for f in here.terms[2].factors] == [
        ("left", (0, 2), -3.0),
        ("right", (2, 0), 2.0),
    ]
    assert here.value == here.recomputed == 2.5
    assert here.formula == "scores[0,0] = Σ_d left[0,d] · right[d,0]"
    assert here.arithmetic == "= 1·0.5 + 2·4 + (−3)·2 = 2.5"
    assert here.sentence == "scores[T=0, S=0] is 3 products added up, left[0, every] times right[every, 0]."


def test_a_linear_layer_is_a_row_times_a_row_and_the_bias():
    layer = torch.nn.Linear(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        layer.bias.copy_(torch.tensor([0.25, -0.5, 1.0]))
    here = explained(layer, torch.tensor([[10.0, 100.0]]), at=(0, 1))
    assert [(term.role, term.contribution) for term in here.terms] == [
        ("product", 30.0),
        ("product", 400.0),
        ("bias", -0.5),
    ]
    assert [factor.role for factor in here.terms[0].factors] == ["x", "weight"]
    assert here.formula == "linear[0,1] = Σ_d input[0,d] · weight[1,d] + bias[1]"
    assert here.arithmetic == "= 10·3 + 100·4 − 0.5 = 429.5"


def test_softmax_shares_are_exponentials_divided_by_their_sum():
    here = explained(lambda x: x.softmax(dim=-1), torch.tensor([[0.0, math.log(2), math.log(5)]]), at=(0, 1))
    assert [term.contribution for term in here.terms] == pytest.approx([1 / 5, 2 / 5, 1], rel=1e-6)
    assert [term.share for term in here.terms] == pytest.approx([1 / 8, 2 / 8, 5 / 8], rel=1e-6)
    assert here.recomputed == pytest.approx(0.25)
    assert "e^(score − largest) divided by the sum over the row" in here.sentence
    assert "25 % of the row of 3" in here.sentence
    assert here.formula == "softmax[0,1] = e^(x[0,1] − m) / Σ_d e^(x[0,d] − m), where m = max_d x[0,d]"
    assert here.arithmetic == "= 0.4 / (0.2 + 0.4 + 1) = 0.25"


def test_log_softmax_takes_the_logarithm_of_the_share():
    here = explained(lambda x: x.log_softmax(-1), torch.tensor([0.0, math.log(3)]), at=(0,))
    assert here.recomputed == pytest.approx(math.log(1 / 4))
    assert [term.share for term in here.terms] == pytest.approx([1 / 4, 3 / 4])


def test_softmax_of_another_axis_than_the_last_finds_its_own_share():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0]])
    trace, step = last(lambda x: x.softmax(0), x)
    for index in indices(step.shape):
        assert_agrees(trace, step, index)


def test_a_row_with_every_score_masked_is_not_a_number_and_says_why():
    here = explained(lambda x: x.softmax(-1), torch.full((3,), -math.inf), at=(0,))
    assert math.isnan(here.value)
    assert math.isnan(here.recomputed)
    assert "every score in the row of 3 is −∞" in here.sentence


@pytest.mark.parametrize(
    ("function", "expected", "divisor"),
    [
        (lambda x: x.var(), 5 / 3, 3),
        (lambda x: x.var(dim=-1, correction=0), 5 / 4, 4),
        (lambda x: x.var(0, False), 5 / 4, 4),
        (lambda x: x.var(unbiased=False), 5 / 4, 4),
        (lambda x: torch.var(x, -1, True), 5 / 3, 3),
        (lambda x: x.var(dim=0, correction=2), 5 / 2, 2),
    ],
)
def test_variance_divides_by_the_count_less_the_correction(function, expected, divisor):
    here = explained(function, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert here.value == here.recomputed == pytest.approx(expected)
    assert [term.contribution for term in here.terms] == pytest.approx([d / divisor for d in (2.25, 0.25, 0.25, 2.25)])
    assert f" / {divisor}, where x̄ is the mean" in here.formula
    assert here.arithmetic.startswith("= ((1 − 2.5)² + (2 − 2.5)² + (3 − 2.5)² + (4 − 2.5)²) / ")


def test_the_mean_divides_every_number_by_their_count():
    here = explained(lambda x: x.mean(dim=0), torch.tensor([[1.0, 5.0], [2.0, 6.0]]), at=(1,))
    assert [term.contribution for term in here.terms] == [2.5, 3.0]
    assert here.formula == "mean[1] = (Σ_d x[d,1]) / 2"
    assert here.arithmetic == "= (5 + 6) / 2 = 5.5"


def test_a_masked_score_says_that_it_is_masked():
    mask = torch.tensor([[False, True]])
    function = lambda x, mask: x.masked_fill(mask, -math.inf)  # noqa: E731
    x = torch.tensor([[0.5, 0.75], [1.0, 2.0]])
    hidden = explained(function, x, mask, at=(1, 1))
    assert hidden.value == hidden.recomputed == -math.inf
    assert "is masked: mask[0, 1] is True, so −∞ stands in for x[1, 1] = 2" in hidden.sentence
    kept = explained(function, x, mask, at=(1, 0))
    assert kept.value == kept.recomputed == 1.0
    assert "is not masked: mask[0, 0] is False" in kept.sentence
    assert [factor.role for factor in kept.terms[0].factors] == ["x", "mask", "value"]


def test_a_difference_counts_its_second_number_negatively():
    here = explained(lambda x, y: x - y, torch.tensor([3.0, 8.0]), torch.tensor(-2.0), at=(1,))
    assert [(term.role, term.contribution, term.index) for term in here.terms] == [("x", 8.0, (1,)), ("y", 2.0, ())]
    assert here.arithmetic == "= 8 − (−2) = 10"


def test_a_number_of_the_call_is_a_factor_without_an_index():
    here = explained(lambda x: x / 4, torch.tensor([6.0]), at=(0,))
    (term,) = here.terms
    assert [(str(f.parent), f.index, f.value) for f in term.factors] == [("x", (0,), 6.0), ("4", (), 4)]
    assert (here.formula, here.arithmetic) == ("div[0] = x[0] / 4", "= 6 / 4 = 1.5")


def test_operands_that_python_hands_over_the_other_way_round_are_put_right():
    x = torch.tensor([3.0, 5.0])
    for function, formula in (
        (lambda x: 2 - x, "sub[1] = 2 − x[1]"),
        (lambda x: 2**x, "pow[1] = 2^x[1]"),
        (lambda x: 1 / x, "rdiv[1] = 1 / x[1]"),
        (lambda x: torch.rsub(x, 9), "rsub[1] = 9 − x[1]"),
        (lambda x: x - 2, "sub[1] = x[1] − 2"),
    ):
        here = explained(function, x, at=(1,))
        assert here.agrees
        assert here.formula == formula


def test_relu_says_on_which_side_of_zero_it_is():
    x = torch.tensor([-0.5, 0.5])
    assert "is 0, because x[0] = −0.5 is below 0" in explained(lambda x: x.relu(), x, at=(0,)).sentence
    assert "unchanged because it is not below 0" in explained(lambda x: x.relu(), x, at=(1,)).sentence


# Words


def test_places_are_told_by_axis_and_token():
    trace = run(Config(encoder_layers=1, decoder_layers=1), **TEXT)
    scores = trace.find("decoder.layers.0.cross_attention.scores")
    here = explain(trace, scores, (1, 2, 1, 3))
    assert here.sentence.startswith("scores[B=1, H=2, T=1 “나는”, S=3 “⟨end⟩”] is 8 products added up, ")
    assert "query[B=1, H=2, T=1 “나는”, every d_k] times key_t[B=1, H=2, every d_k, S=3 “⟨end⟩”]" in here.sentence
    assert here.formula == "scores[1,2,1,3] = Σ_d query[1,2,1,d] · key_t[1,2,d,3]"


def test_a_mix_of_values_is_summed_over_tokens():
    trace = run(Config(encoder_layers=1, decoder_layers=1), **TEXT)
    mixed = trace.find_all("encoder.layers.0.self_attention.mixed")[0]
    assert explain(trace, mixed, (0, 1, 2, 3)).formula == "mixed[0,1,2,3] = Σ_j weights[0,1,2,j] · value[0,1,j,3]"


def test_an_embedding_names_the_row_and_its_token():
    trace = run(Config(encoder_layers=1, decoder_layers=1), **TEXT)
    step = trace.find("source_embedding.embedded")
    row = int(trace.inputs["source"][0, 2])
    here = explain(trace, step, (0, 2, 5))
    assert f"is number 5 in row {row} (“go”) of the table table.weight; source[0, 2] = {row} chooses" in here.sentence
    table, chosen = here.terms[0].factors
    assert (table.index, chosen.index, chosen.value) == ((row, 5), (0, 2), row)


def test_layout_steps_move_no_number_and_say_where_it_came_from():
    trace = run(Config(encoder_layers=1, decoder_layers=1), **TEXT)
    view, permute = trace.find_all("encoder.layers.0.self_attention.query")[1:]
    here = explain(trace, permute, (0, 3, 2, 1))
    assert here.sentence == (
        "query[B=0, H=3, S=2 “go”, d_k=1] is query[B=0, S=2 “go”, H=3, d_k=1] of step "
        f"{view.index}; no arithmetic: the same number, read with other strides."
    )
    (term,) = here.terms
    assert (term.parent, term.index, term.value) == (view, (0, 2, 3, 1), here.value)
    assert explain(trace, view, (0, 2, 3, 1)).formula == "query[0,2,3,1] = query[0,2,25]"
    copied = explain(trace, next(step for step in trace.steps if step.op == "contiguous"), (0, 0, 0, 0))
    assert "no arithmetic: copied, the same number at another place in memory" in copied.sentence
    same = explain(trace, trace.find_all("source_position.encoding")[1], (0, 0))
    assert "handed on untouched" in same.sentence


def test_a_change_of_dtype_is_no_arithmetic_but_a_conversion():
    here = explained(lambda x: x.bfloat16(), torch.tensor([0.1]), at=(0,))
    assert here.value == here.recomputed == 0.10009765625
    assert "converted from float32 to bfloat16" in here.sentence


def test_what_triu_cuts_off_reads_nothing():
    here = explained(lambda x: x.triu(1), torch.ones(2, 2), at=(1, 0))
    assert (here.value, here.recomputed, here.terms) == (0.0, 0.0, ())
    assert "lies below the part that triu keeps" in here.sentence


def test_constructors_know_their_numbers():
    def program():
        torch.arange(5)
        torch.arange(2, 9, 3)
        torch.arange(2, end=9)
        torch.arange(1.0, 0.0, -0.25)
        torch.full((2,), 1.5)
        torch.full((2,), fill_value=3)
        torch.ones(2, dtype=torch.bool)
        torch.zeros(2)

    trace = record(program)
    for step in trace.steps:
        for index in indices(step.shape):
            assert_agrees(trace, step, index)


def test_a_counted_number_is_written_with_what_was_given_in_the_call():
    here = explained(lambda: torch.arange(-1.0, 1.0, 1 / 3), at=(3,))
    assert here.formula == "arange[3] = −1 + 3 · 0.3333333333333333"
    assert here.sentence.startswith("arange[3] is −1 + 3 · 0.3333333333333333: arange counts")


def test_an_unknown_operation_says_so_and_names_what_it_read():
    here = explained(lambda x, y: torch.cross(x, y, dim=0), torch.rand(3), torch.rand(3), at=(0,))
    assert here.sentence == (
        "cross[0] was made by cross from x and y; the arithmetic of this operation is not known here."
    )
    assert (here.terms, here.recomputed, here.agrees, here.formula) == ((), None, None, "")
    assert here.largest(3) == ((), 0.0, 0)


def test_memory_overwritten_since_is_never_explained_wrongly():
    def program(x):
        row = x.view(-1)
        doubled = x * 2
        x.mul_(3)
        x.add_(doubled)
        x[0] = 7.0
        after = x + 1
        return row.exp() + after.view(-1)

    trace = record(program, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    known = 0
    for step in trace.steps:
        for index in indices(step.shape):
            here = explain(trace, step, index)
            assert here.agrees in (True, None), (step.op, here.sentence)
            known += here.agrees is True
    assert known >= 20


# Numbers of every kind


SPECIAL = torch.tensor([[math.nan, 1.0, -2.0], [math.inf, -math.inf, 0.5], [-0.0, 3.0, 1e30]])
PROGRAMS = {
    "sum": lambda x: x.sum(-1),
    "mean": lambda x: x.mean(-1),
    "var": lambda x: x.var(-1),
    "std": lambda x: x.std(-1, correction=0),
    "amax": lambda x: x.amax(-1),
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(-1),
    "relu": lambda x: x.relu(),
    # torch's own gelu of ∞ is ∞ or NaN, depending on the tensor's size.
    "gelu": lambda x: F.gelu(x.clamp(max=6e4)),
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "sqrt": lambda x: x.sqrt(),
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "square": lambda x: x.square(),
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "silu": F.silu,
    "clamp": lambda x: x.clamp(-1, 2),
    "abs": lambda x: x.abs(),
    "matmul": lambda x: x @ x,
    "add": lambda x: x + x.T,
    "sub": lambda x: torch.sub(x, x, alpha=2),
    "mul": lambda x: x * 0,
    "div": lambda x: x / x.T,
    "pow": lambda x: x**3,
    "root": lambda x: x**0.5,
    "floor": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
    "maximum": lambda x: torch.maximum(x, x.T),
    "equal": lambda x: x == x,
    "less": lambda x: x < x.T,
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "masked": lambda x: x.masked_fill(x > 0, math.nan),
    "cat": lambda x: torch.cat([x, x], 1),
    "reshape": lambda x: x.reshape(-1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_nan_and_infinity_come_out_the_same(name):
    trace = record(PROGRAMS[name], SPECIAL)
    for index in indices(trace.steps[-1].shape):
        assert_agrees(trace, trace.steps[-1], index)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(PROGRAMS)), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 99))
def test_ordinary_numbers_of_any_dtype_come_out_within_their_rounding(name, dtype, seed):
    draws = torch.Generator().manual_seed(seed)
    x = (torch.randn(4, 4, generator=draws) * 10 ** (seed % 4 - 2)).to(getattr(torch, dtype))
    x = x.T if seed % 2 else x
    trace = record(PROGRAMS[name], x.requires_grad_(seed % 3 == 0))
    for index in indices(trace.steps[-1].shape):
        assert_agrees(trace, trace.steps[-1], index)


def test_whole_numbers_and_truth_values_are_exact():
    def program(x, y):
        large = x > 1
        sums = (x + y, x.sum(), large.sum(0), x @ y)
        others = (x * 3, x // 2, x % 3, x / 2, -x, x**2, x.float())
        return sums, others, x == 2, x > y, large & (y > 1), ~large, x & 2

    trace = record(program, torch.tensor([[1, 2], [3, 2**60 + 1]]), torch.tensor([[0, 5], [2, 7]]))
    for step in trace.steps:
        for index in indices(step.shape):
            here = explain(trace, step, index)
            assert here.agrees, (step.op, index, here)
            assert step.dtype.is_floating_point or here.value == here.recomputed


def test_a_number_is_compared_in_the_dtype_it_was_compared_in():
    here = explained(lambda x: x == 0.1, torch.tensor([0.1]), at=(0,))
    assert here.value is True
    assert here.recomputed is True


def test_a_tensor_without_axes_takes_the_empty_index():
    here = explained(lambda x: x.sum() + 1, torch.ones(3))
    assert (here.value, here.index, here.formula) == (4.0, (), "add = sum + 1")


def test_complex_numbers_are_explained_where_the_arithmetic_holds_for_them():
    here = explained(lambda x, y: x * y, torch.tensor([1 + 2j]), torch.tensor([2 - 1j]), at=(0,))
    assert (here.value, here.recomputed, here.agrees) == (4 + 3j, 4 + 3j, True)
    assert here.arithmetic == "= (1 + 2i) · (2 − 1i) = 4 + 3i"
    assert here.largest(1).terms[0].contribution == 4 + 3j
    assert explained(lambda x: x.var(), torch.tensor([1 + 2j, 2j])).recomputed is None


def test_the_tolerance_grows_with_the_terms_and_their_size_and_shrinks_with_the_dtype():
    assert rounding(torch.int64, 9, 9.0) == 0.0
    assert rounding(torch.float64, 10, 2.0) == pytest.approx(14 * 2.0**-52 * 2.0)
    assert rounding(torch.float32, 10, 2.0) == pytest.approx(14 * 2.0**-23 * 2.0)
    assert rounding(torch.bfloat16, 0, 1.0) == pytest.approx(4 * 2.0**-7)
    # A hundred terms of a half precision are added in float32, and must not blur it.
    assert rounding(torch.bfloat16, 100, 1.0) < 4.01 * 2.0**-7


def test_a_recorded_number_that_its_terms_do_not_make_is_said_to_differ():
    x = torch.tensor([1.0, 2.0])
    trace, step = last(lambda x: x + 1, x)
    x.data[0] = 50.0  # a write after the recording that torch does not count
    here = explain(trace, step, (0,))
    assert here.agrees is False
    assert "But 2 was recorded" in here.sentence


# The index


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ((0, 3, 0), "an index of scaled along S (axis 1) is 0 to 2: got 3; nearest: (0, 2, 0)"),
        ((0, 0, -1), "an index of scaled along d_model (axis 2) is 0 to 3: got -1; nearest: (0, 0, 0)"),
        ((1,), "an index of scaled has 3 numbers: got (1,); nearest: (0, 0, 0)"),
        ((0, 1, 2, 3), "an index of scaled has 3 numbers: got (0, 1, 2, 3); nearest: (0, 1, 2)"),
        ((0, 1.5, 0), "an index is a tuple of whole numbers: got (0, 1.5, 0); nearest: (0, 0, 0)"),
    ],
)
def test_an_index_outside_says_the_rule_the_value_and_the_nearest(index, says):
    trace = run(Config(batch=1, src_len=3, d_model=4, heads=1, encoder_layers=1, decoder_layers=1))
    with pytest.raises(IndexError) as raised:
        explain(trace, trace.find("source_embedding.scaled"), index)
    assert str(raised.value) == says


def test_an_empty_tensor_has_nothing_to_point_at():
    trace, step = last(lambda x: x + 1, torch.ones(0, 2))
    with pytest.raises(IndexError, match=r"no elements to point at: its shape is \(0, 2\)"):
        explain(trace, step, (0, 0))


def test_a_trace_without_numbers_has_none_to_explain():
    trace, step = last(lambda x: x + 1, torch.ones(2, device="meta"))
    with pytest.raises(ValueError, match="meta"):
        explain(trace, step, (0,))


def test_every_term_of_one_element_at_d_model_1024_can_be_listed():
    x, weight, bias = torch.randn(1, 4, 1024), torch.randn(1024, 1024), torch.randn(1024)

    def program(x, weight, bias):
        query = F.linear(x, weight, bias)
        query.softmax(-1)
        query.var(-1)
        return query @ weight

    trace = record(program, x, weight, bias)
    for step in trace.steps:
        here = explain(trace, step, tuple(size - 1 for size in step.shape))
        assert here.count >= 1024
        assert len(here.terms) == here.count
        assert len(here.largest(5).terms) == 5
        assert here.largest(5).others == here.count - 5
