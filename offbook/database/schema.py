"""The tables of a replica's file, made from their declarations, and what brings an older file up to date.

install() may run on every start: where nothing is to be done it reads one row. It must never lose a row or a line of
the log, and never change what a tool that knows the tables relies on.
"""

from __future__ import annotations

import hashlib
from functools import cache

from offbook.core.errors import OffbookError
from offbook.core.schema import Schema, Table
from offbook.database.connection import Connection, ReadOnlyFile, atomic
from offbook.database.ddl.own_tables import ADDED, FORGET_NOTE, STEPS, UUID
from offbook.database.ddl.reference_triggers import reference_triggers
from offbook.database.ddl.synced_tables import column_sql, create_sql, index_sql, tables_of
from offbook.database.ddl.triggers import PREFIX, triggers
from offbook.database.known_cells import covers, note_of
from offbook.database.server_rows import show_pending_lines


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
        for sql in reference_triggers(connection.schema):
            connection.execute(sql)
        _sign_triggers(connection, shape, note)
        show_pending_lines(connection)


def _shape_of(schema: Schema) -> str:
    """What tells whose tables and triggers a file has, as a SHA-256 in hexadecimal digits."""
    shapes = (_shape(table) for table in schema.values())
    text = "\n".join((*shapes, *reference_triggers(schema), str(ADDED), FORGET_NOTE))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _shape(table: Table) -> str:
    """All that makes a table, as text: the same for every file, and longer to put together than to look for.

    Its declaration, too: versions that differ in a limit alone differ in what they can send, and so in what they hide.
    """
    return "\n".join((repr(table), *create_sql(table), *triggers(table)))


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
    for rows, create, fields in tables_of(table):
        connection.execute("INSERT OR IGNORE INTO offbook_replaced (table_name) VALUES (?)", (rows,))
        columns = _columns(connection, rows)
        if not columns:
            connection.execute(create)
            continue
        for field in fields:
            if field.name not in columns:
                connection.execute(f'ALTER TABLE "{rows}" ADD COLUMN {column_sql(field)}')
    for sql in index_sql(table):
        connection.execute(sql)


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
