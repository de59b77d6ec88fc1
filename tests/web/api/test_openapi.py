"""The API's description is a valid one, leaves nothing out, and every answer is as it says.

The last is held by tests.support.api_client: whatever a test asks of the API is checked against the description on the
way.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

import routes
from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.rules import app_schema
from offbook.core.schema import Schema
from offbook.tables import Choice, Integer, Map, Ref, Text
from offbook.tables import Table as AppTable
from tests.support.api_client import NOON, caller, change, new_id
from tests.support.openapi_checks import Undescribed, fits
from tests.support.openapi_checks import document as document_of
from tests.support.schemas import schemas
from web.api.schemas.records import entry_schema_name, schema_name


@pytest.fixture
def document(app: App) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/openapi.json").get_json()
    return found


def test_the_description_is_valid(document: dict[str, Any]) -> None:
    from openapi_spec_validator import validate  # takes half a second, which each process of the tests would pay

    validate(document)


def test_every_route_of_the_api_is_described(app: App, document: dict[str, Any]) -> None:
    names = {blueprint.name for blueprint, _ in routes.API}
    described = {(operation["operationId"]) for path in document["paths"].values() for operation in path.values()}
    routed = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in names}
    assert described == routed


def test_every_operation_says_what_it_does_and_who_may_ask(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"].endswith("."), operation["operationId"]
            assert operation["security"] or path in ("/healthz", "/openapi.json")
            assert ("401" in operation["responses"]) == bool(operation["security"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_contact_is_described_field_by_field(document: dict[str, Any], name: str) -> None:
    table = BUILT_IN[name]
    found = document["components"]["schemas"]
    row, written = found[schema_name(table)], found[f"{schema_name(table)}Change"]
    cells = {*table.by_name, *table.maps_by_name}
    assert set(row["required"]) == set(row["properties"]) == cells | {"id", "created_at", "updated_at"}
    assert set(written["properties"]) == set(row["properties"])
    assert "required" not in written
    for map_ in table.maps:
        entry = found[entry_schema_name(table, map_)]
        assert (set(entry["properties"]), set(entry["required"])) == (set(map_.by_name), set(map_.required))


def test_the_answers_of_a_tutorial_device_are_described_too(app: App) -> None:
    laptop = caller(app, "ada")
    laptop.add(name="Ada")
    item = {"table": "contacts", "record_id": 1, "operation": "INSERT", "timestamp": "2026-11-18T17:06:40+00:00"}
    assert laptop.ask("POST", "/sync", json=item | {"data": {"id": 1, "name": "Bob"}}).status_code == 200
    assert laptop.ask("POST", "/sync", json=item | {"data": {"id": 1, "name": ""}}).status_code == 200
    (row,) = laptop.get("/changes", since="1970-01-01T00:00:00+00:00").get_json()
    assert row["data"]["name"] == "Ada"


def test_a_push_as_devices_send_it_fits_its_schema() -> None:
    details = {"k3": {"kind": "phone", "label": "boat", "value": "555-9"}, "k1": None}
    edit = change("UPDATE", base=1, bases={"phone": 1}, data={"phone": None, "starred": None, "details": details})
    assert fits("Push", {"changes": [change(), edit, change("DELETE", base=1)], "since": None})
    assert fits("Push", {})
    assert not fits("Push", {"changes": [change(data={"fax": "1"})]})
    assert not fits("Push", {"changes": [change(base=-1)]})
    assert not fits("Push", {"since": 5})
    assert not fits("ContactChange", {"name": ""})
    assert not fits("ContactChange", {"details": {"a/b": {}}})


@pytest.mark.parametrize(
    ("path", "schema", "body"),
    [
        ("/contacts", "NewContact", {"name": "Ada", "birthday": ""}),
        ("/contacts", "NewContact", {"name": "Ada", "birthday": "--02-29", "details": None, "id": None}),
        ("/contacts", "NewContact", {"name": "Ada", "details": {"k1": {"kind": "phone"}, "k2": None}}),
        ("/sync", "Push", {"changes": [], "seen": None, "kept": None, "sent_at": None, "parked": None}),
        ("/sync", "Push", {"changes": [change(base=None, bases=None, replica=None, resolves=None)]}),
        ("/sync", "Push", {"changes": [change("DELETE", base=0, data=[])]}),
    ],
)
def test_what_is_taken_is_described(app: App, path: str, schema: str, body: dict[str, Any]) -> None:
    assert fits(schema, body)
    assert caller(app, "ada").ask("POST", path, json=body).status_code in (200, 201)


@pytest.mark.parametrize(
    ("path", "schema", "body"),
    [
        ("/contacts", "NewContact", {"notes": "1"}),
        ("/contacts", "NewContact", {"name": " "}),
        ("/contacts", "NewContact", {"name": "Ada", "birthday": "2026-02-29"}),
        ("/contacts", "NewContact", {"name": "Ada", "id": "x"}),
        ("/contacts", "NewContact", {"name": "Ada", "notes": "\0"}),
        ("/contacts", "NewContact", {"name": "Ada", "details": {"k1": {}}}),
        (f"/conflicts/{'0' * 8}-0000-4000-8000-{'0' * 12}", "Choice", {"choice": "ours", "value": "1"}),
    ],
)
def test_what_is_refused_is_described_as_wrong(app: App, path: str, schema: str, body: dict[str, Any]) -> None:
    assert not fits(schema, body)
    assert caller(app, "ada").ask("POST", path, json=body).status_code == 422


def test_a_page_longer_than_the_longest_may_be_asked_for(app: App, document: dict[str, Any]) -> None:
    assert caller(app, "ada").get("/changes", limit=1001).status_code == 200
    (limit,) = (one for one in document["paths"]["/changes"]["get"]["parameters"] if one["name"] == "limit")
    assert limit["schema"]["maximum"] > 1001
    assert "No page has more than 1000" in limit["description"]


def test_what_is_not_described_is_noticed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of tests.support.api_client are no use if they let everything through."""
    laptop = caller(app, "ada")
    monkeypatch.setitem(app.view_functions, "rest.index", lambda: {"contacts": [], "next": None, "more": 1})
    with pytest.raises(Undescribed, match="'more' was unexpected"):
        laptop.get("/contacts")
    monkeypatch.setitem(app.view_functions, "rest.index", lambda: ({}, 418))
    with pytest.raises(Undescribed, match="418"):
        laptop.get("/contacts")


