"""What any tool writes with plain SQL is logged: each test writes through a bare connection, as such a tool would."""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.merge.rebase import LineState
from offbook.core.model import Change, Rejection
from offbook.core.protocol.requests import parse_change
from offbook.database import schema
from offbook.database.connection import Connection, atomic, bindable, connect, make_repeatable
from offbook.database.local_changes import change_log
from tests.support.sqlite_drivers import DRIVERS

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
REPLICA = "0b9f7f2e-19f4-4f0f-8c3e-7b7c1d2e3f40"
EVERY_COLUMN = {field.name: None for field in CONTACTS.fields} | {"starred": 0}


class Tool:
    """A tool that knows nothing of offbook but the file: it has its own SQLite and its own settings."""

    def __init__(self, driver: str, path: Path, recursive: bool) -> None:
        self.driver = importlib.import_module(driver)
        self.connection = self.driver.connect(str(path), isolation_level=None)
        self.connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        self.connection.execute(f"PRAGMA recursive_triggers = {recursive:d}")

    def __call__(self, sql: str, *parameters: object) -> list[Any]:
        rows: list[Any] = self.connection.execute(sql, parameters).fetchall()
        return rows

    def refuses(self, sql: str, *parameters: object) -> str:
        with pytest.raises(self.driver.IntegrityError) as caught:
            self(sql, *parameters)
        return str(caught.value)

    def logged(self) -> list[tuple[str, str, Any]]:
        """Operation, record and data of each line, taken out of the log so that the next look shows what is new."""
        rows = self("SELECT operation, record_id, data FROM change_log ORDER BY id")
        self("DELETE FROM change_log")
        return [(operation, record, data and json.loads(data)) for operation, record, data in rows]

    def ada(self, **columns: object) -> None:
        """Ada is there, and acknowledged: as the server has her."""
        columns = {"id": ADA, "name": "Ada", **columns}
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self(f"INSERT INTO contacts ({names}) VALUES ({marks})", *columns.values())
        self("DELETE FROM change_log")
        self("INSERT INTO server_rows (table_name, record_id, seq) VALUES ('contacts', ?, 41)", ADA)

    def phone(self, **columns: object) -> None:
        columns = {"contact_id": ADA, "entry_id": "k1", "kind": "phone", "value": "555", **columns}
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self(f"INSERT INTO contact_details ({names}) VALUES ({marks})", *columns.values())
        self("DELETE FROM change_log")


@pytest.fixture(params=[False, True], ids=["", "recursive_triggers"])
def recursive(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=DRIVERS)
def tool(request: pytest.FixtureRequest, path: Path, replica: Connection, recursive: bool) -> Iterator[Tool]:
    tool = Tool(request.param, path, recursive)
    yield tool
    tool.connection.close()


def is_random_uuid(text: str) -> bool:
    found = uuid.UUID(text)
    return str(found) == text and found.version == 4 and found.variant == uuid.RFC_4122


# --- a record ------------------------------------------------------------------------------------------------------


def test_a_name_is_enough(tool: Tool, replica: Connection) -> None:
    tool("INSERT INTO contacts(name) VALUES ('Ada')")
    ((id, created, updated, starred),) = tool("SELECT id, created_at, updated_at, starred FROM contacts")
    assert is_random_uuid(id)
    assert created == updated
    assert starred == 0
    (line,) = change_log.pending_lines(replica)
    change = parse_change(BUILT_IN, line.as_json(REPLICA), REPLICA)
    assert isinstance(change, Change)
    assert (change.record_id, change.base, change.cells) == (id, 0, {"name": "Ada"})
    assert line.timestamp == created
    assert (line.state, line.bases, line.seq, line.verdict) == (LineState.PENDING, None, None, None)


