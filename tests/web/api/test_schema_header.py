"""The header Offbook-Schema: whoever sends it is shown every table, in rows without what is empty."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import App
from offbook.core.conflicts.codec import CONFLICTS
from offbook.core.protocol.requests import SCHEMA_HEADER
from tests.support.api_client import Caller, change, new_id
from tests.support.browser import parts_of
from tests.support.live_server import serving
from tests.support.websocket_client import listening

KNOWN = {SCHEMA_HEADER: "0123456789abcdef"}
"""Of some schema: which one the sender knows, is nothing to the server."""

FULL: dict[str, Any] = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "phone": "555-1234",
    "company": "Analytical Engines",
    "starred": True,
    "details": {"k1": {"kind": "phone", "label": "boat", "value": "555-9", "position": 0}},
}


@pytest.fixture
def shape(app: App) -> str:
    return parts_of(app).store.schema.shape


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """What a sparse row says of a row that is whole."""
    data = row["data"]
    kept = {"table", "record_id", "operation", "seq", "data"} & row.keys()
    row = {name: row[name] for name in kept}
    if data is not None:
        said_twice = {"id", "updated_at", *(["created_at"] if data["created_at"] == data["updated_at"] else [])}
        row["data"] = {
            name: value for name, value in data.items() if value not in (None, False, {}) and name not in said_twice
        }
    return row


def test_rows_leave_out_what_is_empty_and_what_they_say_elsewhere(laptop: Caller, phone: Caller, shape: str) -> None:
    first, second, third = (new_id() for _ in range(3))
    laptop.synced(*(change(record_id=record_id, data=FULL) for record_id in (first, second, third)))
    head = laptop.get("/changes").get_json()["cursor"]
    edited = change("UPDATE", record_id=first, base=2**62, data={"starred": False, "phone": None})
    laptop.synced(edited | {"base": 0}, change("DELETE", record_id=third, base=0))
    whole, sparse = phone.get("/changes"), phone.get("/changes", KNOWN)
    assert sparse.get_json()["changes"] == [plain(row) for row in whole.get_json()["changes"]]
    whole, sparse = phone.get("/changes", since=head), phone.get("/changes", KNOWN, since=head)
    assert sparse.get_json()["changes"] == [plain(row) for row in whole.get_json()["changes"]]
    assert [row["operation"] for row in sparse.get_json()["changes"]] == ["UPDATE", "DELETE"]
    assert sparse.get_json()["changes"][0]["data"].keys() == FULL.keys() - {"starred", "phone"} | {"created_at"}
    assert SCHEMA_HEADER not in whole.headers
    assert sparse.headers[SCHEMA_HEADER] == shape


def asked(device: Caller, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
    answer = device.ask("POST", path, headers, json=body)
    assert answer.status_code == 200, answer.text
    assert (SCHEMA_HEADER in answer.headers) == bool(headers)
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.mark.parametrize("path", ["/sync", "/plan"])
def test_a_push_is_answered_with_records_in_the_same_form(laptop: Caller, phone: Caller, path: str) -> None:
    record = new_id()
    laptop.synced(change(record_id=record, data=FULL), change("UPDATE", record_id=record, base=0, data={"phone": "1"}))
    late = change("UPDATE", record_id=record, base=0, data={"phone": "0"}, timestamp="2020-01-01T00:00:00.000Z")
    (whole,) = asked(phone, path, {}, {"changes": [late]})["results"]
    (sparse,) = asked(phone, path, KNOWN, {"changes": [late]})["results"]
    assert whole["verdict"] == sparse["verdict"] == "superseded"
    assert sparse["record"] == plain({"data": whole["record"]})["data"]
    assert sparse["record"]["phone"] == "1"


def test_rows_by_their_ids_are_in_the_same_form_too(laptop: Caller) -> None:
    record, missing = new_id(), new_id()
    laptop.synced(change(record_id=record, data=FULL))
    question = {"table": "contacts", "ids": [record, missing]}
    whole, sparse = (asked(laptop, "/rows", headers, question)["rows"] for headers in ({}, KNOWN))
    assert sparse == [plain(row) for row in whole]
    assert asked(laptop, "/verify", KNOWN, {"table": "contacts", "ranges": [["", None]]})["ranges"][0]["count"] == 1


def test_after_a_restore_what_was_before_is_in_the_same_form(laptop: Caller) -> None:
    record = new_id()
    made = laptop.synced(change(record_id=record, data=FULL))["results"][0]["seq"]
    laptop.synced(change("UPDATE", record_id=record, base=made, data={"company": None}))
    (sparse,) = asked(laptop, "/sync", KNOWN, {"since": None, "kept": made})["changes"]
    assert sparse["then"] == FULL
    assert "company" not in sparse["data"]


@pytest.mark.parametrize("said", ["", "0123456789abcde", "0123456789ABCDEF", "x" * 5_000, "0123456789abcdef, 1"])
def test_a_header_that_is_no_shape_is_refused_with_a_sentence(laptop: Caller, said: str) -> None:
    answers = [
        laptop.get("/changes", {SCHEMA_HEADER: said}),
        laptop.ask("POST", "/sync", {SCHEMA_HEADER: said}, json={}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    for answer in answers:
        assert answer.get_json()["code"] == "bad_schema"
        assert "16 hexadecimal digits" in answer.get_json()["detail"]
        assert SCHEMA_HEADER not in answer.headers


def test_what_is_refused_names_the_server_s_schema_too(laptop: Caller, shape: str) -> None:
    gone = laptop.get("/changes", KNOWN, since="other.5")
    assert (gone.status_code, gone.headers[SCHEMA_HEADER]) == (410, shape)


def test_the_bytes_on_the_wire_are_hardly_more_than_the_values(laptop: Caller) -> None:
    """Each row has its record's id, its table and its seq beside them."""
    changes = [contact(number) for number in range(1_000)]
    laptop.synced(*changes)
    own = json.dumps([{"id": made["record_id"], **made["data"]} for made in changes], separators=(",", ":")).encode()
    page = laptop.get("/changes", {**KNOWN, "Accept-Encoding": "gzip"}).data
    assert len(page) <= 1.25 * len(gzip.compress(own, 1))
    assert len(gzip.decompress(page)) <= 1.25 * len(own)


