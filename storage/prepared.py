"""Queries that the driver runs itself.

SQLAlchemy writes the text for the engine at hand; running it through SQLAlchemy as well takes ten times as long as
SQLite needs for a row by its key. For the few queries that every request makes, of values that need no conversion:
text and numbers. What a driver has for a truth may be 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Dialect, Select

Values = Mapping[str, Any]


class Prepared:
    """One query. Its parameters have names, and none of them is a list."""

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._texts: dict[Dialect, tuple[str, list[str] | None]] = {}

    def rows(self, connection: Connection, values: Values) -> list[Any]:
        """Run it inside the connection's transaction."""
        return self.run(connection.connection, connection.dialect, values)

    def run(self, connection: Any, dialect: Dialect, values: Values) -> list[Any]:
        """Run it on a connection of the driver."""
        text, order = self._texts.get(dialect) or self._write(dialect)
        cursor = connection.cursor()
        try:
            cursor.execute(text, values if order is None else [values[name] for name in order])
            found: list[Any] = cursor.fetchall()
            return found
        finally:
            cursor.close()

    def _write(self, dialect: Dialect) -> tuple[str, list[str] | None]:
        compiled = self._query.compile(dialect=dialect)
        order: list[str] | None = getattr(compiled, "positiontup", None)
        self._texts[dialect] = str(compiled), order
        return self._texts[dialect]