def test_ids_made_in_sql_are_random_uuids(tool: Tool) -> None:
    tool(f"INSERT INTO contacts(name) VALUES {', '.join(['(1)'] * 300)}")
    ids = tool("SELECT id FROM contacts UNION ALL SELECT change_id FROM change_log")
    assert len(set(ids)) == 600
    assert all(is_random_uuid(id) for (id,) in ids)
    assert {id[19] for (id,) in ids} == set("89ab")


def test_an_insert_logs_what_it_fills(tool: Tool) -> None:
    tool("INSERT INTO contacts(id, name, phone, email, starred) VALUES (?, 'Ada', '', NULL, 1)", ADA)
    assert tool.logged() == [("INSERT", ADA, {"name": "Ada", "phone": "", "starred": 1})]


def test_every_row_of_a_statement_is_a_change(tool: Tool) -> None:
    tool("INSERT INTO contacts(name) VALUES ('Ada'), ('Grace')")
    tool("UPDATE contacts SET company = 'Navy'")
    tool("DELETE FROM contacts")
    assert [operation for operation, _, _ in tool.logged()] == ["INSERT"] * 2 + ["UPDATE"] * 2 + ["DELETE"] * 2


def test_an_update_logs_only_what_changed(tool: Tool) -> None:
    tool.ada(phone="1", email="a@example.org")
    tool("UPDATE contacts SET name = 'Ada', phone = NULL, email = 'b@example.org'")
    assert tool.logged() == [("UPDATE", ADA, {"email": "b@example.org", "phone": None})]


def test_an_update_that_changes_nothing_logs_nothing(tool: Tool) -> None:
    tool.ada(updated_at="then")
    tool("UPDATE contacts SET name = name, phone = NULL, id = id")
    assert tool.logged() == []
    assert tool("SELECT updated_at FROM contacts") == [("then",)]


def test_the_times_that_the_server_makes_are_no_change(tool: Tool) -> None:
    tool.ada()
    tool("UPDATE contacts SET updated_at = '2001', created_at = '2000'")
    assert tool.logged() == []


def test_updated_at_moves_by_itself(tool: Tool) -> None:
    tool.ada(updated_at="then")
    tool("UPDATE contacts SET phone = '1'")
    ((moved,),) = tool("SELECT updated_at FROM contacts")
    assert moved != "then"
    tool("UPDATE contacts SET updated_at = 'then'")
    tool.phone()
    ((moved,),) = tool("SELECT updated_at FROM contacts")
    assert moved != "then"


def test_an_updated_at_that_the_tool_sets_stays(tool: Tool) -> None:
    tool.ada()
    tool("UPDATE contacts SET phone = '1', updated_at = 'mine'")
    assert tool("SELECT updated_at FROM contacts") == [("mine",)]
    assert tool.logged() == [("UPDATE", ADA, {"phone": "1"})]


def test_a_delete_is_logged_without_data_and_takes_its_details_along(tool: Tool) -> None:
    tool.ada()
    tool.phone()
    tool("DELETE FROM contacts")
    assert tool.logged() == [("DELETE", ADA, None)]
    assert tool("SELECT * FROM contact_details") == []


def test_a_change_knows_the_seq_that_the_replica_had(tool: Tool) -> None:
    tool.ada()
    tool("UPDATE contacts SET phone = '1'")
    tool.connection.execute("INSERT INTO contacts(name) VALUES ('Grace')")
    assert tool("SELECT base FROM change_log ORDER BY id") == [(41,), (0,)]


def test_what_is_rolled_back_is_not_logged(tool: Tool) -> None:
    tool("BEGIN")
    tool("INSERT INTO contacts(name) VALUES ('Ada')")
    tool("ROLLBACK")
    assert tool.logged() == []


