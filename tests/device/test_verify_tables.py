"""Comparing an app's own tables, whichever side knows more of them: what agrees is left alone, the rest is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offbook import Replica
from offbook.core.schema import Field, Map, Table, Type
from offbook.core.verify.digests import digest_of
from offbook.core.verify.ranges import WHOLE
from offbook.database.local_changes import change_log
from offbook.verify.digest_form import DigestForm
from offbook.verify.local_digests import local_digests
from tests.device.fake_server import Server, Wire, ok, says, wire
from tests.support.app_schemas import GROUPS, SELECT

NOTES = Table(
    "notes",
    (Field("title", required=True), Field("done", Type.FLAG), Field("weight", Type.NUMBER)),
    (Map("tags", "notes_tags", "notes_id", (Field("tag", required=True),)),),
)
GROWN = replace(
    NOTES,
    fields=(Field("color"), *NOTES.fields, Field("pages", Type.INTEGER)),
    maps=(
        replace(NOTES.maps[0], attributes=(*NOTES.maps[0].attributes, Field("by"))),
        Map("links", "notes_links", "notes_id", (Field("url"),)),
    ),
)
BOATS = Table("boats", (Field("name", required=True),))
FULL: dict[str, Any] = {
    "title": "Milk",
    "weight": 0.1,
    "color": "red",
    "pages": 0,
    "tags": {"t1": {"tag": "shop", "by": "ada"}},
    "links": {"l1": {"url": "x"}},
}

Open = Callable[..., Any]


@pytest.fixture
def open_app(tmp_path: Path, server: Server) -> Iterator[Open]:
    """Opens an app's file by name with these tables."""
    with ExitStack() as stack:

        def open_app(name: str, *tables: Table) -> Replica:
            return stack.enter_context(Replica(tmp_path / f"{name}.db", tables=tables, transport=Wire(server)))

        yield open_app


def damage(replica: Replica, sql: str, *values: Any) -> None:
    """A write that no trigger logs, as a fault or a tool that goes around them makes it."""
    with change_log.without_logging(replica.connection):
        assert replica.connection.execute(sql, values).rowcount > 0


def asked(server: Server) -> list[dict[str, Any]]:
    return [question for path, question in server.questions if path == "/verify"]


def in_agreement(replica: Replica) -> tuple[int, tuple[str, ...]]:
    """How many records were compared, and what was not; nothing may have been mended."""
    report = replica.verify()
    assert (report.repaired, report.left_out) == ((), ())
    return report.compared, report.not_compared


def test_every_table_of_the_file_is_compared(server: Server, open_app: Open) -> None:
    server.grow(NOTES, BOATS)
    a = open_app("a", NOTES, BOATS)
    a.notes.add(title="Milk", tags={"t1": {"tag": "shop"}})
    a.boats.add(name="Beagle")
    a.contacts.add(name="Ada")
    assert in_agreement(a) == (3, ())
    assert [question["table"] for question in asked(server)] == ["contacts", "labels", "notes", "boats"]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE notes SET weight = 0.30000000000000004",
        "UPDATE notes SET done = 0",
        "UPDATE notes_tags SET tag = 'x'",
        "DELETE FROM notes_tags",
        "DELETE FROM notes",
        "UPDATE server_rows SET seq = seq - 1 WHERE table_name = 'notes'",
    ],
)
def test_what_differs_in_an_own_table_is_mended(server: Server, open_app: Open, sql: str) -> None:
    server.grow(NOTES)
    a = open_app("a", NOTES)
    milk = a.notes.add(title="Milk", done=True, weight=0.1 + 0.2 - 1e-16, tags={"t1": {"tag": "shop"}})
    rest = a.notes.add(title="Rum")
    a.sync()
    before = a.notes.get(milk), a.notes.get(rest)
    a.connection.execute("PRAGMA recursive_triggers = 0")
    damage(a, sql + ("" if "server_rows" in sql or "tags" in sql else f" WHERE id = '{milk}'"))
    assert {(repair.table, repair.record_id) for repair in a.verify().repaired} >= {("notes", milk)}
    assert (a.notes.get(milk), a.notes.get(rest)) == before
    assert in_agreement(a) == (2, ())


def test_what_no_edit_accounts_for_is_parked_in_any_table(server: Server, open_app: Open) -> None:
    server.grow(NOTES)
    a = open_app("a", NOTES)
    milk = a.notes.add(title="Milk")
    a.sync()
    damage(a, "UPDATE notes SET weight = 5")
    (repair,) = a.verify().repaired
    assert repair.parked
    (parked,) = a.parked()
    assert (parked.table, parked.record_id, parked.data) == ("notes", milk, {"weight": 5.0})


def test_values_of_every_type_agree_as_plain_sql_writes_them(server: Server, open_app: Open) -> None:
    """In other forms than those in which the server keeps them."""
    server.grow(GROUPS, SELECT)
    a, b = open_app("a", GROUPS, SELECT), open_app("b", GROUPS, SELECT)
    a.connection.execute(
        'INSERT INTO "select" ("order", "check", "limit", "double", "primary", date, timestamp, "case", json,'
        " \"references\") VALUES ('x', '', 0, 1, 0, '--02-29', '2026-11-20T18:00:00+01:00', 'when',"
        """ '{"b": 1.0, "a" : [ 1e2, "\\u00e9" ]}', '0B9F7F2E-19F4-4F0F-8C3E-7B7C1D2E3F40')"""
    )
    (key,) = a.connection.execute('SELECT id FROM "select"').fetchone()
    a.connection.execute(
        'INSERT INTO select_index (select_id, entry_id, "unique", float, "table", at)'
        " VALUES (?, 'k', 0, 1e16, ' [1, 2]', '2026-11-20 17:00Z')",
        (key,),
    )
    for replica in (a, b):
        assert in_agreement(replica)[0] == 1


