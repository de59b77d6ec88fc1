"""JSON as a replica writes it, read again."""

from __future__ import annotations

import json

import pytest

from offbook.core.protocol.json import dumps, loads, object_of


def test_a_request_has_nothing_in_it_that_need_not_be_there() -> None:
    assert dumps({"changes": [{"data": {"name": "Zoë"}}], "since": None}) == (
        '{"changes":[{"data":{"name":"Zoë"}}],"since":null}'.encode()
    )


def test_half_a_pair_is_sent_so_that_it_can_be_refused() -> None:
    assert loads(dumps({"name": "\ud800"})) == {"name": "\ud800"}


# --- of one's own database -----------------------------------------------------------------------------------------

DEEP = "[" * 3000 + "]" * 3000
MANY_DIGITS = "1" * 5000
ODD_TEXT = '{"a" : 1,"b":"x,}\\"{:","c":{"k":[1,2,{"z":":"}]},"d":[ ],"e":null,"f":-1.5e3}'


@pytest.mark.parametrize("text", ["{}", '{"a":1}', ODD_TEXT])
def test_an_object_of_ones_own_database_is_read_as_any(text: str) -> None:
    assert object_of(text) == json.loads(text)


def test_a_member_that_can_not_be_read_is_given_as_its_text() -> None:
    text = f'{{"deep":{DEEP},"entries":{{"k":{DEEP}}},"digits":{MANY_DIGITS},"rest": {ODD_TEXT} }}'
    assert object_of(text) == {
        "deep": DEEP,
        "entries": f'{{"k":{DEEP}}}',
        "digits": MANY_DIGITS,
        "rest": json.loads(ODD_TEXT),
    }