def test_a_contact_needs_a_name(tool: Tool) -> None:
    assert "contacts.name" in tool.refuses("INSERT INTO contacts(notes) VALUES ('1')")
    tool.ada()
    assert "contacts.name" in tool.refuses("UPDATE contacts SET name = NULL")
    assert tool.logged() == []


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"company": "Acme", "phone": "1"}, "Acme"),
        ({"phone": "1", "email": "a@b.c", "name": ""}, "a@b.c"),
        ({"phone": "1", "email": ""}, "1"),
        ({"phone": "1", "family_name": "King", "prefix": "Dr."}, "Dr. King"),
    ],
)
def test_a_contact_without_a_name_is_called_by_its_parts_or_by_what_there_is(
    columns: dict[str, str], name: str, tool: Tool
) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    tool(f"INSERT INTO contacts ({names}) VALUES ({marks})", *columns.values())
    assert tool("SELECT name FROM contacts") == [(name,)]
    ((operation, _, data),) = tool.logged()
    assert (operation, data) == ("INSERT", {**columns, "name": name})
    tool("UPDATE contacts SET name = NULL, notes = 'x'")
    assert tool("SELECT name, notes FROM contacts") == [(name, "x")]
    assert [(operation, data) for operation, _, data in tool.logged()] == [("UPDATE", {"name": name, "notes": "x"})]
    assert tool("SELECT applying FROM offbook_guard") == [(0,)]


def test_the_parts_of_a_name_are_logged_together_and_a_name_alone(tool: Tool) -> None:
    tool.ada(given_name="Ada")
    tool("UPDATE contacts SET family_name = 'King'")
    tool("UPDATE contacts SET name = 'Ada King'")
    parts = {"given_name": "Ada", "middle_name": None, "family_name": "King", "prefix": None, "suffix": None}
    assert [data for _, _, data in tool.logged()] == [parts, {"name": "Ada King"}]


# --- the same id again ---------------------------------------------------------------------------------------------


def test_a_replace_is_an_update_of_every_column(tool: Tool) -> None:
    tool.ada(phone="1", email="a@example.org", starred=1)
    tool.phone()
    tool("INSERT OR REPLACE INTO contacts(id, name, phone) VALUES (?, 'Ada L', '1')", ADA)
    assert tool.logged() == [("UPDATE", ADA, {**EVERY_COLUMN, "name": "Ada L", "phone": "1"})]
    assert tool("SELECT entry_id FROM contact_details") == [("k1",)]


def test_a_replace_of_an_unknown_id_is_an_insert(tool: Tool) -> None:
    tool("REPLACE INTO contacts(id, name) VALUES (?, 'Ada')", ADA)
    assert tool.logged() == [("INSERT", ADA, {"name": "Ada"})]


def test_a_record_replaced_twice_in_one_statement_is_inserted_once(tool: Tool) -> None:
    tool("REPLACE INTO contacts(id, name) VALUES (?, 'Ada'), (?, 'Ada L')", ADA, ADA)
    assert tool.logged() == [("INSERT", ADA, {"name": "Ada"}), ("UPDATE", ADA, {**EVERY_COLUMN, "name": "Ada L"})]


def test_what_comes_after_a_replace_is_logged_as_ever(tool: Tool) -> None:
    tool.ada()
    tool("REPLACE INTO contacts(id, name) VALUES (?, 'Ada L')", ADA)
    tool.logged()
    tool("UPDATE contacts SET phone = '1'")
    tool("DELETE FROM contacts")
    assert tool.logged() == [("UPDATE", ADA, {"phone": "1"}), ("DELETE", ADA, None)]


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT OR IGNORE INTO contacts(id, name) VALUES (?, 'Eve')",
        "INSERT INTO contacts(id, name) VALUES (?, 'Eve') ON CONFLICT DO NOTHING",
    ],
)
def test_an_ignored_insert_logs_nothing_and_leaves_no_trace(tool: Tool, insert: str) -> None:
    tool.ada()
    tool(insert, ADA)
    assert tool.logged() == []
    tool("DELETE FROM contacts")
    assert tool.logged() == [("DELETE", ADA, None)]
    tool("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", ADA)
    assert [operation for operation, _, _ in tool.logged()] == ["INSERT"]


