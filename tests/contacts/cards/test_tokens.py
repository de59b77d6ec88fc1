"""Sync-tokens."""

from __future__ import annotations

import pytest

from offbook.contacts.cards.tokens import InvalidToken, SyncToken, parse_token
from offbook.core.model import Cursor

FORM = "0a1b2c3d"
CURSOR = Cursor("0f8fad5b-d9cb-469f-a165-70867728950e", 7)


@pytest.mark.parametrize("token", [SyncToken(CURSOR, FORM), SyncToken(CURSOR, FORM, 12)])
def test_a_token_is_read_as_it_was_written(token: SyncToken) -> None:
    assert parse_token(f" {token}\n", FORM) == token


def test_an_empty_token_is_none() -> None:
    assert parse_token(" \n", FORM) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://radicale.org/ns/sync/1", "unreadable"),
        (f"urn:offbook:no-cursor:{FORM}", "unreadable"),
        (f"urn:offbook:{CURSOR}:ffffffff", "form"),
    ],
)
def test_what_is_no_token_of_this_form_is_told(text: str, reason: str) -> None:
    with pytest.raises(InvalidToken, match="list all cards") as invalid:
        parse_token(text, FORM)
    assert invalid.value.reason == reason
