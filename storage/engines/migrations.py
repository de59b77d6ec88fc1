"""Moving a database's schema: what ``flask db`` does, callable without Flask, and the safe way to rebuild a table.

The migrations themselves are in ``migrations/versions``. Nothing else in the project creates, alters or drops a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, table

from storage.engines.database import Database
from storage.schema.revisions import MIGRATIONS


def config_for(database: Database, directory: Path = MIGRATIONS) -> Config:
    """Alembic's settings for this database; ``migrations/env.py`` takes the database from them."""
    config = Config()
    config.set_main_option("script_location", str(directory))
    config.set_main_option("path_separator", "os")
    config.attributes["database"] = database
    return config


@cache
def scripts() -> ScriptDirectory:
    """The migrations of this version, read once: each is a module that Alembic would run anew."""
    return ScriptDirectory(str(MIGRATIONS))


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to ``revision``."""
    command.upgrade(config_for(database), revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the schema back to ``revision``."""
    command.downgrade(config_for(database), revision)


SAME_DEFAULTS = {("0", "false"), ("0", "0"), ("1", "true"), ("1", "1")}


def differs_in_default(
    context: object, column: object, of_model: object, inspected: str | None, *wanted: object
) -> bool | None:
    """For Alembic: MariaDB shows a default of ``false`` as 0, of ``true`` as 1. None leaves all others to Alembic."""
    return False if (inspected, wanted[-1]) in SAME_DEFAULTS else None


@contextmanager
def rebuilt(op: Operations, name: str, **options: Any) -> Iterator[Any]:
    """Alembic's batch mode, checked: as many rows in every table after it as before, and the same triggers.

    SQLite changes most of a table only by filling a copy and dropping the original. The drop takes the table's
    triggers with it, and with foreign keys on all child rows too, silently. So triggers are made again, and rows are
    counted.
    """
    connection = op.get_bind()
    before = count_rows(connection)
    triggers = _triggers(connection, name)
    with op.batch_alter_table(name, **options) as batch:
        yield batch
    for trigger in triggers:
        connection.exec_driver_sql(trigger)
    after = count_rows(connection)
    if after != before:
        raise RuntimeError(f"Rebuilding {name} changed how many rows there are, from {before} to {after}: undone.")


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    names = inspect(connection).get_table_names()
    return {name: connection.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def _triggers(connection: Connection, name: str) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? ORDER BY name"
    return [row[0] for row in connection.exec_driver_sql(query, (name,))]
