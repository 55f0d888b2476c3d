"""What exchanged attention weights do to the output, held to closed forms and to the model run in another way."""

import math
import random
from datetime import date
from functools import cache
from pathlib import Path
from statistics import median

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import kl_div

from engine import decode
from engine.labs import explanation
from engine.labs.encoder_to_decoder.one_text import CONFIG, answered, ids, understood
from engine.labs.explanation import KINDS, SHUFFLES, adversarial_attention, distance, divergence, output_of, own_weights
from engine.labs.explanation.frozen_attention import accuracy, freeze
from engine.labs.explanation.one_position import code
from engine.labs.explanation.transferred_attention import siblings, transferred
from engine.pretrained.dates import TRAIN_FORMATS, Form, held_out_dates, is_held_out
from engine.pretrained.evaluate import score
from engine.runtime.forward import build_model

BOTH, ALL = (0, 1), (0, 1, 2, 3)
TEXT = "21 November 2026"
exchanges = cache(explanation.exchanges)
adversary = cache(adversarial_attention.adversary)

shares = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(lambda some: torch.tensor(some).double() / sum(some))


@settings(max_examples=50)
@given(shares, shares)
def test_the_divergence_is_the_mean_kl_to_the_average_and_bounded_by_ln_2_and_by_the_distance(one, other):
    middle = (one + other) / 2
    by_torch = (kl_div(middle.log(), one, reduction="sum") + kl_div(middle.log(), other, reduction="sum")) / 2
    torch.testing.assert_close(divergence(one, other), by_torch)
    # Lin (1991): JS ≤ TV · ln 2; Pinsker twice: TV² / 2 ≤ JS.
    moved = distance(one, other)
    assert moved**2 / 2 <= divergence(one, other) + 1e-12
    assert divergence(one, other) <= moved * math.log(2) + 1e-12
    assert divergence(one, one).abs() < 1e-12


def test_weights_without_anything_in_common_are_ln_2_and_1_apart():
    one, other = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0.25, 0.75])
    assert divergence(one, other).item() == pytest.approx(math.log(2))
    assert distance(one, other).item() == 1


def test_distance_is_the_most_that_any_event_can_gain():
    one, other = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.2, 0.6])
    events = [[place for place in range(3) if event >> place & 1] for event in range(8)]
    most = max((one[event].sum() - other[event].sum()).abs().item() for event in events)
    assert distance(one, other).item() == pytest.approx(most)


@pytest.fixture(scope="module")
def answer():
    model = build_model(CONFIG)
    return model, answered(model, ids(understood(TEXT)))


def test_the_weights_are_those_that_were_recorded_while_the_model_decoded(answer):
    for position, trace in enumerate(decode(TEXT, CONFIG).traces):
        for layer in BOTH:
            recorded = trace.find(f"decoder.layers.{layer}.cross_attention.weights").value[0, :, -1]
            torch.testing.assert_close(own_weights(answer[1], position)[layer], recorded, rtol=1e-4, atol=1e-5)


def test_given_weights_are_used_in_the_heads_named_and_nowhere_else(answer):
    model, written = answer
    own = own_weights(written, 6)
    usual = written.reads[6].log_probabilities
    same = output_of(model, written, 6, BOTH, ALL, own.unsqueeze(0))
    torch.testing.assert_close(same, usual, rtol=0, atol=1e-5)
    # All on the first key in one head, against a hook that exchanges that head's mix for that key's value.
    first = torch.zeros(1, 1, 1, own.size(-1))
    first[..., 0] = 1
    moved = output_of(model, written, 6, (1,), (2,), first)
    changed = build_model(CONFIG)
    cross = changed.decoder.layers[1].cross_attention

    def exchange(module, given):
        mixed = given[0].clone()
        mixed[:, -1, 32:48] = cross.w_v(written.memory)[:, 0, 32:48]
        return (mixed,)

    cross.w_o.register_forward_pre_hook(exchange)
    whole = changed(ids(understood(TEXT)), torch.tensor([written.given[:7]]))[:, -1]
    torch.testing.assert_close(moved, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("text", "layers", "heads"), [(TEXT, BOTH, ALL), (TEXT, (1,), (1,)), ("x", (0,), ALL)])
