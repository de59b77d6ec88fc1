"""JSON as a replica writes it, read again."""

from __future__ import annotations

from offbook.core.protocol.json import dumps, loads


def test_a_request_has_nothing_in_it_that_need_not_be_there() -> None:
    assert dumps({"changes": [{"data": {"name": "Zoë"}}], "since": None}) == (
        '{"changes":[{"data":{"name":"Zoë"}}],"since":null}'.encode()
    )


def test_half_a_pair_is_sent_so_that_it_can_be_refused() -> None:
    assert loads(dumps({"name": "\ud800"})) == {"name": "\ud800"}