@pytest.mark.parametrize("clause", ["", "OR ABORT", "OR FAIL", "OR ROLLBACK"])
def test_a_refused_insert_logs_nothing_and_leaves_no_trace(tool: Tool, clause: str) -> None:
    tool.ada()
    assert "UNIQUE" in tool.refuses(f"INSERT {clause} INTO contacts(id, name) VALUES (?, 'Eve')", ADA)
    assert tool.logged() == []
    tool("DELETE FROM contacts")
    assert tool.logged() == [("DELETE", ADA, None)]


def test_an_upsert_is_an_update_of_what_changed(tool: Tool) -> None:
    tool.ada(phone="1")
    tool(
        "INSERT INTO contacts(id, name, phone) VALUES (?, 'Ada', '2')"
        " ON CONFLICT(id) DO UPDATE SET name = excluded.name, phone = excluded.phone",
        ADA,
    )
    assert tool.logged() == [("UPDATE", ADA, {"phone": "2"})]


def test_an_id_used_again_after_its_delete_is_an_insert_that_empties_what_it_does_not_fill(tool: Tool) -> None:
    tool.ada(phone="1")
    tool("DELETE FROM contacts")
    tool("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", ADA)
    assert tool.logged() == [("DELETE", ADA, None), ("INSERT", ADA, {**EVERY_COLUMN, "name": "Ada"})]


def test_the_same_holds_while_its_delete_is_pending(tool: Tool) -> None:
    tool("INSERT INTO contacts(id, name, phone) VALUES (?, 'Ada', '1')", ADA)
    tool("DELETE FROM contacts")
    tool("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", ADA)
    assert tool.logged()[-1] == ("INSERT", ADA, {**EVERY_COLUMN, "name": "Ada"})


@pytest.mark.parametrize("clause", ["", "OR IGNORE", "OR REPLACE"])
def test_a_record_keeps_its_id(tool: Tool, clause: str) -> None:
    tool.ada()
    tool.phone()
    assert "a record keeps its id" in tool.refuses(f"UPDATE {clause} contacts SET id = 'another'")
    assert "a record keeps its id" in tool.refuses(f"UPDATE {clause} contact_details SET entry_id = 'k2'")
    assert "a record keeps its id" in tool.refuses(f"UPDATE {clause} contact_details SET contact_id = 'another'")


# --- details -------------------------------------------------------------------------------------------------------


def test_a_detail_is_an_update_of_its_contact(tool: Tool) -> None:
    tool.ada()
    tool("INSERT INTO contact_details(contact_id, kind, label, value) VALUES (?, 'phone', 'boat', '555-9')", ADA)
    ((key,),) = tool("SELECT entry_id FROM contact_details")
    assert len(key) == 16
    entry = {"kind": "phone", "label": "boat", "value": "555-9", "position": None, **REST}
    assert tool.logged() == [("UPDATE", ADA, {"details": {key: entry}})]


def test_a_detail_knows_the_base_of_its_contact(tool: Tool) -> None:
    tool.ada()
    tool("INSERT INTO contact_details(contact_id, kind) VALUES (?, 'phone')", ADA)
    assert tool("SELECT table_name, base FROM change_log") == [("contacts", 41)]


def test_a_detail_of_no_contact_is_refused(tool: Tool) -> None:
    for clause in ("", "OR IGNORE", "OR REPLACE"):
        sentence = tool.refuses(f"INSERT {clause} INTO contact_details(contact_id, kind) VALUES ('nobody', 'phone')")
        assert sentence == "contacts has no record with this contact_id: add that first"


def test_an_update_of_a_detail_logs_only_what_changed(tool: Tool) -> None:
    tool.ada()
    tool.phone(label="boat")
    tool("UPDATE contact_details SET label = NULL, value = '555'")
    assert tool.logged() == [("UPDATE", ADA, {"details": {"k1": {"label": None}}})]


