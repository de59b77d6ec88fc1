"""The tables of a replica's file, made from their declarations, and what brings an older file up to date.

install() may run on every start: where nothing is to be done it reads one row. It must never lose a row or a line of
the log, and never change what a tool that knows the tables relies on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from offbook.core.errors import OffbookError
from offbook.core.schema import Field, Map, Schema, Table, Type
from offbook.database.connection import Connection, ReadOnlyFile, atomic
from offbook.database.known_cells import covers, note_of
from offbook.database.server_rows import show_pending_lines
from offbook.database.triggers import NOW, PREFIX, triggers

# Version and variant as RFC 9562, section 5.4, has them: the third group begins with 4, the fourth with 8, 9, a or b.
UUID = " || ".join(
    (
        "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-'",
        "substr('89ab', 1 + instr('0123456789ABCDEF', substr(hex(randomblob(1)), 2)) % 4, 1)",
        "substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    )
)

FIRST = (
    "CREATE TABLE guard (id INTEGER PRIMARY KEY CHECK (id = 1), applying INTEGER NOT NULL DEFAULT 0)",
    "INSERT INTO guard (id) VALUES (1)",
    "CREATE TABLE notes (table_name TEXT PRIMARY KEY, replaced TEXT) WITHOUT ROWID",
    f"""CREATE TABLE change_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  operation TEXT NOT NULL,
  timestamp TEXT NOT NULL DEFAULT ({NOW}),
  synced INTEGER NOT NULL DEFAULT 0,
  change_id TEXT NOT NULL DEFAULT ({UUID}),
  base INTEGER NOT NULL DEFAULT 0,
  bases TEXT,
  data TEXT,
  seq INTEGER,
  verdict TEXT,
  code TEXT,
  detail TEXT
)""",
    "CREATE INDEX change_log_pending ON change_log (id) WHERE synced = 0",
    "CREATE INDEX change_log_unsettled ON change_log (table_name, record_id) WHERE synced <> 1",
    "CREATE INDEX change_log_acknowledged ON change_log (table_name, record_id, seq) WHERE synced = 1",
    """CREATE TABLE server_rows (
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  data TEXT,
  stale INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID""",
    f"""CREATE TABLE sync_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  replica TEXT NOT NULL DEFAULT ({UUID}),
  home TEXT,
  shape TEXT NOT NULL DEFAULT '',
  server TEXT,
  token TEXT,
  book TEXT,
  cursor TEXT,
  snapshot INTEGER NOT NULL DEFAULT 0,
  last_success_ms INTEGER,
  clock_offset_ms INTEGER,
  lease_holder TEXT,
  lease_until_ms INTEGER
)""",
    "INSERT INTO sync_state (id) VALUES (1)",
)

SECOND = (
    "ALTER TABLE change_log ADD COLUMN resolves TEXT",
    """CREATE TABLE conflicts (
  id TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  record_id TEXT NOT NULL,
  cell TEXT NOT NULL,
  seq INTEGER NOT NULL,
  data TEXT NOT NULL
) WITHOUT ROWID""",
    "CREATE INDEX change_log_resolves ON change_log (id) WHERE resolves IS NOT NULL",
    "CREATE INDEX conflicts_record ON conflicts (table_name, record_id)",
    # A cursor may be behind conflicts that the file had no place for: they come with a snapshot.
    "UPDATE sync_state SET cursor = NULL, snapshot = 0",
)

THIRD = ("CREATE TABLE app_settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",)

STEPS: tuple[tuple[str, ...], ...] = (FIRST, SECOND, THIRD)
"""What takes a file from user_version n to n + 1. A step that was released is never edited: add one."""


ADDED: Mapping[str, tuple[str, ...]] = {
    "change_log": ("typed INTEGER NOT NULL DEFAULT 1",),
    "server_rows": ("seen TEXT",),
    "sync_state": (
        "takes_history INTEGER NOT NULL DEFAULT 0",
        "knows TEXT",
        "knew TEXT",
        "knew_at TEXT",
        "cursor_before TEXT",
    ),
}
"""Columns that a file gains without becoming one that older versions refuse: they do without them, and keep them.

