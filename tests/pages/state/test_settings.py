"""Settings from widgets and from links, whatever people and links say."""

import dataclasses
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import Config
from engine.config import ACTIVATIONS, DEVICES, DTYPES, OUTPUTS, TOKENIZERS
from engine.pretrained.pretrained import trained_config
from pages.ui.app.markdown_escape import code, escaped, visible
from pages.ui.state.settings import ANSWER, DATE, RANGES, SENTENCES, TOKENS, Settings, first, from_query

SWITCHES = ("norm_first", "padding_mask", "causal_mask")
CHOICES = {
    "activation": ACTIVATIONS,
    "output": OUTPUTS,
    "dtype": DTYPES,
    "device": DEVICES,
    "tokenizer": TOKENIZERS,
}
FIELDS = tuple(field.name for field in dataclasses.fields(Config) if field.name != "weights")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def values_of(name):
    """Everything the control of this name can be moved to."""
    if name in RANGES:
        low, high = RANGES[name]
        return st.integers(low, high) | st.sampled_from([low, high])
    return st.booleans() if name in SWITCHES else st.sampled_from(CHOICES[name])


@st.composite
def configs(draw):
    """Any config that the controls can reach, also one whose heads do not divide d_model."""
    chosen = {name: draw(values_of(name)) for name in FIELDS if name not in ("d_model", "heads", "d_k", "d_v", "d_ff")}
    chosen["heads"] = draw(values_of("heads"))
    if draw(st.booleans()):
        chosen |= {name: draw(values_of(name)) for name in ("d_model", "d_k", "d_v")}
    else:
        chosen["d_model"] = chosen["heads"] * draw(st.integers(1, RANGES["d_model"][1] // chosen["heads"]))
        chosen |= {name: draw(values_of(name)) for name in ("d_k", "d_v") if draw(st.booleans())}
    if draw(st.booleans()):
        chosen["d_ff"] = draw(values_of("d_ff"))
    return Config(**chosen)


@given(configs(), st.sampled_from([SENTENCES, TOKENS]), TEXTS, TEXTS)
@example(Config(), SENTENCES, "", "\n\r\n\u2028")
@example(Config(d_model=33, heads=4, d_k=8, d_v=8, d_ff=7), TOKENS, "a&b=c#d%41+e", "나는\n집에")
@example(Config(d_model=64, d_ff=128, d_k=8, d_v=16), SENTENCES, "I go home ", "👨‍👩‍👧")
def test_settings_come_back_from_their_own_link_exactly(config, reads, source, target):
    settings = Settings(config, reads, source, target)
    assert from_query(settings.to_query()) == (settings, ())


def test_a_bare_link_opens_the_trained_model_on_a_date():
    assert first().to_query() == {}
    assert from_query({}) == (first(), ())
    assert (first().config, first().source, first().target) == (trained_config(), DATE, "")


def test_random_weights_are_named_in_the_link_and_an_old_link_with_sizes_still_means_them():
    assert Settings().to_query() == {"weights": "random"}
    assert from_query({"weights": "random"}) == (Settings(), ())
    assert from_query({"heads": "8"}) == (Settings(Config(heads=8)), ())


@given(st.sampled_from(DTYPES), st.booleans(), TEXTS, TEXTS, st.none() | st.integers(0, 15))
def test_settings_of_the_trained_model_come_back_from_their_own_link(dtype, masked, source, target, upto):
    settings = Settings(trained_config(dtype=dtype, causal_mask=masked), SENTENCES, source, target)
    settings = dataclasses.replace(settings, upto=upto if settings.writes else None)
    assert from_query(settings.to_query()) == (settings, ())


def test_random_weights_that_read_characters_begin_with_a_date_and_its_answer():
    settings, notes = from_query({"weights": "random", "tokenizer": "characters"})
    assert (settings, notes) == (Settings(Config(tokenizer="characters"), source=DATE, target=ANSWER), ())
    assert settings.to_query() == {"weights": "random", "tokenizer": "characters"}


def test_trained_weights_that_are_to_read_words_are_noted_in_a_link():
    settings, notes = from_query({"weights": "trained", "tokenizer": "words"})
    assert settings == first()
    assert len(notes) == 1


def test_only_what_differs_from_the_defaults_is_in_the_link():
    wide = Settings(Config(d_model=64, heads=8))
    assert wide.to_query() == {"weights": "random", "d_model": "64", "heads": "8"}
    apart = Settings(Config(d_model=64, heads=8, d_v=4, d_ff=128, norm_first=True, padding_mask=False))
    assert apart.to_query() == {
        "weights": "random",
        "d_model": "64",
        "heads": "8",
        "d_v": "4",
        "d_ff": "128",
        "norm_first": "1",
        "padding_mask": "0",
    }


JUNK = st.one_of(
    TEXTS,
    st.text("`*_[]()<>$:~#!\\|&^{}/.@-+= \n\t\u202e\u200f\x00\x1b", min_size=1, max_size=40),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(["", "-", "١٢", "1_0", "0x10", "1e3", " 4", "4\n", "True", "None", "9" * 5000]),
)


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "weights", "reads", "source", "target", "upto"]) | TEXTS, JUNK, max_size=12
    )
)
def test_any_link_gives_settings_within_range_and_one_note_for_each_bad_value(query):
    settings, notes = from_query(query)
    config = settings.config
    for name, (low, high) in RANGES.items():
        assert low <= getattr(config, name) <= high, name
    assert settings.reads in (SENTENCES, TOKENS)
    assert settings.source == query.get("source", (first() if settings.trained else Settings()).source)
    about = [match[1] for note in notes if (match := re.match("`+ ?([a-z_]+)=", note.text))]
    assert len(about) == len(set(about))
    assert set(about) <= set(query) & {*FIELDS, "weights", "reads", "upto"}
    assert len(notes) - len(about) <= 1  # heads that do not divide d_model are of both
    # NavigationRequest on from there, the link says what is used, and nothing is left to note.
    assert from_query(settings.to_query()) == (settings, ())
    assert all(is_inert(note.text) for note in notes)
    for note in notes:
        if used := re.search(r"(\S+) is used\.$", note.text):
            assert used[1] == said_by(settings, note.names[0])


