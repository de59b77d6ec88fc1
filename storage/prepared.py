"""Statements that the driver runs itself, inside a transaction that SQLAlchemy began.

SQLAlchemy writes the text for the engine at hand; running it through SQLAlchemy as well takes ten times as long as
SQLite needs for a row by its key. For the few statements that every request makes, of values that need no conversion:
text and numbers. What a driver has for a truth may be 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table, Update, column, insert, table

Values = Mapping[str, Any]


class Prepared:
    """One statement. Its parameters have names, and none of them is a list."""

    def __init__(self, statement: Select[Any] | Update) -> None:
        self._statement = statement
        self._texts: dict[Dialect, tuple[str, list[str] | None]] = {}

    def rows(self, connection: Connection, values: Values) -> list[Any]:
        """Run a query inside the connection's transaction."""
        return self.run(connection.connection, connection.dialect, values)

    def run(self, connection: Any, dialect: Dialect, values: Values) -> list[Any]:
        """Run a query on a connection of the driver."""
        cursor = connection.cursor()
        try:
            cursor.execute(*self._call(dialect, values))
            found: list[Any] = cursor.fetchall()
            return found
        finally:
            cursor.close()

    def write(self, connection: Connection, values: Values) -> None:
        """Run what gives no rows, inside the connection's transaction."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(*self._call(connection.dialect, values))
        finally:
            cursor.close()

    def _call(self, dialect: Dialect, values: Values) -> tuple[str, Any]:
        text, order = self._texts.get(dialect) or self._write(dialect)
        return text, values if order is None else [values[name] for name in order]

    def _write(self, dialect: Dialect) -> tuple[str, list[str] | None]:
        compiled = self._statement.compile(dialect=dialect)
        order: list[str] | None = getattr(compiled, "positiontup", None)
        self._texts[dialect] = str(compiled), order
        return self._texts[dialect]


def insert_rows(connection: Connection, into: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows of these columns, all with one statement, inside the connection's transaction."""
    dialect = connection.dialect
    values = rows if dialect.positional else [dict(zip(names, row, strict=True)) for row in rows]
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(_insert_text(dialect, into.name, names), values)
    finally:
        cursor.close()


@lru_cache(maxsize=1024)
def _insert_text(dialect: Dialect, name: str, columns: tuple[str, ...]) -> str:
    """INSERT for these columns. Which columns there are differs from batch to batch, but not by much."""
    return str(insert(table(name, *map(column, columns))).compile(dialect=dialect))
