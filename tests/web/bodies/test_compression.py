"""A body is read by the strict rules of offbook.core.protocol.json, whichever of two ways reads it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.errors import Malformed
from offbook.core.protocol import json
from tests.core.strategies import JSON
from web.bodies.compression import loads

QUIRKS = {
    "a key twice": b'{"a":1,"a":1}',
    "a key twice inside": b'{"changes":[{"id":1,"id":2}]}',
    "a key twice, once escaped": b'{"a":1,"\\u0061":1}',
    "NaN": b'{"a":NaN}',
    "Infinity": b"[Infinity]",
    "a number of 65 bits": b"[18446744073709551616]",
    "a negative one": b"[-9223372036854775809]",
    "more than a float holds": b"[1e400]",
    "a float that looks whole": b"[1e3]",
    "a float that is whole": b"[1.0]",
    "nothing with a sign": b"[-0]",
    "a float of nothing with a sign": b"[-0.0]",
    "a float above 64 bits": b"[1.8446744073709552e19]",
    "5,000 digits": b"[" + b"9" * 5000 + b"]",
    "half a pair": b'["\\ud800"]',
    "an escaped letter": b'["\\u00e9"]',
    "a letter as it is": '["é"]'.encode(),
    "a letter in Latin-1": '["é"]'.encode("latin-1"),
    "an escaped quote": b'["\\u0022:"]',
    "a mark at the begin": b"\xef\xbb\xbf{}",
    "300 deep": b"[" * 300 + b"]" * 300,
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "two values": b'{"a":1}{"a":1}',
    "a line's end": b'{"a":1}\n',
    "a space": b'{"a": 1}',
    "nothing": b"",
}

LETTERS = st.text(st.characters(codec="utf-8"), max_size=8)
SENT = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | LETTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
)


def read(by: Any, body: bytes) -> Any:
    """What it is read as, types and all, or the code of what is wrong."""
    try:
        return repr(by(body))
    except Malformed as error:
        return error.code


@pytest.mark.parametrize("body", QUIRKS.values(), ids=QUIRKS)
def test_a_body_is_read_as_the_strict_rules_have_it(body: bytes) -> None:
    assert read(loads, body) == read(json.loads, body)


@given(st.lists(st.sampled_from([*QUIRKS.values()]) | JSON.map(lambda value: json.dumps(value))))
def test_and_so_it_is_whatever_stands_beside_it(parts: list[bytes]) -> None:
    body = b"[%b]" % b",".join(parts)
    assert read(loads, body) == read(json.loads, body)


@given(SENT)
def test_what_a_replica_sends_is_written_as_the_quick_way_has_it(value: Any) -> None:
    assert json.dumps(value) == orjson.dumps(value)
