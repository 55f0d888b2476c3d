"""Characters <-> ids: one token a character, and every refusal that words have."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import TextError
from engine.pretrained.dates import HELD_OUT_FORMATS, TRAIN_FORMATS, training_dates
from engine.text import tokenizer
from engine.text.char_tokenizer import (
    CHARACTERS,
    DIGITS,
    MARKS,
    SPECIALS,
    UNKNOWN,
    VOCABULARY,
    as_read,
    encode,
    ids,
    source_ids,
    split,
)
from engine.text.tokenizer import BEGIN, END, MAX_TOKENS, PAD

KNOWN_TEXTS = st.text(CHARACTERS, min_size=1, max_size=40).filter(str.strip)
ANY_TEXTS = st.text(max_size=60)
# Every decimal digit lies below this code point, with room to spare.
ZEROS = [c for c in map(chr, range(0x40000)) if unicodedata.category(c) == "Nd" and unicodedata.decimal(c) == 0]


def attempt(read, source):
    """What was read, or what was said against it."""
    try:
        return read(source), ""
    except TextError as refused:
        return None, str(refused)


def test_every_character_has_one_id_and_the_specials_are_those_of_words():
    assert len(set(CHARACTERS)) == len(CHARACTERS)
    assert (SPECIALS[PAD], SPECIALS[BEGIN], SPECIALS[END], SPECIALS[UNKNOWN]) == (*tokenizer.SPECIALS, "⟨unknown⟩")
    assert sorted(ids(CHARACTERS)) == list(range(len(SPECIALS), len(VOCABULARY)))


def test_the_characters_are_those_that_the_forms_need_and_no_others():
    days = training_dates()[::97]
    needed = {
        c
        for form in TRAIN_FORMATS + HELD_OUT_FORMATS
        for day in days
        if form.can_write(day)
        for c in form.write(day).text
    }
    assert needed == set(CHARACTERS)


def test_a_source_is_framed_and_a_target_begins():
    batch = encode("2026년", "26")
    assert batch.source_tokens == (("⟨begin⟩", "2", "0", "2", "6", "년", "⟨end⟩"),)
    assert batch.target_tokens == (("⟨begin⟩", "2", "6"),)


def test_the_space_is_a_character_with_a_sign_to_see_it_by():
    assert encode("5 Mar").source_tokens[0][1:-1] == ("5", "␣", "M", "a", "r")
    assert VOCABULARY.decode(source_ids("5 Mar")) == "5 Mar"


def test_shorter_texts_are_padded():
    batch = encode(["2026", "26"], ["1", "123"])
    assert batch.source_ids[1][-2:] == batch.target_ids[0][-2:] == (PAD, PAD)


def test_a_character_that_was_not_learned_is_unknown_and_one_reader_s_character_is_one_token():
    assert encode("é나👨‍👩‍👧?").source_tokens[0][1:-1] == ("⟨unknown⟩",) * 4
    assert encode("나는").source_tokens[0][1:-1] == ("⟨unknown⟩",) * 2


def test_words_that_the_other_vocabulary_knows_are_characters_here():
    assert encode("go home").source_tokens[0][1:-1] == tuple("go␣home")
    assert encode("오늘").source_tokens[0][1:-1] == ("오", "⟨unknown⟩")


@given(KNOWN_TEXTS)
@example("1 (2) 'a' ")
def test_text_of_known_characters_is_read_back_trimmed_with_single_spaces(given_text):
    assert VOCABULARY.decode(encode(given_text).source_ids[0]) == " ".join(given_text.split())


@given(KNOWN_TEXTS.map(tokenizer.normalise))
def test_normalised_text_of_known_characters_is_split_into_its_characters(normalised):
    assert split(normalised) == list(normalised)


@given(KNOWN_TEXTS, st.randoms(use_true_random=False))
def test_a_date_in_the_digits_of_any_script_is_read_as_in_ascii(known, drawn):
    zero = drawn.choice(ZEROS)  # the digits of a script follow each other
    other = "".join(chr(ord(zero) + int(c)) if c in DIGITS else c for c in known)
    assert encode(other) == encode(known)
    assert as_read(other) == tokenizer.normalise(known)


@given(KNOWN_TEXTS)
@example("11/21/2026")
def test_full_width_characters_are_read_as_their_ascii(known):
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "\u3000" if c == " " else c for c in known)
    assert encode(wide) == encode(known)


def test_numbers_that_are_no_decimal_digits_stay_unknown():
    assert encode("①²Ⅻ").source_tokens[0][1:-1] == ("⟨unknown⟩",) * 3
    assert as_read("①²Ⅻ é") == "①²Ⅻ é"


@given(ANY_TEXTS | st.lists(ANY_TEXTS, max_size=3) | st.none() | st.binary(max_size=4) | st.integers())
@example("")
@example("\u202e21 November 2026")
@example(["2026", " "])
@example(["2026"] * 65)
def test_what_words_refuse_is_refused_here_in_the_same_words(source):
    words, refusal = attempt(tokenizer.encode, source)
    batch, ours = attempt(encode, source)
    assert ours == refusal
    if batch:
        assert len(batch.source_ids) == len(words.source_ids)
        assert all(row[0] == BEGIN and END in row for row in batch.source_ids)
        assert all(0 <= token < len(VOCABULARY) for row in batch.source_ids for token in row)


def test_as_many_targets_as_sources_are_needed():
    with pytest.raises(TextError, match="same number"):
        encode(["2026", "2027"], ["2026"])


def test_a_text_of_too_many_characters_is_refused_though_it_has_few_words():
    assert len(encode("home " * 51).source_ids[0]) == 256 == MAX_TOKENS
    with pytest.raises(TextError) as caught:
        encode(["home", "home " * 52])
    assert str(caught.value) == (
        "a text has at most 256 characters: source line 2 has 261, specials included; give only the date"
    )


def test_every_mark_is_one_character_of_print():
    assert MARKS.isascii()
    assert all(len(label) == 1 for label in VOCABULARY.pieces[len(SPECIALS) :])