# --- the tables that an app brought ----------------------------------------------------------------------------------

NAMES_OF_OURS = ("page", "pages", "rows", "row", "change", "changes", "conflict", "records", "record", "contact")


def test_tables_that_are_called_like_schemas_of_ours_are_described_beside_them() -> None:
    map_ = Map("change", Text("fresh"), Ref("to", "pages"))
    tables = app_schema([AppTable(name, Text("name", required=True), map_) for name in NAMES_OF_OURS], BUILT_IN)
    described, ours = document_of(tables)["components"]["schemas"], document_of(BUILT_IN)["components"]["schemas"]
    assert described.keys() >= ours.keys()
    assert len(described) == len(ours) + 5 * len(NAMES_OF_OURS)
    record = {"id": new_id(), "name": "a", "created_at": NOON, "updated_at": NOON}
    assert fits("tables.pages", record | {"change": {"k1": {"fresh": None, "to": None}}}, tables)
    assert not fits("tables.pages", record, tables)
    assert fits("tables.pages.change", {"change": {"k1": None}}, tables)
    assert fits("TableName", "pages", tables)
    assert not fits("TableName", "pages")


@settings(max_examples=10)
@given(schemas())
def test_whatever_is_declared_is_described_by_schemas_that_are_there(tables: Schema) -> None:
    described = document_of(tables)
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)))
    assert names <= described["components"]["schemas"].keys()
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in names)


def test_what_may_be_empty_of_a_record_is_described_so() -> None:
    """A choice, what has a default, and a whole number of more than 32 bits."""
    size, kind = Integer("size", required=True, default=2**40), Choice("kind", ("a", "b"))
    title = Text("title", required=True, default="none")
    tables = app_schema([AppTable("boats", title, size, kind, Map("parts", kind, size, title))], BUILT_IN)
    times = dict.fromkeys(("created_at", "updated_at"), "2026-11-20T17:00:00.000000Z")
    boat: dict[str, Any] = {"id": new_id(), "title": None, "size": None, "kind": None, "parts": {"k": {}}, **times}
    assert fits("tables.boats", boat, tables)
    assert fits("tables.boats", {**boat, "title": "x", "size": 2**53 - 1, "kind": "b"}, tables)
    for wrong in ({"size": 2**53}, {"kind": "c"}, {"parts": {"k": {"kind": "c"}}}):
        assert not fits("tables.boats", boat | wrong, tables)
