"""The tables of a replica's file, made from their declarations, and what brings an older file up to date.

install() may run on every start: where nothing is to be done it reads one row. It must never lose a row or a line of
the log, and never change what a tool that knows the tables relies on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from functools import cache, lru_cache

from offbook import messages
from offbook.core.errors import Invalid, OffbookError
from offbook.core.messages import NAME_TAKEN
from offbook.core.schema import Schema, Table
from offbook.database.connection import Connection, ReadOnlyFile, atomic
from offbook.database.ddl import declared
from offbook.database.ddl.own_tables import ADDED, FORGET_NOTE, STEPS, UUID
from offbook.database.ddl.reference_triggers import reference_triggers, targets_of
from offbook.database.ddl.synced_tables import column_sql, create_sql, index_sql, tables_of
from offbook.database.ddl.triggers import PREFIX, triggers
from offbook.database.known_cells import covers, note_of
from offbook.database.visible_rows import show_pending_lines

logger = logging.getLogger("offbook")


class TooNew(OffbookError):
    """The file was written by a later offbook."""

    code = "too_new"


def install(connection: Connection, tables: Schema | None = None) -> None:
    """Make the tables and triggers that are missing. What they hold beside those of this version stays as it is.

    ``tables`` are those that an app declares beside the connection's schema, None where it declares nothing. The
    connection's schema is that of the file from then on, with what other apps have declared in it. Raises Invalid for
    tables that do not fit to those.

    A table that came to all files later, as labels did, is left out where the file has one of its own of that name.
    """
    connection.base_schema = connection.schema
    if _is_current(connection, tables):
        return
    try:
        with atomic(connection):
            _upgrade(connection)
            _add_columns(connection)
            if not _is_current(connection, tables):  # or another process was faster
                _grow(connection, tables, declared.APP)
    except ReadOnlyFile as error:
        raise ReadOnlyFile.of(messages.OLD_READ_ONLY_FILE, reason=str(error)) from None


def adopt_tables(connection: Connection, server: Schema) -> bool:
    """Let a file that no app has declared anything in have the server's tables; True where it has more by that.

    What can't be had here is left out with a warning: a table whose name another one in the file has, and all of them
    where they do not fit to what the file has. Call follow() where the transaction around it fails.
    """
    known = declared.read(connection)
    wanted = _adoptable(connection, server)
    if known.source == declared.APP or not wanted:
        return False
    try:
        if declared.all_tables(connection.base_schema, known.text, wanted) == connection.schema:
            return False
    except Invalid as fault:
        logger.warning("The server's tables are not those of this device: %s", fault)
        return False
    with atomic(connection):
        _grow(connection, wanted, declared.SERVER)
    return True


def follow(connection: Connection) -> None:
    """Let a connection know what others have declared in the file since it was opened."""
    _take_schema(connection, declared.all_tables(connection.base_schema, declared.read(connection).text, None))


def _take_schema(connection: Connection, schema: Schema) -> None:
    if schema is not connection.schema and schema != connection.schema:
        connection.schema = schema
        if connection.on_schema is not None:
            connection.on_schema(schema)


def _adoptable(connection: Connection, server: Schema) -> Schema:
    """The server's tables without those that every file has, and those of which the file can't have all."""
    tables = {name: table for name, table in server.items() if name not in connection.base_schema}
    for name, table in list(tables.items()):
        if taken := _taken_names(connection, table):
            logger.warning("The server's table %s is left out: this file has one of its own called %s", name, taken[0])
            del tables[name]
    known = connection.schema.keys() | tables.keys()
    while torn := [name for name, table in tables.items() if not targets_of(table) <= known]:
        known -= {tables.pop(name).name for name in torn}
    return Schema(tables.values())


def _without_taken(connection: Connection, base: Schema) -> Schema:
    """The tables that every file has, but for those that came later, and whose names this file has given to others."""
    later = [table for name, table in base.items() if name not in connection.first_schema]
    taken = {table.name for table in later if _taken_names(connection, table)}
    return Schema(table for name, table in base.items() if name not in taken) if taken else base


def _taken_names(connection: Connection, table: Table) -> list[str]:
    """The names that a table takes in the file, and that tables have there which are not synced."""
    sql = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN (SELECT value FROM json_each(?))"
        " AND name NOT IN (SELECT table_name FROM offbook_replaced)"
    )
    return [name for (name,) in connection.execute(sql, (json.dumps([name for name, _, _ in tables_of(table)]),))]


def _grow(connection: Connection, tables: Schema | None, source: str) -> None:
    """Make what the file lacks, and all triggers anew; and note who declared what."""
    known = declared.read(connection)
    schema = declared.all_tables(connection.base_schema, known.text, tables)
    _drop_triggers(connection)
    for table in schema.values():
        _create_missing(connection, table)
    for sql in _all_triggers(schema):
        connection.execute(sql)
    if tables is not None:
        declared.write(connection, declared.own_tables(connection.base_schema, schema), source)
    _sign_triggers(connection, _shape_of(schema), note_of(schema))
    _take_schema(connection, schema)
    show_pending_lines(connection)


def _all_triggers(schema: Schema) -> Iterator[str]:
    for table in schema.values():
        yield from triggers(table)
    yield from reference_triggers(schema)


@lru_cache(maxsize=64)
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


def _is_current(connection: Connection, tables: Schema | None) -> bool:
    """Whether the file declares what the app does, and its triggers log all that this version can write.

    Its own do, and those of a version that knows more. The connection's schema is then the file's.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise TooNew.of(messages.NEWER_FILE)
    if version < len(STEPS):
        return False
    connection.base_schema = _without_taken(connection, connection.base_schema)
    signed, text, source = connection.execute("SELECT shape, tables, tables_from FROM sync_state").fetchone()
    schema = declared.all_tables(connection.base_schema, text, tables)
    if tables is not None and not (source == declared.APP and _declares_all(connection, text, tables)):
        return False
    if signed != _shape_of(schema):
        known_note, note = _note_of_triggers(connection, signed), note_of(schema)
        if known_note == note or not covers(known_note, note):
            return False
        connection.is_of_newer_version = True
    _take_schema(connection, schema)
    return True


def _declares_all(connection: Connection, text: str | None, tables: Schema) -> bool:
    """Whether a file's text has all that an app declares: it is that app's, or a newer one's."""
    if declared.declares(text, tables):
        return True
    base = connection.base_schema
    return declared.all_tables(base, text, tables) == declared.all_tables(base, text, None)


def _note_of_triggers(connection: Connection, shape: str) -> str | None:
    """What the version knows that made the triggers; None where it did not say."""
    if "knows" not in _columns(connection, "sync_state"):
        return None
    (knows,) = connection.execute("SELECT knows FROM sync_state").fetchone()
    signed, _, note = (knows or "").partition(" ")
    return note if note and signed == shape else None


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
    """Create what is missing of a table and its maps. What it holds is pulled (offbook.database.known_cells).

    Raises Invalid where a table of the file, which is not synced, has one of their names.
    """
    if taken := _taken_names(connection, table):
        raise Invalid.of(NAME_TAKEN, name=taken[0])
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
