"""Which records are to name another one, as a request says it."""

from __future__ import annotations

import pytest

from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.protocol.members import MEMBERS_MAX, Members, parse_members

ADA, BOB = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@pytest.mark.parametrize(
    ("envelope", "members"),
    [
        ({"add": [ADA.upper(), ADA]}, Members((ADA,), ())),
        ({"add": [BOB], "remove": [ADA]}, Members((BOB,), (ADA,))),
        ({"remove": [ADA] * MEMBERS_MAX}, Members((), (ADA,))),
    ],
)
def test_each_record_is_named_once(envelope: Json, members: Members) -> None:
    assert parse_members(envelope) == members


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        ([], "object"),
        ({"plus": []}, "plus"),
        ({}, "lists of 1 to 1000 ids together"),
        ({"add": ADA}, "lists of 1 to 1000 ids together"),
        ({"add": [ADA] * (MEMBERS_MAX + 1)}, "lists of 1 to 1000 ids together"),
        ({"add": [7]}, "must be the UUID"),
        ({"add": ["7"]}, "must be the UUID"),
        ({"add": [ADA], "remove": [ADA]}, "it can be in one of them"),
    ],
)
def test_what_is_no_such_request_is_told(envelope: Json, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_members(envelope)