@pytest.mark.parametrize(
    ("query", "used"),
    [
        ({"heads": "0"}, {"heads": 1, "d_model": 32}),
        ({"heads": "99"}, {"heads": 16, "d_model": 32}),
        ({"heads": "5"}, {"heads": 5, "d_model": 30}),
        ({"d_model": "33"}, {"heads": 4, "d_model": 32}),
        ({"d_model": "1025"}, {"d_model": 1024}),
        ({"heads": "4.0"}, {"heads": 4}),
        ({"heads": "٨"}, {"heads": 4}),
        ({"heads": "9" * 5000}, {"heads": 16}),
        ({"heads": "-" + "9" * 5000}, {"heads": 1}),
        ({"seed": "-1"}, {"seed": 0}),
        ({"dtype": "int8"}, {"dtype": "float32"}),
        ({"causal_mask": "maybe"}, {"causal_mask": True}),
        ({"reads": "minds"}, {}),
    ],
)
def test_a_bad_value_is_replaced_by_the_nearest_or_the_usual_one_and_noted_once(query, used):
    settings, notes = from_query(query)
    assert len(notes) == 1
    [(name, value)] = query.items()
    assert name in notes[0].text
    assert value[:24] in notes[0].text
    for field, expected in used.items():
        assert getattr(settings.config, field) == expected


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        (
            {"heads": "16", "d_k": "9" * 20},
            [f"`d_k={'9' * 20}` was asked for; d_k goes from 1 to 1024. 1024 is used."],
        ),
        (
            {"heads": "16", "d_k": "wide"},
            ["`d_k=wide` was asked for; d_k is a whole number from 1 to 1024, in the digits 0 to 9. 2 is used."],
        ),
        (
            {"d_model": "64", "d_ff": "x"},
            ["`d_ff=x` was asked for; d_ff is a whole number from 1 to 4096, in the digits 0 to 9. 256 is used."],
        ),
        (
            {"d_model": "5000", "heads": "5"},
            [
                "`d_model=5000` was asked for; d_model goes from 1 to 1024. 1020 is used.",
                "The link comes to d_model 1024 with 5 heads, which do not divide it. d_model 1020 is used.",
            ],
        ),
        (
            {"weights": "trained", "heads": "8", "seed": "3", "reads": "tokens"},
            [
                "`heads=8` was asked for, and the trained weights fix it. 4 is used.",
                "`seed=3` was asked for, and the trained weights fix it. It is left out.",
                "`reads=tokens` was asked for, and the trained weights fix it. sentences is used.",
            ],
        ),
        ({"weights": "trained", "heads": "4", "norm_first": "0"}, []),
        (
            {"dtype": "int8"},
            ["`dtype=int8` was asked for; dtype can be `float32`, `float64`, `bfloat16`, `float16`. float32 is used."],
        ),
        ({"upto": "x"}, ["`upto=x` was asked for; upto is a whole number from 0 to 15. It is left out."]),
        ({"upto": "-1"}, ["`upto=-1` was asked for; upto goes from 0 to 15. 0 is used."]),
        ({"upto": "99"}, ["`upto=99` was asked for; upto goes from 0 to 15 at most. The last step is shown."]),
        (
            {"weights": "random", "upto": "3"},
            [
                "`upto=3` was asked for; only what the trained model writes itself has steps of decoding. "
                "It is left out."
            ],
        ),
    ],
)
def test_a_note_names_what_the_settings_really_have(query, texts):
    assert [note.text for note in from_query(query)[1]] == texts


