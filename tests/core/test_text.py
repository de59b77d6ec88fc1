"""What search and sorting take for the same text, and what of a text may be shown."""

from __future__ import annotations

import sys
from unicodedata import combining

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.text import normalize_for_search, without_control_characters


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "ADA"),
        ("Ångström", "ANGSTROM"),
        ("Straße", "STRASSE"),
        ("Zoë", "Zoe\u0308"),
        ("ﬁn", "Fin"),
        ("Ἀθῆναι", "ΑΘΗΝΑΙ"),
        ("İstanbul", "istanbul"),
        ("Ａｄａ", "ada"),
    ],
)
def test_case_accents_and_forms_of_letters_do_not_matter(one: str, other: str) -> None:
    assert normalize_for_search(one) == normalize_for_search(other)


def test_what_is_not_an_accent_stays() -> None:
    assert normalize_for_search("O'Brien-Łuc, 2nd 山田") == "o'brien-łuc, 2nd 山田"


def test_no_character_folds_to_something_that_folds_further() -> None:
    everything = "\n".join(map(chr, range(sys.maxunicode + 1)))
    once = normalize_for_search(everything)
    letters = zip(once.split("\n"), normalize_for_search(once).split("\n"), strict=True)
    assert [letter for letter, further in letters if letter != further] == []


@given(st.text(), st.text())
def test_folding_is_done_once_for_all_and_part_by_part(one: str, other: str) -> None:
    assert normalize_for_search(normalize_for_search(one)) == normalize_for_search(one)
    assert not any(map(combining, normalize_for_search(one)))
    assert normalize_for_search(one + other) == normalize_for_search(one) + normalize_for_search(other), (
        "else a search could miss a word inside a text"
    )


def test_nothing_is_shown_that_a_terminal_would_obey_or_that_reorders_text() -> None:
    assert (
        without_control_characters("a\x1b]0;b\x07\x9b\udcff👩\u200d👩 ß") == "a\\x1b]0;b\\x07\\x9b\\udcff👩\u200d👩 ß"
    )
    assert without_control_characters("1\u202e2\u2066") == "1\\u202e2\\u2066"
