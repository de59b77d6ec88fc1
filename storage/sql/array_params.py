"""``among(column, "ids")``: whether a column is one of many values, which are given when the statement runs.

``IN`` with a parameter for each value is what most databases want. PostgreSQL keeps one plan for a statement that comes
again and again, and with a thousand parameters that plan walks through all rows of the book and compares each with each
value: 0.6 s in a book with 24,000 changes, and more with every further one. An array is one parameter, for which it
looks into the index, and the statement is the same however many values there are. For SQLite a JSON array is that: it
takes one in less time than a thousand parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, Text, TypeDecorator, any_, bindparam, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class in_array(FunctionElement[bool]):  # noqa: N801 - called like SQLAlchemy's functions
    """Written as a function, as those of SQLAlchemy. The values are a list, under this name."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, expanding=True))

    def self_group(self, against: Any = None) -> in_array:
        """Where a database has no truths, SQLAlchemy would add ``= 1``, and no index be used."""
        return self


@compiles(in_array)
def _in(element: in_array, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return compiler.process(column.in_(values), **options)


@compiles(in_array, "postgresql")
def _any(element: in_array, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    listed = bindparam(values.key, type_=ARRAY(column.type))
    return compiler.process(column == any_(listed), **options)


class JsonArray(TypeDecorator[Sequence[Any]]):
    """A list as the text of a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str:
        return json_array(value or ())


def json_array(values: Sequence[Any]) -> str:
    """These values as the text of a JSON array."""
    return orjson.dumps(values).decode()


@compiles(in_array, "sqlite")
def _each(element: in_array, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    each = func.json_each(bindparam(values.key, type_=JsonArray())).table_valued("value")
    return compiler.process(column.in_(select(each.c.value)), **options)


ARRAY_ENCODERS: Mapping[str, Callable[[Sequence[Any]], Any]] = {"postgresql": list, "sqlite": json_array}
"""The values as the one parameter that they are to a driver; a database that is not named here takes one for each."""
