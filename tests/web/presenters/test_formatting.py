"""How values look: initials, links that may be followed, addresses, birthdays."""

from __future__ import annotations

import pytest

from web.presenters.formatting import address_lines, format_birthday, href, hue, initials, name_tells_parts


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Henry C. “Hank” Johnson, Jr.", "HJ"),
        ("ada", "A"),
        ("李 小龍", "李小"),
        ("(work)", "#"),
        ("", "#"),
        (None, "#"),
    ],
)
def test_initials_are_of_the_first_and_the_last_word(name: str | None, letters: str) -> None:
    assert initials(name) == letters


def test_a_contact_keeps_its_colour() -> None:
    assert hue("0f8fad5b-d9cb-469f-a165-70867728950e") == hue("0f8fad5b-0000-0000-0000-000000000000") == "hue-3"


@pytest.mark.parametrize(
    ("kind", "value", "link"),
    [
        ("phone", "+1 (202) 555-0123", "tel:+12025550123"),
        ("phone", "ask", None),
        ("email", "ada@example.org", "mailto:ada@example.org"),
        ("email", "a?bcc=b@example.org", "mailto:a%3Fbcc%3Db@example.org"),
        ("email", "ada", None),
        ("url", "https://example.org/a?b#c", "https://example.org/a?b#c"),
        ("url", "example.org/a", "https://example.org/a"),
        ("url", "javascript:alert(1)", None),
        ("url", "data:text/html,x", None),
        ("url", "//example.org", None),
        ("url", "http://[", None),
        ("url", "no page", None),
        ("custom", "https://example.org", None),
        ("phone", None, None),
    ],
)
def test_only_what_is_safe_to_follow_is_a_link(kind: str, value: str | None, link: str | None) -> None:
    assert href(kind, value) == link


def test_an_address_is_shown_as_written_else_from_its_parts() -> None:
    whole = address_lines("", street="1 Street", city="Town", region="RG", postcode="123", country="Land")
    assert whole == ["1 Street", "Town, RG 123", "Land"]
    assert address_lines(" a \n\nb", city="Town") == ["a", "b"]
    assert address_lines("", postcode="123") == ["123"]


def test_a_birthday_needs_no_year() -> None:
    assert format_birthday("1815-12-10") == "10 December 1815"
    assert format_birthday("--02-29") == "29 February"
    assert format_birthday("unknown") == "unknown"


def test_a_name_tells_its_parts_where_they_make_it() -> None:
    parts = dict.fromkeys(("prefix", "given_name", "middle_name", "family_name", "suffix"))
    ada = {**parts, "name": "Ada King", "given_name": "Ada", "family_name": "King"}
    assert name_tells_parts(ada)
    assert not name_tells_parts(ada | {"name": "Countess"})
