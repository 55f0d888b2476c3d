"""What the encoder makes of order, against the theory of permutations and PyTorch's own layers."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.labs.small_encoder import D_MODEL, HEADS, SmallEncoder
from engine.labs.word_order import ORDERS, SAME, code, order_of, pooled, shuffled
from engine.labs.word_order.predicate_probe import STEPS, trained

lengths, depths = st.integers(2, 12), st.integers(1, 4)


@given(st.sampled_from(ORDERS), lengths, st.integers(0, 50))
def test_every_order_is_a_permutation_and_none_leaves_all_words_where_they_were(kind, length, draw):
    order = order_of(kind, length, draw).tolist()
    assert sorted(order) == list(range(length))
    assert order != list(range(length))


def test_the_orders_are_what_they_are_called():
    assert order_of("reversed", 4).tolist() == [3, 2, 1, 0]
    assert order_of("first two swapped", 4).tolist() == [1, 0, 2, 3]
    assert order_of("shift by one", 4).tolist() == [3, 0, 1, 2]


@settings(max_examples=25)
@given(depths, st.data())
def test_without_encoding_and_mask_the_outputs_move_with_the_words_and_only_rounding_is_left(layers, data):
    order = data.draw(lengths.flatmap(lambda length: st.permutations(range(length))))
    found = shuffled(len(order), layers, tuple(order), encoding=False)
    exact = shuffled(len(order), layers, tuple(order), encoding=False, dtype="float64")
    assert found.moved_difference < SAME / 10
    assert exact.moved_difference < 1e-12
    assert found.rows_changed == 0


@settings(max_examples=25)
@given(depths, st.booleans(), st.data())
def test_with_the_encoding_the_outputs_are_other_ones_under_every_permutation(layers, causal, data):
    order = data.draw(lengths.flatmap(lambda length: st.permutations(range(length))))
    assume(order != sorted(order))
    found = shuffled(len(order), layers, tuple(order), encoding=True, causal=causal)
    assert found.moved_difference > 100 * SAME
    assert found.still_difference > 100 * SAME
    assert torch.allclose(found.shuffled, found.given[list(order)], atol=SAME) is False


@settings(max_examples=15)
@given(depths, lengths.filter(lambda length: length > 2), st.integers(0, 9))
def test_under_a_causal_mask_only_a_word_that_sees_the_same_words_as_before_keeps_its_output(layers, length, draw):
    # Without encoding; in one layer a word's output is that of the set of words it sees.
    order = order_of("drawn", length, draw).tolist()
    found = shuffled(length, 1, tuple(order), encoding=False, causal=True)
    changed = sum(set(order[: place + 1]) != set(range(word + 1)) for place, word in enumerate(order))
    assert found.rows_changed == changed > 0
    assert shuffled(length, layers, tuple(order), encoding=False, causal=True).moved_difference > SAME


def test_the_small_encoder_is_pytorchs_own_with_the_same_weights():
    ours = SmallEncoder(2)
    layer = torch.nn.TransformerEncoderLayer(D_MODEL, HEADS, 4 * D_MODEL, dropout=0.0, batch_first=True)
    theirs = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    for mine, other in zip(ours.encoder.layers, theirs.layers, strict=True):
        projections = (mine.self_attention.w_q, mine.self_attention.w_k, mine.self_attention.w_v)
        other.self_attn.in_proj_weight = torch.nn.Parameter(torch.cat([one.weight for one in projections]))
        other.self_attn.in_proj_bias = torch.nn.Parameter(torch.cat([one.bias for one in projections]))
        other.self_attn.out_proj = mine.self_attention.w_o
        other.linear1, other.linear2 = mine.feed_forward.w_1, mine.feed_forward.w_2
    tokens = torch.tensor([[5, 3, 9, 4], [7, 8, 3, 3]])
    embedded = ours.embedding.table(tokens) * math.sqrt(D_MODEL)
    torch.testing.assert_close(ours(tokens, encoding=False), theirs(embedded))
    torch.testing.assert_close(ours(tokens, encoding=True), theirs(ours.position(embedded)))
    future = torch.nn.Transformer.generate_square_subsequent_mask(4)
    torch.testing.assert_close(ours(tokens, encoding=False, causal=True), theirs(embedded, mask=future))


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before():
    first = SmallEncoder(2).state_dict()
    torch.randn(7)
    again = SmallEncoder(2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("layers", [1, 4])
def test_a_bag_of_words_has_one_mean_without_the_encoding_and_two_with_it(layers):
    pair = ("dog bites man", "man bites dog")
    assert pooled(pair, layers, encoding=False).difference < SAME / 10
    assert pooled(pair, layers, encoding=True).difference > 100 * SAME
    assert pooled((pair[0], pair[0]), layers, encoding=True).difference < SAME / 10
    assert pooled(("dog bites man", "dog bites dog"), layers, encoding=False).difference > SAME
    found = pooled(pair, layers, encoding=True)
    assert found.means.shape == (2, D_MODEL)


def test_without_the_encoding_no_training_gets_below_log_2_nor_past_half_of_the_answers():
    without, found = trained(1, encoding=False), trained(1, encoding=True)
    assert len(without.losses) == STEPS
    assert min(without.losses) > math.log(2) - 1e-5
    assert without.losses[0] == pytest.approx(math.log(2))
    assert without.right <= without.sentences / 2
    assert found.losses[0] == pytest.approx(math.log(2))
    assert found.losses[-1] < 0.05
    assert found.right > 0.7 * found.sentences


@pytest.mark.parametrize(("length", "layers", "causal"), [(6, 2, False), (2, 1, True), (12, 4, True)])
def test_the_code_prints_what_the_experiments_found_on_pytorchs_own_encoder(length, layers, causal, capsys):
    order = tuple(order_of("drawn", length).tolist())
    exec(code(length, layers, order, causal=causal, positions=9, d_model=6, pair=1, steps=2), {})
    without, found, period, *distances, turned = (
        line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()
    )
    for printed, encoding in ((without, False), (found, True)):
        expected = shuffled(length, layers, order, encoding=encoding, causal=causal).moved_difference
        assert float(printed) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    theory = [sum(math.cos(distance * 10000 ** (-2 * pair / 6)) for pair in range(3)) for distance in range(4)]
    assert float(period) == pytest.approx(2 * math.pi * 10000 ** (2 / 6), rel=1e-3)
    assert [float(distance) for distance in distances] == pytest.approx(theory, rel=1e-3)
    assert float(turned) < 1e-12