def test_every_kind_of_exchange_is_made_as_often_as_it_says(text, layers, heads):
    found = exchanges(text, layers, heads)
    length, positions = len(found.source), len(found.answer)
    assert length == len(text) + 2
    assert tuple(found.weights.shape) == (positions, 2, 4, length)
    runs = {"shuffled": SHUFFLES, "uniform": 1, "on one other character": length - 1, "another head's": 3}
    for kind in KINDS:
        one = found.by_kind[kind]
        assert one.position.bincount().tolist() == [runs[kind]] * positions
        assert 0 <= one.weights_moved.min() <= one.weights_moved.max() <= math.log(2) + 1e-6
        assert 0 <= one.output_moved.min() <= one.output_moved.max() <= 1 + 1e-6
        assert one.at(2).medians[1] == pytest.approx(median(one.output_moved[one.position == 2].tolist()))


def test_the_move_to_uniform_weights_is_the_closed_form():
    found = exchanges(TEXT, (1,), (1,))
    own = found.weights[:, 1, 1].double()
    even = torch.full_like(own, 1 / own.size(-1))
    middle = (own + even) / 2
    entropy = torch.special.entr
    closed = entropy(middle).sum(-1) - (entropy(own).sum(-1) + math.log(own.size(-1))) / 2
    torch.testing.assert_close(found.by_kind["uniform"].weights_moved.double(), closed, rtol=0, atol=1e-5)


def test_shuffles_keep_every_heads_numbers_and_depend_on_the_seed_alone():
    own = torch.rand(2, 4, 7)
    shuffled = explanation._others("shuffled", own, 3)
    assert torch.equal(shuffled.sort(dim=-1).values, own.sort(dim=-1).values.expand(SHUFFLES, -1, -1, -1))
    assert torch.equal(shuffled, explanation._others("shuffled", own, 3))
    assert not torch.equal(shuffled, explanation._others("shuffled", own, 4))


def test_all_on_another_character_never_meets_the_one_looked_at_most():
    own = torch.rand(2, 4, 7)
    others = explanation._others("on one other character", own, 0)
    assert not (others.argmax(dim=-1) == own.argmax(dim=-1)).any()
    assert torch.equal(others.sum(dim=0) + torch.nn.functional.one_hot(own.argmax(dim=-1), 7), torch.ones(2, 4, 7))


@pytest.mark.parametrize(("layers", "heads", "position", "bound"), [(BOTH, ALL, 9, 0.01), ((1,), (1,), 6, 0.05)])
def test_the_adversarys_weights_are_proper_and_keep_the_output_within_the_bound(layers, heads, position, bound):
    found = adversary(TEXT, layers, heads, position, bound)
    assert tuple(found.moved.shape) == tuple(found.own.shape) == (len(layers), len(heads), 18)
    torch.testing.assert_close(found.moved.sum(dim=-1), torch.ones(len(layers), len(heads)))
    torch.testing.assert_close(
        found.own, exchanges(TEXT, layers, heads).weights[position][list(layers)][:, list(heads)]
    )
    model = build_model(CONFIG)
    written = answered(model, ids(understood(TEXT)))
    output = output_of(model, written, position, layers, heads, found.moved.unsqueeze(0)).exp()
    usual = written.reads[position].log_probabilities.exp()
    assert found.output_moved == pytest.approx(distance(output, usual).item(), abs=1e-6)
    assert found.output_moved <= bound + 1e-5
    assert found.weights_moved == pytest.approx(divergence(found.moved, found.own).mean().item())
    best = exchanges(TEXT, layers, heads).by_kind["shuffled"].at(position)
    within = best.weights_moved[best.output_moved <= bound]
    # A search that is not blind does about as well as the luckiest shuffle, or better.
    assert found.weights_moved > max([0.0, *(within - 0.05).tolist()])
    assert found.before[0][1] == pytest.approx(usual.max().item())
    assert [share for _, share in found.after] == pytest.approx(output[0].topk(3).values.tolist(), abs=1e-6)