``seen`` says since when each value is known (offbook.database.server_rows.ServerRow), ``takes_history`` whether a
restored server also takes what is only to be in its history (offbook.sync.restore_recovery). ``knows`` is what the
version knows that made the triggers, with their ``shape``; the three behind it are explained in
offbook.database.known_cells, ``typed`` in offbook.database.change_log."""

FORGET_NOTE = """CREATE TRIGGER pulled_without_note AFTER UPDATE OF cursor ON sync_state
WHEN NEW.cursor IS NOT OLD.cursor AND NEW.knew_at IS NOT NEW.cursor AND NEW.knew IS NOT NULL
BEGIN
  UPDATE sync_state SET knew = NULL;
END"""
"""A version that notes nothing has moved the cursor. Its name is not one of those that versions make anew."""


class TooNew(OffbookError):
    """The file was written by a later offbook."""

    code = "too_new"


def install(connection: Connection) -> None:
    """Make the tables and triggers that are missing. What they hold beside those of this version stays as it is."""
    shape = _shape_of(connection.schema)
    note = note_of(connection.schema)
    if _is_current(connection, shape, note):
        return
    try:
        _migrate(connection, shape, note)
    except ReadOnlyFile as error:
        raise ReadOnlyFile(
            f"{error} This offbook can read it once it has been opened where it may be written."
        ) from None


def _migrate(connection: Connection, shape: str, note: str) -> None:
    with atomic(connection):
        _upgrade(connection)
        if _is_current(connection, shape, note):  # another process was faster
            return
        _add_columns(connection)
        _drop_triggers(connection)
        for table in connection.schema.values():
            _create_missing(connection, table)
            for sql in triggers(table):
                connection.execute(sql)
        _sign_triggers(connection, shape, note)
        show_pending_lines(connection)


def _shape_of(schema: Schema) -> str:
    """What tells whose tables and triggers a file has, as a SHA-256 in hexadecimal digits."""
    shapes = (_shape(table) for table in schema.values())
    return hashlib.sha256("\n".join((*shapes, str(ADDED), FORGET_NOTE)).encode()).hexdigest()


@cache
def _shape(table: Table) -> str:
    """All that makes a table, as text: the same for every file, and longer to put together than to look for.

    Its declaration, too: versions that differ in a limit alone differ in what they can send, and so in what they hide.
    """
    return "\n".join((repr(table), *_create_sql(table), *triggers(table)))


def _is_current(connection: Connection, shape: str, note: str) -> bool:
    """Whether the triggers log all that this version can write: its own do, and those of a version that knows more."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise TooNew("This file was written by a newer offbook: update offbook on this device.")
    if version < len(STEPS):
        return False
    (signed,) = connection.execute("SELECT shape FROM sync_state").fetchone()
    known_note = None if signed == shape else _note_of_triggers(connection, signed)
    return bool(signed == shape) or (known_note != note and covers(known_note, note))


def _note_of_triggers(connection: Connection, shape: str) -> str | None:
    """What the version knows that made the triggers; None where it did not say."""
    if "knows" not in _columns(connection, "sync_state"):
        return None
    (knows,) = connection.execute("SELECT knows FROM sync_state").fetchone()
    signed, _, note = (knows or "").partition(" ")
    return note if signed == shape else None


def _sign_triggers(connection: Connection, shape: str, note: str) -> None:
    """Say whose the triggers are. Those of before were of a version that notes nothing: it may have dropped cells."""
    (before,) = connection.execute("SELECT shape FROM sync_state").fetchone()
    if _note_of_triggers(connection, before) is None:
        connection.execute("UPDATE sync_state SET knew = NULL")
    connection.execute("UPDATE sync_state SET shape = ?, knows = ?", (shape, f"{shape} {note}"))


