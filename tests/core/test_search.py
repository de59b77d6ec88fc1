"""What a search finds: words however they are written, numbers however they are spelled, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.search import WORDS_MAX, fulfils, narrowed, phone_key, search_terms, searched_text

SPELLINGS = (
    *("+49 30 1234567", "030/123 4567", "0049 30 1234567", "(030) 1234567", "+49 (0)30 1234567", "030-1234567"),
    *("030.123.4567", "+49301234567", "\u202a+49 30 1234567\u202c", "030\u00a0123\u20114567", "+49 30 1234567 ext. 12"),
)


def finds(search: str, *values: str) -> bool:
    return fulfils(searched_text(values), search_terms(search))


@pytest.mark.parametrize("stored", SPELLINGS)
@pytest.mark.parametrize("search", SPELLINGS[:8])
def test_a_number_is_found_however_it_is_spelled(search: str, stored: str) -> None:
    assert finds(search, "Ada", stored, "ada@example.org")
    assert finds(f"ada {search}", "Ada", stored)


@pytest.mark.parametrize("search", SPELLINGS[:8])
@pytest.mark.parametrize("stored", ["+49 30 1234568", "1234", "Ada", "30 123 456"])
def test_another_number_is_not(search: str, stored: str) -> None:
    assert not finds(search, "Ada", stored)
    assert not finds(f"bob {search}", "Ada", "030 1234567")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("+49 30 1234567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("0049 (0) 30 1234567", "+49301234567"),
        ("(+49) 30 1234567", "+49301234567"),
        ("+49 (0)30 1234567", "+49301234567"),
        ("(0)30 1234567", "0301234567"),
        ("030/123 4567", "0301234567"),
        ("202-224-3244 x12", "2022243244"),
        ("202-224-3244;ext=12", "2022243244"),
        ("＋４９ ３０ １２３４５６７", "+49301234567"),
        ("12345", "12345"),
        ("1234", None),
        ("1" * 21, None),
        ("1 " * 31, None),
        ("", None),
        ("49 + 30 1234567", None),
        ("call 030 1234567", None),
        ("030 1234567 or 8", None),
    ],
)
def test_a_number_has_a_key_of_digits(value: str, key: str | None) -> None:
    assert phone_key(value) == key


@pytest.mark.parametrize("search", ["2022243", "2243244", "224 3244", "202224", "(202) 224", "2022243244"])
def test_a_part_of_a_number_finds_it(search: str) -> None:
    assert finds(search, "202-224-3244")
    assert not finds(search, "202-223-3244")


@pytest.mark.parametrize(
    ("search", "values"),
    [
        ("12 2020", ("Room 12", "year 2020")),
        ("2020-12-10", ("2020-12-10",)),
        ("12 555 1234567", ("Lane 12", "555-1234567 555")),
        ("+49 30", ("call +49 30 1234567",)),
        ("- ada", ("Ada-Marie",)),
        ("\u200b ada", ("Ada",)),
        ("søren", ("Soren",)),
        ("soren", ("SØREN",)),
        ("o’brien", ("O'Brien",)),
        ("x\u00a8y", ("y x",)),
        ("", ()),
    ],
)
def test_each_word_occurs_somewhere(search: str, values: tuple[str, ...]) -> None:
    assert finds(search, *values)


def test_a_text_that_an_older_version_folded_is_found_by_what_was_typed() -> None:
    assert fulfils("søren\no’brien", search_terms("Søren O’Brien"))


def test_so_many_words_count() -> None:
    assert len(search_terms("a " * (WORDS_MAX + 5))) == WORDS_MAX


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=4), st.data())
def test_any_word_of_any_value_finds_it(values: list[str], data: st.DataObject) -> None:
    words = [word for value in values for word in value.split()]
    search = data.draw(st.lists(st.sampled_from(words), max_size=5)) if words else []
    assert finds(" ".join(search), *values)


@given(st.from_regex(r"(\+|00)[1-9][0-9]{8,12}", fullmatch=True), st.data())
def test_what_stands_between_digits_hides_no_number(number: str, data: st.DataObject) -> None:
    parts = [data.draw(st.sampled_from(["", " ", "-", "/", "."])) + digit for digit in number[2:]]
    assert finds(number, number[:2] + "".join(parts))
    assert finds(number[:2] + "".join(parts), number)


@pytest.mark.parametrize(
    ("search", "parts"),
    [
        ("ada", ["ada"]),
        ("555-024999", ["024999", "555-024999"]),
        ("+49 30 12345678", ["2345678", "+49"]),
        ("0301234567 ada", ["1234567", "0301234567", "ada"]),
        ("(030) 12345-", ["(030)"]),
    ],
)
def test_a_text_is_looked_at_for_what_all_spellings_of_a_number_hold_first(search: str, parts: list[str]) -> None:
    terms = search_terms(search)
    assert [term[0][0] for term in narrowed(terms)] == parts
    for text in (
        "\n555-024999\n555024999\n",
        "\n+49 (0)30 12345678 ada\n+493012345678\n",
        "\n0301234567 ada\n0301234567\n",
    ):
        assert fulfils(text, narrowed(terms)) == fulfils(text, terms)
