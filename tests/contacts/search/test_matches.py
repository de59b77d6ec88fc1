"""Why a search found a contact, and where its words are."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.search.matches import match_pieces, reason, unexplained
from offbook.core.search import search_terms


def marked(text: str, search: str) -> str:
    pieces = match_pieces(text, search_terms(search))
    assert "".join(piece for piece, _ in pieces) == text
    return "".join(f"[{piece}]" if is_match else piece for piece, is_match in pieces)


@pytest.mark.parametrize(
    ("text", "search", "result"),
    [
        ("Ada Lovelace", "love ADA", "[Ada] [Love]lace"),
        ("Ångström, Anders", "angstrom", "[Ångström], Anders"),
        ("Weiße Straße", "strasse", "Weiße [Straße]"),
        ("banana", "an", "b[anan]a"),
        ("+49 30 1234567", "0301234567", "[+49 30 1234567]"),
        ("1234567", "1234567", "[1234567]"),
        ("Ada", "bob", "Ada"),
        ("", "bob", ""),
    ],
)
def test_the_words_are_marked_as_they_are_written(text: str, search: str, result: str) -> None:
    assert marked(text, search) == result


def test_a_word_is_explained_by_any_of_the_texts() -> None:
    terms = search_terms("ada looms engine")
    assert unexplained(["Ada King", None, "Looms Ltd"], terms) == terms[2:]
    assert unexplained(["+49 30 1234567"], search_terms("030 1234567")) == []
    assert unexplained(["030 7654321"], search_terms("030 1234567")) != []


CONTACT: dict[str, Any] = {
    "name": "Ada",
    "notes": "Met at the conference in\nZürich, where she spoke about engines and much else, for hours",
    "starred": True,
    "details": {
        "k1": {"kind": "address", "value": "1 Long Street", "city": "Oslo"},
        "k2": {"kind": "group", "value": "Choir"},
        "k3": {"kind": "unheard of", "value": "Tuba"},
        "k4": {"kind": None, "value": None, "label": "Loud"},
    },
}


@pytest.mark.parametrize(
    ("search", "label", "text"),
    [
        (
            "zurich",
            "Notes",
            "…t the conference in [Zürich], where she spoke about engines and much else, for [hours]",
        ),
        (
            "met",
            "Notes",
            "[Met] at the conference in Zürich, where she spoke about engines and much else, for [hours]",
        ),
        ("oslo", "Address", "[Oslo]"),
        ("choir", "Label", "[Choir]"),
        ("tuba", "Details", "[Tuba]"),
        ("loud", "Details", "[Loud]"),
    ],
)
def test_the_reason_is_the_first_text_that_has_a_word(search: str, label: str, text: str) -> None:
    why = reason(CONTACT, search_terms(search), search_terms(f"{search} hours"))
    assert why is not None
    assert why.label == label
    assert "".join(f"[{piece}]" if is_match else piece for piece, is_match in why.pieces) == text


def test_what_comes_soon_is_not_cut_off() -> None:
    why = reason({"notes": "In Rome " + "x" * 90}, search_terms("rome"), search_terms("rome"))
    assert why is not None
    assert why.pieces[0] == ("In ", False)


def test_no_reason_is_made_up() -> None:
    assert reason(CONTACT, search_terms("nobody"), []) is None
    assert reason({}, search_terms("nobody"), []) is None