def _upgrade(connection: Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for step in STEPS[version:]:
        for sql in step:
            connection.execute(sql)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def _add_columns(connection: Connection) -> None:
    for table, columns in ADDED.items():
        existing = _columns(connection, table)
        for column in columns:
            if column.split()[0] not in existing:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    connection.execute("DROP TRIGGER IF EXISTS pulled_without_note")
    connection.execute(FORGET_NOTE)


def _columns(connection: Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}


def _drop_triggers(connection: Connection) -> None:
    """Only ours: an app may have triggers of its own on these tables."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        if name.startswith(PREFIX):
            connection.execute(f'DROP TRIGGER "{name}"')


# --- synced tables -------------------------------------------------------------------------------------------------


def _create_missing(connection: Connection, table: Table) -> None:
    """Create what is missing of a table and its maps. What it holds comes with a snapshot
    (offbook.database.known_cells).
    """
    for rows, create, fields in _tables_of(table):
        connection.execute("INSERT OR IGNORE INTO notes (table_name) VALUES (?)", (rows,))
        columns = _columns(connection, rows)
        if not columns:
            connection.execute(create)
            continue
        for field in fields:
            if field.name not in columns:
                connection.execute(f'ALTER TABLE "{rows}" ADD COLUMN {_column_sql(field, added=True)}')


def _tables_of(table: Table) -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    sql = _create_sql(table)
    yield table.name, next(sql), table.fields
    for map_, create in zip(table.maps, sql, strict=True):
        yield map_.rows, create, map_.attributes


def _create_sql(table: Table) -> Iterator[str]:
    own = (
        f"id TEXT NOT NULL PRIMARY KEY DEFAULT ({UUID}) {_no_bytes_sql('id')}",
        *map(_column_sql, table.fields),
        f"created_at TEXT NOT NULL DEFAULT ({NOW})",
        f"updated_at TEXT NOT NULL DEFAULT ({NOW})",
    )
    yield _create_table_sql(table.name, own)
    for map_ in table.maps:
        yield _create_table_sql(map_.rows, _entry_columns(map_)) + " WITHOUT ROWID"


def _entry_columns(map_: Map) -> tuple[str, ...]:
    return (
        f'"{map_.owner}" TEXT NOT NULL',
        f"entry_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))) {_no_bytes_sql('entry_id')}",
        *map(_column_sql, map_.attributes),
        f'PRIMARY KEY ("{map_.owner}", entry_id)',
    )


def _create_table_sql(name: str, columns: Iterable[str]) -> str:
    return f'CREATE TABLE "{name}" (\n  ' + ",\n  ".join(columns) + "\n)"


def _column_sql(field: Field, *, added: bool = False) -> str:
    """Bytes are refused at once, by the field's name: JSON has no form for them, so no line of the log could say them.

    A required field that an older file lacks is empty in its rows until the snapshot fills it.
    """
    kind = "INTEGER" if field.type in (Type.FLAG, Type.INTEGER) else "TEXT"
    if field.type is Type.FLAG:
        kind += " NOT NULL DEFAULT 0"
    elif field.required:
        kind += " NOT NULL DEFAULT ''" if added else " NOT NULL"
    return f'"{field.name}" {kind} {_no_bytes_sql(field.name)}'


def _no_bytes_sql(column: str) -> str:
    return f"""CONSTRAINT "{column} holds text or numbers, not bytes" CHECK (typeof("{column}") <> 'blob')"""


# --- the one row of state ------------------------------------------------------------------------------------------


def assign_replica_id(connection: Connection, home: str) -> str:
    """This replica's UUID: a new one where the file is opened at another home than before, so that a copy is its own.

    A copy also leaves the lease behind, which a process at the old home may hold. At the same home nothing is written.
    """
    replica, before = connection.execute("SELECT replica, home FROM sync_state").fetchone()
    if before == home:
        return str(replica)
    with atomic(connection):
        replica, before = connection.execute("SELECT replica, home FROM sync_state").fetchone()
        if before == home:
            return str(replica)
        if before is not None:
            (replica,) = connection.execute(f"SELECT {UUID}").fetchone()
        connection.execute(
            "UPDATE sync_state SET replica = ?, home = ?, lease_holder = NULL, lease_until_ms = NULL", (replica, home)
        )
        return str(replica)
