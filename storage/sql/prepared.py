"""Statements that the driver runs itself.

SQLAlchemy writes the text for the engine at hand; running it through SQLAlchemy as well takes ten times as long as
SQLite needs for a row by its key. For the few statements that every request makes, of values that need no conversion:
text and numbers. What a driver has for a truth may be 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnClause, CompoundSelect, Dialect, Insert, Select, Table, Update, column, insert, table
from sqlalchemy.sql.elements import quoted_name

from storage.sql.array_params import ARRAY_ENCODERS

Values = Mapping[str, Any]


class HasDriverConnection(Protocol):
    """A transaction whose driver can be reached: a Connection of SQLAlchemy, or a Transaction of
    storage.engines.database.
    """

    @property
    def connection(self) -> Any:
        """The connection of the driver."""
        ...

    @property
    def dialect(self) -> Dialect:
        """SQLAlchemy's dialect of the engine."""
        ...


class CompiledStatement(NamedTuple):
    """A statement for one engine: its text, values of its own, and the order of its parameters if they have one."""

    text: str
    fixed: Values
    order: list[str] | None


class Rows(NamedTuple):
    """Rows of one table: the columns that they name, and for each row a value of each of them."""

    columns: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]

    def filled(self) -> Rows:
        """The same without the columns that are null or false in every row: one costs more to bind than a text does."""
        columns = list(zip(*self.values, strict=True))
        used = [any(value is not None and value is not False for value in column) for column in columns]
        return Rows(tuple(compress(self.columns, used)), list(zip(*compress(columns, used), strict=True)))

    def named(self) -> list[dict[str, Any]]:
        """Each row by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]


class Prepared:
    """One statement. Its parameters have names, and none of them is a list."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Update | Insert) -> None:
        self._statement = statement
        self._texts: dict[Dialect, CompiledStatement] = {}

    @property
    def statement(self) -> Select[Any] | CompoundSelect[Any] | Update | Insert:
        """The statement as SQLAlchemy has it."""
        return self._statement

    def rows(self, transaction: HasDriverConnection, values: Values) -> list[Any]:
        """Run a query inside the transaction."""
        return _fetched(transaction.connection, *self._call(transaction.dialect, values))

    def write(self, transaction: HasDriverConnection, values: Values) -> None:
        """Run what gives no rows, inside the transaction."""
        cursor = transaction.connection.cursor()
        try:
            cursor.execute(*self._call(transaction.dialect, values))
        finally:
            cursor.close()

    def write_all(self, transaction: HasDriverConnection, rows: Rows) -> None:
        """Run it for each of these rows, whose columns are its parameters, inside the transaction."""
        text, _, order = self._compiled(transaction.dialect)
        if order is None:
            _run_many(transaction, text, rows.named())
        else:
            _run_many(transaction, text, list(map(itemgetter(*map(rows.columns.index, order)), rows.values)))

    def text(self, dialect: Dialect) -> str:
        """As the driver is given it."""
        return self._compiled(dialect).text

    def _call(self, dialect: Dialect, values: Values) -> tuple[str, Any]:
        text, fixed, order = self._compiled(dialect)
        values = {**fixed, **values}
        return text, values if order is None else [values[name] for name in order]

    def _compiled(self, dialect: Dialect) -> CompiledStatement:
        if dialect not in self._texts:
            compiled = self._statement.compile(dialect=dialect)
            fixed = {name: value for name, value in compiled.params.items() if value is not None}
            self._texts[dialect] = CompiledStatement(str(compiled), fixed, getattr(compiled, "positiontup", None))
        return self._texts[dialect]


class PreparedInQuery:
    """A query by many ``ids`` (storage.sql.array_params.in_array); its other parameters have names, and none is a list.

    Where a database takes a parameter for each id, there is a text for so many of them. The last id is repeated up to
    the next power of two, so that there are few texts.
    """

    def __init__(self, query: Select[Any]) -> None:
        self.query = query
        self._texts: dict[tuple[Dialect, int], tuple[str, Sequence[str] | None]] = {}

    def rows(self, transaction: HasDriverConnection, values: Values, ids: Sequence[str]) -> list[Any]:
        """Run it inside the transaction, for at least one id."""
        if encode := ARRAY_ENCODERS.get(transaction.dialect.name):
            count, values = 1, {**values, "ids": encode(ids)}
        else:
            count = 1 << (len(ids) - 1).bit_length()
            listed = [*ids, *[ids[-1]] * (count - len(ids))]
            values = {**values, "ids": listed, **{f"ids_{number}": id for number, id in enumerate(listed, 1)}}
        text, order = self._compiled(transaction.dialect, values, count)
        return _fetched(transaction.connection, text, values if order is None else [values[name] for name in order])

    def _compiled(self, dialect: Dialect, values: Values, count: int) -> tuple[str, Sequence[str] | None]:
        if (dialect, count) not in self._texts:
            compiled: Any = self.query.compile(dialect=dialect)
            state = compiled.construct_expanded_state(values)
            self._texts[dialect, count] = state.statement, state.positiontup
        return self._texts[dialect, count]


def _fetched(connection: Any, text: str, values: Any) -> list[Any]:
    cursor = connection.cursor()
    try:
        cursor.execute(text, values)
        return list(cursor.fetchall())  # some drivers give a tuple
    finally:
        cursor.close()


def insert_rows(transaction: HasDriverConnection, into: Table, rows: Rows) -> None:
    """Add rows, all with one statement, inside the transaction. A column that they don't name is null, or its default.

    The statement is SQLAlchemy's, the values go to the driver as they are: preparing them one by one would take longer
    than storing them.
    """
    text = _insert_text(transaction.dialect, into.name, rows.columns)
    _run_many(transaction, text, rows.values if transaction.dialect.positional else rows.named())


def _run_many(transaction: HasDriverConnection, text: str, values: Sequence[Any]) -> None:
    cursor = transaction.connection.cursor()
    try:
        cursor.executemany(text, values)
    finally:
        cursor.close()


@lru_cache(maxsize=1024)
def _insert_text(dialect: Dialect, name: str, columns: tuple[str, ...]) -> str:
    """INSERT for these columns. Which columns there are differs from batch to batch, but not by much.

    Their names are quoted, since a column may be called by a word of SQL's.
    """
    quoted: list[ColumnClause[Any]] = [column(quoted_name(column_name, quote=True)) for column_name in columns]
    return str(insert(table(name, *quoted)).compile(dialect=dialect))
