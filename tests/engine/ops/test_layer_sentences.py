"""What is said of the numbers of layers and losses, worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from engine import explain, record
from engine.explain.explanation import formula

T = torch.tensor


def told(function, *tensors, at=()):
    trace = record(function, *tensors)
    here = explain(trace, trace.steps[-1], at)
    assert here.agrees
    return here


# mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5; with eps 0.5 the root is 2
ROW, WEIGHT, BIAS = T([[1.0, 2.0, 3.0, 6.0]]), T([1.0, 1.0, 1.0, 4.0]), T([0.0, 0.0, 0.0, -1.0])


def test_layer_norm_names_mean_variance_eps_weight_and_bias():
    here = told(lambda x, w, b: F.layer_norm(x, (4,), w, b, 0.5), ROW, WEIGHT, BIAS, at=(0, 3))
    assert here.value == 5
    assert here.arithmetic == "= (6 − 3) / √(3.5 + 0.5) · 4 + (−1) = 5"
    assert here.sentence == (
        "layer_norm[0, 3] is x[0, 3] less 3, the mean of 4 numbers, x[0, every], divided by the root of their variance "
        "3.5 plus eps 0.5, then times w[3] and plus b[3]."
    )
    # (δ − ¼) · x · 4 / 2 for each number, and the bias
    assert [term.contribution for term in here.terms] == [-0.5, -1, -1.5, 9, -1]
    assert [factor.index for factor in here.terms[0].factors] == [(0, 0), (3,)]


@pytest.mark.parametrize(
    ("function", "end"),
    [
        (lambda x, w, b: F.layer_norm(x, (4,), eps=0.5), "plus eps 0.5."),
        (lambda x, w, b: F.layer_norm(x, (4,), w, eps=0.5), "plus eps 0.5, then times w[3]."),
        (lambda x, w, b: F.layer_norm(x, (4,), None, b, 0.5), "plus eps 0.5, then plus b[3]."),
    ],
)
def test_layer_norm_names_only_what_it_was_given(function, end):
    assert told(function, ROW, WEIGHT, BIAS, at=(0, 3)).sentence.endswith(end)


def test_rms_norm_names_the_mean_square():
    here = told(lambda x, w: F.rms_norm(x, (2,), w, 0.5), T([[3.0, 4.0]]), T([1.0, 2.0]), at=(0, 0))
    assert here.sentence == (
        "rms_norm[0, 0] is x[0, 0] divided by the root of 12.5, the mean of the squares of 2 numbers, x[0, every], "
        "plus eps 0.5, then times w[0]."
    )
    assert here.recomputed == pytest.approx(3 / math.sqrt(13))


def test_batch_norm_at_rest_names_the_running_statistics():
    layer = torch.nn.BatchNorm1d(2, eps=0.25).eval()
    layer.running_mean.copy_(T([1.0, 2.0]))
    layer.running_var.copy_(T([1.0, 3.75]))
    here = told(layer, T([[5.0, 6.0]]), at=(0, 1))
    assert here.value == 2
    assert here.sentence == (
        "batch_norm[0, 1] is input[0, 1] less the running mean running_mean[1] = 2, divided by the root of the running "
        "variance running_var[1] = 3.75 plus eps 0.25, then times weight[1] and plus bias[1]."
    )


def test_group_norm_reads_the_channels_of_its_group():
    here = told(lambda x: F.group_norm(x, 2, eps=0.0), T([[1.0, 3.0, 10.0, 30.0]]), at=(0, 2))
    assert here.value == -1
    assert here.sentence == (
        "group_norm[0, 2] is x[0, 2] less 20, the mean of 2 numbers, x[0, 2..3], divided by the root of their variance "
        "100 plus eps 0."
    )


def test_norms_say_which_they_are():
    x = T([[3.0, -4.0]])
    assert told(lambda x: x.norm(dim=1), x, at=(0,)).arithmetic == "= √(3² + (−4)²) = 5"
    assert told(lambda x: x.norm(dim=1), x, at=(0,)).sentence == (
        "norm[0] is the norm of 2 numbers, x[0, every]: the square root of the sum of their squares 25."
    )
    assert told(lambda x: x.norm(1, 1), x, at=(0,)).sentence.endswith(": the sum of their magnitudes.")
    assert told(lambda x: F.normalize(x), x, at=(0, 0)).sentence == (
        "normalize[0, 0] is x[0, 0] divided by 5, the norm of 2 numbers, x[0, every]."
    )
    assert told(lambda x: F.normalize(x, eps=10), x, at=(0, 0)).sentence == (
        "normalize[0, 0] is x[0, 0] divided by 10, because the norm 5 of 2 numbers, x[0, every], is smaller."
    )


LOGITS = T([[math.log(1), math.log(3)], [math.log(4), math.log(1)]])


def test_cross_entropy_goes_from_the_logits_to_the_number():
    here = told(lambda x, t: F.cross_entropy(x, t, reduction="none"), LOGITS, T([0, 1]), at=(0,))
    assert here.recomputed == pytest.approx(math.log(4))
    assert here.sentence == (
        "cross_entropy[0] is the cross-entropy of the logits x[0, every] for the target t[0] = 0: the logarithm of the "
        "sum of e^logit, 1.386, less the target's logit 0; softmax gives the target 25 %."
    )
    assert here.arithmetic == "= 1.09861 + ln(0.333333 + 1) − 0 = 1.38629"


def test_the_mean_of_cross_entropies_names_the_largest_and_what_is_left_out():
    here = told(F.cross_entropy, LOGITS, T([0, 1]))
    assert here.recomputed == pytest.approx((math.log(4) + math.log(5)) / 2)
    assert here.sentence.endswith("the largest is 1.609, for target 1 with the logit 0, to which softmax gives 20 %.")
    assert [term.contribution for term in here.terms] == pytest.approx([math.log(4) / 2, math.log(5) / 2])
    here = told(F.cross_entropy, LOGITS, T([0, -100]))
    assert here.recomputed == pytest.approx(math.log(4))
    assert here.sentence.endswith("; 1 of the 2 targets is −100 and left out.")


def test_a_loss_says_what_each_difference_is():
    here = told(F.mse_loss, T([1.0, 4.0]), T([2.0, 1.0]))
    assert here.arithmetic == "= ((1 − 2)² + (4 − 1)²) / 2 = 5"
    assert here.sentence == (
        "mse_loss is the mean of 2 losses, each the squared difference of a number of input[every] and its target, "
        "target[every]."
    )


def test_einsum_is_told_by_its_letters():
    here = told(lambda q, k: torch.einsum("id,jd->ij", q, k), T([[1.0, 2.0]]), T([[3.0, 4.0]]), at=(0, 0))
    assert here.formula == "einsum[0,0] = Σ_d q[0,d] · k[0,d]"
    assert here.arithmetic == "= 1·3 + 2·4 = 11"
    assert here.sentence == "einsum[0, 0] is 2 products added up, q[0, every] times k[0, every]."


def test_a_product_added_to_a_tensor_says_what_it_adds():
    b, x, y = T([5.0]), T([[1.0, 2.0]]), T([[3.0], [4.0]])
    here = told(lambda b, x, y: torch.addmm(b, x, y), b, x, y, at=(0, 0))
    assert (here.arithmetic, here.sentence) == (
        "= 5 + 1·3 + 2·4 = 16",
        "addmm[0, 0] is b[0] plus 2 products added up, x[0, every] times y[every, 0].",
    )
    here = told(lambda b, x, y: torch.addmm(b, x, y, beta=2, alpha=0.5), b, x, y, at=(0, 0))
    assert (here.arithmetic, here.sentence) == (
        "= 2 · 5 + 0.5 · (1·3 + 2·4) = 15.5",
        "addmm[0, 0] is 2 times b[0] plus 0.5 times the sum of 2 products, x[0, every] times y[every, 0].",
    )


def test_a_convolution_says_how_much_of_the_kernel_lies_on_padding():
    x, kernel = T([[[1.0, 2.0, 3.0]]]), T([[[10.0, 100.0, 1000.0]]])
    program = lambda x, w: F.conv1d(x, w, padding=1)  # noqa: E731
    here = told(program, x, kernel, at=(0, 0, 0))
    assert here.arithmetic == "= 1·100 + 2·1000 = 2100"
    assert here.formula == "conv1d[0,0,0] = Σ_{c,u} x[0,c,u − 1] · w[0,c,u], where x is 0 outside"
    assert here.sentence == (
        "conv1d[0, 0, 0] is 2 products added up, x[0, every, 0..1] times w[0, every, 1..2]; 1 of the kernel's 3 "
        "numbers lies on the padding, which is 0."
    )
    trace = record(program, x, kernel)
    assert formula(trace.steps[-1]) == "conv1d_{ijk} = Σ_{c,u} x_{i, c, k + u − 1} · w_{jcu}, where x is 0 outside"


def test_dropout_says_what_it_dropped_and_what_it_made_larger():
    torch.manual_seed(0)
    x = torch.arange(1.0, 9.0)
    trace = record(lambda x: F.dropout(x, 0.5), x)
    step = trace.steps[-1]
    kept = [index for index in range(8) if step.value[index] != 0]
    assert 0 < len(kept) < 8
    for index in range(8):
        said = explain(trace, step, (index,)).sentence
        if index in kept:
            assert said == (
                f"dropout[{index}] is x[{index}] divided by 0.5: it was kept, as 50 % are, and makes up for those that "
                "were dropped."
            )
        else:
            assert said == f"dropout[{index}] is 0: x[{index}] = {index + 1} was dropped, as 50 % are."
    trace = record(lambda x: F.dropout(x, 0.5), torch.zeros(1))
    assert "cannot be told" in explain(trace, trace.steps[-1], (0,)).sentence


def test_fused_attention_names_its_query_its_keys_and_the_heaviest():
    query, key, value = T([[0.0], [1.0]]), T([[0.0], [math.log(3)]]), T([[4.0], [8.0]])
    here = told(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), query, key, value, at=(1, 0))
    assert here.recomputed == pytest.approx(7)
    assert here.sentence == (
        "scaled_dot_product_attention[1, 0] is 2 values added up, v[every, 0], each times its weight: the softmax of 1 "
        "times the products of q[1, every] with the keys k[every, every]; the largest weight is 0.75, of key 1."
    )
    here = told(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), query, key, value, at=(0, 0))
    assert (here.value, here.count) == (4, 1)
    assert "with the keys k[0, every]" in here.sentence


def test_a_pair_of_numbers_is_turned_and_taken_apart():
    x = T([[3.0, 4.0]])
    here = told(lambda x: torch.view_as_complex(x), x, at=(0,))
    assert (here.value, here.formula) == (3 + 4j, "view_as_complex[0] = x[0,0] + ⅈ · x[0,1]")
    here = told(lambda x: torch.view_as_real(torch.view_as_complex(x)), x, at=(0, 1))
    assert (here.value, here.arithmetic) == (4, "= Im (3 + 4i) = 4")


def test_counts_say_what_they_count():
    assert told(lambda ids: F.one_hot(ids, 3), T([2]), at=(0, 2)).sentence == (
        "one_hot[0, 2] is 1, because ids[0] = 2 is the number of this place."
    )
    assert told(lambda ids: torch.bincount(ids), T([2, 0, 2]), at=(2,)).sentence == (
        "bincount[2] is how many of 3 numbers, ids[every], are 2: 2."
    )
    assert told(lambda x: torch.histc(x, 2, 0, 4), T([0.5, 3.0, 2.0]), at=(1,)).sentence == (
        "histc[1] is how many of 3 numbers, x[every], lie from 2 to 4: 2."
    )
