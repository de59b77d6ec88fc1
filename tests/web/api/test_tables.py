"""GET /tables: what a device, or a page, is told of the tables that the server has."""

from __future__ import annotations

import pytest

from app import App
from offbook.core.declaration.codec import schema_from_json
from offbook.core.protocol.requests import SCHEMA_HEADER
from tests.support.api_client import Caller
from tests.support.browser import parts_of, signed_in

pytestmark = pytest.mark.engines("sqlite")  # what the store knows has tests on every database


def test_a_device_reads_the_declarations_that_the_server_has(app: App, laptop: Caller) -> None:
    told = laptop.get("/tables").get_json()
    schema = parts_of(app).store.schema
    assert told.keys() == {"shape", "tables", "since"}
    assert schema_from_json(told["tables"]) == schema
    assert told["shape"] == schema.shape
    assert told["since"] == {}
    assert "notes" in {field["name"] for field in told["tables"][0]["fields"]}


def test_its_shape_is_what_answers_of_the_sync_api_name(laptop: Caller) -> None:
    told = laptop.get("/tables").get_json()
    assert laptop.get("/changes", {SCHEMA_HEADER: told["shape"]}).headers[SCHEMA_HEADER] == told["shape"]


def test_who_has_them_already_is_told_so_in_no_bytes(laptop: Caller) -> None:
    etag = laptop.get("/tables").headers["ETag"]
    again = laptop.get("/tables", {"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert laptop.get("/tables", {"If-None-Match": '"0123456789abcdef"'}).status_code == 200


def test_whoever_is_signed_in_reads_the_same(app: App, laptop: Caller) -> None:
    assert signed_in(app, "ada").client.get("/tables").get_json() == laptop.get("/tables").get_json()
    assert app.test_client().get("/tables").status_code == 401
