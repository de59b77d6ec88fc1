"""The schema that a backup should have: what the migrations make up to its revision, and how another differs from it.

It is read from a database in which they ran, so that no list of tables is kept by hand. Each engine has its own words
for the same type; here they are one, so that a dump of any engine is compared with what the migrations make on SQLite.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from alembic.migration import MigrationContext
from alembic.operations import Operations

from models import ONLY_ON, Base
from storage.engines.database import open_engines
from storage.engines.migrations import scripts
from storage.engines.sqlite import driver
from storage.schema.declaration import parse_declaration
from storage.schema.known_tables import own_database_tables
from storage.schema.missing_tables import make_missing

KINDS = {
    **dict.fromkeys(("bigint", "integer"), "number"),
    **dict.fromkeys(("boolean", "tinyint"), "flag"),
    **dict.fromkeys(("double", "double precision"), "fraction"),
    **dict.fromkeys(("blob", "bytea", "mediumblob"), "bytes"),
    **dict.fromkeys(("character varying", "varchar", "text", "mediumtext", "longtext"), "text"),
}
"""What holds the same, by its names in the three engines."""

OF_ANY_LENGTH = {("contact_details", "value")}
"""Columns that became longer, and whose declaration SQLite keeps as it was (columns.ENTRY_TEXT), since it takes any
length: of these none is compared."""

DECLARED = re.compile(r"([a-z ]+)(?:\((\d+)\))?")
INTERNAL = "sqlite_"

Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """``kind`` is one of KINDS, or the engine's own word for another type. ``counts``: the engine numbers new rows."""

    kind: str
    characters_max: int | None = None
    required: bool = False
    default: str | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key."""

    columns: Columns
    table: str
    targets: Columns
    on_delete: str = "NO ACTION"


@dataclass(slots=True)
class TableSchema:
    """A table with its keys and indexes, as far as engines can be compared by them: MariaDB's indexes can't leave rows
    out, so of an index that is no key only its columns count."""

    columns: dict[str, ColumnSchema] = field(default_factory=dict)
    primary: Columns = ()
    unique: set[Columns] = field(default_factory=set)
    references: set[ForeignKey] = field(default_factory=set)
    indexes: dict[str, Columns] = field(default_factory=dict)
    words: tuple[str, ...] | None = None
    """What else SQLite's declaration says; None where it is no declaration of SQLite's."""


NO_TABLE = TableSchema()


@dataclass(slots=True)
class DatabaseSchema:
    """``others`` is whatever is no table and no index of one: triggers, views, functions."""

    tables: dict[str, TableSchema] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def column(declared: str, required: bool, default: str | None, counts: bool = False) -> ColumnSchema:
    """``declared`` is the type in any engine's words, ``default`` an expression in them."""
    match = DECLARED.fullmatch(declared.lower().strip())
    kind = KINDS.get(match[1]) if match else None
    if match is None or kind is None or (match[1] == "tinyint" and match[2] != "1"):
        return ColumnSchema(declared, None, required, _plain(default), counts)
    size = int(match[2]) if kind == "text" and match[2] else None
    return ColumnSchema(kind, size, required, _plain(default), counts)


def _plain(default: str | None) -> str | None:
    """A constant without casts and quotes: ``'merge'::character varying`` and ``('merge')`` are one."""
    if default is None or default.upper() == "NULL":
        return None
    bare = default.partition("::")[0].strip("()").strip("'")
    return {"false": "0", "true": "1"}.get(bare, bare)


# --- what should be there --------------------------------------------------------------------------------------------


class DeclaredTables(NamedTuple):
    """What a backup's settings say of tables that apps brought: the declaration, and the one to which it was about to
    grow (storage.schema.declaration), where there are any."""

    tables: str | None = None
    growing: str | None = None

    @property
    def latest(self) -> str | None:
        """The one that names all that may be there."""
        return self.growing or self.tables


NONE_DECLARED = DeclaredTables()


