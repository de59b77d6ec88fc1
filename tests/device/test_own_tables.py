"""An app's own tables in a replica's file: any names, any types, and whatever plain SQL writes into them."""

from __future__ import annotations

import importlib
import json
import math
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from offbook.core.schema import Field, Gone, Map, Schema, Table, Type
from offbook.database import schema
from offbook.database.connection import Connection, SqliteError, connect
from offbook.database.local_changes import change_log
from offbook.database.records import record_table
from offbook.sync.response import row_of
from tests.support.sqlite_drivers import DRIVERS

ID = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
HOME = "0b9f7f2e-19f4-4f0f-8c3e-7b7c1d2e3f40"

ALL_TYPES = (
    Field("text"),
    Field("date", Type.DATE),
    Field("flag", Type.FLAG),
    Field("integer", Type.INTEGER),
    Field("choice", Type.CHOICE, choices=("low", "high")),
    Field("number", Type.NUMBER),
    Field("time", Type.TIME),
    Field("json", Type.JSON, limit=10_000),
    Field("ref", Type.REF, target="notebooks", gone=Gone.CLEAR),
)
NOTEBOOKS = Table("notebooks", (Field("name", required=True),))
NOTES = Table(
    "notes", (Field("title", required=True), *ALL_TYPES), (Map("parts", "notes_parts", "notes_id", ALL_TYPES),)
)
GUARD = Table("guard", (Field("select"), Field("order", Type.NUMBER)))
TABLES = Schema((NOTEBOOKS, NOTES, GUARD))

VALUES: dict[str, Any] = {
    "text": "x",
    "date": "1815-12-10",
    "flag": True,
    "integer": -(2**53) + 1,
    "choice": "low",
    "number": 0.1,
    "time": "2026-11-20T17:00:00.000Z",
    "json": {"a": [1, 2.5, None, True, "é"]},
    "ref": HOME,
}

NOTHING_MUCH: list[Any] = [0, False, [], {}, "", "text", 1.5]

