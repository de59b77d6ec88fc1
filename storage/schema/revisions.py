"""Which schemas this version knows, and which one a database has: without Alembic, which takes long to load.

A migration's file is named after the schema that it leads to, in order: ``0021_cards.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from offbook.core.messages import Fault
from storage.messages import NEWER_DATABASE

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
VERSIONS = table("alembic_version", column("version_num"))


@cache
def revisions(directory: Path = MIGRATIONS) -> Sequence[str]:
    """The schemas of this version, the oldest first."""
    return tuple(sorted(path.name.partition("_")[0] for path in directory.glob("versions/[0-9]*.py")))


def revision_of(connection: Connection) -> str | None:
    """The schema that the database has; None before the first migration."""
    if not inspect(connection).has_table(VERSIONS.name):
        return None
    revision: str | None = connection.execute(select(VERSIONS.c.version_num)).scalar()
    return revision


def why_unknown(revision: str, known: Sequence[str] | None = None) -> Fault | None:
    """What is wrong with a database that has this schema, where only a newer version of this program knows it."""
    if revision in (revisions() if known is None else known):
        return None
    return NEWER_DATABASE.fault(revision=revision)
