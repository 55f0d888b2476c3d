"""What decoding costs with and without a cache: counts held to closed forms and to recordings of the whole model."""

from functools import cache

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine import decode
from engine.labs.encoder_to_decoder import decoding_cost
from engine.labs.encoder_to_decoder.one_text import CONFIG, MOST_CHARACTERS, understood
from engine.runtime.forward import build_model
from engine.text.tokenizer import BEGIN, TextError

ways = cache(decoding_cost.ways)


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
    model, source = build_model(CONFIG), torch.tensor(understood("11/3/1987").source_ids)
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
