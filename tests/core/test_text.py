"""What search and sorting take for the same text, and what of a text may be shown; what people are told of a clock."""

from __future__ import annotations

import sys
from unicodedata import combining

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.text import (
    clock_advice,
    describe_clock_offset,
    describe_duration,
    distinct_name,
    fold_key,
    join_with_and,
    normalize_for_search,
    status_phrase,
    with_article,
    without_control_characters,
)

HOUR_MS = 3_600_000
YEAR_MS = 8_766 * HOUR_MS


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
        ("Søren", "Soren"),
        ("SØREN", "soren"),
        ("Ǿ", "o"),
        ("Æthelstan", "aethelstan"),
        ("Ǣ", "ae"),
        ("Œuvre", "oeuvre"),
        ("Łódź", "lodz"),
        ("Đorđe", "dorde"),
        ("Guðrún", "gudrun"),
        ("Þór", "thor"),
        ("Yıldız", "yildiz"),
        ("Ħamrun", "hamrun"),
        ("GROẞ", "gross"),
        ("O’Brien", "O'Brien"),
        ("O‘Brien", "O'Brien"),
        ("Oʼbrien", "O'Brien"),
        ("O´Brien", "O'Brien"),
        ("O＇Brien", "O'Brien"),
        ("“Ace”", '"ace"'),
        ("„Ace‟", '"ace"'),
        ("«Ace»", '"ace"'),
        ("Anne‑Marie", "anne-marie"),
        ("Anne–Marie", "anne-marie"),
        ("Anne—Marie", "anne-marie"),
        ("−5", "-5"),
        ("Donau\u00addampf", "donaudampf"),
        ("Ada\u200b", "ada"),
        ("\u200eAda\u200f", "ada"),
        ("A\u200cd\u200da\u2060\ufeff", "ada"),
        ("Ada\u00a0King", "ada king"),
    ],
)
def test_case_accents_and_forms_of_letters_do_not_matter(one: str, other: str) -> None:
    assert normalize_for_search(one) == normalize_for_search(other)


def test_what_is_not_an_accent_stays() -> None:
    assert normalize_for_search("O'Brien-Łuc, 2nd 山田") == "o'brien-luc, 2nd 山田"
    assert normalize_for_search("жёлтый ŋ ʒ") == "желтыи ŋ ʒ"


@pytest.mark.large
def test_no_character_folds_to_something_that_folds_further() -> None:
    everything = "\n".join(map(chr, range(sys.maxunicode + 1)))
    once = normalize_for_search(everything)
    letters = zip(once.split("\n"), normalize_for_search(once).split("\n"), strict=True)
    assert [letter for letter, further in letters if letter != further] == []


@pytest.mark.large
def test_no_character_of_a_key_folds_to_something_that_folds_further() -> None:
    letters = map(chr, range(sys.maxunicode + 1))
    assert [letter for letter in letters if fold_key(fold_key(letter)) != fold_key(letter)] == []


@given(st.text())
def test_a_key_is_folded_once_for_all(text: str) -> None:
    assert fold_key(fold_key(text)) == fold_key(text)


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


# --- clocks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (3 * 60, "3 minutes"),
        (86_399, "23 hours"),
        (86_400, "1 day"),
        (365 * 86_400, "365 days"),
        (366 * 86_400, "1 year"),
        (2 * 366 * 86_400, "2 years"),
        (10_000 * 31_557_600, "10,000 years"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: int, words: str) -> None:
    assert describe_duration(seconds) == words


@pytest.mark.parametrize(
    ("ahead_ms", "words"),
    [
        (None, "not known yet"),
        (0, "right"),
        (-1999, "right"),
        (2000, "2 seconds ahead"),
        (-60_000, "1 minute behind"),
        (-3 * HOUR_MS + 900, "3 hours behind"),
    ],
)
def test_a_clock_is_told_by_how_far_it_is_off(ahead_ms: int | None, words: str) -> None:
    assert describe_clock_offset(ahead_ms) == words
    assert describe_clock_offset(10 * YEAR_MS) == "10 years ahead"


def test_a_clock_that_is_a_minute_off_is_to_be_set_right() -> None:
    assert clock_advice(None) == clock_advice(0) == clock_advice(59_999) == clock_advice(-59_999) == ""
    assert "Nothing is lost" in clock_advice(60_000)
    assert "newer than they are" in clock_advice(60_000)
    assert "Nothing is lost" in clock_advice(-60_000)
    assert "older than they are" in clock_advice(-60_000)


def test_a_noun_has_its_article() -> None:
    assert [with_article(noun) for noun in ("record", "entry", "user", "")] == ["a record", "an entry", "a user", "a "]


def test_a_list_reads_well() -> None:
    assert join_with_and(["a"]) == "a"
    assert join_with_and(["a", "b", "a", "c"]) == "a, b and c"


@pytest.mark.parametrize(("status", "phrase"), [(404, " Not Found"), (200, " OK"), (299, ""), (999, "")])
def test_a_status_has_the_name_that_http_gives_it(status: int, phrase: str) -> None:
    assert status_phrase(status) == phrase


def test_a_name_differs_from_the_others() -> None:
    assert distinct_name("Laptop", ["Phone"]) == "Laptop"
    assert distinct_name("laptop", ["Laptop", "LAPTOP 2"]) == "laptop 3"
