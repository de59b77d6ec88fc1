"""Under which heading a contact stands in the list."""

from __future__ import annotations

import pytest

from offbook.contacts.alphabet import Section, heading_of, headings_on, sections_of
from offbook.core.text import normalize_for_search


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("ada", "A"),
        ("Ångström", "A"),
        ("Øyvind", "O"),
        ("ßmith", "S"),
        ("Петя", "П"),
        ("Ωmega", "Ω"),
        ("ა", "ა"),
        ("나라", "ㄴ"),
        ("힘", "ㅎ"),
        ("さくら", "さ"),
        ("山田", "漢"),
        ("王", "漢"),
        ("7 Seas", "#"),
        ("+49 30", "#"),
        ("🎉", "#"),
        ("", "#"),
    ],
)
def test_a_key_stands_under_its_letter(name: str, heading: str) -> None:
    assert heading_of(normalize_for_search(name)[:1]) == heading


def test_each_heading_begins_where_the_one_before_it_ends() -> None:
    counts = [("山", 1), ("b", 2), ("", 1), ("7", 3), ("a", 5), ("田", 4), ("c", 0)]
    assert sections_of(2, counts) == ([("★", 0), ("#", 2), ("A", 6), ("B", 11), ("漢", 13)], 18)
    assert sections_of(0, [("a", 1)]) == ([("A", 0)], 1)
    assert sections_of(0, []) == ([], 0)


@pytest.mark.parametrize(
    ("start", "count", "headings"),
    [(0, 3, {0: "A"}), (0, 4, {0: "A", 3: "B"}), (4, 9, {4: "B", 7: "C"}), (3, 2, {3: "B"}), (9, 1, {9: "C"})],
)
def test_a_page_begins_with_the_heading_that_it_is_in(start: int, count: int, headings: dict[int, str]) -> None:
    assert headings_on([Section("A", 0), Section("B", 3), Section("C", 7)], start, count) == headings


def test_a_list_without_letters_has_no_headings() -> None:
    assert headings_on([], 0, 10) == {}