EVIL = (
    "**x**",
    "<b>x</b>",
    "<img src=x onerror=y>",
    "[a](http://x.y)",
    "![a](http://x.y)",
    "$x^2$",
    ":red[x]",
    ":material/home:",
    ":smile:",
    "http://x.y",
    "`",
    "``x`",
    "x\n\n# y",
    "a --> b",
    "&lt;",
    "\u202eabc",
    "\x1b[31m",
    "\x00",
)


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("name", ["heads", "dtype", "norm_first", "reads"])
def test_what_a_link_says_is_shown_and_never_rendered(name, value):
    _, [note] = from_query({name: value})
    assert is_inert(note.text)


@pytest.mark.parametrize("value", EVIL)
def test_a_code_span_holds_every_visible_character_of_its_text(value):
    inside = span_of(code(value))
    assert inside == value.encode("unicode_escape").decode() if not value.isprintable() else value


@given(st.text(max_size=40))
def test_any_text_is_one_code_span_and_nothing_else(text):
    span = code(text)
    assert is_inert(span)
    assert all(character.isprintable() for character in span)


def test_escaped_words_of_a_sentence_have_a_backslash_before_each_mark():
    assert escaped("scores[B=0] “*” · $x$ é 집\u202e") == r"scores\[B\=0\] “\*” · \$x\$ é 집\\u202e"


def test_what_cannot_be_seen_is_written_out():
    assert visible("a\u202eb\x00\u200d🏽\ud800") == "a\\u202eb\\x00\\u200d🏽\\ud800"


def said_by(settings, name):
    """What the settings have under a name of the address, as the address would say it."""
    value = getattr(settings, name) if name in ("reads", "upto") else getattr(settings.config, name)
    return str(int(value)) if isinstance(value, bool) else str(value)


def span_of(span):
    """What CommonMark takes a text to be that is one code span (spec 0.31, section 6.1)."""
    fence = len(span) - len(span.lstrip("`"))
    inside = span[fence:-fence]
    runs = [len(run) for run in "".join(c if c == "`" else " " for c in inside).split()]
    assert fence > 0
    assert span.endswith("`" * fence)
    assert fence not in runs
    assert not inside.startswith("`")
    assert not inside.endswith("`")
    both = inside.startswith(" ") and inside.endswith(" ") and inside.strip(" ")
    return inside[1:-1] if both else inside


def is_inert(note):
    """Whether all that is left of a note outside its code spans is words, and nothing in it is invisible."""
    outside, rest = "", note
    while "`" in rest:
        before, _, _ = rest.partition("`")
        outside += before
        rest = rest[len(before) :]
        fence = len(rest) - len(rest.lstrip("`"))
        end = next(
            at
            for at in range(fence, len(rest))
            if rest.startswith("`" * fence, at) and rest[at - 1] != "`" and rest[at + fence : at + fence + 1] != "`"
        )
        rest = rest[end + fence :]
    outside += rest
    seen = all(unicodedata.category(character)[0] != "C" for character in note)
    return seen and not set(outside) & set("*<>[]$:`~|\\#\n")
