"""What follows when one size moves, and that nothing a person chose is lost by it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import Config, decode
from engine.config import TRAINED as FIXED
from engine.pretrained.pretrained import trained_config
from pages.ui.state.settings import (
    ANSWER,
    CHARACTERS,
    DATE,
    RANDOM,
    RANGES,
    SENTENCES,
    SOURCE,
    TARGET,
    TOKENS,
    TRAINED,
    WORDS,
    Settings,
    first,
    from_query,
)
from pages.ui.state.size_rules import Memory, choose_input, choose_weights, follow, input_of, move, undo
from tests.pages.state.test_settings import FIELDS, configs, values_of

COUPLED = ("heads", "d_model", "d_k", "d_v", "d_ff")
MOVES = st.sampled_from([name for name in FIELDS if name != "tokenizer"]).flatmap(
    lambda name: st.tuples(st.just(name), values_of(name))
)


class Person:
    """Moves one thing after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.memory = settings, Memory()

    def moves(self, name: str, value: Any) -> Config:
        self.settings, self.memory = move(self.settings, self.memory, name, value, lambda: ANSWER)
        return self.settings.config


@given(configs(), st.lists(MOVES, min_size=1, max_size=6))
@example(Config(d_model=30, heads=5), [("heads", 4)])
@example(Config(d_model=32, heads=5, d_k=6, d_v=6), [("d_k", 3), ("heads", 7), ("d_model", 31)])
@example(Config(d_model=1024, heads=16), [("heads", 15), ("d_model", 1), ("heads", 16)])
def test_any_row_of_moves_gives_valid_configs_with_the_values_asked_for(config, moves):
    person = Person(Settings(config))
    for name, value in moves:
        config = person.moves(name, value)
        assert getattr(config, name) == value
        assert 1 <= config.heads <= RANGES["heads"][1]
        assert 1 <= config.d_model <= RANGES["d_model"][1]


@given(configs(), MOVES)
def test_a_move_leaves_alone_what_has_nothing_to_do_with_it(config, asked):
    name, value = asked
    moved = Person(Settings(config)).moves(name, value)
    for field in set(FIELDS) - {name, *COUPLED}:
        assert getattr(moved, field) == getattr(config, field)
    if name not in COUPLED:
        assert moved == dataclasses.replace(config, **{name: value})


def chosen_last(config, moves):
    """The value a person gave every size last: that of the config they began with, or of the last move."""
    return {name: getattr(config, name) for name in COUPLED} | dict(moves)


@given(configs(), st.lists(MOVES, max_size=5), MOVES)
@example(Config(), [], ("heads", 5))
@example(Config(), [("heads", 5), ("d_k", 3)], ("d_v", 9))
@example(Config(), [("d_ff", 256)], ("d_model", 64))
@example(Config(), [("heads", 5), ("d_k", 3), ("d_v", 4)], ("heads", 4))
def test_a_size_moved_and_moved_back_leaves_every_other_as_it_was_or_as_it_was_chosen(config, moves, asked):
    person = Person(Settings(config))
    for name, value in moves:
        person.moves(name, value)
    before = person.settings.config
    name, value = asked
    person.moves(name, value)
    after = person.moves(name, getattr(before, name))
    chosen = chosen_last(config, moves)
    for field in FIELDS:
        # A width that no heads divide any more comes back to the one chosen, once it may.
        back = (getattr(before, field), chosen.get(field))
        assert getattr(after, field) in back, field
    if before.d_k * before.heads == before.d_model or before.d_v * before.heads == before.d_model:
        assert after == before


OTHERS = st.sampled_from(
    ["d_ff", "d_k", "d_v", "encoder_layers", "decoder_layers", "batch", "src_len", "tgt_len", "vocab_size", "seed"]
).flatmap(lambda name: st.tuples(st.just(name), values_of(name)))


@given(st.lists(OTHERS, max_size=4), st.integers(1, 16), st.lists(OTHERS, max_size=4))
@example([], 16, [])
@example([], 5, [("d_k", 3), ("d_v", 9)])
def test_heads_moved_away_and_back_bring_d_model_back_whatever_is_moved_between(first_moves, heads, then):
    person = Person(Settings(Config(heads=4, d_model=32)))
    for name, value in [*first_moves, ("heads", heads), *then, ("heads", 4)]:
        person.moves(name, value)
    config = person.settings.config
    assert (config.heads, config.d_model) == (4, 32)
    assert {name: getattr(config, name) for name, _ in [*first_moves, *then]} == dict([*first_moves, *then])


