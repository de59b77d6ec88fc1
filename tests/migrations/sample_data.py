"""Two contacts as the store writes them, and what a database holds and is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Inspector, inspect, select

from models import Base
from offbook.contacts.table import CONTACTS
from offbook.core.model import Clock, Record
from storage.engines.database import Database

CREATED = Clock(1, 1, "c1", "r1")
RECORDS = (
    Record(
        table=CONTACTS,
        id="ada",
        seq=1,
        deleted=False,
        cells={
            "name": "Ada Löwe " + "x" * 120,
            "given_name": "Ada",
            "middle_name": "Löwe",
            "family_name": "x" * 120,
            "notes": "Straße\nÅngström",
            "starred": True,
            "details/k1/@exists": True,
            "details/k1/kind": "address",
            "details/k1/value": (None, "1 Boat Lane", "Łódź", None, None, None),
            "details/k2/@exists": False,
            "details/k2/kind": "phone",
            "details/k2/value": ("555-0000", None, None, None, None, None),
        },
        created=CREATED,
        clocks={},
    ),
    Record(table=CONTACTS, id="gone", seq=2, deleted=True, cells={}, created=CREATED, clocks={}),
)


def everything(database: Database) -> dict[str, list[dict[str, object]]]:
    """Every row of every table; columns by name, since a rebuilt table may order them anew."""
    with database.read() as connection:
        return {
            table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
            for table in Base.metadata.sorted_tables
        }


def schema(database: Database) -> dict[str, set[str | None]]:
    """Every table with the names of its columns, indexes and references."""
    with database.read() as connection:
        looked = inspect(connection)
        return {
            table: {part["name"] for parts in _parts(looked, table) for part in parts}
            for table in looked.get_table_names()
            if table != "alembic_version"
        }


def _parts(looked: Inspector, table: str) -> Iterator[Iterable[Any]]:
    for parts in (looked.get_columns, looked.get_indexes, looked.get_unique_constraints, looked.get_foreign_keys):
        yield parts(table)


def revision_of(database: Database) -> str | None:
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_of(directory: Path) -> str:
    head = ScriptDirectory(str(directory)).get_current_head()
    assert head is not None
    return head


def add_revision(directory: Path, source: str, **names: str) -> None:
    (directory / "versions" / "added.py").write_text(source.strip().format(head=head_of(directory), **names))
