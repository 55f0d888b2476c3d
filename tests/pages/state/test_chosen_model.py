import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ConfigError, LlamaConfig, MixtralConfig, T5Config
from engine.model.variants.presets import PRESETS
from engine.runtime.variants.named_model import MODEL_NAMES, TRANSFORMER
from pages.ui.state.chosen_model import CHOICES, FIELDS, chosen_model
from pages.ui.state.settings import SENTENCES, TARGET, TOKENS, first, from_query, with_model, without_model
from pages.ui.state.settings_words import differing
from pages.ui.traces.trace_cache import trace_of

VARIANTS = tuple(name for name in MODEL_NAMES if name != TRANSFORMER)


def test_every_model_of_the_command_line_can_be_chosen_and_no_other():
    assert tuple(CHOICES) == MODEL_NAMES


@pytest.mark.parametrize("name", VARIANTS)
def test_a_link_says_the_model_and_nothing_that_is_usual(name):
    chosen = with_model(first(), name)
    assert chosen.to_query() == {"model": name}
    assert from_query({"model": name}) == (chosen, ())


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name in VARIANTS if name not in PRESETS and name != "vit"]),
    st.fixed_dictionaries(
        {},
        optional={
            "heads": st.integers(1, 8),
            "d_model": st.integers(1, 9).map(lambda n: 16 * n),
            "kv_heads": st.integers(1, 4),
            "layers": st.integers(1, 3),
            "window": st.integers(1, 9),
            "experts": st.integers(1, 9),
            "rope_base": st.sampled_from([100, 10_000]),
            "interleaved": st.booleans(),
            "d_k": st.integers(1, 5).map(lambda n: 2 * n),
            "seed": st.integers(0, 9),
        },
    ),
    st.text(min_size=1, max_size=9),
)
def test_what_a_person_set_comes_back_from_the_address(name, moves, source):
    chosen = with_model(first(), name)
    model = chosen.model
    for setting, value in moves.items():
        if hasattr(model.config, setting):
            try:
                model = model.move(setting, value)
            except (ConfigError, TypeError, AttributeError):
                continue
    moved = type(chosen)(**{**vars(chosen), "model": model, "source": source})
    assert from_query(moved.to_query()) == (moved, ())


def test_heads_that_key_heads_do_not_divide_take_them_along():
    model = chosen_model("llama").move("kv_heads", 4).move("heads", 2)
    assert model.config == LlamaConfig(heads=2, kv_heads=2)
    assert chosen_model("mixtral").move("experts", 1).config == MixtralConfig(experts=1, experts_per_token=1)


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ({"model": "lama"}, "`model=lama` was asked for, which is none of the 25 that model can be"),
        ({"model": "llama", "kv_heads": "3"}, "`kv_heads=3` was asked for, and heads must be a multiple of kv_heads"),
        ({"model": "mixtral", "experts": "x"}, "experts is a whole number from 1 to 1024"),
        ({"model": "vit", "kept": "2"}, "only a decoder that writes keeps keys and values"),
        ({"model": "gpt2", "device": "tpu"}, "`device=tpu` was asked for"),
        ({"model": "llama", "interleaved": "maybe"}, "interleaved can be 1 or 0"),
    ],
)
def test_what_a_link_asks_for_and_cannot_have_is_said(query, note):
    settings, notes = from_query(query)
    assert any(note in text.text for text in notes)
    assert from_query(settings.to_query()) == (settings, ())


def test_a_saved_trace_goes_before_a_model():
    assert from_query({"model": "llama", "trace": "abc"})[0].model is None
    assert from_query({"model": "llama", "trace": "none"})[0].model == chosen_model("llama")


def test_the_transformer_waits_while_another_model_is_on_screen():
    before = from_query({"weights": "random", "heads": "8", "d_model": "64"})[0]
    there = with_model(before, "t5")
    assert (there.reads, there.target, there.model.config) == (SENTENCES, TARGET, T5Config())
    assert not there.trained
    assert without_model(there).config == before.config
    assert with_model(before, "vit").reads == TOKENS


def test_the_settings_are_told_apart_in_words():
    one, other = with_model(first(), "llama"), with_model(first(), "gpt3-175b")
    assert differing(one, other) == "Llama"
    assert differing(other, one) == "GPT-3 175B, real size"
    assert differing(first(), one) == "Transformer, 2017"
    assert differing(from_query({"model": "llama", "kv_heads": "1"})[0], one) == "Llama, kv_heads `1`"


def test_a_shorter_text_takes_the_cache_along():
    assert from_query({"model": "gpt2", "length": "9", "kept": "7"})[0].model.move("length", 4).kept == 3
    assert from_query({"model": "t5", "tgt_len": "9", "kept": "7"})[0].model.move("tgt_len", 4).kept == 3
    assert from_query({"model": "t5", "tgt_len": "9", "kept": "7"})[0].model.move("src_len", 4).kept == 7


@pytest.mark.parametrize("query", [{"kept": "3"}, {"kept": "3", "prefill": "1"}])
@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "mixtral", "t5"])
def test_a_link_says_the_pass_and_the_row_its_sizes(name, query):
    there, notes = from_query({"model": name, "reads": "tokens", **query})
    assert not notes
    assert query.items() <= there.to_query().items()
    assert from_query(there.to_query()) == (there, ())
    sizes = trace_of(there).sizes
    assert sizes["T"] == (3 if "prefill" in query else 4) or name == "mistral"
    said = there.model.sizes()
    assert {symbol: said[symbol] for symbol in sizes if symbol in said} == {
        symbol: size for symbol, size in sizes.items() if symbol in said
    }


def test_without_a_cache_there_is_no_prefill():
    there, notes = from_query({"model": "llama", "prefill": "1"})
    assert (there.to_query(), notes) == ({"model": "llama"}, ())


HOSTILE = (
    "",
    "0",
    "-1",
    "1",
    "2",
    "3",
    "64",
    "9" * 20,
    "1e3",
    "１２",
    "<b>x</b>",
    "true",
    "float64",
    "meta",
    "x" * 500,
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(MODEL_NAMES), st.dictionaries(st.sampled_from(sorted(FIELDS)), st.sampled_from(HOSTILE)))
def test_whatever_a_link_says_of_a_model_it_is_read_and_written_again(name, values):
    there = from_query({"model": name, **values})[0]
    assert from_query(there.to_query()) == (there, ())
