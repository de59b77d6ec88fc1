"""Bad input as data: each body, change, query and row of the tutorial form with what must be said about it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from offbook.contacts.table import CONTACTS
from offbook.core.protocol.requests import BODY_BYTES_MAX
from tests.support.api_client import change

GOOD = change(id="11111111-1111-4111-8111-111111111111", record_id="22222222-2222-4222-8222-222222222222")

DEEP = 100_000

UNKNOWN = "33333333-3333-4333-8333-333333333333"


def push(**more: Any) -> bytes:
    return json.dumps({"changes": [GOOD], **more}).encode()


def with_text(text: bytes) -> bytes:
    """A good push, but for what stands in place of the name."""
    return push().replace(b'"Ada Lovelace"', text)


GZIP = {"Content-Encoding": "gzip"}

UTF_32 = {"Content-Type": "application/json; charset=utf-32"}


@cache
def bomb() -> bytes:
    """A gzip bomb. Packing takes half a second, so it waits for a test that sends it: each process collects all."""
    return gzip.compress(bytes(100 * 1024 * 1024))


@cache
def bomb_in_members() -> bytes:
    """Four gzip members behind each other, each longer than a body may be."""
    return gzip.compress(bytes(BODY_BYTES_MAX + 1)) * 4


BODIES: dict[str, tuple[bytes | Callable[[], bytes], dict[str, str], int, str]] = {
    "empty": (b"", {}, 400, "empty"),
    "blank": (b" \n\t ", {}, 400, "empty"),
    "not JSON": (b"name=Ada&phone=1", {}, 400, "not_json"),
    "half of it": (push()[:-20], {}, 400, "not_json"),
    "two values": (push() + push(), {}, 400, "not_json"),
    "single quotes": (push().replace(b'"', b"'"), {}, 400, "not_json"),
    "a comment": (b"// hello\n" + push(), {}, 400, "not_json"),
    "a trailing comma": (push()[:-1] + b",}", {}, 400, "not_json"),
    "a raw line break in text": (with_text(b'"a\nb"'), {}, 400, "not_json"),
    "a byte order mark": (b"\xef\xbb\xbf" + push(), {}, 400, "not_json"),
    "invalid UTF-8": (with_text(b'"\xff\xfe"'), {}, 400, "not_utf8"),
    "a surrogate in UTF-8": (with_text(b'"\xed\xa0\x80"'), {}, 400, "not_utf8"),
    "an overlong NUL in UTF-8": (with_text(b'"\xc0\x80"'), {}, 400, "not_utf8"),
    "UTF-16": (push().decode().encode("utf-16"), {}, 400, "not_utf8"),
    "lists 100,000 levels deep": (b"[" * DEEP + b"]" * DEEP, {}, 400, "too_deep"),
    "objects 100,000 levels deep": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, {}, 400, "too_deep"),
    "depth inside a value": (with_text(b"[" * DEEP + b"]" * DEEP), {}, 400, "too_deep"),
    "depth that never closes": (b"[" * DEEP, {}, 400, "too_deep"),
    "NaN": (with_text(b"NaN"), {}, 400, "not_json"),
    "Infinity": (with_text(b"Infinity"), {}, 400, "not_json"),
    "minus Infinity": (with_text(b"-Infinity"), {}, 400, "not_json"),
    "a number of 5,000 digits": (with_text(b"1" * 5000), {}, 400, "number_too_long"),
    "a key twice": (b'{"since": null, "since": null}', {}, 400, "duplicate_key"),
    "a key twice, once escaped": (b'{"changes": [], "chan\\u0067es": []}', {}, 400, "duplicate_key"),
    "a key twice deep inside": (with_text(b'"Ada", "name": "Bob"'), {}, 400, "duplicate_key"),
    "a list": (b"[]", {}, 400, "not_an_object"),
    "text": (b'"changes"', {}, 400, "not_an_object"),
    "a number": (b"5", {}, 400, "not_an_object"),
    "null": (b"null", {}, 400, "not_an_object"),
    "true": (b"true", {}, 400, "not_an_object"),
    "a gzip bomb": (bomb, GZIP, 413, "body_too_large"),
    "a bomb in several members": (bomb_in_members, GZIP, 413, "body_too_large"),
    "an over-long body": (push() + b" " * BODY_BYTES_MAX, {}, 413, "body_too_large"),
    "plain that says it is gzip": (push(), GZIP, 400, "bad_gzip"),
    "gzip cut short": (gzip.compress(push())[:-9], GZIP, 400, "bad_gzip"),
    "gzip with something after it": (gzip.compress(push()) + b"x", GZIP, 400, "bad_gzip"),
    "zlib that says it is gzip": (zlib.compress(push()), GZIP, 400, "bad_gzip"),
    "gzip that does not say so": (gzip.compress(push()), {}, 400, "not_utf8"),
    "nothing, packed": (gzip.compress(b""), GZIP, 400, "empty"),
    "an unknown packing": (push(), {"Content-Encoding": "br"}, 415, "unsupported_encoding"),
    "packed twice": (gzip.compress(push()), {"Content-Encoding": "gzip, gzip"}, 415, "unsupported_encoding"),
    "UTF-32, and told so": (push().decode().encode("utf-32"), UTF_32, 400, "not_utf8"),
}  # fmt: skip

ENVELOPES: dict[str, tuple[dict[str, Any], int, str]] = {
    "changes is an object": ({"changes": {}}, 400, "changes_not_a_list"),
    "changes is null": ({"changes": None}, 400, "changes_not_a_list"),
    "changes is text": ({"changes": "[]"}, 400, "changes_not_a_list"),
    "1,001 changes": ({"changes": [GOOD] * 1001}, 413, "too_many_changes"),
    "an unknown key": ({"book": "mine"}, 400, "unknown_key"),
    "an unknown key that is no text": ({"\ud800\0": 1}, 400, "unknown_key"),
    "since is a number": ({"since": 5}, 400, "bad_cursor"),
    "since is false": ({"since": False}, 400, "bad_cursor"),
    "since is empty": ({"since": ""}, 400, "bad_cursor"),
    "since is no cursor": ({"since": "yesterday"}, 400, "bad_cursor"),
    "since is negative": ({"since": f"{UNKNOWN}.-1"}, 400, "bad_cursor"),
    "since is over 63 bits": ({"since": f"{UNKNOWN}.{2**63}"}, 400, "bad_cursor"),
    "since has foreign digits": ({"since": f"{UNKNOWN}.٣"}, 400, "bad_cursor"),
    "since has a lone surrogate": ({"since": "\ud800.1"}, 400, "bad_cursor"),
    "since has a NUL": ({"since": "a\0.1"}, 400, "bad_cursor"),
    "since has four parts": ({"since": "a.1.2.3"}, 400, "bad_cursor"),
    "since is endless": ({"since": "a" * 100_000 + ".1"}, 400, "bad_cursor"),
    "since is SQL": ({"since": "' OR 1=1 --.1.1; DROP TABLE books"}, 400, "bad_cursor"),
    "sent_at has no offset": ({"sent_at": "2026-11-20T17:00:00"}, 400, "bad_time"),
    "sent_at is a number": ({"sent_at": 1795021600}, 400, "bad_time"),
    "sent_at is beyond the calendar": ({"sent_at": "9999-12-31T23:59:59-23:59"}, 400, "bad_time"),
    "kept is below zero": ({"kept": -1}, 400, "bad_kept"),
    "kept is over 63 bits": ({"kept": 2**63}, 400, "bad_kept"),
    "seen is text": ({"seen": "5"}, 400, "bad_seen"),
    "seen is true": ({"seen": True}, 400, "bad_seen"),
    "seen is below zero": ({"seen": -1}, 400, "bad_seen"),
    "seen is over 63 bits": ({"seen": 2**63}, 400, "bad_seen"),
    "parked is a list": ({"parked": []}, 400, "bad_parked"),
    "parked counts below zero": ({"parked": {"missing": -1}}, 400, "bad_parked"),
    "parked counts true": ({"parked": {"missing": True}}, 400, "bad_parked"),
    "parked counts over 63 bits": ({"parked": {"missing": 2**63}}, 400, "bad_parked"),
    "parked tells more than codes": ({"parked": {"x" * 41: 1}}, 400, "bad_parked"),
    "parked has a lone surrogate": ({"parked": {"\udfff": 1}}, 400, "bad_parked"),
    "parked has 101 codes": ({"parked": {f"c{number}": 1 for number in range(101)}}, 400, "bad_parked"),
}

WITHOUT = object()
"""Stands for a key that is left out."""


def entry(**attributes: Any) -> dict[str, Any]:
    """A change whose one entry has these attributes."""
    return {"data": {"name": "Ada", "details": {"k1": {"kind": "phone", "value": "1"} | attributes}}}


def named(**fields: Any) -> dict[str, Any]:
    return {"data": {"name": "Ada"} | fields}


CHANGES: dict[str, tuple[Any, str]] = {
    "a number": (5, "not_an_object"),
    "null": (None, "not_an_object"),
    "a list": ([GOOD], "not_an_object"),
    "an unknown key": ({"book": 1}, "unknown_key"),
    "no table": ({"table": WITHOUT}, "unknown_table"),
    "an unknown table": ({"table": "users"}, "unknown_table"),
    "a table of details": ({"table": "contact_details"}, "unknown_table"),
    "a table in other letters": ({"table": "Contacts"}, "unknown_table"),
    "a hostile table": ({"table": "contacts; DROP TABLE contacts; --"}, "unknown_table"),
    "a quoted table": ({"table": 'contacts" ("name'}, "unknown_table"),
    "a table with a NUL": ({"table": "contacts\0"}, "unknown_table"),
    "a table that is a list": ({"table": ["contacts"]}, "unknown_table"),
    "no operation": ({"operation": WITHOUT}, "unknown_operation"),
    "an unknown operation": ({"operation": "UPSERT"}, "unknown_operation"),
    "an operation in small letters": ({"operation": "insert"}, "unknown_operation"),
    "an operation that is an object": ({"operation": {}}, "unknown_operation"),
    "no change id": ({"id": WITHOUT}, "bad_id"),
    "a change id that is a number": ({"id": 5}, "bad_id"),
    "a change id in braces": ({"id": "{" + UNKNOWN + "}"}, "bad_id"),
    "a change id with a line break": ({"id": UNKNOWN + "\n"}, "bad_id"),
    "a change id of other digits": ({"id": "٣" * 8 + UNKNOWN[8:]}, "bad_id"),
    "no record id": ({"record_id": WITHOUT}, "bad_id"),
    "a record id that is a number": ({"record_id": 1}, "bad_id"),
    "a record id without dashes": ({"record_id": UNKNOWN.replace("-", "")}, "bad_id"),
    "a record id that is empty": ({"record_id": ""}, "bad_id"),
    "a replica that is no id": ({"replica": "laptop"}, "bad_id"),
    "a replica that is a number": ({"replica": 0}, "bad_id"),
    "no time": ({"timestamp": WITHOUT}, "bad_time"),
    "a time that is a number": ({"timestamp": 1795021600000}, "bad_time"),
    "a time in words": ({"timestamp": "yesterday"}, "bad_time"),
    "a time without an offset": ({"timestamp": "2026-11-20T17:00:00"}, "bad_time"),
    "a day alone": ({"timestamp": "2026-11-20"}, "bad_time"),
    "a day that never was": ({"timestamp": "2026-02-30T00:00:00Z"}, "bad_time"),
    "a time after the calendar": ({"timestamp": "9999-12-31T23:59:59-23:59"}, "bad_time"),
    "a time before the calendar": ({"timestamp": "0001-01-01T00:00:00+23:59"}, "bad_time"),
    "conflicts that are no list": ({"resolves": "all"}, "bad_resolves"),
    "a conflict that is no id": ({"resolves": [7]}, "bad_id"),
    "a history that is no truth": ({"history": "yes"}, "bad_history"),
    "a base that is true": ({"base": True}, "bad_base"),
    "a base that is negative": ({"base": -1}, "bad_base"),
    "a base that is a fraction": ({"base": 1.5}, "bad_base"),
    "a base without a fraction": ({"base": 1.0}, "bad_base"),
    "a base that is infinite": ({"base": 1e308 * 10}, "bad_base"),
    "a base that is text": ({"base": "0"}, "bad_base"),
    "a base over 63 bits": ({"base": 2**63}, "bad_base"),
    "a base of 400 digits": ({"base": 10**400}, "bad_base"),
    "a base from the future": ({"base": 2**63 - 1}, "base_unknown"),
    "an edit without a base": ({"operation": "UPDATE", "data": {"phone": "1"}}, "base_missing"),
    "a deletion without a base": ({"operation": "DELETE"}, "base_missing"),
    "bases that are a list": ({"bases": []}, "bad_base"),
    "bases of an unknown cell": ({"bases": {"seq": 1}}, "unknown_cell"),
    "bases of half a cell": ({"bases": {"details/k1": 1}}, "unknown_cell"),
    "bases of an address's part": ({"bases": {"details/k1/street": 1}}, "unknown_cell"),
    "bases that are true": ({"bases": {"phone": True}}, "bad_base"),
    "bases that are negative": ({"bases": {"phone": -1}}, "bad_base"),
    "bases from the future": ({"bases": {"phone": 2**63 - 1}}, "base_unknown"),
    "an edit of what never was": ({"operation": "UPDATE", "base": 0, "data": {"phone": "1"}}, "unknown_record"),
    "no data": ({"data": WITHOUT}, "bad_data"),
    "data that is null": ({"data": None}, "bad_data"),
    "data that is a list": ({"data": []}, "bad_data"),
    "data that is text": ({"data": "{}"}, "bad_data"),
    "no name": ({"data": {"notes": "1"}}, "missing"),
    "a name that is null": ({"data": {"name": None}}, "missing"),
    "a name that is empty": ({"data": {"name": ""}}, "missing"),
    "a name of spaces": ({"data": {"name": " \t\u00a0"}}, "missing"),
    "a name that is a number": ({"data": {"name": 5}}, "wrong_type"),
    "a name that is true": ({"data": {"name": True}}, "wrong_type"),
    "a name that is a list": ({"data": {"name": ["Ada"]}}, "wrong_type"),
    "a name that is infinite": ({"data": {"name": 1e308 * 10}}, "wrong_type"),
    "a name with a NUL": ({"data": {"name": "A\0da"}}, "bad_text"),
    "a name with a lone surrogate": ({"data": {"name": "Ada \ud83d"}}, "bad_text"),
    "a name with surrogates in the wrong order": ({"data": {"name": "\ude00\ud83d"}}, "bad_text"),
    "an unknown cell": (named(fax="1"), "unknown_cell"),
    "a column of the server's": (named(clocks="{}"), "unknown_cell"),
    "a seq of one's own": (named(seq=1), "unknown_cell"),
    "a deletion in data": (named(deleted=True), "unknown_cell"),
    "a book of one's own": (named(book_id=2), "unknown_cell"),
    "existence in data": (named(**{"@exists": False}), "unknown_cell"),
    "a cell by its path": (named(**{"details/k1/value": "1"}), "unknown_cell"),
    "a hostile cell": (named(**{'name" = "x': "x"}), "unknown_cell"),
    "a cell whose name is no text": (named(**{"\ud800": "x"}), "unknown_cell"),
    "a cell whose name is empty": (named(**{"": "x"}), "unknown_cell"),
    "a star that is text": (named(starred="yes"), "wrong_type"),
    "a star that is a number": (named(starred=1), "wrong_type"),
    "a birthday in words": (named(birthday="in May"), "bad_date"),
    "a birthday that never was": (named(birthday="2026-02-29"), "bad_date"),
    "a birthday with a time": (named(birthday="2026-02-20T00:00:00Z"), "too_long"),
    "a birthday that is a number": (named(birthday=20260220), "wrong_type"),
    "details that are a list": (named(details=[]), "wrong_type"),
    "details that are text": (named(details="k1"), "wrong_type"),
    "an entry that is text": (named(details={"k1": "555"}), "wrong_type"),
    "an entry that is a list": (named(details={"k1": []}), "wrong_type"),
    "an entry with a path for a key": (named(details={"k1/value": {"kind": "phone"}}), "bad_key"),
    "an entry with an empty key": (named(details={"": {"kind": "phone"}}), "bad_key"),
    "an entry with a long key": (named(details={"k" * 65: {"kind": "phone"}}), "bad_key"),
    "an entry with a NUL in its key": (named(details={"k\0": None}), "bad_key"),
    "an entry whose key is no text": (named(details={"\ud800": None}), "bad_key"),
    "an entry without a kind": (named(details={"k1": {"value": "1"}}), "missing"),
    "an entry of an unknown kind": (entry(kind="fax"), "bad_choice"),
    "an entry of a kind that is null": (entry(kind=None), "missing"),
    "an unknown attribute": (entry(contact_id=UNKNOWN), "unknown_cell"),
    "a removal by attribute": (entry(removed=True), "unknown_cell"),
    "a position that is a fraction": (entry(position=1.5), "wrong_type"),
    "a position that is true": (entry(position=True), "wrong_type"),
    "a position over 31 bits": (entry(position=2**31), "out_of_range"),
    "a position over 63 bits": (entry(position=-(2**63) - 1), "out_of_range"),
    "a street that is a number": (entry(street=5), "wrong_type"),
    "a value with a NUL": (entry(value="1\0"), "bad_text"),
    "a label with a lone surrogate": (entry(label="\udc00"), "bad_text"),
    "501 entries": (named(details={f"k{n}": {"kind": "phone", "value": "1"} for n in range(501)}), "too_many_entries"),
    "10,000 entries": (named(details={f"k{n}": None for n in range(10_000)}), "too_many_entries"),
} | {
    f"{field.name} one letter over": (named(**{field.name: "é" * (field.limit + 1)}), "too_long")
    for field in CONTACTS.fields
    if field.type == "text"
}  # fmt: skip


def bad_change(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {key: value for key, value in (change() | item).items() if value is not WITHOUT}


def json_of(body: dict[str, Any]) -> bytes:
    """The body as others write it: infinite numbers are a one with many zeros."""
    return json.dumps(body).replace("Infinity", "1e999").encode()


LIMITS = ["0", "-1", "", "x", "1.5", "1e3", "٣", "+5", " 5", "0x10", "9" * 19, "9" * 5000, "true", "NaN"]

CURSORS = [
    "x", ".", "..", "x.", ".1", "x.-1", "x.1.2.3", "x.1e3", "x.٣", f"x.{2**63}", "x." + "9" * 5000,
    "\U0010ffff.1", "a" * 65 + ".1", "' OR 1=1; --", "{}", "[]", "undefined", "00", "%s.%d",
    "1970-13-01T00:00:00Z", "1970-01-01T25:00:00Z", "10000-01-01T00:00:00Z",
]  # fmt: skip

PLACES = [
    "x", "{}", "[]", "null", "[1,2,3]", '[true,"a"]', '[1,"a","b"]', '[true,"a","b","c"]', '[true,"\\ud800","b"]',
    '[true,["a"],"b"]', '[true,"a\\u0000","b"]', '[true,"a","\\u0000"]', "[" * 50_000, "9" * 5000, "' OR 1=1; --",
]  # fmt: skip

SEARCHES = ["a" * 201, "a " * 60_000]

QUERIES = [
    *[("/changes", "limit", text, "bad_limit") for text in LIMITS],
    *[("/contacts", "limit", text, "bad_limit") for text in LIMITS],
    *[("/changes", "since", text, "bad_cursor") for text in CURSORS],
    *[("/contacts", "after", text, "bad_place") for text in PLACES],
    *[("/contacts", "search", text, "bad_search") for text in SEARCHES],
    *[("/changes", name, "a\0b", "bad_text") for name in ("limit", "since", "of", "no\0name")],
    *[("/contacts", name, "\0", "bad_text") for name in ("limit", "after", "search")],
]

FIELDS = {
    name: (bad_change(item)["data"], code)
    for name, (item, code) in CHANGES.items()
    if isinstance(item, dict) and isinstance(item.get("data"), dict) and "operation" not in item
}
"""The bad data of CHANGES, for those who write without changes."""

TUTORIAL = {
    "table": "contacts",
    "record_id": 1,
    "operation": "INSERT",
    "timestamp": "2026-11-18T17:06:40+00:00",
    "data": {"id": 1, "name": "Ada", "email": None, "phone": "1", "updated_at": "2026-11-18T17:06:40"},
}

NO_TUTORIAL_CHANGE: dict[str, tuple[dict[str, Any], str]] = {
    "a table that is a number": ({"table": 5}, "bad_change"),
    "no operation": ({"operation": WITHOUT}, "bad_change"),
    "an unknown operation": ({"operation": "UPSERT"}, "bad_change"),
    "no record": ({"record_id": WITHOUT}, "bad_id"),
    "a record that is text": ({"record_id": "1"}, "bad_id"),
    "a record that is true": ({"record_id": True}, "bad_id"),
    "a record that is a fraction": ({"record_id": 1.5}, "bad_id"),
    "a record over 63 bits": ({"record_id": 2**63}, "bad_id"),
    "no time": ({"timestamp": WITHOUT}, "bad_time"),
    "a time that is none": ({"timestamp": "now"}, "bad_time"),
    "a time that is a number": ({"timestamp": 5}, "bad_time"),
    "data that is a list": ({"data": []}, "bad_data"),
    "data that is text": ({"data": "Ada"}, "bad_data"),
    "data with a list inside": ({"data": {"name": ["Ada"]}}, "bad_data"),
}

BAD_TUTORIAL_CHANGE: dict[str, tuple[dict[str, Any], str]] = {
    "a hostile table": ({"table": "contacts; DROP TABLE contacts"}, "unknown_table"),
    "a table that is no text": ({"table": "\ud800\0"}, "unknown_table"),
    "no name": ({"data": {"id": 1, "phone": "1"}}, "missing"),
    "a name that is null": ({"data": {"name": None}}, "missing"),
    "a name that is true": ({"data": {"name": True}}, "wrong_type"),
    "a name that is a number without all its digits": ({"data": {"name": 1e20}}, "wrong_type"),
    "a name that is infinite": ({"data": {"name": 1e308 * 10}}, "wrong_type"),
    "a name with a NUL": ({"data": {"name": "\0"}}, "bad_text"),
    "a name with a lone surrogate": ({"data": {"name": "\ud800"}}, "bad_text"),
    "a name too long": ({"data": {"name": "a" * 301}}, "too_long"),
    "a number that the server never gave": ({"record_id": -(10**12), "operation": "UPDATE"}, "unknown_record"),
}


def tutorial(more: dict[str, Any]) -> bytes:
    return json_of({key: value for key, value in (TUTORIAL | more).items() if value is not WITHOUT})
