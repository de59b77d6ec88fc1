"""Who names no schema is answered as by the last version's own server: status, headers and body, to the byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import App
from offbook.core.protocol.requests import SCHEMA_HEADER
from offbook.tables import Map, Ref, Table, Text
from ops.grow import grow
from tests.support import recorded_requests
from tests.support.api_client import caller, change, new_id
from tests.support.app_schemas import of_app
from tests.support.browser import app_on, parts_of
from tests.support.other_versions import extract_version
from tests.support.recorded_requests import FixedServer, Recorded

pytestmark = pytest.mark.versions

NOTES = Table("notes", Text("title"), Ref("about", "contacts", gone="clear"), Map("tags", Text("tag")))
PLACE = re.compile(rb'("cursor":"[0-9a-f-]{36}[.][0-9]+)[0-9]{6}|("next":)[0-9]+')
"""What marks a place, and is the server's alone to read: a cursor, up to its second, and where a history goes on.

What has lost, and each label that is added, is a change with a seq of its own by now.
"""

Record = Callable[[str], list[Recorded]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """What the last version's devices and a plain program ask, and its server answers, under a policy."""
    code = extract_version(tmp_path_factory.mktemp("last"))
    made: dict[str, list[Recorded]] = {}

    def record(policy: str) -> list[Recorded]:
        if policy not in made:
            folder = tmp_path_factory.mktemp("recorded")
            words = [sys.executable, "-P", recorded_requests.__file__, str(folder), policy]
            env = {"PYTHONPATH": str(code)}
            done = subprocess.run(words, cwd=code, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            made[policy] = [Recorded(*one) for one in json.loads(done.stdout)]
        return made[policy]

    return record


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    made = app_on(database_url, instance_path=tmp_path)
    yield made
    made.extensions["database"].close()


def compared(one: Recorded) -> object:
    """The body, to the byte; but digests by their records' ids are in no order, which is the database's."""
    body = PLACE.sub(rb"\1\2", one.answer_body)
    return json.loads(body) if one.path == "/verify" else body


def holds(now: bytes, before: bytes) -> bool:
    """Whether JSON says what it said before. A program that names no schema sees fields that contacts learnt since."""

    def has(value: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict):
            return all(name in value and has(value[name], part) for name, part in wanted.items())
        if isinstance(wanted, list):
            return len(value) == len(wanted) and all(map(has, value, wanted))
        return bool(value == wanted)

    return now == before or has(json.loads(now), json.loads(before))


@pytest.mark.parametrize(("policy", "has_tables"), [("ask", False), ("merge", True), ("last-write-wins", True)])
def test_who_names_no_schema_is_answered_as_by_the_last_version_to_the_byte(
    recorded: Record, app: App, policy: str, has_tables: bool
) -> None:
    if has_tables:  # before there is a book, whose seq would move on
        grow(app.extensions["database"], of_app(NOTES), 1)
    server = FixedServer(app, policy)
    before = recorded(policy)
    assert len(before) > 70
    assert {one.status for one in before} >= {200, 201, 204, 400, 404, 410, 412, 422}
    for number, one in enumerate(before):
        again = server.ask_again(one)
        assert again.status == one.status, (number, one.method, one.path)
        if one.path.startswith("/contacts"):
            assert holds(again.answer_body, one.answer_body), (number, one.method, one.path)
            one.answer_headers.pop("Content-Length", None)
        else:
            assert compared(again) == compared(one), (number, one.method, one.path)
        assert again.answer_headers.items() >= one.answer_headers.items(), (number, one.method, one.path)


@pytest.mark.parametrize(
    ("shape", "is_cleared"),
    [(None, True), ("0" * 16, True), ("the server's", False)],
    ids=["names no schema", "names another", "names the server's"],
)
@pytest.mark.engines("sqlite")
def test_who_can_not_know_what_refers_to_a_record_has_it_cleared_with_the_deletion(
    app: App, shape: str | None, is_cleared: bool
) -> None:
    grow(app.extensions["database"], of_app(NOTES), 1)
    of_server = {SCHEMA_HEADER: parts_of(app).store.schema.shape}
    device, record_id, note = caller(app, "ada"), new_id(), new_id()
    made = [change(record_id=record_id), change(record_id=note, table="notes", data={"about": record_id})]
    answer = device.ask("POST", "/sync", of_server, json={"changes": made}).get_json()
    deletion = change("DELETE", record_id=record_id, base=answer["results"][0]["seq"])
    headers = {} if shape is None else of_server if shape == "the server's" else {SCHEMA_HEADER: shape}
    (result,) = device.ask("POST", "/sync", headers, json={"changes": [deletion]}).get_json()["results"]
    assert result["verdict"] == "applied"
    assert device.get(f"/tables/notes/{note}").get_json()["about"] == (None if is_cleared else record_id)
