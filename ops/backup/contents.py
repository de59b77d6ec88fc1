"""What a backup holds, looked at as a whole before anything is done with it: is it what offbook could have written?

The rows of a dump are loaded into a scratch database of SQLite, on the schema of their revision; a SQLite backup is one
already. So one set of checks serves every engine: declared schema, type of each value, keys, references, and, where no
checksum vouches for them, the digest of each record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from offbook.core.errors import OffbookError
from ops.backup.schema import NONE_DECLARED, ColumnSchema, DatabaseSchema, DeclaredTables, differences, expected_of
from ops.move.verify_copy import compare_books
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.engines.sqlite import driver
from storage.schema.declaration import GROWING, TABLES, parse_declaration

ROWS_AT_ONCE = 1_000
INTEGER = re.compile(r"-?\d{1,19}")
INTEGER_MAX = 2**63
FRACTION = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
BYTES = re.compile(r"(?:\\x|0x|)((?:[0-9A-Fa-f]{2})*)")
"""Bytes as PostgreSQL writes them, as MariaDB does, and none at all."""

STORED = {"number": "integer", "fraction": "real", "bytes": "blob"}
"""What SQLite calls the values of a kind."""

FLAGS = {"0": 0, "f": 0, "1": 1, "t": 1}

Text = str | None
"""A value as a dump writes it, without quotes; None is NULL."""


class Faulty(Exception):
    """What is wrong with a backup, in a few words without a full stop."""


class Loader:
    """Puts the rows of a dump into a scratch database. Raises Faulty for what no migration made a place for."""

    def __init__(self, connection: Any, expected: DatabaseSchema) -> None:
        self._connection = connection
        self._expected = expected
        connection.execute("BEGIN")

    def load(self, table: str, columns: Sequence[str], rows: Iterator[Sequence[Text]]) -> None:
        """Store rows of a table as they come. Raises Faulty for what no migration allows."""
        if table not in self._expected.tables:
            raise Faulty(f"there is the table {table}, which no migration makes")
        declared = self._expected.tables[table].columns
        for name in columns:
            if name not in declared:
                raise Faulty(f"{table} has the column {name}, which no migration makes")
        ordered = [(name, declared[name]) for name in columns]
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        values = (_converted(table, ordered, row) for row in rows)
        try:
            self._connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', values)
        except driver().IntegrityError as error:
            raise Faulty(f"a row of {table} can't be stored ({error})") from None

    def finish(self) -> None:
        """Commit what was loaded."""
        self._connection.execute("COMMIT")


def _converted(table: str, columns: Sequence[tuple[str, ColumnSchema]], row: Sequence[Text]) -> list[object]:
    if len(row) != len(columns):
        raise Faulty(f"a row of {table} has {len(row)} values for {len(columns)} columns")
    return [_value(f"{table}.{name}", column, text) for (name, column), text in zip(columns, row, strict=True)]


def _value(name: str, column: ColumnSchema, text: Text) -> object:
    if text is None:
        return None
    if column.kind == "flag" and text in FLAGS:
        return FLAGS[text]
    if column.kind == "fraction" and FRACTION.fullmatch(text):
        return float(text)
    if column.kind == "number" and INTEGER.fullmatch(text) and -INTEGER_MAX <= int(text) < INTEGER_MAX:
        return int(text)
    if column.kind == "bytes" and (match := BYTES.fullmatch(text)):
        return bytes.fromhex(match[1])
    if column.kind != "text":
        raise Faulty(f"{name} holds something else than a {column.kind}")
    if column.characters_max is not None and len(text) > column.characters_max:
        raise Faulty(f"{name} holds a text of more than {column.characters_max} characters")
    return text


def rows_of(connection: Any, schema: DatabaseSchema, revision: str) -> Mapping[str, int]:
    """How many rows each table of a SQLite database has, when all are what they should be at ``revision``.

    Raises Faulty.
    """
    expected = expected_of(schema, revision, declared_in(connection))
    for difference in differences(schema, expected):
        raise Faulty(difference)
    counts = {name: _count(connection, name, table.columns) for name, table in expected.tables.items()}
    for _ in connection.execute("SELECT 1 FROM sqlite_sequence WHERE typeof(seq) <> 'integer'"):
        raise Faulty("sqlite_sequence.seq holds something else than a number")
    for row in connection.execute("PRAGMA foreign_key_check"):
        raise Faulty(f"{row[0]} refers to what is not there")
    return counts


def declared_in(connection: Any) -> DeclaredTables:
    """What the settings of a SQLite database say of tables that apps brought. Raises Faulty."""
    try:
        rows = connection.execute("SELECT name, value FROM settings WHERE name IN (?, ?)", (TABLES, GROWING)).fetchall()
    except driver().OperationalError:  # without the table, which the schema is lacking then
        return NONE_DECLARED
    return declared_by(dict(rows))


def declared_by(settings: Mapping[str, Text]) -> DeclaredTables:
    """The same by the rows of settings, their values by their names. Raises Faulty where they can't be read."""
    declared = DeclaredTables(settings.get(TABLES), settings.get(GROWING))
    for text in declared:
        try:
            if text is not None:
                parse_declaration(text)
        except (OffbookError, ValueError, LookupError, TypeError, AttributeError):
            raise Faulty("the declaration of its tables can't be read") from None
    return declared


def _count(connection: Any, table: str, columns: Mapping[str, ColumnSchema]) -> int:
    checks = ", ".join(f"coalesce(max({_is_wrong(name, column)}), 0)" for name, column in columns.items())
    *wrong, count = connection.execute(f'SELECT {checks}, count(*) FROM "{table}"').fetchone()
    for (name, column), is_wrong in zip(columns.items(), wrong, strict=True):
        if is_wrong:
            raise Faulty(f"{table}.{name} holds something else than a {column.kind}")
    texts = ", ".join(f'"{name}"' for name, column in columns.items() if column.kind == "text")
    try:
        for _ in connection.execute(f'SELECT {texts or "1"} FROM "{table}"'):
            pass
    except driver().OperationalError:  # its words hold people's data
        raise Faulty(f"{table} holds bytes that are no text") from None
    return int(count)


def _is_wrong(name: str, column: ColumnSchema) -> str:
    """SQL for whether a value is none that this column may hold. SQLite itself takes any."""
    quoted = f'"{name}"'
    if column.kind == "flag":
        return f"{quoted} IS NOT NULL AND (typeof({quoted}) <> 'integer' OR {quoted} NOT IN (0, 1))"
    return f"typeof({quoted}) NOT IN ('{STORED.get(column.kind, 'text')}', 'null')"


def check_records(connection: Any, folder: Path) -> None:
    """Compare every record with its stored digest, on the schema of this version, in a copy. Raises Faulty.

    It notices a letter that became another one. Whatever can't be read as a record is as bad.
    """
    path = folder / "records.db"
    with closing(driver().connect(path)) as copy:
        connection.backup(copy)
    database = open_engines(URL.create("sqlite", database=str(path)))
    try:
        upgrade(database)
        differing = [book.table for book in compare_books(database, database) if book.source_sum != book.target_sum]
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError, OffbookError) as error:
        raise Faulty(f"some records can't be read ({type(error).__name__})") from None
    finally:
        database.close()
    if differing:
        raise Faulty(f"{differing[0]} are not those that the digests in it were made of")
