"""FLOPs of a step, by hand and against torch's own counter."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from engine import Config, record, run
from engine.runtime.forward import build_model

X = torch.ones(3, 4)


def flops(program, *given):
    return [step.flops for step in record(program, *(given or (X,))).steps]


@settings(max_examples=10)
@given(
    st.builds(
        Config, batch=st.integers(1, 3), src_len=st.integers(1, 7), tgt_len=st.integers(1, 7),
        d_model=st.sampled_from([8, 12]), heads=st.sampled_from([1, 2, 4]), d_ff=st.integers(1, 9),
        vocab_size=st.integers(4, 20), norm_first=st.booleans(), device=st.just("cpu"),
    )
)  # fmt: skip
def test_matrix_products_of_a_run_cost_what_torchs_counter_counts(config):
    trace = run(config)
    ours = 0
    for step in trace.steps:
        if step.op == "matmul":
            ours += step.flops
        elif step.op == "linear":
            ours += step.flops - step.value.numel()  # the counter leaves the bias out
    model = build_model(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(trace.inputs["source"], trace.inputs["target"])
    assert ours == counter.get_total_flops()


def test_every_step_of_a_run_has_a_known_cost():
    for activation in ("relu", "gelu"):
        assert all(step.flops is not None for step in run(Config(activation=activation)).steps)


@pytest.mark.parametrize(
    ("program", "cost"),
    [
        (lambda x: x + 1, 12), (lambda x: x * x, 12), (lambda x: x / 2, 12), (lambda x: 2 / x, 12),
        (lambda x: x + torch.ones(2, 1, 1), [0, 24]),  # of what is written, after broadcasting
        (lambda x: x.sum(), 12), (lambda x: x.mean(dim=0), 12),
        (lambda x: x.var(dim=1), 36), (lambda x: x.std(dim=1), 36),
        (lambda x: x.softmax(-1), 48), (lambda x: x.log_softmax(-1), 48), (lambda x: x.relu(), 12),
        (lambda x: x.view(-1), 0), (lambda x: x.T, 0), (lambda x: x.T.contiguous(), [0, 0]), (lambda x: x[0], 0),
        (lambda x: torch.cat([x, x]), 0), (lambda x: x.expand(2, 3, 4), 0), (lambda x: x.chunk(2), [0, 0]),
        # A cell of a matrix product: n multiplications and n additions.
        (lambda x: x @ torch.ones(4, 5), [0, 2 * 3 * 5 * 4]),
        (lambda x: torch.ones(7, 2, 3) @ x, [0, 2 * 7 * 2 * 4 * 3]),
        (lambda x: x[0] @ x[1], [0, 0, 2 * 4]),
        (lambda x: F.linear(x, torch.ones(5, 4)), [0, 2 * 3 * 5 * 4]),
        (lambda x: F.linear(x, torch.ones(5, 4), torch.ones(5)), [0, 0, 2 * 3 * 5 * 4 + 3 * 5]),
        # What a call costs stands with the first thing it returned.
        (lambda x: x.max(dim=1), [12, 0]),
        (lambda x: torch.fft.fft(x), [None]),  # it opens into sums that torch does not do one by one
        (lambda x: torch.linalg.svdvals(x), [None]),
        (lambda x: x.add_(1), 12), (lambda x: x.__setitem__(0, 1.0), 0),
    ],
)  # fmt: skip
def test_the_cost_of_an_operation_by_hand(program, cost):
    assert flops(program, torch.ones(3, 4)) == (cost if isinstance(cost, list) else [cost])


@pytest.mark.parametrize(
    ("convolution", "weight", "options"),
    [
        (F.conv1d, (6, 4, 3), {}),
        (F.conv2d, (6, 2, 3, 2), {"groups": 2, "padding": 1, "stride": 2}),
        (F.conv_transpose1d, (4, 5, 3), {}),
        (F.conv_transpose2d, (4, 3, 3, 2), {"groups": 2, "stride": 2}),
    ],
)
def test_a_convolution_costs_what_torchs_counter_counts(convolution, weight, options):
    x, kernel = torch.ones(2, 4, *range(7, 5 + len(weight))), torch.ones(weight)
    with FlopCounterMode(display=False) as counter:
        convolution(x, kernel, **options)
    assert flops(lambda x, kernel: convolution(x, kernel, **options), x, kernel) == [counter.get_total_flops()]


def test_bytes_are_those_of_the_elements_shown():
    sizes = [step.nbytes for step in record(lambda x: (x.double(), x.T, x > 1, x.expand(2, 3, 4)), X).steps]
    assert sizes == [96, 48, 12, 96]


def test_a_fused_call_costs_what_its_plain_operations_cost():
    x, lengths = torch.rand(3, 4, 6), torch.tensor([4, 2, 1])
    lstm = torch.nn.LSTM(6, 5, batch_first=True)

    def packed(x):
        return lstm(torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[0].data

    def costs(program, op, *given):
        (step,) = [step for step in record(program, *given).steps if step.op == op and step.output == 0]
        cost = step.flops
        assert not step._open.is_open  # counting keeps nothing
        return cost

    # A token of a row: four gates of 6 + 5 products and sums and their biases, and 20 + 30 more for the cell.
    token = 2 * 20 * (6 + 5) + 2 * 20 + 20
    activations = costs(lambda x: lstm(x)[0], "lstm", x[:1, :1]) - token
    assert costs(packed, "lstm", x) == 7 * (token + activations)
    table = torch.rand(9, 4)
    bags = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert costs(lambda ids: F.embedding_bag(ids, table, mode="sum"), "embedding_bag", bags) == 2 * 3 * 4
    heads = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    cost = costs(lambda x: heads(x, x, x)[0], "multi_head_attention_forward", x)
    products = 4 * 2 * 3 * 4 * 6 * 6 + 2 * 2 * 3 * 2 * 4 * 4 * 3
    assert products < cost < 1.3 * products
