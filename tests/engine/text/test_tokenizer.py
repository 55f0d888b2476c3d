import copy
import pickle
import random
import re
import sys
import unicodedata
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.tokenizer import (
    BEGIN,
    END,
    KNOWN,
    MAX_CHARACTERS,
    MAX_MARKS,
    MAX_SENTENCES,
    MAX_TOKENS,
    PAD,
    Batch,
    Piece,
    TextError,
    Vocabulary,
    encode,
    generated,
    normalise,
    split,
)

ZWJ, ZWNJ, VS16 = "\u200d", "\u200c", "\ufe0f"
FAMILY = "👨" + ZWJ + "👩" + ZWJ + "👧" + ZWJ + "👦"
SCOTLAND = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"

PAIRS = [
    ("I go home", "나는 집에 간다"),
    ("you go to school", "너는 학교에 간다"),
    ("we see the big cat", "우리는 큰 고양이를 본다"),
    ("he is at home", "그는 집에 있다"),
    ("they drink water", "그들은 물을 마신다"),
    ("she is at school today", "그녀는 오늘 학교에 있다"),
    ("I like my cat and my dog", "나는 나의 고양이와 개를 좋아한다"),
    ("I love you", "나는 너를 사랑한다"),
]


def labels(text: str) -> list[str]:
    return [piece.label for piece in split(normalise(text))]


def read_back(batch: Batch) -> str:
    (row,) = batch.source_ids
    return batch.vocabulary.decode(row)


def attempt(text: str) -> Batch | TextError:
    try:
        return encode(text, text)
    except TextError as error:
        return error


def refusal(source: object, target: object = None) -> TextError:
    with pytest.raises(TextError) as caught:
        encode(source, target)  # type: ignore[arg-type]
    return caught.value


# The vocabulary


def test_the_default_vocabulary_has_64_different_entries():
    vocabulary = Vocabulary()
    assert len(vocabulary) == len(set(vocabulary.pieces)) == 64
    assert vocabulary.pieces[:6] == ("⟨pad⟩", "⟨begin⟩", "⟨end⟩", "I", "go", "home")
    assert (PAD, BEGIN, END) == (0, 1, 2)


def test_every_known_word_is_one_token_with_the_id_of_its_place():
    for place, word in enumerate(KNOWN, start=3):
        assert encode(word).source_ids == ((BEGIN, place, END),)


def test_known_words_keep_their_ids_whatever_else_is_in_the_text():
    alone = encode("I go home").source_ids[0]
    among_others = encode("Zoë: 日本 I go home").source_ids[0]
    assert among_others[-4:-1] == alone[1:-1] == (3, 4, 5)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_short_bilingual_sentences_need_only_known_words(source: str, target: str):
    batch = encode(source, target)
    assert len(batch.vocabulary) == 64
    assert len(batch.source_ids[0]) == len(source.split()) + 2


def test_other_pieces_are_appended_in_order_of_first_appearance_source_first():
    batch = encode(["ba a", "b!"], ["b가", "가"])
    assert batch.vocabulary.pieces[64:] == ("b", "##a", "##!", "##가", "가")
    a = KNOWN.index("a") + 3
    assert batch.source_ids == ((1, 64, 65, a, 2), (1, 64, 66, 2, 0))
    assert batch.target_ids == ((1, 64, 67), (1, 68, 0))


def test_an_id_past_the_vocabulary_is_labelled_by_its_number():
    vocabulary = Vocabulary()
    assert vocabulary.label(63) == KNOWN[-1]
    assert vocabulary.label(64) == "#64"
    assert vocabulary.label(-1) == "#-1"
    assert vocabulary.decode((BEGIN, 3, 123, PAD, END)) == "I #123"


def test_text_that_looks_like_a_special_or_a_mark_is_ordinary_text():
    for text in ("⟨pad⟩", "⟨end⟩ ⟨begin⟩", "##e", "# #", "###", "#64"):
        batch = encode(text)
        assert min(batch.source_ids[0][1:-1]) > END
        assert read_back(batch) == text
    assert labels("e# ##e") == ["e", "###", "#", "###", "##e"]


# Batches


def test_source_is_framed_by_begin_and_end_and_target_is_shifted_right():
    batch = encode(["I go home"], ["나는 집에 간다"])
    assert batch.source_tokens == (("⟨begin⟩", "I", "go", "home", "⟨end⟩"),)
    assert batch.target_tokens == (("⟨begin⟩", "나는", "집에", "간다"),)


