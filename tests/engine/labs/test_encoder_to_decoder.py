"""What passes from the encoder to the decoder, and what a cache saves: shapes, identity and counts, held to theory."""

from functools import cache

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine import decode
from engine.characters import CHARACTERS, SPECIALS, UNKNOWN, ids
from engine.labs import encoder_to_decoder
from engine.labs.encoder_to_decoder import another, code, crossing, handed_over
from engine.labs.one_text import CONFIG, MOST_CHARACTERS, understood
from engine.run import load
from engine.text import BEGIN, TextError

ways = cache(encoder_to_decoder.ways)


@pytest.mark.parametrize(("text", "read", "layer"), [("21 November 2026", 4, 1), ("x", 0, 0), ("11/3/1987", 10, 0)])
def test_queries_are_projected_from_the_decoder_and_keys_and_values_from_the_memory(text, read, layer):
    found = crossing(text, read, layer)
    cross = load(CONFIG).decoder.layers[layer].cross_attention
    source, target = len(text) + 2, read + 1
    assert (len(found.source), len(found.target)) == (source, target)
    assert tuple(found.query.shape) == (1, 4, target, 16)
    assert tuple(found.key.shape) == tuple(found.value.shape) == (1, 4, source, 16)
    assert tuple(found.weights.shape) == (1, 4, target, source)
    for projection, rows, heads in (
        (cross.w_q, found.asking, found.query),
        (cross.w_k, found.memory, found.key),
        (cross.w_v, found.memory, found.value),
    ):
        torch.testing.assert_close(projection(rows).unflatten(-1, (4, 16)).transpose(1, 2), heads)
    one_hot = torch.eye(source).expand(1, 4, -1, -1)
    whole = torch.nn.functional.scaled_dot_product_attention(found.query, found.key, one_hot)
    torch.testing.assert_close(found.weights, whole)
    assert found.longer == ((1, 4, target + 1, 16), (1, 4, source, 16), (1, 4, source, 16))


@pytest.mark.parametrize(("text", "place"), [("21 November 2026", 0), ("11/3/1987", 2), ("2026년 11월 21일", 4)])
def test_with_the_old_memory_a_changed_source_changes_nothing(text, place):
    found = handed_over(text, place, 5)
    model = load(CONFIG)
    answer = decode(text, CONFIG, model=model).text
    source = torch.tensor(understood(text).source_ids)
    with torch.no_grad():
        usual = model(source, torch.tensor([[BEGIN, *ids(answer[:5])]]))
    assert torch.equal(found.usual, usual)
    assert found.same
    assert found.differences[1] == 0
    assert found.differences[0] > 0
    assert found.answers[0] == found.answers[2] == answer
    changed = [old != new for old, new in zip(found.source, found.changed, strict=True)]
    assert changed == [token == place + 1 for token in range(len(changed))]


def test_no_gradient_reaches_the_encoder_but_through_the_memory():
    # What the hook shows by equality, autograd shows by the graph: cut at the memory, and nothing leads to the source.
    model = load(CONFIG)
    model.source_embedding.table.weight.requires_grad_()
    cut = model.encoder.register_forward_hook(lambda module, given, output: output.detach())
    source, target = torch.tensor(understood("21 November 2026").source_ids), torch.tensor([[BEGIN, 6]])
    assert not model(source, target).requires_grad
    cut.remove()
    assert model(source, target).requires_grad


def test_the_changed_character_is_the_next_of_its_kind_and_never_the_same():
    assert (another(ids("2")[0]), another(ids("9")[0]), another(ids("y")[0])) == ids("30A")
    assert another(UNKNOWN) == ids("0")[0]
    known = range(len(SPECIALS), len(SPECIALS) + len(CHARACTERS))
    assert sorted(map(another, known)) == list(known)


