"""Whatever anyone sends: a 4xx with a code and a sentence, or ``rejected`` for the one bad change, and nothing stored.

Never a 5xx: the test client raises what a view raises, so that each of these would fail with its traceback.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app import App
from offbook.contacts.table import CONTACTS
from tests.support.api_client import NOON, Caller, change, contents, new_id, typed
from tests.support.bad_input_cases import (
    BAD_TUTORIAL_CHANGE,
    BODIES,
    CHANGES,
    DEEP,
    ENVELOPES,
    FIELDS,
    GOOD,
    GZIP,
    NO_TUTORIAL_CHANGE,
    QUERIES,
    TUTORIAL,
    UNKNOWN,
    bad_change,
    json_of,
    push,
    tutorial,
)
from tests.support.samples import drawn, each_kind

before_any_record = pytest.mark.engines("sqlite")
"""What is refused by how it is written: of the database nothing was asked but the token, as in every other test."""


def is_told(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    problem = answer.get_json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"].endswith(".")
    assert "Traceback" not in answer.text


# --- a body that can't be read ---------------------------------------------------------------------------------------


WRITERS = [("POST", "/sync"), ("POST", "/contacts"), ("PATCH", "/contacts/{id}")]
ASKERS = [("POST", "/verify"), ("POST", "/rows")]


@before_any_record
@pytest.mark.parametrize(("method", "path"), [*WRITERS, *ASKERS])
def test_a_byte_order_mark_is_told_in_words(laptop: Caller, method: str, path: str) -> None:
    answer = laptop.ask(method, path.format(id=laptop.add()["id"]), data=b"\xef\xbb\xbf{}")
    assert answer.get_json()["detail"] == (
        "The body begins with a byte order mark (BOM), which JSON may not: leave it out."
    )


@before_any_record
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(("method", "path"), [*WRITERS, *ASKERS])
def test_a_body_that_cannot_be_read_is_refused_whole(
    app: App, laptop: Caller, method: str, path: str, name: str
) -> None:
    body, headers, status, code = BODIES[name]
    path = path.format(id=laptop.add()["id"])
    before = typed(app)
    is_told(laptop.ask(method, path, headers, data=body() if callable(body) else body), status, code)
    assert typed(app) == before


# --- an envelope that asks for something else ------------------------------------------------------------------------


@before_any_record
@pytest.mark.parametrize("name", ENVELOPES)
def test_a_faulty_envelope_applies_nothing(app: App, laptop: Caller, name: str) -> None:
    more, status, code = ENVELOPES[name]
    before = typed(app)
    is_told(laptop.ask("POST", "/sync", data=push(**more)), status, code)
    assert typed(app) == before


# --- a question that can't be answered -------------------------------------------------------------------------------

QUESTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown table": ("/verify", {"table": "users"}, "unknown_table"),
    "a table with SQL": ("/rows", {"table": "contacts; DROP TABLE contacts"}, "unknown_table"),
    "an unknown key": ("/verify", {"since": None}, "unknown_key"),
    "a bound with SQL": ("/verify", {"ranges": [["'; --", None]]}, "bad_ranges"),
    "a bound with a NUL": ("/verify", {"ranges": [["\0", None]]}, "bad_ranges"),
    "a bound with a lone surrogate": ("/verify", {"ranges": [["\ud800", None]]}, "bad_ranges"),
    "too many ranges": ("/verify", {"ranges": [["", None]] * 65}, "bad_ranges"),
    "the whole book twice": ("/verify", {"ranges": [["", None], ["", None]]}, "bad_ranges"),
    "no ids": ("/rows", {"ids": []}, "bad_ids"),
    "an id with SQL": ("/rows", {"ids": ["' OR 1 = 1 --"]}, "bad_ids"),
    "too many ids": ("/rows", {"ids": [UNKNOWN] * 1001}, "bad_ids"),
}


@before_any_record
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_that_can_not_be_answered_is_refused(laptop: Caller, name: str) -> None:
    path, more, code = QUESTIONS[name]
    good = {"ranges": [["", None]]} if path == "/verify" else {"ids": [UNKNOWN]}
    is_told(laptop.ask("POST", path, json={"table": "contacts"} | good | more), 400, code)


# --- one bad change among good ones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", each_kind({name: code for name, (_, code) in CHANGES.items()}))
def test_a_bad_change_is_rejected_and_its_neighbours_are_applied(app: App, laptop: Caller, name: str) -> None:
    item, code = CHANGES[name]
    first, last, bad = change(), change(), bad_change(item)
    before = typed(app)
    answer = laptop.ask("POST", "/sync", data=json_of({"changes": [first, bad, last]}))
    assert answer.status_code == 200, answer.text
    results = answer.get_json()["results"]
    assert [one["verdict"] for one in results] == ["applied", "rejected", "applied"]
    assert (results[1]["code"], results[1]["detail"][-1]) == (code, ".")
    assert results[1]["id"] in (None, bad["id"] if isinstance(bad, dict) and "id" in bad else None)
    added = {name: [row for row in rows if row not in before[name]] for name, rows in typed(app).items()}
    assert {row[1] for row in added["contacts"]} == {first["record_id"], last["record_id"]}
    assert {name: len(rows) for name, rows in added.items() if rows} == {"books": 1, "contacts": 2, "changes": 2}


def test_a_rejected_change_leaves_nothing_of_its_text(app: App, laptop: Caller) -> None:
    laptop.synced(change(data={"name": "Ada", "secret_field_7": "secret-value-7"}))
    assert laptop.verdicts(change(data={"name": "secret-value-7\0"})) == ["rejected"]
    assert "secret-value-7" not in repr(contents(app))


def test_a_rejected_change_again_is_rejected_again(laptop: Caller) -> None:
    bad = change(data={})
    first, again = laptop.synced(bad)["results"], laptop.synced(bad)["results"]
    assert [first[0]["code"], again[0]["code"]] == ["missing", "missing"]


# --- queries and paths -----------------------------------------------------------------------------------------------


@before_any_record
@pytest.mark.parametrize(("path", "key", "text", "code"), QUERIES, ids=lambda value: repr(value)[:40])
def test_an_absurd_query_is_told_so(laptop: Caller, path: str, key: str, text: str, code: str) -> None:
    query: dict[str, Any] = {key: text}
    is_told(laptop.get(path, **query), 400, code)


@pytest.mark.parametrize(
    "query",
    [
        "search=%FF%FE",
        "search=%00",
        "search=%25_%5C%25",
        "search=ﷺ" + "ﷺ" * 190,
        "search=%F0%9F%98%80",
        "since=9999-12-31T23:59:59-23:59",
        "since=0001-01-01T00:00:00%2B23:59",
        "since=1970-01-01T00:00:00 00:00",
        "limit=1&limit=x",
        "since=a.1&since=a.2",
        "&&&=&=a&a",
        "%",
        "%ZZ=%ZZ",
        "unknown=1",
        "a=b&" * 5000,
    ],
)
def test_no_query_brings_the_server_down(laptop: Caller, query: str) -> None:
    laptop.add()
    for path in ("/changes", "/contacts"):
        assert laptop.ask("GET", f"{path}?{query}").status_code in (200, 400, 410)


@before_any_record
@pytest.mark.parametrize(
    "key",
    ["1", "-1", "none", "%00", UNKNOWN.replace("-", ""), UNKNOWN + "x", "{" + UNKNOWN + "}", "..", "%2e%2e", "%ff"],
)
def test_a_path_that_is_no_id_leads_nowhere(app: App, laptop: Caller, key: str) -> None:
    laptop.add()
    before = typed(app)
    for method in ("GET", "PATCH", "DELETE"):
        answer = laptop.ask(method, f"/contacts/{key}", json={"phone": "1"})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert typed(app) == before


def test_a_body_where_none_belongs_is_not_read(laptop: Caller) -> None:
    for path in ("/changes", "/contacts", "/healthz"):
        assert laptop.ask("GET", path, data=b"[" * DEEP).status_code == 200


def test_a_method_that_is_not_there_is_told_which_are(laptop: Caller) -> None:
    answer = laptop.ask("DELETE", "/sync")
    is_told(answer, 405, "method_not_allowed")
    assert {"OPTIONS", "POST"} == set(answer.headers["Allow"].split(", "))


# --- contacts as JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", each_kind({name: code for name, (_, code) in FIELDS.items()}))
def test_a_bad_contact_is_not_created(app: App, laptop: Caller, name: str) -> None:
    data, code = FIELDS[name]
    before = typed(app)
    is_told(laptop.ask("POST", "/contacts", data=json_of(data)), 422, code)
    assert typed(app) == before


@pytest.mark.parametrize("name", each_kind({name: code for name, (_, code) in FIELDS.items() if name != "no name"}))
def test_a_bad_patch_changes_nothing(app: App, laptop: Caller, name: str) -> None:
    data, code = FIELDS[name]
    key = laptop.add()["id"]
    before = typed(app)
    is_told(laptop.ask("PATCH", f"/contacts/{key}", data=json_of(data)), 422, code)
    assert typed(app) == before


@before_any_record
@pytest.mark.parametrize("body", ["[]", "null", "5", '"name"', "true"])
def test_a_contact_that_is_no_object_is_refused(app: App, laptop: Caller, body: str) -> None:
    key = laptop.add()["id"]
    before = typed(app)
    for method, path in (("POST", "/contacts"), ("PATCH", f"/contacts/{key}")):
        is_told(laptop.ask(method, path, data=body), 400, "not_an_object")
    assert typed(app) == before


@before_any_record
@pytest.mark.parametrize(
    "key",
    [
        5,
        True,
        0,
        False,
        "",
        [],
        {},
        "x",
        UNKNOWN.replace("-", ""),
        "{" + UNKNOWN + "}",
        f"urn:uuid:{UNKNOWN}",
        "\ud800",
    ],
)
def test_an_id_of_ones_own_must_be_one(app: App, laptop: Caller, key: Any) -> None:
    before = typed(app)
    is_told(laptop.ask("POST", "/contacts", json={"name": "Ada", "id": key}), 422, "bad_id")
    assert typed(app) == before


@pytest.mark.parametrize("header", ["5", '"x"', 'W/"5"', '"', '"' + "9" * 5000 + '"', "\xff", ",,,"])
def test_a_strange_condition_is_one_that_does_not_hold(app: App, laptop: Caller, header: str) -> None:
    key = laptop.add()["id"]
    before = typed(app)
    for method in ("PATCH", "DELETE"):
        answer = laptop.ask(method, f"/contacts/{key}", {"If-Match": header}, json={"phone": "1"})
        is_told(answer, 412, "precondition_failed")
    assert typed(app) == before


# --- the tutorial form -----------------------------------------------------------------------------------------------


@before_any_record
@pytest.mark.parametrize("name", NO_TUTORIAL_CHANGE)
def test_what_is_no_tutorial_change_is_refused(app: App, laptop: Caller, name: str) -> None:
    more, code = NO_TUTORIAL_CHANGE[name]
    before = typed(app)
    is_told(laptop.ask("POST", "/sync", data=tutorial(more)), 400, code)
    assert typed(app) == before


@pytest.mark.parametrize("name", each_kind({name: code for name, (_, code) in BAD_TUTORIAL_CHANGE.items()}))
def test_a_bad_tutorial_change_is_answered_so_that_the_queue_goes_on(app: App, laptop: Caller, name: str) -> None:
    more, code = BAD_TUTORIAL_CHANGE[name]
    before = typed(app)
    answer = laptop.ask("POST", "/sync", data=tutorial(more))
    assert answer.status_code == 200, answer.text
    assert (answer.get_json()["verdict"], answer.get_json()["code"]) == ("rejected", code)
    assert typed(app) == before


@pytest.mark.parametrize(
    "more",
    [
        {"data": None},
        {"operation": "DELETE"},
        {"operation": "DELETE", "record_id": -(2**63) + 1},
        {"timestamp": "9999-12-31T23:59:59-23:59"},
        {"timestamp": "0001-01-01"},
        {"data": {"name": "Ada", "updated_at": 1e308 * 10, "x" * 10_000: 1, "\ud800": 1}},
        {"data": {"name": "Ada", "updated_at": "\ud800"}},
        {"unknown": [[[]]]},
    ],
)
def test_no_tutorial_change_brings_the_server_down(laptop: Caller, more: dict[str, Any]) -> None:
    assert laptop.ask("POST", "/sync", data=tutorial(more)).status_code == 200
    assert laptop.get("/changes", since="1970-01-01T00:00:00+00:00").status_code == 200


# --- whatever else ---------------------------------------------------------------------------------------------------

# All examples of a test go to one database: what stores nothing leaves nothing behind for the next.

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**65),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from([UNKNOWN, NOON, "contacts", "INSERT", "UPDATE", "DELETE", "k1", "@exists", "\0", "\ud800"]),
)
KEYS = st.sampled_from([*GOOD, "bases", "replica", "name", "details", "k1", "kind", "since", "changes", "parked"])
JSONS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def is_answered(answer: TestResponse) -> None:
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.get_json()["code"]


@drawn(body=st.binary(max_size=200) | JSONS.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_bring_the_server_down(app: App, laptop: Caller, body: bytes) -> None:
    for method, path in (*WRITERS[:2], *ASKERS, ("PATCH", f"/contacts/{UNKNOWN}")):
        is_answered(laptop.ask(method, path, data=body))
        is_answered(laptop.ask(method, path, GZIP, data=gzip.compress(body)))


@drawn(
    item=st.fixed_dictionaries(
        {}, optional=dict.fromkeys((*GOOD, "replica", "base", "bases", "resolves", "history"), JSONS)
    ),
    data=st.dictionaries(st.sampled_from([*CONTACTS.by_name, "details"]), JSONS, max_size=3),
    details=st.dictionaries(
        st.sampled_from(["k1", "k2", "a/b"]),
        st.none() | st.dictionaries(st.sampled_from([*CONTACTS.maps[0].by_name, "x"]), JSONS, max_size=4),
        max_size=2,
    ),
)
def test_no_change_brings_the_server_down_or_stops_its_neighbour(
    app: App, laptop: Caller, item: dict[str, Any], data: dict[str, Any], details: dict[str, Any]
) -> None:
    odd = change(data={"name": "Ada", "details": details} | data) | item
    answer = laptop.ask("POST", "/sync", data=json.dumps({"changes": [odd, change()]}))
    assert answer.status_code == 200, answer.text
    assert [one["verdict"] for one in answer.get_json()["results"]][1] == "applied"
    key = laptop.add()["id"]
    is_answered(laptop.ask("PATCH", f"/contacts/{key}", data=json.dumps({"details": details} | data)))


@drawn(
    more=st.dictionaries(st.sampled_from(list(TUTORIAL)), JSONS, max_size=3),
    data=st.dictionaries(st.sampled_from(["id", "name", "email", "phone", "updated_at", "x"]), SCALARS, max_size=4),
    since=st.text(max_size=30) | st.datetimes().map(lambda moment: moment.isoformat()),
)
def test_nothing_of_the_tutorial_form_brings_the_server_down(
    app: App, laptop: Caller, more: dict[str, Any], data: dict[str, Any], since: str
) -> None:
    is_answered(laptop.ask("POST", "/sync", data=json.dumps(TUTORIAL | {"data": data} | more)))
    is_answered(laptop.get("/changes", since=since))


@drawn(
    text=st.text(max_size=60), limit=st.text(max_size=12), header=st.text(st.characters(max_codepoint=255), max_size=60)
)
def test_no_query_and_no_header_bring_the_server_down(
    app: App, laptop: Caller, text: str, limit: str, header: str
) -> None:
    is_answered(laptop.get("/contacts", search=text, after=text, limit=limit))
    is_answered(laptop.get("/contacts", search=text))
    is_answered(laptop.get("/changes", since=text, limit=limit))
    plain = header.replace("\r", "").replace("\n", "")
    for name in ("Authorization", "If-None-Match", "Accept-Encoding", "Content-Encoding", "Offbook-Protocol", "Accept"):
        is_answered(laptop.ask("GET", f"/contacts/{new_id()}", {name: plain}))