def test_an_update_of_a_detail_that_changes_nothing_logs_nothing(tool: Tool) -> None:
    tool.ada()
    tool.phone()
    tool("UPDATE contact_details SET label = NULL, value = '555', entry_id = 'k1'")
    assert tool.logged() == []


def test_a_part_of_an_address_brings_the_whole_address(tool: Tool) -> None:
    tool.ada()
    tool.phone(kind="address", value=None, label="home", street="12 St James's Sq", city="London")
    tool("UPDATE contact_details SET street = 'Ockham Park'")
    parts = {"street": "Ockham Park", "city": "London", "region": None, "postcode": None, "country": None}
    parts |= {"po_box": None, "extended": None}
    assert tool.logged() == [("UPDATE", ADA, {"details": {"k1": {"value": None, **parts}}})]


def test_a_removed_detail_is_null(tool: Tool) -> None:
    tool.ada()
    tool.phone()
    tool("DELETE FROM contact_details")
    assert tool.logged() == [("UPDATE", ADA, {"details": {"k1": None}})]


def test_a_replaced_detail_is_one_update_of_every_attribute(tool: Tool) -> None:
    tool.ada()
    tool.phone(label="boat", street="quay")
    tool("REPLACE INTO contact_details(contact_id, entry_id, kind, value) VALUES (?, 'k1', 'phone', '556')", ADA)
    entry: dict[str, Any] = {attribute.name: None for attribute in CONTACTS.maps[0].attributes}
    entry |= {"kind": "phone", "value": "556", "pref": False}
    assert tool.logged() == [("UPDATE", ADA, {"details": {"k1": entry}})]


def test_an_ignored_detail_leaves_no_trace(tool: Tool) -> None:
    tool.ada()
    tool.phone()
    tool("INSERT OR IGNORE INTO contact_details(contact_id, entry_id, kind) VALUES (?, 'k1', 'email')", ADA)
    tool("DELETE FROM contact_details")
    assert tool.logged() == [("UPDATE", ADA, {"details": {"k1": None}})]


# --- values that can't be sent -------------------------------------------------------------------------------------

REST = {"pref": False, "params": None}
"""What else is logged of a detail that is new."""

BAD = {
    "text that is not UTF-8": ("phone", "CAST(x'35ff35' AS TEXT)", "5\udcff5"),
    "a lone surrogate": ("phone", "CAST(x'eda080' AS TEXT)", "\udced\udca0\udc80"),
    "a NUL": ("phone", "'5' || char(0) || '5'", "5\x005"),
    "a number out of range as a flag": ("starred", "1" + "0" * 40, 1e40),
    "infinity as a flag": ("starred", "9e999", float("inf")),
    "minus infinity as a flag": ("starred", "-9e999", float("-inf")),
    "a word as a flag": ("starred", "'yes'", "yes"),
    "a fraction as a flag": ("starred", "0.5", 0.5),
}
GOOD = {
    "quotes and backslashes": ("phone", "'\"\\\"' || char(39)", '"\\"\''),
    "a line break": ("phone", "'5' || char(10)", "5\n"),
    "a number out of range as text": ("phone", "1" + "0" * 40, "1.0e+40"),
    "infinity as text": ("phone", "9e999", "Inf"),
    "an emoji": ("phone", "'⛵'", "⛵"),
    "a flag": ("starred", "1", True),
}


@pytest.mark.parametrize(("column", "sql", "value"), [*BAD.values(), *GOOD.values()], ids=[*BAD, *GOOD])
def test_any_value_is_taken_in_and_logged(
    tool: Tool, replica: Connection, column: str, sql: str, value: object
) -> None:
    tool(f"INSERT INTO contacts(id, name, {column}) VALUES (?, 'Ada', {sql})", ADA)
    tool(f"UPDATE contacts SET {column} = NULL WHERE {column} IS NOT NULL AND '{column}' <> 'starred'")
    tool(f"UPDATE contacts SET {column} = {sql}")
    lines = change_log.pending_lines(replica)
    assert lines[0].data == {"name": "Ada", column: value}
    assert column == "starred" or lines[-1].data == {column: value}
    bad = (column, sql, value) in BAD.values()
    assert isinstance(parse_change(BUILT_IN, lines[0].as_json(REPLICA), REPLICA), Rejection) == bad