@pytest.mark.parametrize("text", ["21 November 2026", "11/3/1987", "?"])
def test_the_cache_writes_what_recomputing_writes(text):
    found = ways(text)
    expected = decode(text, CONFIG)
    assert found.tokens == found.cached_tokens == tuple(choice.token for choice in expected.choices)
    shares = torch.tensor([choice.probability for choice in expected.choices], dtype=torch.float64)
    torch.testing.assert_close(found.recomputed.double().amax(dim=-1).exp(), shares)
    assert max(found.differences) == (found.recomputed - found.cached).abs().max() < 1e-4


def test_the_keys_that_are_kept_are_those_of_the_whole_text_at_once():
    found = ways("21 November 2026")
    steps = len(found.tokens)
    last = decode("21 November 2026", CONFIG).traces[-1]
    query, key = (last.find(f"decoder.layers.1.self_attention.{name}").value for name in ("query", "key"))
    torch.testing.assert_close(found.keys[1], key)
    assert tuple(found.queries.shape) == (steps, 2, 1, 4, 1, 16)
    torch.testing.assert_close(found.scores(6, 1), (query[:, :, 6:7] @ key[:, :, :7].transpose(-2, -1)))


def test_recomputing_is_counted_as_the_traces_of_decoding_count_it():
    traces = decode("11/3/1987", CONFIG).traces
    assert all(step.flops is not None for trace in traces for step in trace.steps)
    assert list(ways("11/3/1987").everything) == [sum(step.flops for step in trace.steps) for trace in traces]


def test_what_a_step_costs_with_the_cache_is_the_closed_form():
    found = ways("21 November 2026")
    width, hidden, heads, vocabulary, source = 64, 256, 4, 85, 18

    def dense(given, made):
        return made * (2 * given + 1)

    # Mean, centre, variance (3 each), + ε, √, divide, scale, shift.
    norm = (1 + 1 + 3) * width + 2 + 3 * width

    def attend(keys):
        # Scores and mix are products; each score is scaled and goes through softmax.
        return 2 * 2 * keys * width + (1 + 4) * heads * keys

    def closed(kept):
        own = 4 * dense(width, width) + attend(kept)
        cross = 2 * dense(width, width) + attend(source)  # no keys or values: those of the memory are there
        feed = dense(width, hidden) + hidden + dense(hidden, width)
        layer = own + cross + feed + 3 * (width + norm)
        return 2 * width + 2 * layer + dense(width, vocabulary) + 4 * vocabulary

    assert list(found.cache[1:]) == [closed(kept) for kept in range(2, len(found.tokens) + 1)]


def test_products_make_up_what_pytorchs_own_counter_counts():
    found = ways("11/3/1987")
    model, source = load(CONFIG), torch.tensor(understood("11/3/1987").source_ids)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(source, torch.tensor([[BEGIN]]))
    # The rest is element-wise: less than a tenth here.
    assert 0.9 * found.everything[0] < counter.get_total_flops() < found.everything[0]


def test_a_step_costs_no_more_with_the_cache_than_without_and_ever_less_of_it():
    found = ways("21 November 2026")
    ratios = [a / c for a, c in zip(found.decoder[1:], found.cache[1:], strict=True)]
    assert ratios == sorted(ratios)
    assert ratios[0] > 1
    assert sum(found.everything) > sum(found.decoder) > sum(found.cache)


@pytest.mark.parametrize("text", ["", "  ", "1" * (MOST_CHARACTERS + 1)])
def test_a_text_that_is_empty_or_longer_than_any_date_is_refused_in_words(text):
    with pytest.raises(TextError):
        ways(text)


@pytest.mark.parametrize(("source", "target"), [(18, 5), (3, 1), (42, 16)])
def test_the_code_prints_the_shapes_of_the_experiment_and_a_difference_of_rounding(source, target, capsys):
    exec(code(source, target, 4, 16), {})
    *shapes, difference = capsys.readouterr().out.splitlines()
    assert shapes == [
        f"cross-attention (1, 4, {target}, 16) (1, 4, {source}, 16) (1, 4, {source}, 16)",
        f"scores (1, 4, {target}, {source})",
        f"last step (1, 4, 1, 16) (1, 4, {target}, 16)",
    ]
    assert float(difference.removeprefix("largest difference ")) < 1e-5
