"""``flask tables grow``: makes the tables that an app declares, and adds to them what a later version of it declares.

Only what is missing is made, and nothing is ever dropped or changed, so that it may be done again and again. SQLite and
PostgreSQL do all of it in one transaction, or nothing. MariaDB commits each change of a table by itself: what is to be
made is recorded before the first of them, and a growth that was stopped is finished by the next one.

Nothing that is there is written anew: a row that was stored before has nothing in a new column. When the last step is
done, the declaration says since when each part is there. Servers that run notice with their next transaction
(storage.schema.known_tables).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Insert, Table, delete, func, select, update

from models import Base, Book
from offbook.core.declaration.growth import Growth
from offbook.core.declaration.growth import grow as grow_schema
from offbook.core.schema import Schema
from ops.backup.backup import before_migrating
from storage.engines.database import Database
from storage.schema.declaration import (
    GROWING,
    SHAPE,
    TABLES,
    Declaration,
    declaration_text,
    read_declaration,
    read_intent,
)
from storage.schema.known_tables import database_tables, own_database_tables
from storage.schema.missing_tables import make_missing

SETTINGS = Base.metadata.tables["settings"]

ALL_BOOKS = select(Book.id).order_by(Book.id).with_for_update()
"""Locks them to the end. Whoever writes locks a book first, and uses tables then: who changes a table meanwhile would
wait for them, and they for that table."""

KEPT_AS = "tables"
"""What stands in the name of a backup where that of a migration has the revision."""


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """What was done, or would be, a sentence a step; and the backup of what was there before, where that is a file."""

    steps: tuple[str, ...]
    kept: Path | None = None


def grow(database: Database, wanted: Schema, now_us: int, dry_run: bool = False) -> GrowthReport:
    """Let the tables become what is wanted, beside all that is declared already; with ``dry_run``, only say how.

    Raises Invalid where that would be no growth, Unwritable and BackupError where it can't be.
    """
    with database.read() as connection:
        _, growth = _plan(connection, wanted)
        if dry_run or not growth.steps:
            return _report(growth)
        kept = before_migrating(database, connection, KEPT_AS, now_us)
    with database.grow() as (connection, tables):
        connection.execute(ALL_BOOKS)
        declared, growth = _plan(connection, wanted)  # another growth may have come before this one
        if growth.steps:
            put = database.upsert(SETTINGS, ["name", "value"])
            intent = declaration_text(declared._replace(schema=growth.schema))
            tables.execute(put, {"name": GROWING, "value": intent})
            make_missing(tables, own_database_tables(growth.schema))
            _declare(connection, put, declared, growth, now_us)
    return _report(growth, kept)


def _report(growth: Growth, kept: Path | None = None) -> GrowthReport:
    return GrowthReport(tuple(step.sentence for step in growth.steps), kept)


def _plan(connection: Connection, wanted: Schema) -> tuple[Declaration, Growth]:
    """The declaration as it is, and what is to become of it: a growth that was stopped comes to its end, too."""
    declared = read_declaration(connection)
    grown = grow_schema(read_intent(connection) or declared.schema, wanted).schema
    return declared, grow_schema(declared.schema, grown)


def _declare(connection: Connection, put: Insert, declared: Declaration, growth: Growth, now_us: int) -> None:
    """Record what has grown, and since when."""
    seq = _lift_books(connection, declared, now_us)
    since = {**declared.since, **dict.fromkeys(growth.learnt, seq)}
    grown = Declaration(growth.schema, since, (*declared.growths, seq))
    connection.execute(put, {"name": TABLES, "value": declaration_text(grown)})
    connection.execute(put, {"name": SHAPE, "value": growth.schema.shape})
    connection.execute(delete(SETTINGS).where(SETTINGS.c.name == GROWING))


def _lift_books(connection: Connection, declared: Declaration, now_us: int) -> int:
    """Give every book a seq that is later than all that was written before, and return it.

    So nothing with the new tables has an earlier one, and whoever follows a book notices.
    """
    newest = connection.execute(select(func.max(Book.seq))).scalar_one() or 0
    seq = max(now_us, *(earlier + 1 for earlier in (newest, *declared.growths)))
    connection.execute(update(Book).values(seq=seq))
    return seq


@dataclass(frozen=True, slots=True)
class TableSize:
    """How many live records and how many columns a synced table has; ``since`` when, where it grew, it is there."""

    name: str
    records: int
    columns: int
    since: int | None


def table_sizes(database: Database) -> list[TableSize]:
    """The sizes of all synced tables."""
    with database.read() as connection:
        schema, since, *_ = read_declaration(connection)
        rows = database_tables(schema)
        return [
            TableSize(name, _live_rows(connection, rows[name]), len(table.fields) + len(table.maps), since.get(name))
            for name, table in schema.items()
        ]


def _live_rows(connection: Connection, rows: Table) -> int:
    query = select(func.count()).select_from(rows).where(rows.c.deleted.is_(False))
    return int(connection.execute(query).scalar_one())