def test_shorter_sentences_are_padded_at_their_end():
    batch = encode(["I go home", "go"], ["간다", "나는 간다"])
    assert batch.source_ids[1] == (1, 4, 2, 0, 0)
    assert batch.source_tokens[1] == ("⟨begin⟩", "go", "⟨end⟩", "⟨pad⟩", "⟨pad⟩")
    assert batch.target_tokens == (("⟨begin⟩", "간다", "⟨pad⟩"), ("⟨begin⟩", "나는", "간다"))


def test_a_single_string_is_one_sentence():
    assert encode("I go home", "간다") == encode(["I go home"], ["간다"])


def test_without_a_target_its_fields_are_empty():
    batch = encode("go")
    assert batch.target_ids == batch.target_tokens == ()


def test_a_batch_can_key_a_cache():
    assert hash(encode("I go", "간다")) == hash(encode("I  go ", "간다"))


# Splitting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I go home", ["I", "go", "home"]),
        ("I go (home).", ["I", "go", "(", "##home", "##)", "##."]),
        ("Go homes", ["G", "##o", "h", "##o", "##m", "##e", "##s"]),
        ("I'm", ["I", "##'", "##m"]),
        ("a_b 3½", ["a", "##_", "##b", "3", "##½"]),
        ("“hi” – $5", ["“", "##h", "##i", "##”", "–", "$", "##5"]),
        ("나는 집에서 간다", ["나는", "집", "##에", "##서", "간다"]),
        ("I go 집에!", ["I", "go", "집에", "##!"]),
        ("日本語。", ["日", "##本", "##語", "##。"]),
        ("ｶﾞ", ["ｶﾞ"]),
        ("नमस्ते", ["न", "##म", "##स्ते"]),
        ("น้ำดี", ["น้ำ", "##ดี"]),
        ("می" + ZWNJ + "خواهم", ["م", "##ی" + ZWNJ, "##خ", "##و", "##ا", "##ه", "##م"]),
        ("\u1112\u119e\u11ab글", ["\u1112\u119e\u11ab", "##글"]),
        (f"go {FAMILY}👍🏽", ["go", FAMILY, "##👍🏽"]),
        ("❤" + VS16 + ZWJ + "🔥", ["❤" + VS16 + ZWJ + "🔥"]),
        ("🇰🇷🇫🇷🇰", ["🇰🇷", "##🇫🇷", "##🇰"]),
        (SCOTLAND + "!", [SCOTLAND, "##!"]),
        ("1" + VS16 + "\u20e3", ["1" + VS16 + "\u20e3"]),
        ("e\u0323\u0301x", ["ẹ\u0301", "##x"]),
        ("\u0301", ["\u0301"]),
    ],
)
def test_a_sentence_falls_into_these_pieces_and_is_read_back(text: str, expected: list[str]):
    assert labels(text) == expected
    assert read_back(encode(text)) == normalise(text)


def test_glue_is_kept_apart_from_the_text_of_a_piece():
    assert split("# ##") == [Piece("#"), Piece("#"), Piece("#", glued=True)]


def test_decomposed_korean_equals_composed_korean():
    decomposed = unicodedata.normalize("NFD", "나는 집에 간다")
    assert decomposed != "나는 집에 간다"
    assert encode(decomposed) == encode("나는 집에 간다")


def test_any_whitespace_becomes_one_space():
    assert normalise("\t I\u3000go\r\n\u00a0home \u2028") == "I go home"


# Reversibility

awkward = st.sampled_from(
    [*"#aI. \n", "home", "집에", "\u1100", "\u1161", "\u0301", ZWJ, ZWNJ, VS16, "🇰", "👩", "🏽", SCOTLAND]
)


@given(st.one_of(st.text(st.characters()), st.text(st.characters(codec="utf-8")), st.lists(awkward).map("".join)))
def test_every_text_is_refused_or_read_back_exactly(text: str):
    batch = attempt(text)
    if isinstance(batch, TextError):
        assert str(batch).isprintable()
        return
    assert read_back(batch) == batch.vocabulary.decode(batch.target_ids[0]) == normalise(text)
    assert normalise(normalise(text)) == normalise(text)
    assert len(set(batch.vocabulary.pieces)) == len(batch.vocabulary)


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=9), min_size=1, max_size=9)
)
def test_visible_text_of_any_script_is_never_refused(sentences: list[str]):
    batch = encode(sentences)
    assert [batch.vocabulary.decode(row) for row in batch.source_ids] == [normalise(each) for each in sentences]
    assert len({len(row) for row in batch.source_ids}) == 1


