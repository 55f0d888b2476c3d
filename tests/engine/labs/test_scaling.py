"""The spread of q·k against theory, and gradients against PyTorch's own."""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.labs.scaling import (
    COMPONENTS,
    PAIRS,
    QUERIES,
    SETS,
    attention,
    code,
    density,
    even,
    measures_over,
    normal_density,
    query_gradients,
    score_gradients,
    spread,
    spreads,
)

# Fourth moments of one component: with them the variance of a measured variance is known.
FOURTH = {"normal": 3.0, "uniform": 9 / 5, "+1 or −1": 1.0}


def wavering(components: str, d_k: int) -> float:
    """The standard deviation of a measured variance over d_k, from the moments of a sum of independent products."""
    kurtosis = 3 + (FOURTH[components] ** 2 - 3) / d_k
    return math.sqrt((kurtosis - 1) / PAIRS)


@pytest.mark.parametrize("components", FOURTH)
@pytest.mark.parametrize("d_k", [1, 16, 100])
def test_the_variance_of_q_k_is_d_k_as_closely_as_so_many_pairs_can_tell(components, d_k):
    found = spread(d_k, components)
    assert abs(found.mean) <= 5 * math.sqrt(d_k / PAIRS)
    assert found.variance + found.mean**2 == pytest.approx(d_k, rel=5 * wavering(components, d_k) + 1e-9)
    assert found.deviation == math.sqrt(found.variance)


def test_components_that_are_one_number_repeated_give_d_k_times_the_variance():
    # q·k = d_k · a · b, so one pair of normal numbers is stretched, and no other thing drawn.
    small, large = spreads((1, 16), "one number repeated", seed=3)
    assert large.variance == pytest.approx(16**2 * small.variance, rel=1e-5)


@pytest.mark.parametrize("components", COMPONENTS)
def test_every_kind_of_component_has_mean_0_and_variance_1(components):
    # With one component, q·k is one product, and its square has the mean 1 · 1.
    found = spread(1, components, seed=5)
    assert found.products.square().mean().item() == pytest.approx(1, abs=0.2)


@settings(max_examples=30)
@given(st.integers(2, 9), st.floats(0.1, 6), st.integers(0, 99))
def test_the_gradient_at_a_score_is_a_column_of_the_jacobian_that_autograd_finds(keys, width, seed):
    scores = width * torch.randn(keys, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda row: row.softmax(dim=-1), scores)
    torch.testing.assert_close(score_gradients(scores.softmax(dim=-1)), jacobian.norm(dim=0), rtol=1e-7, atol=1e-13)


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(2, 9), st.integers(0, 99))
def test_the_gradient_at_a_query_is_the_norm_of_what_autograd_finds(d_k, keys, seed):
    draw = torch.Generator().manual_seed(seed)
    query = torch.randn(d_k, generator=draw, dtype=torch.float64)
    key = torch.randn(keys, d_k, generator=draw, dtype=torch.float64)
    divisor = math.sqrt(d_k)
    jacobian = torch.autograd.functional.jacobian(lambda q: (key @ q / divisor).softmax(dim=-1), query)
    weights = (key @ query / divisor).softmax(dim=-1)
    found = query_gradients(weights.view(1, 1, -1), key.unsqueeze(0), divisor)
    torch.testing.assert_close(found.squeeze(), jacobian.norm(), rtol=1e-7, atol=1e-12)


def test_a_gradient_too_small_to_be_subtracted_from_1_is_a_number_still():
    # Of two weights, w and 1 − w, either score moves both by w (1 − w): √2 w (1 − w), here √2 · e⁻⁵⁰.
    weights = torch.tensor([50.0, 0.0], dtype=torch.float64).softmax(dim=-1)
    assert score_gradients(weights).tolist() == pytest.approx([math.sqrt(2) * math.exp(-50)] * 2, rel=1e-9)


@settings(max_examples=15)
@given(st.integers(2, 64))
def test_what_is_said_of_even_weights_is_what_is_measured_of_them(keys):
    weights = torch.full((keys,), 1 / keys, dtype=torch.float64)
    flat = even(keys)
    assert flat.entropy == pytest.approx(torch.distributions.Categorical(weights).entropy().item() / math.log(2))
    assert flat.largest == pytest.approx(weights.max().item())
    assert score_gradients(weights).tolist() == pytest.approx([flat.score_gradient] * keys)