def test_numbers_that_are_none_are_logged_in_details_too(tool: Tool, replica: Connection) -> None:
    tool.ada()
    tool("INSERT INTO contact_details(contact_id, entry_id, kind, position) VALUES (?, 'k/1', 'x', 9e999)", ADA)
    (line,) = change_log.pending_lines(replica)
    entry = {"kind": "x", "label": None, "value": None, "position": float("inf"), **REST}
    assert line.data == {"details": {"k/1": entry}}
    assert isinstance(parse_change(BUILT_IN, line.as_json(REPLICA), REPLICA), Rejection)


def test_bytes_are_refused_by_the_name_of_their_field(tool: Tool) -> None:
    tool.ada()
    sentence = tool.refuses("UPDATE contacts SET phone = x'3535'")
    assert "phone holds text or numbers, not bytes" in sentence
    assert "id holds text or numbers, not bytes" in tool.refuses("INSERT INTO contacts(id, name) VALUES (x'01', 'Eve')")
    assert tool.logged() == []


def test_text_that_is_not_utf8_stays_readable_and_can_be_written_back(tool: Tool, replica: Connection) -> None:
    tool("INSERT INTO contacts(name) VALUES (CAST(x'41ff' AS TEXT))")
    ((name,),) = replica.execute("SELECT name FROM contacts").fetchall()
    assert name == "A\udcff"
    replica.execute("UPDATE contacts SET name = ?", (bindable(name),))
    assert replica.execute("SELECT name FROM contacts").fetchall() == [("A\ufffd",)]


# --- what offbook itself writes ------------------------------------------------------------------------------------


def test_what_the_server_said_is_not_logged(replica: Connection) -> None:
    with change_log.without_logging(replica):
        replica.execute("INSERT INTO contacts(id, name, updated_at) VALUES (?, 'Ada', 'then')", (ADA,))
        replica.execute("INSERT INTO contact_details(contact_id, entry_id, kind) VALUES (?, 'k1', 'phone')", (ADA,))
        replica.execute("UPDATE contacts SET phone = '1'")
        replica.execute("UPDATE contact_details SET value = '1'")
        assert replica.execute("SELECT updated_at FROM contacts").fetchone() == ("then",)
        replica.execute("DELETE FROM contacts")
    assert replica.execute("SELECT * FROM contact_details").fetchall() == []
    assert change_log.last_id(replica) == 0


def test_after_applying_writes_are_logged_again(replica: Connection) -> None:
    with atomic(replica), change_log.without_logging(replica), change_log.without_logging(replica):
        pass
    with pytest.raises(RuntimeError), change_log.without_logging(replica):
        raise RuntimeError
    with atomic(replica):
        with pytest.raises(RuntimeError), change_log.without_logging(replica):
            raise RuntimeError
        replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
    assert len(change_log.pending_lines(replica)) == 1


def test_a_contact_added_with_its_details_is_one_change(replica: Connection) -> None:
    with change_log.coalesce_changes(replica):
        replica.execute("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", (ADA,))
        for key in ("k1", "k2"):
            replica.execute("INSERT INTO contact_details(contact_id, entry_id, kind) VALUES (?, ?, 'url')", (ADA, key))
        replica.execute("UPDATE contact_details SET value = 'x' WHERE entry_id = 'k2'")
        replica.execute("UPDATE contacts SET phone = NULL, company = 'Engines'")
    (line,) = change_log.pending_lines(replica)
    assert line.operation == "INSERT"
    assert line.data is not None
    assert {name: line.data[name] for name in ("name", "company")} == {"name": "Ada", "company": "Engines"}
    assert line.data["details"]["k1"] == {"kind": "url", "label": None, "value": None, "position": None, **REST}
    assert line.data["details"]["k2"]["value"] == "x"