# --- one side knows more ---------------------------------------------------------------------------------------------

MORE = ("notes.color", "notes.links", "notes.pages", "notes.tags.by")


def test_a_device_agrees_with_a_server_that_has_grown(server: Server, open_app: Open) -> None:
    server.grow(NOTES)
    a = open_app("a", NOTES)
    rum = a.notes.add(title="Rum", tags={"t1": {"tag": "ship"}})
    a.sync()
    server.grow(GROWN)
    b = open_app("b", GROWN)
    milk = b.notes.add(**FULL)
    b.sync()
    b.notes.update(rum, color="brown")
    b.sync()
    assert in_agreement(b) == (2, ())
    assert in_agreement(a) == (2, MORE)
    assert asked(server)[-1]["without"] == ["color", "links", "pages", "tags.by"]
    damage(a, "UPDATE notes SET title = 'x' WHERE id = ?", milk)
    (repair,) = a.verify().repaired
    assert (repair.record_id, a.notes.get(milk)["title"]) == (milk, "Milk")
    assert in_agreement(a) == (2, MORE)
    assert b.verify().repaired == ()
    assert b.notes.get(milk)["color"] == "red"


def test_a_device_agrees_with_a_server_that_has_not_grown_yet(server: Server, open_app: Open) -> None:
    server.grow(NOTES)
    a = open_app("a", GROWN, BOATS)
    milk = a.notes.add(title="Milk", tags={"t1": {"tag": "shop"}})
    a.sync()
    a.notes.update(milk, color="red", links={"l1": {"url": "x"}})
    a.boats.add(name="Beagle")
    assert in_agreement(a) == (1, ("boats", *MORE))
    assert a.status().held == 2
    damage(a, "UPDATE notes_tags SET tag = 'x'")
    assert in_agreement(a)[0] == 1  # of a record with an edit that waits, it is the server's row that counts
    server.grow(GROWN, BOATS)
    a.sync()
    a.verify()
    assert in_agreement(a) == (2, ())


def test_growth_changes_no_digest_on_either_side(server: Server, open_app: Open) -> None:
    server.grow(NOTES)
    a = open_app("a", NOTES)
    a.notes.add(title="Milk", done=True, weight=0.1, tags={"t1": {"tag": "shop"}})
    a.sync()
    before = local_digests(a.connection, DigestForm(NOTES, 2)).sum_of(WHOLE)
    (record,) = (record for record in server.shelf.kept.values() if record.table.name == "notes")
    assert before.digest == digest_of(record) == digest_of(record._replace(table=GROWN))
    a.close()
    a = open_app("a", GROWN)
    assert local_digests(a.connection, DigestForm(GROWN, 2)).sum_of(WHOLE) == before


def test_a_field_of_a_type_that_only_a_newer_version_knows_is_left_out(server: Server, open_app: Open) -> None:
    server.grow(GROWN)
    b = open_app("b", GROWN)
    b.notes.add(**FULL)
    b.sync()
    a = open_app("a", NOTES)
    body = json.loads(server.tell("/tables").body)
    (notes,) = (table for table in body["tables"] if table["name"] == "notes")
    notes["fields"][0]["type"] = "color"
    notes["maps"][1]["attributes"][0]["type"] = "url"
    tell, server.tell = server.tell, lambda path: ok(body) if path == "/tables" else tell(path)  # type: ignore[method-assign]
    assert in_agreement(a) == (1, MORE)


# --- servers of before -----------------------------------------------------------------------------------------------


def test_a_server_that_knows_no_digest_2_is_asked_for_digest_1_of_contacts(server: Server, open_app: Open) -> None:
    server.knows_digests = False
    server.grow(NOTES)
    a = open_app("a", NOTES)
    ada = a.contacts.add(name="Ada", phone="1", details=[{"kind": "address", "street": "Lane 1", "city": "London"}])
    a.notes.add(title="Milk")
    a.sync()
    assert in_agreement(a) == (1, ("labels", "notes"))
    assert [question.get("digest") for question in asked(server)] == [2, None]
    damage(a, "UPDATE contacts SET phone = '2'")
    (repair,) = a.verify().repaired
    assert (repair.record_id, a.contacts.get(ada)["phone"]) == (ada, "1")


def test_a_server_of_before_own_tables_is_not_asked_for_digest_2(server: Server, open_app: Open) -> None:
    server.says_tables = server.knows_digests = False
    a = open_app("a", NOTES)
    a.contacts.add(name="Ada")
    assert in_agreement(a) == (1, ("labels", "notes"))
    assert [question.get("digest") for question in asked(server)] == [None]


def test_a_server_that_is_asked_for_digest_2_must_not_answer_another(server: Server, open_app: Open) -> None:
    a = open_app("a")
    a.sync()
    body = json.dumps({"table": "contacts", "ranges": [["", None]]}).encode()
    wire(a).asked = [says(server.answer(body, "/verify"))]
    with pytest.raises(Exception, match="no digest that can be understood"):
        a.verify()
