"""POST /verify: digest 2 of any table for whoever names it, and for all others what the last version answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import App
from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.protocol.requests import SCHEMA_HEADER
from offbook.core.verify.digests import MODULUS
from offbook.tables import Flag, Map, Number, Table, Text
from ops.grow import grow
from storage.engines.database import Database
from tests.support import other_versions
from tests.support.api_client import Caller, caller, change
from tests.support.app_schemas import of_app
from tests.support.browser import app_on, parts_of
from tests.support.first_digests import digests_of_today, store_first_digests

KNOWN = {SCHEMA_HEADER: "0123456789abcdef"}
ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
BOB = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e02"
MILK = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e03"
DATA: dict[str, dict[str, Any]] = {
    ADA: {
        "name": "Ada Löve\U0001f600",
        "given_name": "Ada",
        "family_name": "Löve\U0001f600",
        "starred": True,
        "birthday": "--12-10",
        "details": {
            "k1": {"kind": "address", "street": "1 Lane", "country": "UK", "position": 0},
            "k2": {"kind": "phone", "value": "555-9", "label": "boat"},
        },
    },
    BOB: {"name": "Bob", "given_name": "Bob", "notes": "two\nlines"},
}
NOTE = {"title": "Milk", "weight": 0.1, "done": True, "tags": {"t1": {"tag": "shop"}}}
NOTES = Table("notes", Text("title", required=True), Number("weight"), Flag("done"), Map("tags", Text("tag")))
WHOLE = {"ranges": [["", None]], "records": True}


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    made = app_on(database_url, instance_path=tmp_path)
    yield made
    made.extensions["database"].close()


@pytest.fixture
def database(app: App) -> Database:
    database: Database = app.extensions["database"]
    return database


@pytest.fixture
def device(app: App, database: Database) -> Caller:
    """A device whose book has contacts and a note."""
    device = caller(app, "ada")
    grow(database, of_app(NOTES), 1)
    changes = [change(record_id=record_id, data=data) for record_id, data in DATA.items()]
    changes.append(change(record_id=MILK, table="notes", data=NOTE))
    results = device.ask("POST", "/sync", KNOWN, json={"changes": changes}).get_json()["results"]
    assert {result["verdict"] for result in results} == {"applied"}
    return device


def compared(device: Caller, table: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    answer = device.ask("POST", "/verify", headers, json={"table": table, **WHOLE, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.get_json()
    return told


@pytest.mark.parametrize("headers", [{}, KNOWN])
def test_digest_2_is_of_any_table_of_the_server(device: Caller, database: Database, headers: dict[str, str]) -> None:
    made = {(table, key): digest % MODULUS for (table, _, key), digest in digests_of_today(database).items()}
    for table, keys in (("contacts", (ADA, BOB)), ("notes", (MILK,))):
        told = compared(device, table, headers, digest=2)
        assert told["digest"] == 2
        assert "shape" not in told
        (range_,) = told["ranges"]
        assert range_["records"] == {key: made[table, key] for key in keys}
        assert range_["digest"] == sum(range_["records"].values()) % MODULUS


def test_growth_changes_no_answer_but_the_cursor(device: Caller, database: Database) -> None:
    before = [compared(device, table, digest=2)["ranges"] for table in ("contacts", "notes")]
    more = Table("notes", Text("color"), *NOTES.fields, Map("tags", Text("tag"), Text("by")), Map("links", Text("url")))
    grow(database, of_app(more), 2)
    assert [compared(device, table, digest=2)["ranges"] for table in ("contacts", "notes")] == before


def test_what_is_left_out_does_not_count(device: Caller) -> None:
    whole = compared(device, "notes", digest=2)["ranges"]
    assert compared(device, "notes", digest=2, without=["color", "tags.by"])["ranges"] == whole
    assert compared(device, "notes", digest=2, without=["weight", "tags"])["ranges"] != whole


@pytest.mark.parametrize("headers", [{}, KNOWN])
@pytest.mark.parametrize("is_old", [False, True])
def test_who_names_no_digest_is_answered_as_by_the_last_version_to_the_byte(
    device: Caller, database: Database, tmp_path: Path, headers: dict[str, str], is_old: bool
) -> None:
    """Whatever is stored: digest 1 is made from the rows."""
    if is_old:
        store_first_digests(database)
    last = other_versions.last(tmp_path / "last")
    digests, parse_cells = last["offbook.core.verify.digests"], last["offbook.core.validation"].parse_cells
    contacts, insert = last["offbook.core.schema"].CONTACTS, last["offbook.core.model"].Operation.INSERT
    page = device.get("/changes").get_json()
    made = {}
    for row in page["changes"]:
        cells = parse_cells(contacts, DATA[row["record_id"]], insert)
        made[row["record_id"]] = digests.digest("contacts", row["record_id"], row["seq"], cells)
    expected = {
        "book": page["book"],
        "cursor": page["cursor"],
        "shape": digests.shape_of(contacts),
        "ranges": [{"count": 2, "digest": sum(made.values()) % MODULUS, "records": dict(sorted(made.items()))}],
    }
    answer = device.ask("POST", "/verify", headers, json={"table": "contacts", **WHOLE})
    assert json.loads(answer.data) == expected
    assert list(json.loads(answer.data)) == list(expected)


def test_digest_1_is_of_what_is_shown_alone(app: App, device: Caller) -> None:
    refused = device.ask("POST", "/verify", json={"table": "notes", **WHOLE})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "unknown_table")
    assert refused.get_json()["detail"].endswith(f"it may be {', '.join(FIRST_SCHEMA)}.")
    assert compared(device, "notes", KNOWN)["shape"]
    assert "notes" in parts_of(app).store.schema


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"digest": 3}, "bad_digest"),
        ({"digest": 2, "without": "notes"}, "bad_without"),
        ({"without": []}, "bad_without"),
    ],
)
@pytest.mark.engines("sqlite")
def test_a_digest_that_there_is_not_is_refused(device: Caller, more: dict[str, Any], code: str) -> None:
    refused = device.ask("POST", "/verify", json={"table": "contacts", **WHOLE, **more})
    assert (refused.status_code, refused.get_json()["code"]) == (400, code)
