"""Which names of folders are refused, and what is offered instead."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.export.folder_names import FolderNameError, check_folder_name

HIDDEN = "the name of a folder has no control characters, direction marks or other characters that nobody sees"
SPACE = "the name of a folder has no space before or after it"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("", "a folder needs a name: ''; use trace-csv"),
        ("  ", "a folder needs a name: '  '; use trace-csv"),
        ("a\x00b", rf"{HIDDEN}: 'a\x00b'; use ab"),
        ("a\nb", rf"{HIDDEN}: 'a\nb'; use ab"),
        ("\u202etxt.exe", rf"{HIDDEN}: '\u202etxt.exe'; use txt.exe"),
        ("in/\u200fout", rf"{HIDDEN}: 'in/\u200fout'; use in/out"),
        ("a\u2066 ", rf"{HIDDEN}: 'a\u2066 '; use a"),
        ("zero\u200bwidth", rf"{HIDDEN}: 'zero\u200bwidth'; use zerowidth"),
        ("\u200e", rf"{HIDDEN}: '\u200e'; use trace-csv"),
        (" out", f"{SPACE}: ' out'; use out"),
        ("out ", f"{SPACE}: 'out '; use out"),
        ("in /out", f"{SPACE}: 'in /out'; use in/out"),
        ("/in/ out", f"{SPACE}: '/in/ out'; use /in/out"),
        ("\u00a0out", rf"{SPACE}: '\xa0out'; use out"),
        ("/ ", f"{SPACE}: '/ '; use trace-csv"),
    ],
)
def test_a_name_that_misleads_is_answered_with_the_nearest_that_does_not(name, answer):
    with pytest.raises(FolderNameError) as refused:
        check_folder_name(name)
    assert str(refused.value) == answer


@pytest.mark.parametrize(
    "name", ["out", ".", "..", "~/out", "/", "/a//b/", "a b", "나의 폴더", "👩‍💻", "**new**", "-x", "$HOME"]
)
def test_every_other_name_is_taken(name):
    check_folder_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: "; use " not in name))
def test_what_is_offered_is_taken_and_shows_every_character_it_has(name):
    try:
        check_folder_name(name)
    except FolderNameError as refused:
        shown, offered = str(refused).split(": ", 1)[1].rsplit("; use ", 1)
        assert shown.isprintable()
        check_folder_name(offered)
    else:
        assert name.strip()
        for part in name.split(os.sep):
            assert part == part.strip()
            assert not {unicodedata.category(character) for character in part} & {"Cc", "Zl", "Zp"}
            assert not any(unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF") for c in part)
