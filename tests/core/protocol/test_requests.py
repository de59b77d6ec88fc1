"""What anyone may send: read strictly, answered with a code and a sentence, and never with a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core import Change, Cursor, Operation, Rejection
from offbook.core.errors import Malformed
from offbook.core.protocol.json import loads
from offbook.core.protocol.requests import (
    BASES_MAX,
    CHANGES_MAX,
    Push,
    build_change,
    parse_change,
    parse_cursor,
    parse_push,
)
from offbook.core.schema import Schema
from tests.core.strategies import JSON
from tests.support.records import change_json, changes
from tests.support.schemas import tables

DEVICE = str(UUID(int=1))
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
RECORD = str(UUID(int=2))
GOOD: Mapping[str, Any] = {
    "id": ID,
    "table": "contacts",
    "record_id": RECORD,
    "operation": "UPDATE",
    "timestamp": "2026-11-20T17:00:00.000Z",
    "base": 12,
    "data": {"phone": "555-1234"},
}
LATER = 1_795_194_000_000  # 2026-11-20T17:00:00Z


def parse(body: str | bytes) -> Push:
    return parse_push(BUILT_IN, loads(body.encode() if isinstance(body, str) else body), DEVICE)


def read(**parts: Any) -> Change | Rejection:
    """The good change with some of its parts replaced; without those that are ``...``."""
    item = {**GOOD, **parts}
    return parse_change(BUILT_IN, {key: value for key, value in item.items() if value is not ...}, DEVICE)


# --- the envelope --------------------------------------------------------------------------------------------------

ENVELOPES = [
    ("nothing", b"", "empty"),
    ("spaces", b" \n ", "empty"),
    ("not JSON", b"changes=1", "not_json"),
    ("cut off", b'{"changes": [', "not_json"),
    ("two values", b"{} {}", "not_json"),
    ("not UTF-8", b'{"changes": "\xff"}', "not_utf8"),
    ("UTF-16", '{"changes": []}'.encode("utf-16"), "not_utf8"),
    ("UTF-16, the other byte first", b"\xfe\xff\x00{\x00}", "not_utf8"),
    ("a byte order mark", b"\xef\xbb\xbf{}", "not_json"),
    ("a byte order mark alone", b"\xef\xbb\xbf", "not_json"),
    ("lists 100,000 deep", b"[" * 100_000 + b"]" * 100_000, "too_deep"),
    ("objects 100,000 deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep"),
    ("a list", b"[]", "not_an_object"),
    ("text", b'"changes"', "not_an_object"),
    ("null", b"null", "not_an_object"),
    ("a number", b"1", "not_an_object"),
    ("a key twice", b'{"changes": [], "changes": []}', "duplicate_key"),
    ("a key twice inside a change", b'{"changes": [{"id": 1, "id": 2}]}', "duplicate_key"),
    ("NaN", b'{"changes": [NaN]}', "not_json"),
    ("Infinity", b'{"changes": [{"base": Infinity}]}', "not_json"),
    ("minus Infinity", b'{"sent_at": -Infinity}', "not_json"),
    ("a number of 5,000 digits", b'{"changes": [' + b"9" * 5000 + b"]}", "number_too_long"),
    ("an unknown key", b'{"chanegs": []}', "unknown_key"),
    ("changes that are no list", b'{"changes": {}}', "changes_not_a_list"),
    ("changes that are null", b'{"changes": null}', "changes_not_a_list"),
    ("a cursor that is a number", b'{"since": 5}', "bad_cursor"),
    ("a cursor that is none", b'{"since": "yesterday"}', "bad_cursor"),
    ("a time without an offset", b'{"sent_at": "2026-11-20T17:00:00"}', "bad_time"),
    ("seen that is text", b'{"seen": "5"}', "bad_seen"),
    ("kept that is text", b'{"kept": "5"}', "bad_kept"),
    ("seen that is a truth", b'{"seen": true}', "bad_seen"),
    ("parked that is a list", b'{"parked": []}', "bad_parked"),
    ("parked that counts in text", b'{"parked": {"too_long": "2"}}', "bad_parked"),
    ("parked that counts in booleans", b'{"parked": {"too_long": true}}', "bad_parked"),
    ("parked that counts backwards", b'{"parked": {"too_long": -1}}', "bad_parked"),
    ("parked with a long code", b'{"parked": {"' + b"x" * 41 + b'": 1}}', "bad_parked"),
    ("parked with a code that is not ASCII", '{"parked": {"é": 1}}'.encode(), "bad_parked"),
]


@pytest.mark.parametrize(("body", "code"), [pytest.param(*case[1:], id=case[0]) for case in ENVELOPES])
def test_a_faulty_envelope_is_refused_whole(body: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(body)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_told_in_words(encoding: str) -> None:
    body = ("" if encoding in ("utf-8-sig", "utf-16") else "\ufeff") + '{"changes": []}'
    with pytest.raises(Malformed, match=r"begins with.*byte order mark \(BOM\)|byte order mark \(BOM\) that it begins"):
        parse(body.encode(encoding))


def test_parked_of_more_than_a_hundred_codes_is_refused() -> None:
    with pytest.raises(Malformed, match="parked"):
        parse_push(BUILT_IN, {"parked": {str(number): 1 for number in range(101)}}, DEVICE)


def test_too_many_changes_are_refused_as_too_large() -> None:
    with pytest.raises(Malformed) as caught:
        parse_push(BUILT_IN, {"changes": [None] * (CHANGES_MAX + 1)}, DEVICE)
    assert (caught.value.code, caught.value.status) == ("too_many_changes", 413)


def test_as_many_changes_as_allowed_are_read() -> None:
    assert len(parse_push(BUILT_IN, {"changes": [GOOD] * CHANGES_MAX}, DEVICE).batch) == CHANGES_MAX


def test_a_key_that_stands_twice_among_many_is_found_in_time() -> None:
    body = "{" + ",".join(f'"{number}":0' for number in range(200_000)) + ',"77":0}'
    with pytest.raises(Malformed, match="'77' stands twice"):
        parse(body)


def test_an_empty_push_asks_for_nothing() -> None:
    assert parse("{}") == Push([], False, None, None, {})


@pytest.mark.parametrize(
    ("since", "cursor"),
    [("null", None), ('"e.5"', Cursor("e", 5)), ('"e.5.3"', Cursor("e", 5, 3))],
    ids=["a snapshot", "from a cursor", "a snapshot under way"],
)
def test_a_push_that_names_since_asks_for_a_page(since: str, cursor: Cursor | None) -> None:
    push = parse(f'{{"since": {since}}}')
    assert push.asks
    assert push.since == cursor


def test_a_push_tells_its_devices_time_and_what_is_parked() -> None:
    push = parse('{"sent_at": "2026-11-20T17:00:00Z", "parked": {"too_long": 2}}')
    assert (push.sent_at_ms, push.parked) == (LATER, {"too_long": 2})


# --- one change ----------------------------------------------------------------------------------------------------

FAULTS: list[tuple[str, Any, str]] = [
    ("not an object", "INSERT", "not_an_object"),
    ("null", None, "not_an_object"),
    ("an unknown key", {"datas": {}}, "unknown_key"),
    ("no id", {"id": ...}, "bad_id"),
    ("an id that is a number", {"id": 7}, "bad_id"),
    ("an id that is too long", {"id": ID + "0"}, "bad_id"),
    ("an id with a line break", {"id": ID + "\n"}, "bad_id"),
    ("an id in other digits", {"id": ID.replace("0", "٠")}, "bad_id"),
    ("an id in braces", {"id": f"{{{ID}}}"}, "bad_id"),
    ("no record", {"record_id": ...}, "bad_id"),
    ("a record that is a number", {"record_id": 1}, "bad_id"),
    ("a replica that is none", {"replica": "laptop"}, "bad_id"),
    ("no table", {"table": ...}, "unknown_table"),
    ("an unknown table", {"table": "users"}, "unknown_table"),
    ("a hostile table", {"table": "contacts; DROP TABLE contacts"}, "unknown_table"),
    ("a table that is a list", {"table": ["contacts"]}, "unknown_table"),
    ("no operation", {"operation": ...}, "unknown_operation"),
    ("an unknown operation", {"operation": "UPSERT"}, "unknown_operation"),
    ("an operation in small letters", {"operation": "update"}, "unknown_operation"),
    ("an operation that is an object", {"operation": {}}, "unknown_operation"),
    ("no time", {"timestamp": ...}, "bad_time"),
    ("a time that is a number", {"timestamp": LATER}, "bad_time"),
    ("a time without an offset", {"timestamp": "2026-11-20T17:00:00"}, "bad_time"),
    ("a time that is none", {"timestamp": "2026-13-20T17:00:00Z"}, "bad_time"),
    ("a time before all calendars", {"timestamp": "0001-01-01T00:00:00+23:00"}, "bad_time"),
    ("a time after all calendars", {"timestamp": "9999-12-31T23:59:59-23:00"}, "bad_time"),
    ("no base", {"base": ...}, "base_missing"),
    ("null for a base", {"base": None}, "base_missing"),
    ("no base of a delete", {"operation": "DELETE", "base": ...}, "base_missing"),
    ("a negative base", {"base": -1}, "bad_base"),
    ("a boolean base", {"base": True}, "bad_base"),
    ("a base that is a fraction", {"base": 1.0}, "bad_base"),
    ("a base that is text", {"base": "12"}, "bad_base"),
    ("a base over 63 bits", {"base": 2**63}, "bad_base"),
    ("bases that are a list", {"bases": []}, "bad_base"),
    ("bases that are a number", {"bases": 0}, "bad_base"),
    ("a boolean in bases", {"bases": {"phone": False}}, "bad_base"),
    ("a negative number in bases", {"bases": {"phone": -1}}, "bad_base"),
    ("an unknown cell in bases", {"bases": {"shoe_size": 1}}, "unknown_cell"),
    ("a hostile cell in bases", {"bases": {"details/\0/kind": 1}}, "unknown_cell"),
    ("too many bases", {"bases": {f"details/k{number}/kind": 1 for number in range(BASES_MAX + 1)}}, "bad_base"),
    ("no data", {"data": ...}, "bad_data"),
    ("data that is a list", {"data": []}, "bad_data"),
    ("an unknown cell", {"data": {"shoe_size": 42}}, "unknown_cell"),
    ("no name", {"operation": "INSERT"}, "missing"),
    ("an empty name", {"data": {"name": " "}}, "missing"),
    ("text that is too long", {"data": {"phone": "1" * 101}}, "too_long"),
    ("NUL", {"data": {"phone": "\0"}}, "bad_text"),
    ("half a surrogate pair", {"data": {"phone": "\ud83d"}}, "bad_text"),
    ("a wrong type", {"data": {"phone": 555}}, "wrong_type"),
    ("an integer over 63 bits", {"data": {"details": {"k1": {"position": 2**63}}}}, "out_of_range"),
    ("a number beyond all numbers", {"data": {"phone": float("inf")}}, "wrong_type"),
]


def faulty(parts: Any) -> Any:
    if not isinstance(parts, dict):
        return parts
    return {key: value for key, value in {**GOOD, **parts}.items() if value is not ...}


@pytest.mark.parametrize(("parts", "code"), [pytest.param(*fault[1:], id=fault[0]) for fault in FAULTS])
def test_a_faulty_change_is_rejected_and_its_neighbours_go_on(parts: Any, code: str) -> None:
    batch = parse_push(BUILT_IN, {"changes": [GOOD, faulty(parts), GOOD]}, DEVICE).batch
    rejection = batch[1]
    assert isinstance(rejection, Rejection)
    assert rejection.fault.code == code
    assert rejection.fault.detail.endswith(".")
    assert isinstance(batch[0], Change)
    assert batch[0] == batch[2]


@pytest.mark.parametrize(("parts", "known"), [({"base": -1}, ID), ({"id": 7}, None), (7, None)])
def test_a_rejection_names_its_change_where_the_id_can_be_read(parts: Any, known: str | None) -> None:
    rejection = parse_change(BUILT_IN, faulty(parts), DEVICE)
    assert isinstance(rejection, Rejection)
    assert rejection.id == known


@pytest.mark.parametrize(
    ("parts", "known"),
    [
        ({"base": -1}, ("contacts", RECORD)),
        ({"data": {"phone": 5}}, ("contacts", RECORD)),
        ({"table": "boats"}, None),
        ({"record_id": 7}, None),
        ({"id": 7}, None),
    ],
)
def test_a_rejection_names_its_record_where_that_can_be_read(parts: Any, known: tuple[str, str] | None) -> None:
    rejection = parse_change(BUILT_IN, faulty(parts), DEVICE)
    assert isinstance(rejection, Rejection)
    assert rejection.key == known


def test_what_a_change_says_is_what_is_read() -> None:
    assert read(replica=RECORD, bases={"phone": 9, "@exists": 8}) == Change(
        ID, CONTACTS, RECORD, Operation.UPDATE, RECORD, LATER, 12, {"phone": "555-1234"}, {"phone": 9, "@exists": 8}
    )


def test_a_change_that_names_no_replica_is_its_devices() -> None:
    change = read(replica=None)
    assert isinstance(change, Change)
    assert change.replica == DEVICE


def test_a_change_names_the_conflicts_that_it_settles() -> None:
    change = read(resolves=[str(UUID(int=5)).upper(), str(UUID(int=6))])
    assert isinstance(change, Change)
    assert change.resolves == (str(UUID(int=5)), str(UUID(int=6)))


@pytest.mark.parametrize(
    ("resolves", "code"),
    [("all", "bad_resolves"), ([str(UUID(int=5))] * 101, "bad_resolves"), (["5"], "bad_id"), ([None], "bad_id")],
)
def test_what_names_no_conflicts_is_rejected(resolves: Any, code: str) -> None:
    found = read(resolves=resolves)
    assert isinstance(found, Rejection)
    assert found.fault.code == code


@pytest.mark.parametrize(("history", "is_for_history"), [(True, True), (False, False), (None, False)])
def test_a_change_may_be_for_the_history_alone(history: Any, is_for_history: bool) -> None:
    change = read(history=history)
    assert isinstance(change, Change)
    assert change.history is is_for_history


def test_what_does_not_say_clearly_whether_it_is_for_the_history_is_rejected() -> None:
    found = read(history="yes")
    assert isinstance(found, Rejection)
    assert found.fault.code == "bad_history"


def test_ids_are_read_in_small_letters() -> None:
    change = read(id=ID.upper(), record_id=ID.upper())
    assert isinstance(change, Change)
    assert (change.id, change.record_id) == (ID, ID)


def test_an_insert_needs_no_base() -> None:
    change = read(operation="INSERT", base=..., data={"name": "Ada"})
    assert isinstance(change, Change)
    assert change.base == 0


def test_a_delete_needs_no_data_and_reads_none() -> None:
    assert read(operation="DELETE", data=...) == read(operation="DELETE", data={"shoe_size": 1})


@pytest.mark.parametrize("empty", [None, {}], ids=["null", "an empty object"])
def test_bases_may_be_empty(empty: Any) -> None:
    assert read(bases=empty) == read()


@pytest.mark.parametrize(
    "text", ["2026-11-20T17:00:00Z", "2026-11-20T17:00:00.000999+00:00", "2026-11-21T02:00:00+09:00"]
)
def test_a_time_is_read_with_its_offset(text: str) -> None:
    change = read(timestamp=text)
    assert isinstance(change, Change)
    assert change.timestamp == LATER


CHANGES = (st.just(CONTACTS) | tables()).flatmap(changes)
"""Changes of contacts, and of any table."""


@given(CHANGES)
def test_a_change_that_is_written_is_read_as_the_same_change(change: Change) -> None:
    assert parse_change(Schema([change.table]), json.loads(json.dumps(change_json(change))), DEVICE) == change


# --- cursors -------------------------------------------------------------------------------------------------------


@given(st.builds(Cursor, st.uuids().map(str), st.integers(0, 2**63 - 1), st.none() | st.integers(0, 2**63 - 1)))
def test_a_cursor_that_is_written_is_read_as_the_same_cursor(cursor: Cursor) -> None:
    assert parse_cursor(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    ["", "e", ".5", "e.", "e.x", "e.-1", "e.5.6.7", "e.²", "e." + "9" * 19, "e" * 65 + ".1", "\0.1", "é.1", "\ud83d.1"],
)
def test_a_cursor_that_no_server_gave_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_cursor(text)
    assert caught.value.code == "bad_cursor"


# --- anything at all -----------------------------------------------------------------------------------------------

ITEMS = st.fixed_dictionaries({}, optional={key: JSON | st.just(value) for key, value in GOOD.items()})
ENVELOPE = st.fixed_dictionaries(
    {}, optional={"changes": st.lists(ITEMS | JSON, max_size=3), "since": JSON, "sent_at": JSON, "parked": JSON}
)


@given(JSON | ENVELOPE)
def test_no_json_raises_anything_but_malformed(envelope: Any) -> None:
    try:
        push = parse_push(BUILT_IN, envelope, DEVICE)
    except Malformed as fault:
        assert fault.code
        assert str(fault)
        assert 400 <= fault.status < 500
        return
    assert all(isinstance(one, Change | Rejection) for one in push.batch)


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_raise_anything_but_malformed(body: bytes) -> None:
    try:
        parse(body)
    except Malformed as fault:
        assert fault.code
        assert str(fault)


# --- a change that is made here ------------------------------------------------------------------------------------


@given(CHANGES)
def test_a_change_that_is_made_here_is_the_one_that_would_be_read(change: Change) -> None:
    data = None if change.operation is Operation.DELETE else change_json(change)["data"]
    made = build_change(
        change.id,
        change.table,
        change.record_id,
        change.operation,
        change.replica,
        change.timestamp,
        change.base,
        data,
    )
    assert made == change._replace(bases={}, resolves=(), history=False)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"change_id": "x"}, "bad_id"),
        ({"record_id": "x"}, "bad_id"),
        ({"base": -1}, "bad_base"),
        ({"data": None}, "bad_data"),
        ({"data": {"name": ""}}, "missing"),
    ],
)
def test_a_change_that_is_made_here_is_checked_like_one_that_was_sent(parts: dict[str, Any], code: str) -> None:
    good = {"change_id": ID, "record_id": RECORD, "operation": Operation.UPDATE, "replica": DEVICE}
    rejection = build_change(table=CONTACTS, **{**good, "timestamp_ms": LATER, "data": {"phone": "1"}, **parts})
    assert isinstance(rejection, Rejection)
    assert rejection.fault.code == code