# Refusals

CONTROL = "a sentence has no control characters"
BIDIRECTIONAL = "a sentence has no bidirectional control marks"
INVISIBLE = "a sentence has no invisible characters, except joiners inside a word or an emoji"


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        ("go\x00", CONTROL, "U+0000 control character at character 3 of the source"),
        ("\x0bgo", CONTROL, "U+000B control character at character 1 of the source"),
        ("g\x85o", CONTROL, "U+0085 control character at character 2 of the source"),
        ("go \ud83d", "a sentence has no lone surrogates", "U+D83D lone surrogate at character 4 of the source"),
        ("a\u202eb", BIDIRECTIONAL, "U+202E RIGHT-TO-LEFT OVERRIDE at character 2 of the source"),
        ("\u200fa", BIDIRECTIONAL, "U+200F RIGHT-TO-LEFT MARK at character 1 of the source"),
        ("a\u2066b\u2069", BIDIRECTIONAL, "U+2066 LEFT-TO-RIGHT ISOLATE at character 2 of the source"),
        ("a\u061c", BIDIRECTIONAL, "U+061C ARABIC LETTER MARK at character 2 of the source"),
        ("a\u200bb", INVISIBLE, "U+200B ZERO WIDTH SPACE at character 2 of the source"),
        ("\ufeffgo", INVISIBLE, "U+FEFF ZERO WIDTH NO-BREAK SPACE at character 1 of the source"),
        ("a\u00adb", INVISIBLE, "U+00AD SOFT HYPHEN at character 2 of the source"),
        (ZWJ + "a", INVISIBLE, "U+200D ZERO WIDTH JOINER at character 1 of the source"),
        ("a " + ZWNJ, INVISIBLE, "U+200C ZERO WIDTH NON-JOINER at character 3 of the source"),
        ("a" + ZWJ + ZWJ + "b", INVISIBLE, "U+200D ZERO WIDTH JOINER at character 3 of the source"),
        ("a\U000e0061", INVISIBLE, "U+E0061 TAG LATIN SMALL LETTER A at character 2 of the source"),
    ],
)
def test_a_character_that_hides_or_misleads_is_refused_by_name_and_place(text: str, rule: str, value: str):
    error = refusal(text)
    assert (error.rule, error.value, error.remedy) == (rule, value, "delete it")
    assert str(error) == f"{rule}: {value}; delete it"


BIDI_CODES = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]


@pytest.mark.parametrize("code", BIDI_CODES, ids=hex)
def test_every_bidirectional_mark_is_refused_and_never_shown(code: int):
    error = refusal(f"I {chr(code)}go")
    assert error.rule == BIDIRECTIONAL
    assert f"U+{code:04X}" in error.value
    assert str(error).isascii()


def test_a_visible_format_character_is_text():
    assert read_back(encode("\u06dd١")) == "\u06dd١"


def test_the_line_is_named_when_there_are_several():
    assert refusal(["go", "g\x07"]).value == "U+0007 control character at character 2 of source line 2"
    assert refusal(["go", "go"], ["간다", "\n"]).value == "target line 2 is empty"


@pytest.mark.parametrize("text", ["", "  ", "\t\n", "\u3000\u00a0"])
def test_an_empty_sentence_is_refused(text: str):
    error = refusal("go", text)
    assert error.rule == "a sentence must not be empty"
    assert error.value == "the target is empty"
    assert error.remedy == "type one, for example: I go home"


@pytest.mark.parametrize(
    ("value", "kind", "remedy"),
    [
        (b"go", "bytes", "decode it first"),
        (7, "int", "give a str"),
        (None, "NoneType", "give a str"),
        ({"go": 1}, "dict", "give a str"),
    ],
)
def test_what_is_not_text_is_refused(value: object, kind: str, remedy: str):
    for error in (refusal(value), refusal([value])):
        assert error.rule == "a sentence must be text"
        assert error.value == f"the source is of type {kind}"
        assert error.remedy == remedy


def test_a_sentence_may_fill_the_token_limit_and_not_pass_it():
    words = MAX_TOKENS - 2
    assert len(encode("go " * words).source_ids[0]) == MAX_TOKENS
    error = refusal("go " * (words + 1))
    assert error.rule == "a sentence has at most 256 tokens"
    assert error.value == "the source has 257, specials included"
    assert error.remedy == "split the text in two"


def test_a_target_has_room_for_one_word_more_because_it_has_no_end():
    assert len(encode("go", "go " * (MAX_TOKENS - 1)).target_ids[0]) == MAX_TOKENS
    assert refusal("go", "go " * MAX_TOKENS).value == "the target has 257, specials included"