@cache
def template(revision: str, tables: str | None = None) -> bytes:
    """A SQLite file without rows, on the schema of ``revision``, with the tables of a declaration.

    Alembic's own command would do it but for a backup before an upgrade, which is made in the middle of another one:
    its environment is one of the whole process.
    """
    steps = list(scripts().iterate_revisions(revision, "base"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "template.db")
        database = open_engines(f"sqlite:///{path}")
        try:
            with database.migrate() as connection:
                context = MigrationContext.configure(connection)
                with Operations.context(context):
                    for step in reversed(steps):
                        step.module.upgrade()
                context.stamp(scripts(), revision)
                if tables is not None:
                    make_missing(connection, own_database_tables(parse_declaration(tables).schema))
        finally:
            database.close()
        return path.read_bytes()


@cache
def expected_at(revision: str, tables: str | None = None) -> DatabaseSchema:
    """What the migrations make up to ``revision``, and what a declaration does. Not to be changed."""
    with tempfile.TemporaryDirectory() as folder, scratch_at(revision, Path(folder), tables) as connection:
        return of_sqlite(connection)


@contextmanager
def scratch_at(revision: str, folder: Path, tables: str | None = None) -> Iterator[Any]:
    """A connection of the driver to a SQLite database in ``folder``, without rows, on the schema of ``revision``, with
    the tables of a declaration."""
    path = folder / "scratch.db"
    path.write_bytes(template(revision, tables))
    with closing(driver().connect(path)) as connection:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("DELETE FROM alembic_version")
        yield connection


def of_sqlite(connection: Any) -> DatabaseSchema:
    """The schema of the SQLite database that a connection of the driver has open."""
    schema = DatabaseSchema()
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall():
        if kind == "table" and not name.startswith(INTERNAL):
            schema.tables[name] = _table(connection, name, sql)
        elif kind not in ("table", "index"):
            schema.others.append(f"the {kind} {name}")
    return schema


def _table(connection: Any, name: str, sql: str) -> TableSchema:
    rows = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall()
    primary = [row for row in sorted(rows, key=lambda row: row[5]) if row[5]]
    counted = primary[0][1] if len(primary) == 1 and primary[0][2].upper() == "INTEGER" else None
    table = TableSchema(words=_words(sql))
    for _, column_name, declared, required, default, _, hidden in rows:
        of = "generated " if hidden else ""
        table.columns[column_name] = column(of + declared, bool(required), default, column_name == counted)
    table.columns = _compared(name, table.columns)
    table.primary = tuple(row[1] for row in primary)
    table.references = set(_references(connection, name))
    for index, is_unique, origin, is_partial in connection.execute(
        'SELECT name, "unique", origin, partial FROM pragma_index_list(?)', (name,)
    ).fetchall():
        columns = _index_columns(connection, index)
        if index in NOT_COMPARED:
            continue
        if origin == "u" or (origin == "c" and is_unique and not is_partial):  # MariaDB knows no difference
            table.unique.add(columns)
        elif origin == "c":
            table.indexes[index] = (*columns, *("unique", "partial") * is_unique)
    return table


def _compared(table: str, columns: Mapping[str, ColumnSchema]) -> dict[str, ColumnSchema]:
    """Columns without the lengths that do not count."""
    return {
        name: replace(column, characters_max=None) if (table, name) in OF_ANY_LENGTH else column
        for name, column in columns.items()
    }


def _index_columns(connection: Any, index: str) -> Columns:
    """An expression has no name; another order or collation than usual goes with it."""
    rows = connection.execute("SELECT name, desc, coll FROM pragma_index_xinfo(?) WHERE key", (index,)).fetchall()
    return tuple(
        (name or "an expression") + " desc" * descends + ("" if collation == "BINARY" else f" {collation}")
        for name, descends, collation in rows
    )


def _references(connection: Any, name: str) -> Iterator[ForeignKey]:
    parts: dict[int, list[Any]] = {}
    for row in connection.execute(
        'SELECT id, "table", "from", "to", on_delete FROM pragma_foreign_key_list(?) ORDER BY id, seq', (name,)
    ):
        parts.setdefault(row[0], []).append(row)
    for rows in parts.values():
        yield ForeignKey(tuple(row[2] for row in rows), rows[0][1], tuple(row[3] for row in rows), rows[0][4])


NOT_COMPARED = frozenset(
    str(index.name) for table in Base.metadata.tables.values() for index in table.indexes if ONLY_ON in index.info
)
"""Indexes that backups of some engines can't have. Without one all is as it was, only slower."""

WORDS = re.compile(r"\b(CHECK|COLLATE|CONFLICT|GENERATED|AS|AUTOINCREMENT|WITHOUT|STRICT|VIRTUAL|DEFERRABLE|MATCH)\b")
LITERALS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def _words(sql: str) -> tuple[str, ...]:
    return tuple(sorted(WORDS.findall(LITERALS.sub("", sql).upper())))


def expected_of(actual: DatabaseSchema, revision: str, declared: DeclaredTables) -> DatabaseSchema:
    """What should be there, where a growth may have been stopped on its way: then it has made some of its tables,
    columns and indexes, and others not yet."""
    expected = expected_at(revision, declared.latest)
    if declared.growing is None:
        return expected
    before = expected_at(revision, declared.tables)
    tables = {
        name: _grown_so_far(table, actual.tables.get(name, NO_TABLE), before.tables.get(name, NO_TABLE))
        for name, table in expected.tables.items()
        if name in actual.tables or name in before.tables
    }
    return replace(expected, tables=tables)


def _grown_so_far(wanted: TableSchema, actual: TableSchema, before: TableSchema) -> TableSchema:
    columns = actual.columns.keys() | before.columns.keys()
    indexes = actual.indexes.keys() | before.indexes.keys()
    return replace(
        wanted,
        columns={name: column for name, column in wanted.columns.items() if name in columns},
        indexes={name: index for name, index in wanted.indexes.items() if name in indexes},
    )


# --- how another differs ---------------------------------------------------------------------------------------------


def differences(actual: DatabaseSchema, expected: DatabaseSchema) -> Iterator[str]:
    """A few words for each thing that is not as the migrations make it."""
    yield from (f"there is {other}, which no migration makes" for other in actual.others)
    for name in sorted(expected.tables.keys() | actual.tables.keys()):
        if name not in actual.tables:
            yield f"the table {name} is missing"
        elif name not in expected.tables:
            yield f"there is the table {name}, which no migration makes"
        else:
            yield from _table_differences(name, actual.tables[name], expected.tables[name])


def _table_differences(name: str, actual: TableSchema, expected: TableSchema) -> Iterator[str]:
    yield from _by_name(f"{name} has", "the column", _compared(name, actual.columns), expected.columns)
    yield from _by_name(f"{name} has", "the index", actual.indexes, expected.indexes)
    for word in ("primary", "unique", "references"):
        if getattr(actual, word) != getattr(expected, word):
            key = {"primary": "primary key", "unique": "unique columns", "references": "foreign keys"}[word]
            yield f"the {key} of {name} are not those that the migrations make"
    if actual.words not in (None, expected.words):
        yield f"the table {name} is declared otherwise than the migrations do"


def _by_name(subject: str, part: str, actual: Mapping[str, object], expected: Mapping[str, object]) -> Iterator[str]:
    yield from (
        f"{subject} {part} {name}, which no migration makes" for name in sorted(actual.keys() - expected.keys())
    )
    yield from (f"{subject} lost {part} {name}" for name in sorted(expected.keys() - actual.keys()))
    for name in sorted(actual.keys() & expected.keys()):
        if actual[name] != expected[name]:
            yield f"{subject} {part} {name} otherwise than the migrations make it"
