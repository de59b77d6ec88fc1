"""What contacts are sorted by, and the text of their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.derived_texts import (
    KEY_LENGTH,
    NAMES,
    first_name_key,
    last_name_key,
    name_texts,
    names_text,
)

ADA = {"name": "Dr. Ada B. Lovelace", "prefix": "Dr.", "given_name": "Ada", "middle_name": "B."}
ADA |= {"family_name": "Lovelace"}


@pytest.mark.parametrize(
    ("cells", "first", "last"),
    [
        (ADA, "ada\x01b.\x01lovelace", "lovelace\x01ada\x01b."),
        ({**ADA, "file_as": "Countess  ADA"}, "countess ada", "countess ada"),
        ({"name": "Łukasz", "given_name": "Łukasz"}, "lukasz", "lukasz"),
        ({"name": "Ørsted", "family_name": "Ørsted"}, "orsted", "orsted"),
        ({"name": "Engines Ltd", "kind": "organization"}, "engines ltd", "engines ltd"),
        ({"name": "Ada Lovelace Jr.", "given_name": "Ada", "suffix": "Jr."}, "ada\x01jr.", "ada lovelace jr."),
        ({}, "", ""),
    ],
)
def test_sort_keys(cells: dict[str, str], first: str, last: str) -> None:
    assert (first_name_key(cells), last_name_key(cells)) == (first, last)


def test_a_shorter_name_comes_before_one_that_begins_with_it() -> None:
    people = [("Anna", "Ames"), ("Ann", "Zed"), ("Ann", "Ames"), ("Ann-Marie", "A")]
    cells = [{"name": f"{given} {family}", "given_name": given, "family_name": family} for given, family in people]
    names = [contact["name"] for contact in sorted(cells, key=first_name_key)]
    assert names == ["Ann Ames", "Ann Zed", "Ann-Marie A", "Anna Ames"]


def test_the_name_that_is_shown_begins_the_text_of_names() -> None:
    names = {"nickname": "Countess Ada", "file_as": "Lovelace, Ada", "phonetic_family": "ラブレス"}
    assert names_text({**ADA, **names}) == " dr. ada b. lovelace countess lovelace, ラフレス"


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=60), max_size=9))
def test_every_word_of_every_name_is_in_the_text_and_keys_are_short(cells: dict[str, str]) -> None:
    words = names_text(cells).split()
    assert all(word in words for name in cells.values() for word in names_text({"name": name}).split())
    assert max(len(first_name_key(cells)), len(last_name_key(cells))) <= KEY_LENGTH


def test_all_of_them_are_made_at_once() -> None:
    assert name_texts(ADA) == (names_text(ADA), first_name_key(ADA), last_name_key(ADA))