def test_one_change_keeps_nulls_and_removals(tool: Tool, replica: Connection) -> None:
    tool.ada(phone="1")
    tool.phone()
    with change_log.coalesce_changes(replica):
        replica.execute("UPDATE contacts SET phone = NULL")
        replica.execute("UPDATE contact_details SET label = 'boat'")
        replica.execute("DELETE FROM contact_details")
    assert tool.logged() == [("UPDATE", ADA, {"phone": None, "details": {"k1": None}})]


def test_a_delete_is_never_joined_with_what_stands_beside_it(tool: Tool, replica: Connection) -> None:
    tool.ada()
    with change_log.coalesce_changes(replica):
        replica.execute("UPDATE contacts SET phone = '1'")
        replica.execute("DELETE FROM contacts")
        replica.execute("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", (ADA,))
        replica.execute("UPDATE contacts SET phone = '2'")
    lines = tool.logged()
    assert [operation for operation, _, _ in lines] == ["UPDATE", "DELETE", "INSERT"]
    assert lines[2][2]["phone"] == "2"


def test_one_change_leaves_other_records_and_earlier_lines_alone(tool: Tool, replica: Connection) -> None:
    tool.ada()
    tool("UPDATE contacts SET phone = '1'")
    with change_log.coalesce_changes(replica):
        replica.execute("INSERT INTO contacts(name) VALUES ('Grace')")
        replica.execute("UPDATE contacts SET phone = '2'")
    data = [data for _, _, data in tool.logged()]
    assert data == [{"phone": "1"}, {"name": "Grace", "phone": "2"}, {"phone": "2"}]


def test_the_lines_of_one_record_are_found_until_they_are_acknowledged(replica: Connection) -> None:
    replica.execute("INSERT INTO contacts(id, name) VALUES (?, 'Ada')", (ADA,))
    for phone in "123":
        replica.execute("UPDATE contacts SET phone = ?", (phone,))
    replica.execute("INSERT INTO contacts(name) VALUES ('Grace')")
    replica.execute("UPDATE change_log SET synced = 1 WHERE id = 1")
    replica.execute("UPDATE change_log SET synced = 2, code = 'too_long', detail = 'why' WHERE id = 2")
    assert [line.id for line in change_log.unsettled_lines(replica, "contacts", ADA)] == [2, 3, 4]
    assert [line.id for line in change_log.pending_lines(replica)] == [3, 4, 5]
    assert [line.id for line in change_log.sendable_lines(replica, 2)] == [3, 4]
    assert [(line.id, line.code, line.detail) for line in change_log.parked_lines(replica)] == [(2, "too_long", "why")]


# --- a simulator ---------------------------------------------------------------------------------------------------


def bytes_of_next(ticks: Iterator[int], length: int) -> bytes:
    return next(ticks).to_bytes(length, "big")[:length]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_simulator_repeats_every_id_and_time(driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.database.connection.sqlite3", importlib.import_module(driver))
    monkeypatch.setattr("offbook.database.connection.has_wal_reset_race", lambda version: False)
    runs = []
    for name in ("a.db", "b.db"):
        connection = connect(tmp_path / name)
        make_repeatable(connection, partial(bytes_of_next, count()), lambda: "2026-11-20T17:00:00.000Z")
        connection.schema = BUILT_IN
        schema.install(connection)
        connection.execute("INSERT INTO contacts(name) VALUES ('Ada')")
        connection.execute("INSERT INTO contact_details(contact_id, kind) SELECT id, 'phone' FROM contacts")
        connection.execute("UPDATE contacts SET phone = '1'")
        tables = ("contacts", "contact_details", "change_log", "sync_state")
        runs.append([connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables])
        connection.close()
    assert runs[0] == runs[1]
    assert {row[4] for row in runs[0][2]} == {"2026-11-20T17:00:00.000Z"}