def test_a_text_of_too_many_characters_is_refused_before_it_is_read():
    error = refusal("\x00" * (MAX_CHARACTERS + 1))
    assert error.rule == "a sentence has at most 20,000 characters"
    assert error.value == "the source has 20,001"
    assert error.remedy == "split the text in two"


def test_a_character_under_a_heap_of_marks_is_refused():
    assert labels("a" + "\u0315" * MAX_MARKS) == ["a" + "\u0315" * MAX_MARKS]
    error = refusal("go a" + "\u0315" * (MAX_MARKS + 1))
    assert error.rule == "a character carries at most 30 marks"
    assert error.value == "31 on character 4 of the source"
    assert error.remedy == "delete some of them"


def test_source_and_target_must_pair_up():
    error = refusal(["go", "go"], ["간다"])
    assert error.rule == "source and target must have the same number of sentences"
    assert error.value == "2 in the source, 1 in the target"
    assert error.remedy == "add or delete lines until every source has its target"


def test_no_sentences_at_all_are_refused():
    assert str(refusal([])) == "at least one sentence is needed: the source has none; type one, for example: I go home"
    assert refusal("go", ()).value == "the target has none"


def test_a_batch_may_fill_the_sentence_limit_and_not_pass_it():
    assert len(encode(["go"] * MAX_SENTENCES).source_ids) == 64
    assert str(refusal(["go"] * 65)) == "a batch has at most 64 sentences: the source has 65; delete some"


def test_an_error_survives_copying_and_pickling():
    error = refusal("")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(twin) == str(error)
        assert twin.remedy == error.remedy


@pytest.mark.parametrize(
    "unit", ["a", "a ", "a\u0315\u0300", "e\u0301" * 4, FAMILY, "🇰", "\u1112\u119e", " ", "a\u0315" * 9]
)
def test_the_work_of_reading_a_text_grows_as_its_length(unit: str):
    quarter, whole = (lines(lambda size=size: refusal((unit * size)[:size])) for size in (2_000, 8_000))
    assert 3 * quarter < whole < 5 * quarter  # 4 times when linear, 16 when quadratic


def lines(run: Callable[[], object]) -> int:
    """How many lines of Python ``run`` goes through, each time that it does."""
    counted = 0

    def count(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal counted
        counted += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        run()
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u0301", "\u0315"])
def test_no_more_marks_are_put_in_order_at_once_than_a_character_carries(marks: str, monkeypatch: pytest.MonkeyPatch):
    # Unicode's normalisation, one line of Python, sorts the marks of a character in quadratic time.
    sorted_at_once = []
    normalize = unicodedata.normalize

    def spy(form: str, text: str) -> str:
        sorted_at_once.extend(len(run) for run in re.findall(f"[{marks}]+", text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", spy)
    encode("a" + (marks * MAX_MARKS)[:MAX_MARKS])
    assert max(sorted_at_once) == MAX_MARKS
    refusal("a" + marks * MAX_MARKS + marks)
    refusal("a" + (marks * MAX_CHARACTERS)[: MAX_CHARACTERS - 1])
    assert max(sorted_at_once) == MAX_MARKS


# Generated tokens


def test_generated_tokens_are_ordinary_and_have_labels():
    rows = generated(batch=8, length=50, vocab_size=64, seed=0, side="source")
    assert [len(row) for row in rows] == [50] * 8
    assert {token for row in rows for token in row} == set(range(3, 64))
    assert all(re.fullmatch(r"\w+", Vocabulary().label(token)) for row in rows for token in row)


def test_generated_tokens_depend_on_seed_side_and_row_alone():
    state = random.getstate()
    rows = generated(4, 9, 64, seed=1, side="source")
    assert rows == generated(4, 9, 64, seed=1, side="source")
    assert rows != generated(4, 9, 64, seed=2, side="source")
    assert rows != generated(4, 9, 64, seed=1, side="target")
    assert len(set(rows)) == 4
    assert random.getstate() == state


@given(st.integers(1, 6), st.integers(1, 9), st.integers(4, 99), st.integers())
def test_growing_the_batch_or_the_length_keeps_the_ids_already_there(
    batch: int, length: int, vocab_size: int, seed: int
):
    small = generated(batch, length, vocab_size, seed, "source")
    large = generated(batch + 2, length + 3, vocab_size, seed, "source")
    assert tuple(row[:length] for row in large[:batch]) == small
