"""Positions, padding, labels and tied weights in the other forms that people write."""

import pytest
import torch
from torch import nn

from engine import findings, open_trace, save_trace
from engine.findings.finding import findings_text
from tests.engine.findings.programs import attend, drawn, later, recorded
from tests.engine.findings.programs_of_tokens import (
    IDS,
    LEFT,
    WIDTH,
    Language,
    Placed,
    cached,
    commented,
    each_twice,
    halves,
    loss,
    neighbours,
    rotary,
    twice_over,
)

F = torch.nn.functional


def only(trace):
    (suspicion,) = findings(trace)
    return suspicion


@pytest.mark.parametrize("repeat", [twice_over, each_twice])
@pytest.mark.parametrize("turn", [halves, neighbours])
def test_a_rotation_and_its_table_have_to_pair_features_alike(turn, repeat):
    agrees = (turn is halves) == (repeat is twice_over)
    assert [suspicion.rule for suspicion in findings(rotary(turn, turn, repeat))] == (
        [] if agrees else ["rotary_pairs_mixed"]
    )


def test_rotary_positions_as_complex_numbers_are_neighbours():
    def turned(x):
        return torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))

    def attention(x, phases, cos, sin):
        query = torch.view_as_real(turned(x) * phases).flatten(-2)
        key = x * cos + halves(x) * sin
        return (query @ key.mT / 8**0.5).softmax(-1) @ x

    angle = torch.arange(5)[:, None] * 10000.0 ** (-torch.arange(0, 8, 2) / 8)
    phases = torch.polar(torch.ones_like(angle), angle)
    table = twice_over(angle)
    layer = nn.Linear(8, 8)
    trace = recorded(lambda x: attention(layer(x), phases, table.cos(), table.sin()), drawn(2, 5, 8))
    assert only(trace).rule == "rotary_pairs_mixed"


@pytest.mark.parametrize("new", [1, 4])
@pytest.mark.parametrize("looked_up", [False, True])
def test_learned_positions_go_on_behind_the_cache(looked_up, new):
    suspicion = only(cached(0, looked_up, new))
    assert suspicion.rule == "added_positions_restart_with_a_cache"
    assert suspicion.evidence["past"] == 3
    assert suspicion.step.op == "add"
    assert findings(cached(3, looked_up, new)) == ()


def test_another_table_whose_first_row_is_added_is_no_table_of_positions():
    segments, table = nn.Embedding(4, WIDTH), nn.Embedding(9, WIDTH)

    def with_segments(ids, past_key, past_value):
        x = table(ids) + segments(torch.zeros_like(ids))
        query = x.view(2, 1, 4, 8).transpose(1, 2)
        key = torch.cat((past_key, query), 2)
        return (query @ key.mT / 8**0.5).softmax(-1) @ torch.cat((past_value, query), 2)

    past = drawn(2, 4, 3, 8, seed=1), drawn(2, 4, 3, 8, seed=2)
    assert findings(recorded(with_segments, torch.ones(2, 1, dtype=torch.long), *past)) == ()


def test_padding_at_the_left_is_right_where_the_tokens_alone_are_counted():
    suspicion = only(recorded(Placed(False), LEFT))
    assert (suspicion.evidence["row"], suspicion.evidence["count"]) == (0, 2)
    assert findings(recorded(Placed(True), LEFT)) == ()


@pytest.mark.parametrize(
    ("until", "labels", "shift"),
    [(None, lambda ids: ids, 0), (-1, lambda ids: ids[:, :-1], 0), (-2, lambda ids: ids[:, 2:], 2)],
)
def test_labels_that_are_not_shifted_or_twice(until, labels, shift):
    suspicion = only(loss(until, labels))
    assert suspicion.rule == "labels_shifted_wrongly"
    assert suspicion.evidence["shift"] == shift
    assert suspicion.step.op == "cross_entropy"


def test_labels_with_ignored_places_are_shifted_once():
    def labels(ids):
        return F.pad(ids[:, 1:], (0, 1), value=-100)

    assert findings(loss(None, labels)) == ()


def test_a_model_that_sees_both_sides_has_labels_at_their_own_places():
    model = Language()

    def masked_language(ids):
        x = model.table(ids)
        return F.cross_entropy(model.head(x + model.attention(x)).flatten(0, 1), ids.flatten())

    assert findings(recorded(masked_language, IDS)) == ()


def test_truly_tied_weights_are_tied_in_a_saved_trace_too(tmp_path):
    for weight, rules in (
        (lambda table: table.weight, []),
        (lambda table: nn.Parameter(table.weight.detach().clone()), ["weights_tied_in_name_only"]),
    ):
        save_trace(recorded(Language(weight), IDS), tmp_path / "run.trace")
        assert [suspicion.rule for suspicion in findings(open_trace(tmp_path / "run.trace"))] == rules
        (tmp_path / "run.trace").unlink()


def test_weights_that_are_all_one_number_are_no_copies():
    model = Language()
    for weight in (model.table.weight, model.head.weight):
        nn.init.ones_(weight)
    assert "weights_tied_in_name_only" not in [suspicion.rule for suspicion in findings(recorded(model, IDS))]


@pytest.mark.parametrize("number", [0.0, -1e-9, -1.0])
def test_a_fill_that_is_not_low_enough_hides_nothing(number):
    suspicion = only(attend(later(), hide=lambda scores, mask: scores.masked_fill(mask, number)))
    assert suspicion.rule == "mask_hides_nothing"
    assert suspicion.evidence["number"] == number


def test_a_row_that_is_marked_whole_has_to_give_its_weight_to_something():
    mask = later()
    mask[2] = True
    rules = {suspicion.rule for suspicion in findings(attend(mask, hide=lambda x, mask: x.masked_fill(mask, -50.0)))}
    assert "mask_hides_nothing" not in rules


@pytest.mark.parametrize("number", [-50.0, -1e4, -1e9, float("-inf")])
def test_a_fill_that_is_low_enough_hides(number):
    assert findings(attend(later(), hide=lambda scores, mask: scores.masked_fill(mask, number))) == ()


def test_a_mask_of_numbers_given_to_the_fused_attention_as_if_it_were_truth_values():
    keep = torch.ones(5, 5).tril()

    def attention(x, mask):
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)

    x = drawn(2, 4, 5, 8)
    suspicion = only(recorded(attention, x, keep))
    assert (suspicion.rule, suspicion.step.op) == ("mask_hides_nothing", "scaled_dot_product_attention")
    assert findings(recorded(attention, x, keep.bool())) == ()


def test_one_symbol_with_two_sizes_is_a_hint():
    suspicion = only(commented(False))
    assert suspicion.is_hint
    line = findings_text([suspicion])
    assert line.startswith("hint, symbol_has_two_sizes, step 1 key: The comment (B, L, D) gives L 7")


def test_a_one_in_a_comment_that_is_not_one_is_named():
    def program(x):
        moved = x * 2.0  # (B, 1, D)
        return moved

    suspicion = only(recorded(program, drawn(2, 5, WIDTH)))
    assert suspicion.rule == "comment_cannot_be_true"
    assert "says 1 where there are 5" in suspicion.sentence
