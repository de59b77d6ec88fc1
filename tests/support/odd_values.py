"""Odd values, and for every route what it takes: whatever of it is odd, the route is to answer in a sentence.

Rows are per route of the URL map; path variables are taken from there. ``{contact}`` and the like stand for what the
world of the test holds. ``body`` is JSON, each value in it a parameter of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.support.api_client import NOON, change

COLUMNS = {"mapping": '{"Who": "name"}', "cell-0": "name", "origin": "proposed", "reader": ""}
"""What a form says of the columns of a file."""

UNKNOWN = str(uuid.UUID(int=7, version=4))

TEXTS: Mapping[str, str] = {
    "empty": "",
    "a space": " ",
    "NUL": "a\0b",
    "10,000 characters": "x" * 10_000,
    "10,000 four-byte characters": "😀" * 10_000,
    "emoji": "👩‍👩‍👧‍👦 😀",
    "combining characters": "A\u030a\u0301\u0327",
    "a right-to-left override": "\u202eabc\u200f",
    "a percent sign": "%",
    "an underscore": "_",
    "a backslash": "\\",
    "quotes": "'\"`; --",
    "braces": "{0}{{}}%(x)s%s",
    "minus one": "-1",
    "a number over 63 bits": str(2**63),
    "a number of 5,000 digits": "9" * 5000,
    "a fraction": "1.5",
    "an exponent": "1e3",
    "a plus sign": "+5",
    "a number with a space": " 5 ",
    "a number with an underscore": "1_000",
    "digits of another script": "٣",
    "a digit that is no number": "²",
    "not a number": "NaN",
    "a line break": "a\r\nb",
    "a noncharacter": "\uffff",
    "an id in capitals": UNKNOWN.upper(),
    "an id with a space": UNKNOWN + " ",
    "an id in braces": "{" + UNKNOWN + "}",
    "a path": "../../etc/passwd",
    "a place with a NUL": '[false,"a\\u0000","b"]',
    "a place over 63 bits": f"[{2**63}]",
    "a time after the calendar": "9999-12-31T23:59:59-23:59",
}  # fmt: skip
"""By name. All of these are text: what UTF-8 can say."""

ESCAPED: Mapping[str, str] = {
    "invalid UTF-8": "%FF%FE",
    "a lone surrogate": "%ED%A0%80",
    "an overlong NUL": "%C0%80",
    "half an escape": "%4",
}
"""What no text is: it can only stand in a path, a query or a form, percent-encoded."""

VALUES: Mapping[str, Any] = {
    **TEXTS,
    "a lone surrogate": "a\ud800",
    "null": None,
    "true": True,
    "zero": 0,
    "the number minus one": -1,
    "the number 2**31": 2**31,
    "the number 2**63 - 1": 2**63 - 1,
    "the number 2**63": 2**63,
    "the number 1.5": 1.5,
    "the number 1e300": 1e300,
    "a list": [],
    "a list of lists": [[[]]],
    "an object": {},
    "an object with a NUL": {"a\0": "\0"},
}
"""What JSON can say."""

SHARP = ("10,000 four-byte characters", "a number over 63 bits", "a digit that is no number")
SHARP_IN_HEADERS = ("empty", "emoji", "10,000 characters", "minus one", "an exponent", "quotes")
SHARP_IN_JSON = ("a lone surrogate", "the number 2**63")
"""Those that found most, besides NUL."""


class By(Enum):
    NOBODY = "nobody"
    PERSON = "a person who is signed in, an admin"
    DEVICE = "a device"
    PHONE = "a device that speaks CardDAV"


@dataclass(frozen=True)
class Takes:
    """Who asks a route, and what it takes besides the variables of its path."""

    by: By
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


def sync_body() -> dict[str, Any]:
    details = {"k1": {"kind": "phone", "label": "boat", "value": "555-9", "position": 1}}
    edit = change("UPDATE", record_id="{contact}", base=0, bases={"phone": 0}, replica=UNKNOWN, resolves=[UNKNOWN])
    made = change(id=UNKNOWN, record_id=UNKNOWN, data={"name": "Ada", "birthday": "1815-12-10", "details": details})
    envelope = {"since": "{cursor}", "seen": 0, "kept": 0, "sent_at": NOON, "parked": {"bad_text": 1}}
    return {"changes": [made, edit | {"id": UNKNOWN, "data": {"phone": "1", "starred": True}}], **envelope}


CONTACT = {"name": "Ada", "email": "", "phone_key": "@", "phone_label": "Mobile", "phone_value": "1",
           "address_key": "", "address_street": "Long Street", "labels": "1", "label": "Friends",
           "label_new": "Work"}  # fmt: skip
PASSWORDS = dict.fromkeys(("password", "new_password", "new_password_again"), "correct horse battery")
FORM = {"change_id": UNKNOWN, "base": "{seq}"}
EDITED = {"opened": '{"name": "Ada"}', "add": "", "remove": "", "show": "", "photo_remove": "1"}
LIMIT = {"limit": "5"}

ACT = "/people/<number:user_id>/<any(disable,enable,remove,restore,promote,demote):act>"

DAV_METHODS = ("GET", "PROPFIND", "PROPPATCH", "REPORT", "PUT", "DELETE", "MKCOL")

RECORD = "/tables/<table_name>/<uuid:record_id>"

ROUTES: Mapping[str, Takes] = {
    "GET {static}/<path:filename>": Takes(By.NOBODY),
    **{f"{method} {rule}": Takes(By.PHONE) for rule in ("/dav", "/dav/", "/dav/<path:path>") for method in DAV_METHODS},
    "PROPFIND /": Takes(By.PHONE),
    "GET /.well-known/carddav": Takes(By.NOBODY),
    "PROPFIND /.well-known/carddav": Takes(By.NOBODY),
    "GET /healthz": Takes(By.NOBODY),
    "GET /openapi.json": Takes(By.NOBODY),
    "GET /metrics": Takes(By.NOBODY),
    "GET /login": Takes(By.NOBODY, {"next": "/"}),
    "POST /login": Takes(By.NOBODY, {"next": "/"}, {"name": "ada", "password": "correct horse battery", "carried": ""}),
    "GET /setup/<once>": Takes(By.NOBODY),
    "POST /setup/<once>": Takes(By.NOBODY, form={"name": "eve", "password": "correct horse battery"}),
    "POST /logout": Takes(By.PERSON),
    "GET /": Takes(
        By.PERSON,
        {
            **{"q": "ada", "label": "Friends", "starred": "1", "sort": "last"},
            **{"at": "0", "lines": "100", "around": "{contact}"},
        },
    ),
    "GET /c/labels": Takes(By.PERSON),
    "POST /c/labels": Takes(By.PERSON, {}, {"name": "Friends"}),
    "POST /c/labels/<uuid:label_id>/rename": Takes(By.PERSON, {}, {"name": "Friends"}),
    "POST /c/labels/<uuid:label_id>/remove": Takes(By.PERSON),
    "POST /c/labels/undo/<uuid:batch_id>": Takes(By.PERSON),
    "GET /c/new": Takes(By.PERSON, {"q": "ada"}),
    "POST /c/new": Takes(
        By.PERSON, {"q": "ada"}, {**CONTACT, **FORM, "opened": "{}", "add": "", "remove": "", "show": ""}
    ),
    "GET /c/<uuid:contact_id>": Takes(By.PERSON, {"q": "ada"}),
    "GET /c/<uuid:contact_id>/edit": Takes(By.PERSON, {"base": "{seq}", "change_id": UNKNOWN}),
    "POST /c/<uuid:contact_id>/edit": Takes(By.PERSON, {"q": "ada"}, {**CONTACT, **FORM, **EDITED}),
    "POST /c/<uuid:contact_id>/star": Takes(By.PERSON, {"base": "{seq}", "from": "list", "q": "ada"}, {"starred": "1"}),
    "POST /c/<uuid:contact_id>/delete": Takes(By.PERSON, {"q": "ada"}, FORM),
    "POST /c/<uuid:contact_id>/restore": Takes(By.PERSON, {"q": "ada"}),
    "GET /c/<uuid:contact_id>/card.vcf": Takes(By.PERSON),
    "GET /c/<uuid:contact_id>/code.svg": Takes(By.PERSON),
    "GET /c/<uuid:contact_id>/history": Takes(By.PERSON, {"skip": "0", "q": "ada"}),
    "POST /c/<uuid:contact_id>/history/restore": Takes(
        By.PERSON,
        {"change": "{change}"},
        {"change": "{change}", "cell": "name", "to": "before", "form_id": UNKNOWN},
    ),
    "POST /c/<uuid:contact_id>/history/version": Takes(By.PERSON, {}, {"seq": "{seq}", "form_id": UNKNOWN}),
    "GET /past": Takes(By.PERSON, {"at": "2026-11-20T17:00", "seq": "{seq}"}),
    "POST /past": Takes(By.PERSON, {"seq": "{seq}"}, {"seq": "{seq}", "at": "2026-11-20T17:00", "seen": "{seq}"}),
    "POST /trash/empty": Takes(By.PERSON),
    "GET /trash": Takes(By.PERSON, {"after": "[1]"}),
    "GET /inbox": Takes(By.PERSON, {"start": "0", "contact": "{contact}"}),
    "POST /inbox/<uuid:conflict_id>": Takes(
        By.PERSON,
        {"start": "0", "contact": "{contact}"},
        {**FORM, "choice": "typed", "value": "555", "next": "x"},
    ),
    "POST /inbox/<uuid:conflict_id>/undo": Takes(By.PERSON, {}, {"change_id": UNKNOWN}),
    "POST /inbox/all": Takes(By.PERSON, {"start": "0"}, {"rule": "theirs", "seq": "{seq}", "change_id": UNKNOWN}),
    "GET /activity": Takes(By.PERSON),
    "GET /import": Takes(By.PERSON),
    "POST /import": Takes(By.PERSON, {}, {"file": "contacts.csv"}),
    "POST /import/confirm": Takes(
        By.PERSON,
        {},
        {"digest": "5e" * 32, "name": "contacts.csv", "on_duplicate": "keep", "label": "Friends"} | COLUMNS,
    ),
    "POST /import/columns": Takes(
        By.PERSON, {}, {"digest": "5e" * 32, "name": "contacts.csv", "proposed": "1"} | COLUMNS
    ),
    "GET /import/progress": Takes(By.PERSON),
    "POST /import/resume": Takes(By.PERSON),
    "POST /import/undo": Takes(By.PERSON, {}, {"batch": UNKNOWN}),
    "GET /export.csv": Takes(By.PERSON, {"format": "google", "spreadsheet": "1"}),
    "PUT /blobs/<hash:sha256>": Takes(By.DEVICE),
    "GET /blobs/<hash:sha256>": Takes(By.DEVICE, {"size": "96"}),
    "GET /contacts/export": Takes(By.DEVICE, {"format": "google", "label": "Friends", "spreadsheet": "1"}),
    "POST /contacts/import": Takes(
        By.DEVICE, {"format": "google", "dry_run": "1", "on_duplicate": "keep", "label": "Friends", "map": "{}"}
    ),
    "GET /devices": Takes(By.PERSON, {"after": "password"}),
    "POST /devices/phones": Takes(By.PERSON, {}, {"name": "phone", "once": UNKNOWN}),
    "GET /phone/<once>": Takes(By.NOBODY),
    "POST /phone/<once>": Takes(By.NOBODY),
    "GET /phone-profile/<signed>": Takes(By.NOBODY),
    "POST /devices/revoke-all": Takes(By.PERSON),
    "POST /devices": Takes(By.PERSON, {}, {"name": "phone", "once": UNKNOWN}),
    "POST /devices/<uuid:device_id>/rename": Takes(By.PERSON, {}, {"name": "phone"}),
    "POST /devices/<uuid:device_id>/revoke": Takes(By.PERSON),
    "GET /settings": Takes(By.PERSON),
    "POST /settings/password": Takes(By.PERSON, {}, PASSWORDS),
    "POST /settings/policy": Takes(By.PERSON, {}, {"policy": "ask"}),
    "POST /settings/appearance": Takes(By.PERSON, {}, {"theme": "dark", "next": "/"}),
    "POST /settings/region": Takes(By.PERSON, {}, {"region": "DE"}),
    "POST /settings/sessions/<uuid:session_id>/end": Takes(By.PERSON),
    "POST /settings/sessions/end-others": Takes(By.PERSON),
    "GET /people": Takes(By.PERSON),
    "POST /people": Takes(By.PERSON, {}, {"name": "eve", "password": "correct horse battery", "admin": "on"}),
    f"GET {ACT}": Takes(By.PERSON),
    f"POST {ACT}": Takes(By.PERSON),
    "GET /streams": Takes(By.PERSON),
    "GET /streams/<uuid:stream_id>": Takes(By.PERSON, {"span": "hour", "before": "5"}),
    "GET /users": Takes(By.DEVICE),
    "POST /users": Takes(By.DEVICE, body={"name": "Grace", "password": "correct horse battery", "admin": False}),
    "GET /users/<number:user_id>": Takes(By.DEVICE),
    "PATCH /users/<number:user_id>": Takes(By.DEVICE, body={"admin": True, "disabled": False}),
    "DELETE /users/<number:user_id>": Takes(By.DEVICE),
    "POST /users/<number:user_id>/restore": Takes(By.DEVICE),
    "POST /sync": Takes(By.DEVICE, body=sync_body()),
    "POST /plan": Takes(By.DEVICE, body=sync_body()),
    "GET /history/<uuid:record_id>": Takes(By.DEVICE, {"table": "contacts", "before": "{seq}", **LIMIT}),
    "POST /history/<uuid:change_id>/restore": Takes(By.DEVICE, body={"cells": ["name"], "to": "before"}),
    "POST /history/<uuid:record_id>/version": Takes(By.DEVICE, {"table": "contacts"}, body={"seq": 0}),
    "GET /conflicts": Takes(By.DEVICE),
    "POST /conflicts/<uuid:conflict_id>": Takes(By.DEVICE, body={"value": "555"}),
    "GET /changes": Takes(By.DEVICE, {"since": "{cursor}", "only": "contacts", **LIMIT}),
    "GET /live": Takes(By.DEVICE, {"since": "{cursor}"}),
    "POST /verify": Takes(By.DEVICE, body={"table": "contacts", "ranges": [["", None]], "records": True}),
    "POST /rows": Takes(By.DEVICE, body={"table": "contacts", "ids": [UNKNOWN]}),
    "GET /contacts": Takes(By.DEVICE, {"search": "ada", "sort": "last", "after": '[false,"a","b",0]', **LIMIT}),
    "POST /contacts": Takes(By.DEVICE, body={"id": UNKNOWN, "name": "Ada", "birthday": None, "details": {"k1": None}}),
    "GET /contacts/<uuid:contact_id>": Takes(By.DEVICE),
    "PATCH /contacts/<uuid:contact_id>": Takes(
        By.DEVICE, body={"name": "Ada", "starred": True, "details": {"k1": {"kind": "address", "city": "Town"}}}
    ),
    "DELETE /contacts/<uuid:contact_id>": Takes(By.DEVICE),
    "GET /tables": Takes(By.DEVICE),
    "GET /tables/<table_name>": Takes(By.DEVICE, {"search": "ada", "name": "Ada", "after": "[]", **LIMIT}),
    "POST /tables/<table_name>": Takes(By.DEVICE, body={"id": UNKNOWN, "name": "Ada", "details": {"k1": None}}),
    f"GET {RECORD}": Takes(By.DEVICE),
    f"PATCH {RECORD}": Takes(By.DEVICE, body={"name": "Ada", "details": {"k1": {"kind": "phone", "value": "1"}}}),
    f"DELETE {RECORD}": Takes(By.DEVICE),
    f"GET {RECORD}/history": Takes(By.DEVICE, {"before": "{seq}", **LIMIT}),
    "GET /labels": Takes(By.DEVICE, {"search": "ada", "after": "[]", **LIMIT}),
    "POST /labels": Takes(By.DEVICE, body={"id": UNKNOWN, "name": "Friends"}),
    "PATCH /labels/<uuid:label_id>": Takes(By.DEVICE, body={"name": "Friends"}),
    "DELETE /labels/<uuid:label_id>": Takes(By.DEVICE),
    "POST /labels/<uuid:label_id>/contacts": Takes(By.DEVICE, body={"add": ["{contact}"], "remove": [UNKNOWN]}),
    "GET /batches": Takes(By.DEVICE, {"before": "{seq}", **LIMIT}),
    "GET /batches/<uuid:batch_id>": Takes(By.DEVICE),
    "POST /batches/<uuid:batch_id>/undo": Takes(By.DEVICE),
}

HEADERS: Mapping[str, tuple[str, ...]] = {
    "Depth": ("{}",),
    "Authorization": ("Bearer {}", "Basic {}", "Digest username={}", "{}"),
    "Cookie": ("offbook={}", "offbook_known_1={}", "remember_token={}|{}", "{}"),
    "If-Match": ("{}", '"{}"', "W/{}"),
    "If-None-Match": ("{}", '"{}"'),
    "If-Modified-Since": ("{}",),
    "Offbook-Protocol": ("{}",),
    "X-Fragment": ("{}",),
    "X-CSRFToken": ("{}",),
    "Origin": ("{}",),
    "Referer": ("{}",),
    "Host": ("{}", "localhost:{}"),
    "Accept": ("{}", "text/html;q={}"),
    "Accept-Encoding": ("{}", "gzip;q={}"),
    "Content-Type": ("{}", "application/json; charset={}", "multipart/form-data; boundary={}"),
    "Content-Encoding": ("{}",),
    "Range": ("bytes={}", "{}"),
    "User-Agent": ("{}",),
    "X-Forwarded-For": ("{}",),
}
"""Every header that something here reads, with the forms in which a value may stand in it."""


def places(body: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where in a body there is a value, the body itself included."""
    yield at
    parts = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, part in parts:
        yield from places(part, (*at, key))


def replaced(body: Any, at: tuple[str | int, ...], value: Any) -> Any:
    """The body with this value at that place."""
    if not at:
        return value
    copy: Any = body.copy()
    copy[at[0]] = replaced(body[at[0]], at[1:], value)
    return copy