def test_heads_from_4_to_16_step_by_step_and_back_end_with_the_d_model_that_was_chosen():
    person = Person(Settings())
    widths = [person.moves("heads", heads).d_model for heads in (*range(5, 17), *range(15, 3, -1))]
    assert widths[-1] == 32
    assert widths[: len(widths) // 2] == [30, 30, 35, 32, 36, 30, 33, 36, 26, 28, 30, 32]


@pytest.mark.parametrize(
    ("heads", "d_model", "expected"),
    [(5, 32, 30), (5, 33, 35), (7, 8, 7), (16, 1, 16), (15, 1024, 1020), (3, 32, 33), (6, 1024, 1020)],
)
def test_heads_take_d_model_to_the_multiple_nearest_to_it(heads, d_model, expected):
    person = Person(Settings(Config(heads=1, d_model=d_model)))
    config = person.moves("heads", heads)
    assert (config.heads, config.d_model) == (heads, expected)


@pytest.mark.parametrize(
    ("d_model", "heads", "expected"), [(30, 4, 5), (7, 4, 7), (13, 4, 1), (1, 4, 1), (36, 8, 9), (34, 16, 2)]
)
def test_d_model_takes_heads_to_the_divisor_nearest_to_them(d_model, heads, expected):
    person = Person(Settings(Config(heads=heads, d_model=heads)))
    config = person.moves("d_model", d_model)
    assert (config.d_model, config.heads) == (d_model, expected)


def test_a_d_ff_that_was_chosen_stays_where_d_model_comes_by_a_width_it_would_follow():
    person = Person(Settings())
    for name, value in (("d_ff", 256), ("d_model", 64), ("d_model", 32)):
        config = person.moves(name, value)
    assert config.d_ff == 256


def test_what_was_chosen_for_another_config_is_forgotten():
    person = Person(Settings())
    person.moves("heads", 5)
    person.settings = Settings(Config(heads=5, d_model=40))  # a link
    assert person.moves("heads", 4).d_model == 40


@pytest.mark.parametrize(("name", "value"), [("heads", 8), ("d_model", 32), ("d_ff", 64), ("norm_first", True)])
def test_a_size_of_the_trained_model_that_moves_makes_the_weights_random_and_keeps_tokens_text_and_answer(name, value):
    person = Person(first())
    config = person.moves(name, value)
    assert (config.weights, config.tokenizer, getattr(config, name)) == (RANDOM, CHARACTERS, value)
    apart = set(FIELDS) - {name, *COUPLED}
    assert {field: getattr(config, field) for field in apart} == {f: getattr(trained_config(), f) for f in apart}
    assert (person.settings.source, person.settings.target, person.settings.reads) == (DATE, ANSWER, SENTENCES)
    assert from_query(person.settings.to_query()) == (person.settings, ())
    assert person.memory.left == first()


@given(st.lists(MOVES, min_size=1, max_size=5))
def test_undo_brings_the_trained_model_back_as_it_was_left_however_many_moves_later(moves):
    mine = dataclasses.replace(first(), source="May 5, 2005", upto=3)
    person = Person(mine)
    person.moves("heads", 8)
    for name, value in moves:
        person.moves(name, value)
    assert undo(person.settings, person.memory) == (mine, Memory())


def test_what_is_left_is_remembered_over_any_number_of_moves():
    person = Person(first())
    person.moves("heads", 8)
    person.moves("heads", 2)
    assert person.memory.left == first()


def test_what_trained_weights_leave_free_can_be_moved_without_losing_them():
    for name, value in (("dtype", "float64"), ("causal_mask", False), ("output", "softmax")):
        person = Person(first())
        config = person.moves(name, value)
        assert (config.weights, person.memory.left, getattr(config, name)) == (TRAINED, None, value)


def test_random_weights_have_the_sizes_tokens_and_text_of_the_trained_ones_they_replace():
    there, memory = choose_weights(first(), Memory(), RANDOM, lambda: ANSWER)
    assert there == Settings(trained_config().change(weights=RANDOM), source=DATE, target=ANSWER)
    assert memory == Memory()
    assert choose_weights(there, memory, TRAINED, lambda: ANSWER)[0] == first()


def test_trained_weights_take_the_place_of_an_example_and_keep_what_a_person_wrote():
    assert choose_weights(Settings(), Memory(), TRAINED, lambda: "")[0] == first()
    own = Settings(Config(heads=8, dtype="float64"), source="May 5, 2005", target="five")
    there = choose_weights(own, Memory(), TRAINED, lambda: "")[0]
    assert there == Settings(trained_config(dtype="float64"), source="May 5, 2005", target="")


@pytest.mark.parametrize("reads", [WORDS, TOKENS])
def test_other_tokens_than_the_trained_model_reads_make_the_weights_random_with_a_way_back(reads):
    settings, memory = choose_input(first(), Memory(), reads, lambda: ANSWER)
    assert (input_of(settings), settings.config.weights) == (reads, RANDOM)
    assert undo(settings, memory)[0] == first()


def test_an_example_gives_way_to_that_of_other_tokens_and_what_a_person_wrote_stays():
    words, _ = choose_input(first(), Memory(), WORDS, lambda: ANSWER)
    assert (words.source, words.target) == (SOURCE, TARGET)
    assert choose_input(words, Memory(), CHARACTERS, lambda: "")[0].source == DATE
    own = dataclasses.replace(Settings(), source="we see the dog")
    assert choose_input(own, Memory(), CHARACTERS, lambda: "")[0].source == "we see the dog"


def test_d_k_and_d_v_that_follow_again_do_so_from_there():
    person = Person(Settings(Config(d_k=3, d_v=5)))
    person.settings, person.memory = follow(person.settings, person.memory)
    assert (person.settings.config.d_k, person.settings.config.d_v) == (8, 8)
    config = person.moves("d_model", 64)
    assert (config.d_k, config.d_v) == (16, 16)


def test_the_answer_of_the_example_is_what_the_trained_model_writes():
    assert decode(DATE, trained_config()).text == ANSWER
    assert set(FIXED) < set(FIELDS)
