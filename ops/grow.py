"""``flask tables grow``: makes the tables that an app declares, and adds to them what a later version of it declares.

Only what is missing is made, and nothing is ever dropped or changed, so that it may be done again and again. SQLite and
PostgreSQL do all of it in one transaction, or nothing. MariaDB commits each change of a table by itself: what is to be
made is recorded before the first of them, and a growth that was stopped is finished by the next one.

Nothing that is there is written anew: a row that was stored before has nothing in a new column. When the last step is
done, the declaration says since when each part is there. Servers that run notice with their next transaction
(storage.sql.known_tables).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Table, delete, func, select

from models import Base, Book
from offbook.core.growth import grow as grow_schema
from offbook.core.schema import Map, Schema
from ops.backup.backup import before_migrating
from storage.engines.database import Database
from storage.engines.read_only_mode import require_open
from storage.repositories.declaration import (
    GROWING,
    SHAPE,
    TABLES,
    Declaration,
    declaration_text,
    read_declaration,
    read_intent,
)
from storage.sql.app_tables import make_missing
from storage.sql.known_tables import database_tables, own_database_tables

SETTINGS = Base.metadata.tables["settings"]

KEPT_AS = "tables"
"""What stands in the name of a backup where that of a migration has the revision."""


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """What was done, or would be, a sentence a step; and the backup of what was there before, where that is a file."""

    steps: tuple[str, ...]
    kept: Path | None = None


class GrowthPlan(NamedTuple):
    """The declaration as it is, all tables as they are to be, and the steps between, a sentence each."""

    declared: Declaration
    schema: Schema
    steps: tuple[str, ...]


def grow(database: Database, wanted: Schema, now_us: int, dry_run: bool = False) -> GrowthReport:
    """Let the tables become what is wanted, beside all that is declared already; with ``dry_run``, only say how.

    Raises Invalid where that would be no growth, Unwritable and BackupError where it can't be.
    """
    with database.read() as connection:
        plan = _plan(connection, wanted)
        if dry_run or not plan.steps:
            return GrowthReport(plan.steps)
        kept = before_migrating(database, connection, KEPT_AS, now_us)
    with database.grow() as connection:
        plan = _plan(connection, wanted)  # another growth may have come before this one
        if plan.steps:
            _carry_out(database, connection, plan, now_us)
    return GrowthReport(plan.steps, kept)


def _plan(connection: Connection, wanted: Schema) -> GrowthPlan:
    """What a growth has to do that comes now: it also finishes one that was stopped."""
    declared = read_declaration(connection)
    grown = grow_schema(read_intent(connection) or declared.schema, wanted).schema
    steps = grow_schema(declared.schema, grown).steps
    return GrowthPlan(declared, grown, tuple(step.sentence for step in steps))


def _carry_out(database: Database, connection: Connection, plan: GrowthPlan, now_us: int) -> None:
    declared, schema, _ = plan
    put = database.upsert(SETTINGS, ["name", "value"])
    connection.execute(put, {"name": GROWING, "value": declaration_text(schema, declared.since)})
    make_missing(connection, own_database_tables(schema))
    require_open(connection.connection)  # MariaDB let others in meanwhile
    seq = _seq_of_growth(connection, declared, now_us)
    since = {**declared.since, **dict.fromkeys(learnt_names(declared.schema, schema), seq)}
    connection.execute(put, {"name": TABLES, "value": declaration_text(schema, since)})
    connection.execute(put, {"name": SHAPE, "value": schema.shape})
    connection.execute(delete(SETTINGS).where(SETTINGS.c.name == GROWING))


def _seq_of_growth(connection: Connection, declared: Declaration, now_us: int) -> int:
    """A time that is later than whatever was written before, and than the last growth.

    Whoever writes with the new tables takes a later seq (KnownTables.moved_past_growths), so that no book need be
    locked or written to.
    """
    newest = connection.execute(select(func.max(Book.seq))).scalar_one() or 0
    return max(now_us, newest + 1, *(seq + 1 for seq in declared.since.values()))


def learnt_names(known: Schema, grown: Schema) -> Iterator[str]:
    """The names of what is new: tables (``notes``), else fields and maps, else attributes (``notes.tags.tag``)."""
    for name, table in grown.items():
        if name not in known:
            yield name
            continue
        old = known[name]
        yield from (f"{name}.{field}" for field in table.by_name if field not in old.by_name)
        for map_ in table.maps:
            yield from _learnt_of_map(f"{name}.{map_.name}", old.maps_by_name.get(map_.name), map_)


def _learnt_of_map(place: str, known: Map | None, grown: Map) -> Iterator[str]:
    if known is None:
        yield place
    else:
        yield from (f"{place}.{attribute}" for attribute in grown.by_name if attribute not in known.by_name)


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
        schema, since, _ = read_declaration(connection)
        rows = database_tables(schema)
        return [
            TableSize(name, _live_rows(connection, rows[name]), len(table.fields) + len(table.maps), since.get(name))
            for name, table in schema.items()
        ]


def _live_rows(connection: Connection, rows: Table) -> int:
    query = select(func.count()).select_from(rows).where(rows.c.deleted.is_(False))
    return int(connection.execute(query).scalar_one())
