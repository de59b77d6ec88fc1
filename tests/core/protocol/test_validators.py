"""The smallest checks of what a server says."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.core.errors import ServerFault
from offbook.core.protocol.validators import (
    BODY_SMALL,
    VALUES_MAX,
    NotJSON,
    clean_text,
    cursor_of,
    json_of,
    object_of,
    require,
    seq_of,
    time_of,
    uuid_of,
)

ID = "C0000000-0000-4000-8000-000000000001"


def test_what_is_as_it_must_be_is_given_back() -> None:
    assert uuid_of(ID, "id") == ID.lower()
    assert (seq_of(5), cursor_of("e1.5"), object_of({"a": 1})) == (5, "e1.5", {"a": 1})
    assert time_of("2026-11-20T17:00:00.000Z") == "2026-11-20T17:00:00.000Z"
    assert (time_of("soon"), time_of(5)) == (None, None)
    assert (clean_text("a\0b\ud800", 3), clean_text("abc", 2), clean_text(5, 3)) == ("ab", "ab", None)
    require(True, "anything")


@pytest.mark.parametrize(
    ("check", "value"),
    [(seq_of, "5"), (seq_of, -1), (seq_of, True), (cursor_of, ""), (cursor_of, 5), (object_of, [])],
)
def test_what_is_not_is_refused(check: Any, value: Any) -> None:
    with pytest.raises(ServerFault):
        check(value)
    with pytest.raises(ServerFault, match="no id"):
        uuid_of("x", "id")


@pytest.mark.parametrize("body", ["{", b"\xff", "[" * 100_000])
def test_a_body_that_is_no_json_says_so(body: str | bytes) -> None:
    with pytest.raises(NotJSON):
        json_of(body)
    assert json_of(b'{"a": 1}') == {"a": 1}


def test_a_large_body_is_counted_before_it_is_read() -> None:
    text = "[" + "0," * VALUES_MAX + "0]"
    for body in (text, text.encode()):
        with pytest.raises(ServerFault, match="more than 3,000,000 values"):
            json_of(body)
    signs_in_text = '["' + "," * (VALUES_MAX + BODY_SMALL) + '"]'
    assert len(json_of(signs_in_text)[0]) == VALUES_MAX + BODY_SMALL
    assert json_of('"' + "a" * BODY_SMALL + '"') == "a" * BODY_SMALL