def contact(number: int) -> dict[str, Any]:
    """As people have them: a dozen values, and most of what there could be is empty."""
    person = f"{number:04}"
    details = {
        "k1": {"kind": "phone", "label": "Home", "value": f"020 7946 {person}", "position": 0},
        "k2": {"kind": "address", "label": "Home", "street": f"{number} Park Lane", "city": "London", "position": 1},
    }
    data = {
        "name": f"Ada Lovelace {person}",
        "given_name": "Ada",
        "family_name": f"Lovelace {person}",
        "company": "Analytical Engines",
        "title": "Countess of numbers",
        "email": f"ada.{person}@example.org",
        "phone": f"555-{person}",
        "birthday": "1815-12-10",
        "notes": "Met at the exhibition, where she explained the engine.",
        "details": details,
    }
    return change(data=data)


def test_a_deletion_names_its_batch(laptop: Caller) -> None:
    first, second = new_id(), new_id()
    head = laptop.get("/changes").get_json()["cursor"]
    laptop.synced(*(change(record_id=record_id, data=FULL) for record_id in (first, second)))
    batch = new_id()
    laptop.synced(change("DELETE", record_id=first, base=0, batch=batch))
    laptop.synced(change("DELETE", record_id=second, base=0))
    whole, sparse = (laptop.get("/changes", headers, since=head).get_json()["changes"] for headers in ({}, KNOWN))
    assert [row.get("batch") for row in sparse if row["table"] == "contacts"] == [batch, None]
    assert [{name: row[name] for name in row if name != "batch"} for row in sparse] == [plain(row) for row in whole]


# --- some tables alone -----------------------------------------------------------------------------------------------


def test_a_page_may_be_of_some_tables_alone(laptop: Caller) -> None:
    laptop.synced(change())
    whole = laptop.get("/changes").get_json()
    assert laptop.get("/changes", only="contacts").get_json() == whole
    assert laptop.get("/changes", KNOWN, only="contacts,contacts").get_json()["cursor"] == whole["cursor"]
    assert laptop.synced(since=None, only=["contacts"])["changes"] == whole["changes"]
    assert laptop.synced(since=None, only=None)["changes"] == whole["changes"]


@pytest.mark.parametrize(
    ("only", "code"),
    [
        (["boats"], "unknown_table"),
        (["contacts", "conflicts"], "unknown_table"),
        ([""], "unknown_table"),
        ([], "bad_only"),
        (["contacts", 1], "bad_only"),
        ("contacts", "bad_only"),
        ({"contacts": 1}, "bad_only"),
    ],
)
@pytest.mark.parametrize("path", ["/sync", "/plan"])
def test_a_page_of_unknown_tables_is_refused_and_nothing_is_applied(
    laptop: Caller, path: str, only: Any, code: str
) -> None:
    answer = laptop.ask("POST", path, json={"changes": [change()], "since": None, "only": only})
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert laptop.get("/changes").get_json()["changes"] == []


@pytest.mark.parametrize("only", ["boats", "", "contacts,", "contacts,boats", CONFLICTS])
def test_a_pull_of_unknown_tables_is_refused(laptop: Caller, only: str) -> None:
    answer = laptop.get("/changes", only=only)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "unknown_table")
    assert "contacts" in answer.get_json()["detail"]


# --- the live channel ------------------------------------------------------------------------------------------------


@pytest.fixture
def url(app: App, laptop: Caller) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.mark.engines("sqlite")
def test_each_listener_gets_pages_and_answers_in_its_own_form(
    url: str, laptop: Caller, phone: Caller, shape: str
) -> None:
    here = laptop.get("/changes").get_json()["cursor"]
    with (
        listening(url, phone.token, here) as old,
        listening(url, phone.token, here, **KNOWN) as new,
    ):
        laptop.synced(change(data=FULL))
        (whole,), (sparse,) = old.page()["changes"], new.page()["changes"]
        assert sparse == plain(whole)
        assert whole["data"]["nickname"] is None
        late = change("UPDATE", record_id=whole["record_id"], base=0, data={"phone": "0"})
        late["timestamp"] = "2020-01-01T00:00:00.000Z"
        old.push(1, late)
        new.push(1, late)
        ((before,), (after,)) = (listener.answer(1)["results"] for listener in (old, new))
        assert after["record"] == plain({"data": before["record"]})["data"]
        assert new.socket.response is not None
        assert new.socket.response.headers[SCHEMA_HEADER] == shape
        assert old.socket.response is not None
        assert SCHEMA_HEADER not in old.socket.response.headers