Open = Callable[[Schema], Connection]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens one file with a schema, as often as one likes."""
    with ExitStack() as stack:

        def open_file(tables: Schema) -> Connection:
            connection = connect(tmp_path / "book.db")
            stack.callback(connection.close)
            connection.schema = tables
            schema.install(connection)
            return connection

        yield open_file


@pytest.fixture
def replica(opened: Open) -> Connection:
    return opened(TABLES)


@pytest.fixture(params=DRIVERS)
def tool(request: pytest.FixtureRequest, tmp_path: Path, replica: Connection) -> Iterator[sqlite3.Connection]:
    """A tool that knows nothing of offbook but the file."""
    connection = importlib.import_module(request.param).connect(str(tmp_path / "book.db"), isolation_level=None)
    yield connection
    connection.close()


def logged(replica: Connection) -> list[Any]:
    return [(line.table, line.operation, line.data) for line in change_log.pending_lines(replica)]


def values_logged(replica: Connection, tool: sqlite3.Connection, column: str, sql: str) -> Any:
    """What the log says of a value that is added, and changed, in a record and in an entry: always the same."""
    tool.execute(f"""INSERT INTO notes (id, title, "{column}") VALUES ('{ID}', 'x', {sql})""")
    tool.execute(f"""INSERT INTO notes_parts (notes_id, entry_id, "{column}") VALUES ('{ID}', 'k', {sql})""")
    for rows in ("notes", "notes_parts"):
        empty = 0 if column == "flag" else "NULL"
        tool.execute(f'UPDATE {rows} SET "{column}" = {empty}')
        tool.execute(f'UPDATE {rows} SET "{column}" = {sql}')
    lines = [line.data or {} for line in change_log.pending_lines(replica)]
    records = [line[column] for line in lines if column in line]
    entries = [line["parts"]["k"][column] for line in lines if "parts" in line and column in line["parts"]["k"]]
    assert len(records) == len(entries) == 3
    said = [records[0], records[2], entries[0], entries[2]]
    assert all(repr(value) == repr(said[0]) for value in said), said
    return said[0]


# --- names ---------------------------------------------------------------------------------------------------------


def test_a_table_may_be_called_as_our_own_tables_once_were(replica: Connection) -> None:
    replica.execute("INSERT INTO notes (id, title) VALUES (?, 'Milk')", (ID,))
    replica.execute("REPLACE INTO notes (id, title, text) VALUES (?, 'Milk', 'two')", (ID,))
    replica.execute("""INSERT INTO guard (id, "select", "order") VALUES (?, 'x', 1)""", (ID,))
    replica.execute("""UPDATE guard SET "order" = 2""")
    replica.execute("DELETE FROM notes")
    lines = logged(replica)
    assert [line[:2] for line in lines] == [
        ("notes", "INSERT"),
        ("notes", "UPDATE"),
        ("guard", "INSERT"),
        ("guard", "UPDATE"),
        ("notes", "DELETE"),
    ]
    assert lines[1][2]["text"] == "two"
    assert lines[2][2] == {"select": "x", "order": 1.0}


def test_triggers_of_tables_with_names_that_begin_alike_stand_side_by_side(opened: Open) -> None:
    field = (Field("title"),)
    maps = tuple(Map(name, f"notes_{name}", "notes_id", field) for name in ("insert", "update", "owner", "delete_a"))
    names = ("notes_delete", "notes_delete_delete", "notes_clear")
    replica = opened(Schema((Table("notes", field, maps), *(Table(name, field) for name in names))))
    for name in ("notes", *names):
        replica.execute(f"INSERT INTO {name} (id, title) VALUES (?, 'x')", (ID,))
    replica.execute("INSERT INTO notes_insert (notes_id, title) VALUES (?, 'x')", (ID,))
    assert [line[0] for line in logged(replica)] == ["notes", *names, "notes"]


def test_two_files_of_one_process_may_have_other_tables_of_one_name(tmp_path: Path) -> None:
    other = Table("notes", (Field("number", Type.INTEGER),))
    with ExitStack() as stack:
        lines = []
        for name, table in (("a", NOTES), ("b", other)):
            connection = connect(tmp_path / f"{name}.db")
            stack.callback(connection.close)
            connection.schema = Schema((NOTEBOOKS, table))
            schema.install(connection)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(notes)")}
            assert columns == {"id", "created_at", "updated_at", *table.by_name}
            connection.execute(
                "INSERT INTO notes (id, number, title) VALUES (?, 5, 'x')"
                if name == "a"
                else "INSERT INTO notes (id, number) VALUES (?, 5)",
                (ID,),
            )
            lines.append(logged(connection))
    assert lines == [
        [("notes", "INSERT", {"number": 5.0, "title": "x"})],
        [("notes", "INSERT", {"number": 5})],
    ]
    assert repr(lines[0][0][2]["number"]) == "5.0"


# --- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", VALUES)
def test_a_value_of_each_type_is_logged_as_the_wire_has_it(
    column: str, replica: Connection, tool: sqlite3.Connection
) -> None:
    value = VALUES[column]
    sql = f"'{json.dumps(value)}'" if column == "json" else repr(value)
    assert values_logged(replica, tool, column, sql) == value


@pytest.mark.parametrize("column", VALUES)
def test_a_value_of_each_type_is_written_and_read_again(column: str, replica: Connection) -> None:
    layout, value = record_table(NOTES), VALUES[column]
    layout.add(replica, ID, {"title": "x", column: value, "parts": {"k": {column: value}}})
    first = layout.get(replica, ID)
    assert first is not None
    assert (first[column], first["parts"]) == (value, {"k": {column: value}})
    assert logged(replica)[0][2] == {"title": "x", column: value}
    layout.change(replica, ID, {column: None, "parts": {"k": {column: None}}})
    emptied = layout.get(replica, ID)
    assert emptied is not None
    assert (emptied[column] or None, emptied["parts"]) == (None, {"k": {}})
    with change_log.without_logging(replica):
        layout.put(replica, [(ID, {name: value for name, value in first.items() if name != "id"})])
    assert layout.get(replica, ID) == first == layout.some(replica, [ID])[0] == layout.all(replica)[0]


@pytest.mark.parametrize(
    ("column", "value"),
    [("integer", 0), ("number", 0.0), *(("json", odd) for odd in NOTHING_MUCH)],
)
def test_nothing_much_is_not_nothing(column: str, value: Any, replica: Connection) -> None:
    layout = record_table(NOTES)
    data = {"title": "x", column: value, "parts": {"k": {column: value}}}
    layout.add(replica, ID, data)
    with change_log.without_logging(replica):
        layout.put(replica, [(HOME, {**data, "created_at": "then", "updated_at": "then"})])
    layout.add_all(replica, [("third", data)])
    for record in layout.all(replica):
        assert repr([record[column], record["parts"]]) == repr([value, {"k": {column: value}}])
    for line in logged(replica):
        assert column not in line[2] or repr(line[2][column]) == repr(value)


@pytest.mark.parametrize(
    ("column", "value"),
    [("integer", 0), ("number", 0.0), *(("json", odd) for odd in NOTHING_MUCH)],
)
def test_nothing_much_comes_from_a_server_as_what_it_is(column: str, value: Any) -> None:
    data = {"title": "x", column: value, "parts": {"k": {column: value}}}
    row = row_of(NOTES, ID, 1, data)
    assert row.data is not None
    assert repr([row.data[column], row.data["parts"]]) == repr([value, {"k": {column: value}}])
    stored = row.server.cells[column], row.server.cells[f"parts/k/{column}"]
    assert stored == ((json.dumps(value),) * 2 if column == "json" else (value,) * 2)


@pytest.mark.parametrize("column", ["text", "integer"])
@pytest.mark.parametrize("made", ["json_array(1, 'a')", "json_object('a', 1)", "json_quote('a')", "json('[]')"])
def test_text_that_sql_made_as_json_is_logged_as_text(
    column: str, made: str, replica: Connection, tool: sqlite3.Connection
) -> None:
    """SQLite still knows it for JSON in a trigger, where json_quote() would take it for a list or an object."""
    ((text,),) = tool.execute(f"SELECT {made} || ''").fetchall()
    assert values_logged(replica, tool, column, made) == text
    tool.execute(f"INSERT INTO notes_parts (notes_id, entry_id) VALUES ('{ID}', {made})")
    assert list((change_log.pending_lines(replica)[-1].data or {})["parts"]) == [text]


def floats() -> list[float]:
    random = Random(1)
    drawn = [struct.unpack("d", random.randbytes(8))[0] for _ in range(3_000)]
    plain = [0.1, 1e300, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 0.1 + 0.2, 1 / 3, 1e15, 1e16]
    return [*plain, *(random.random() for _ in range(1_000)), *(value for value in drawn if math.isfinite(value))]


def test_numbers_are_logged_with_every_digit(replica: Connection, tool: sqlite3.Connection) -> None:
    for number, value in enumerate(floats()):
        tool.execute('INSERT INTO guard (id, "order") VALUES (?, ?)', (str(number), value))
    read = [line.data["order"] for line in change_log.pending_lines(replica) if line.data]
    assert [repr(value) for value in read] == [repr(value) for value in floats()]


ODD: dict[str, tuple[str, str, Any]] = {
    "a word as a number": ("number", "'much'", "much"),
    "digits as a number": ("number", "'1.5'", 1.5),
    "infinity as a number": ("number", "9e999", math.inf),
    "minus infinity as a number": ("number", "-9e999", -math.inf),
    "a whole number as a number": ("number", "3", 3.0),
    "a word as an integer": ("integer", "'much'", "much"),
    "a fraction as an integer": ("integer", "0.1", 0.1),
    "an integer of 64 bits": ("integer", str(2**63 - 1), 2**63 - 1),
    "a word as a flag": ("flag", "'yes'", "yes"),
    "two as a flag": ("flag", "2", 2),
    "no moment": ("time", "'noon'", "noon"),
    "a number as a moment": ("time", "5", "5"),
    "no id": ("ref", "'nobody'", "nobody"),
    "no choice": ("choice", "'medium'", "medium"),
    "no JSON": ("json", "'hello'", "hello"),
    "half of JSON": ("json", "'{\"a\":'", '{"a":'),
    "NaN as JSON": ("json", "'NaN'", "NaN"),
    "JSON with space": ("json", "' [1 , 2]'", [1, 2]),
    "JSON of a number": ("json", "'0.1'", 0.1),
    "a number as JSON": ("json", "5", 5),
    "null as JSON": ("json", "'null'", None),
    "a text as JSON": ("json", "'\"hello\"'", "hello"),
    "a key twice in JSON": ("json", '\'{"a":1,"a":2}\'', {"a": 2}),
    "infinity in JSON": ("json", "'[1e999]'", [math.inf]),
    "JSON before a NUL": ("json", "'1' || char(0)", "1\0"),
    "JSON of no UTF-8": ("json", "CAST(x'22ff22' AS TEXT)", "\udcff"),
    "JSON that is nested too deeply": ("json", f"'{'[' * 1000}{']' * 1000}'", "[" * 1000 + "]" * 1000),
    "JSON of too many digits": ("json", f"'{'1' * 5000}'", "1" * 5000),
}


@pytest.mark.parametrize(("column", "sql", "value"), ODD.values(), ids=ODD)
def test_whatever_plain_sql_writes_is_logged_as_what_it_is(
    column: str, sql: str, value: Any, replica: Connection, tool: sqlite3.Connection
) -> None:
    if isinstance(value, str) and len(value) > 1000:
        tool.execute(f"INSERT INTO notes (id, title, json) VALUES ('{ID}', 'x', {sql})")
        ((_, _, data),) = logged(replica)
        assert data == {"title": "x", "json": value}
        record = record_table(NOTES).get(replica, ID)
        assert record is not None
        assert record["json"] == value
    else:
        assert repr(values_logged(replica, tool, column, sql)) == repr(value)


def test_an_entry_with_json_that_python_can_not_read_is_logged_too(replica: Connection) -> None:
    deep = "[" * 1000 + "]" * 1000
    replica.execute("INSERT INTO notes (id, title) VALUES (?, 'x')", (ID,))
    replica.execute("INSERT INTO notes_parts (notes_id, entry_id, json) VALUES (?, 'k', ?)", (ID, deep))
    assert deep in logged(replica)[1][2]["parts"]


def test_bytes_are_refused_in_columns_of_every_type(replica: Connection) -> None:
    for column in VALUES:
        with pytest.raises(SqliteError, match=f"{column} holds text or numbers"):
            replica.execute(f"INSERT INTO notes (title, {column}) VALUES ('x', x'01')")
    assert logged(replica) == []


def test_what_must_be_there_is_asked_for_by_its_name(replica: Connection) -> None:
    for sql in ("INSERT INTO notes (text) VALUES ('x')", "UPDATE notes SET title = NULL"):
        replica.execute("INSERT INTO notes (title) VALUES ('x')")
        with pytest.raises(SqliteError, match="notes.title may not be empty"):
            replica.execute(sql)
    with change_log.without_logging(replica):
        replica.execute("UPDATE notes SET title = NULL")


def test_what_was_required_once_may_be_empty_in_a_file_of_before(opened: Open) -> None:
    opened(TABLES).execute("INSERT INTO notes (id, title) VALUES (?, 'x')", (ID,))
    later = opened(Schema((NOTEBOOKS, Table("notes", (Field("title"), *ALL_TYPES), NOTES.maps), GUARD)))
    later.execute("UPDATE notes SET title = NULL")
    with change_log.without_logging(later):
        record_table(later.schema["notes"]).put(later, [(HOME, {"created_at": "then", "updated_at": "then"})])
    assert later.execute("SELECT title FROM notes").fetchall() == [(None,), (None,)]


# --- references ----------------------------------------------------------------------------------------------------


def test_whoever_deletes_a_record_empties_what_refers_to_it(replica: Connection, tool: sqlite3.Connection) -> None:
    tool.execute("INSERT INTO notebooks (id, name) VALUES (?, 'Home')", (HOME,))
    tool.execute("INSERT INTO notes (id, title, ref) VALUES (?, 'Milk', ?)", (ID, HOME))
    tool.execute("INSERT INTO notes_parts (notes_id, entry_id, ref) VALUES (?, 'k', ?)", (ID, HOME))
    tool.execute("REPLACE INTO notebooks (id, name) VALUES (?, 'House')", (HOME,))
    assert tool.execute("SELECT ref FROM notes").fetchall() == [(HOME,)]
    tool.execute("DELETE FROM notebooks")
    assert tool.execute("SELECT ref FROM notes UNION ALL SELECT ref FROM notes_parts").fetchall() == [(None,)] * 2
    assert sorted(logged(replica)[-3:], key=str) == [
        ("notebooks", "DELETE", None),
        ("notes", "UPDATE", {"parts": {"k": {"ref": None}}}),
        ("notes", "UPDATE", {"ref": None}),
    ]


def test_a_deletion_of_the_server_empties_nothing_here(replica: Connection) -> None:
    replica.execute("INSERT INTO notebooks (id, name) VALUES (?, 'Home')", (HOME,))
    replica.execute("INSERT INTO notes (id, title, ref) VALUES (?, 'Milk', ?)", (ID, HOME))
    with change_log.without_logging(replica):
        replica.execute("DELETE FROM notebooks")
    assert replica.execute("SELECT ref FROM notes").fetchall() == [(HOME,)]
    assert len(logged(replica)) == 2


def test_a_table_may_refer_to_itself(opened: Open) -> None:
    tree = Table("tree", (Field("name"), Field("parent", Type.REF, target="tree", gone=Gone.CLEAR)))
    replica = opened(Schema((tree,)))
    for record_id, parent in (("a", None), ("b", "a"), ("c", "b")):
        replica.execute("INSERT INTO tree (id, parent) VALUES (?, ?)", (record_id, parent))
    replica.execute("DELETE FROM tree WHERE id < 'c'")
    assert replica.execute("SELECT id, parent FROM tree").fetchall() == [("c", None)]


def test_a_reference_that_is_kept_or_needed_stays(opened: Open) -> None:
    kept = Table("kept", (Field("ref", Type.REF, target="notebooks"),))
    needed = Table("needed", (Field("ref", Type.REF, required=True, target="notebooks", gone=Gone.CLEAR),))
    replica = opened(Schema((NOTEBOOKS, kept, needed)))
    replica.execute("INSERT INTO notebooks (id, name) VALUES (?, 'Home')", (HOME,))
    for name in ("kept", "needed"):
        replica.execute(f"INSERT INTO {name} (ref) VALUES (?)", (HOME,))
    replica.execute("DELETE FROM notebooks")
    assert replica.execute("SELECT ref FROM kept UNION ALL SELECT ref FROM needed").fetchall() == [(HOME,)] * 2


def test_a_deletion_finds_what_refers_to_it_by_an_index(replica: Connection) -> None:
    plan = replica.execute("EXPLAIN QUERY PLAN UPDATE notes SET ref = NULL WHERE ref = ?", (HOME,)).fetchall()
    assert any("offbook_notes/ref" in str(step) for step in plan)
