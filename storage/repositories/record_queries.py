"""Lists of the records of any table, in pages: in the order that its declaration names, searched and filtered.

Reading only. Each page takes a fixed number of statements, all in one view of the book.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, select, tuple_

from offbook.core.cells.validation import Json
from offbook.core.model import Scalar
from offbook.core.protocol.record_lists import parse_filters, table_named
from offbook.core.search import Term, narrowed
from storage.base import PageSize
from storage.repositories.list_pages import (
    find_terms,
    parse_place,
    place_text,
    records_in_page,
    search_conditions,
    search_patterns,
    shape_of,
)
from storage.sql.store import SqlStore

SORTED_BY = ("sort_key", "sort_name", "id")
"""What a list is sorted by: the first of these columns that its table has."""


class RecordQueries:
    """Lists of records in a database. Safe to share between threads."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def page(
        self, book_id: int, name: str, search: str, filters: Mapping[str, str], after: str | None, size: PageSize
    ) -> tuple[list[dict[str, Json]], str | None]:
        """Records of the table ``name`` with all that they hold, in wire form, and where the next ones begin.

        They are those in which every word of ``search`` occurs and the fields that ``filters`` names have these values.
        They are fewer than a page may have where they hold much, but one at least. Raises NotFound where there is no
        such table, Malformed for a filter that can't be, and for an ``after`` that no page gave.
        """
        place = parse_place(after, (str, str)) if after else None
        with self._store.reading(book_id) as book:
            table = table_named(book.schema, name)
            terms, equal = narrowed(find_terms(book.connection, book_id, search)), parse_filters(table, filters)
            query = _list_query(book.rows_table(name), book_id, terms, equal, place)
            lines = book.connection.execute(query.limit(size.rows + 1), search_patterns("part", terms)).all()
            keys = [(name, line.id) for line in lines[: size.rows]]
            counts = book.entry_counts(keys)
            count = records_in_page((counts[key] for key in keys), size.entries)
            rows = book.rows_of(name, [record_id for _, record_id in keys[:count]])
        records = [rows[record_id]["data"] for _, record_id in keys[:count]]
        return records, place_text(tuple(lines[count - 1])) if len(lines) > count else None


def _list_query(
    rows: Table, book_id: int, terms: Sequence[Term], equal: Mapping[str, Scalar], place: tuple[Any, ...] | None
) -> Select[Any]:
    """What a record of the list is sorted by, and its id, in this order."""
    sorted_by = next(rows.c[name] for name in SORTED_BY if name in rows.c).label("sorted_by")
    query = select(sorted_by, rows.c.id.label("id")).where(rows.c.book_id == book_id, rows.c.deleted.is_(False))
    query = query.where(*_conditions(rows, terms, equal))
    if place is not None:
        query = query.where(tuple_(sorted_by.element, rows.c.id) > place)
    return query.order_by(sorted_by.element, rows.c.id)


def _conditions(rows: Table, terms: Sequence[Term], equal: Mapping[str, Scalar]) -> Iterator[ColumnElement[bool]]:
    yield from search_conditions(rows.c.search, "part", shape_of(terms))
    yield from (_has_value(rows.c[name], value) for name, value in equal.items())


def _has_value(column: Column[Any], value: Scalar) -> ColumnElement[bool]:
    """A flag that is not set is false in its column, and whatever else is empty is null."""
    if not column.nullable:
        return column.is_(bool(value))
    return column.is_(None) if value is None else column == value
