"""Where values lead: the number that is meant is dialled, and links of a text are found whole."""

from __future__ import annotations

import pytest

from offbook.contacts.links import dialled, linked, map_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("+49 (0)30 123 ext. 5", "tel:+4930123;ext=5"),
        ("+44 (0) 20 7946 0123", "tel:+442079460123"),
        ("0049 (0)30 123", "tel:004930123"),
        ("(030) 123-45", "tel:03012345"),
        ("030 123 Durchwahl 12", "tel:030123;ext=12"),
        ("+1 (202) 555-0123 x77", "tel:+12025550123;ext=77"),
        ("555-0123 #42", "tel:5550123;ext=42"),
        ("1-800-FLOWERS", "tel:18003569377"),
        ("+1 800 CALL-OFF", "tel:+18002255633"),
        ("555 0123,,99", "tel:5550123,,99"),
        ("*21*030123#", "tel:*21*030123%23"),
        ("555 mobile", "tel:555"),
        ("ask", None),
        ("", None),
    ],
)
def test_what_is_meant_is_dialled(text: str, address: str | None) -> None:
    assert dialled(text) == address


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://example.org/a?b=c#d.", [("https://example.org/a?b=c#d", "https://example.org/a?b=c#d")]),
        ("(https://en.wikipedia.org/wiki/Ada_(name))", [("https://en.wikipedia.org/wiki/Ada_(name)",) * 2]),
        ("www.example.org, or", [("www.example.org", "https://www.example.org")]),
        ("to a.b+c@example.org!", [("a.b+c@example.org", "mailto:a.b+c@example.org")]),
        ("javascript:alert(1) and <https://example.org>", [("https://example.org", "https://example.org")]),
        ("nothing", []),
    ],
)
def test_links_are_found_within_a_text_and_nothing_of_it_is_lost(text: str, links: list[tuple[str, str]]) -> None:
    pieces = list(linked(text))
    assert "".join(piece.text for piece in pieces) == text
    assert [tuple(piece) for piece in pieces if piece.href] == links


def test_a_map_shows_an_address() -> None:
    assert map_address("1 Long Street\nTown").endswith("search?query=1%20Long%20Street%2C%20Town")