@pytest.mark.parametrize(("d_k", "keys"), [(1, 2), (16, 10), (64, 5)])
def test_the_weights_are_those_of_pytorchs_attention(d_k, keys):
    found = attention(d_k, keys)
    draw = torch.Generator().manual_seed(0)
    query = torch.randn(SETS, QUERIES, d_k, generator=draw, dtype=torch.float64)
    key = torch.randn(SETS, keys, d_k, generator=draw, dtype=torch.float64)
    value = torch.eye(keys, dtype=torch.float64).expand(SETS, keys, keys)
    attend = torch.nn.functional.scaled_dot_product_attention
    torch.testing.assert_close(found.weights[0], attend(query, key, value, scale=1.0))
    torch.testing.assert_close(found.weights[1], attend(query, key, value))


def test_the_measures_are_those_of_the_weights():
    found = attention(16, 6, seed=2)
    for weights, measures in zip(found.weights, found.measures, strict=True):
        entropy = torch.distributions.Categorical(weights).entropy().mean().item() / math.log(2)
        assert measures.entropy == pytest.approx(entropy, rel=1e-6)
        assert measures.largest == pytest.approx(weights.amax(dim=-1).mean().item())
        assert measures.score_gradient == score_gradients(weights).median().item()
        assert 0.1 <= measures.held_by_tenth <= 1


def test_at_d_k_1_the_division_changes_nothing():
    without, divided = attention(1, 8).measures
    assert without == divided


def test_without_the_division_softmax_saturates_as_d_k_grows_and_with_it_hardly_changes():
    sizes = (1, 16, 256)
    without, divided = zip(*measures_over(sizes, 10), strict=True)
    assert without[0].largest < without[1].largest < without[2].largest
    assert without[0].entropy > without[1].entropy > without[2].entropy
    assert without[2].score_gradient < 1e-6 * without[0].score_gradient
    assert divided[2].score_gradient > 0.5 * divided[0].score_gradient
    assert abs(divided[2].largest - divided[1].largest) < 0.05
    assert without[2].held_by_tenth > divided[2].held_by_tenth


def test_the_density_sums_to_1_and_of_many_products_comes_close_to_the_normal_one():
    found = spread(256)
    drawn = density(found.products, bins=16)
    width = drawn.middles[1] - drawn.middles[0]
    assert sum(drawn.shares) * width == pytest.approx(1, abs=1e-3)
    theory = torch.distributions.Normal(0.0, 16.0)
    for x, share in zip(drawn.middles, drawn.shares, strict=True):
        assert normal_density(x, 256) == pytest.approx(theory.log_prob(torch.tensor(x)).exp().item(), rel=1e-4)
        assert share == pytest.approx(normal_density(x, 256), abs=0.003)


@pytest.mark.parametrize("components", COMPONENTS)
@pytest.mark.parametrize(("d_k", "keys", "seed"), [(16, 10, 0), (1, 2, 3)])
def test_the_code_prints_what_the_experiment_found(d_k, keys, seed, components, capsys):
    exec(code(d_k, keys, components, seed), {})
    printed = capsys.readouterr().out
    said = re.findall(r"(?:variance|deviation|weight|entropy|gradient) ([\d.e+-]+)", printed)
    pair = spreads((d_k, 16 * d_k), components, seed)
    found = attention(d_k, keys, components, seed)
    expected = [value for one in pair for value in (one.variance, one.deviation)]
    expected += [value for one in found.measures for value in (one.largest, one.entropy)]
    expected += [one.score_gradient for one in found.measures]
    # As many digits as are printed.
    assert [float(number) for number in said] == pytest.approx(expected, rel=6e-3)
    middle = found.weights[0].flatten(0, 1).amax(dim=-1).sort().values[SETS * QUERIES // 2].item()
    p, slope = map(float, re.findall(r"without: .* p = (\S+), p\(1 - p\) = (\S+)", printed)[0])
    assert p == pytest.approx(middle, rel=6e-4)
    assert slope == pytest.approx(middle * (1 - middle), rel=6e-3)
