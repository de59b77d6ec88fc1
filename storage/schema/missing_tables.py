"""Tables of an application, made in the database where they are missing: by Alembic, which no server needs."""

from __future__ import annotations

from collections.abc import Sequence

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Table, inspect
from sqlalchemy.engine import Inspector

from models import ONLY_ON


def make_missing(connection: Connection, tables: Sequence[Table]) -> None:
    """Make those of these tables that are not there, and the columns and indexes that the others lack.

    What is there comes first: whoever makes a table keeps others from writing until the transaction ends.
    """
    operations, inspector = Operations(MigrationContext.configure(connection)), inspect(connection)
    existing = set(inspector.get_table_names())
    for table in tables:
        if table.name in existing:
            _add_missing(operations, inspector, table)
    for table in tables:
        if table.name not in existing:
            operations.impl.create_table(table)


def _add_missing(operations: Operations, inspector: Inspector, table: Table) -> None:
    columns = {column["name"] for column in inspector.get_columns(table.name)}
    indexes = {index["name"] for index in inspector.get_indexes(table.name)}
    engines = (None, operations.get_context().dialect.name)
    for column in table.columns:
        if column.name not in columns:
            operations.add_column(table.name, column)
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in indexes and index.info.get(ONLY_ON) in engines:
            operations.impl.create_index(index)