def test_the_same_search_finds_the_same():
    again = adversarial_attention.adversary(TEXT, (1,), (1,), 6, 0.05)
    assert torch.equal(again.moved, adversary(TEXT, (1,), (1,), 6, 0.05).moved)


def test_siblings_are_held_out_dates_in_the_same_form_and_length():
    some = siblings(TEXT, "2026-11-21")
    assert len(some) == 60
    form = Form("{d} {Month} {yyyy}")
    for text, iso in some:
        day = date.fromisoformat(iso)
        assert is_held_out(day)
        assert text == form.write(day).text
        assert len(text) == len(TEXT)
    assert siblings("21 November 2026", "2026-11-22") == []
    assert siblings("x", "2014-07-27") == []
    assert siblings("x", "2014-02-31") == []
    assert siblings("x", "20") == []


def test_own_weights_and_found_ones_are_counted_as_one_date_at_a_time_counts_them():
    other = adversary(TEXT, BOTH, ALL, 9, 0.01)
    found = transferred(other)
    model = build_model(CONFIG)
    kept = [0, 0]
    for text, iso in siblings(TEXT, "2026-11-21"):
        written = answered(model, ids(understood(text)))
        # Told and free reading are one where the answer is right, and it is for all of these.
        assert written.text == iso
        usual = written.reads[9].log_probabilities.argmax()
        for place, weights in enumerate((other.own, other.moved)):
            kept[place] += int(output_of(model, written, 9, BOTH, ALL, weights.unsqueeze(0)).argmax() == usual)
    assert list(found.kept) == kept
    assert found.dates == 60


def test_a_text_that_is_no_date_has_no_other_dates_to_try():
    assert transferred(adversary("x", (1,), (1,), 0, 0.1)).dates == 0


def test_freezing_makes_the_weights_uniform_in_those_heads_and_leaves_the_others():
    model = freeze(build_model(CONFIG), (1,), (0, 2))
    weights = torch.stack([own_weights(answered(build_model(CONFIG), ids(understood(TEXT))), 0)[0]])
    now = own_weights(answered(model, ids(understood(TEXT))), 0)
    torch.testing.assert_close(now[1][[0, 2]], torch.full((2, 18), 1 / 18))
    torch.testing.assert_close(now[0], weights[0])
    assert now[1][[1, 3]].max() > 0.5


def test_accuracy_is_that_of_the_scorer_of_the_project():
    draw, some = random.Random(0), []
    while len(some) < 60:
        form, day = draw.choice(TRAIN_FORMATS), draw.choice(held_out_dates())
        if form.can_write(day):
            some.append(form.write(day))
    for layers, heads in (((), ()), ((1,), (1,))):
        assert accuracy(layers, heads).dates_right == score(freeze(build_model(CONFIG), layers, heads), some).right
    # Every wrong date has a wrong character.
    usual = accuracy((), ())
    assert (usual.dates, usual.characters) == (60, 660)
    assert usual.characters - usual.characters_right >= usual.dates - usual.dates_right


@pytest.mark.parametrize(("layers", "heads", "position"), [(BOTH, ALL, 9), ((1,), (1, 3), 6), ((0,), (0,), 0)])
def test_the_code_prints_what_the_experiment_found(layers, heads, position, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    exec(code(TEXT, layers, heads, position), {})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    found = exchanges(TEXT, layers, heads).by_kind["shuffled"].at(position)
    assert [float(line[-1]) for line in printed[:2]] == pytest.approx(found.medians, abs=2e-4)
    assert printed[2] == f"likeliest character kept in {int(found.kept.sum())} of {SHUFFLES}".split()
