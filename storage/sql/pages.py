"""Rows as pages show them, straight from the database: no record is built on the way.

A page of a book with many tables is merged of those that have rows for it. They are found with one query, so that a
page costs no statement for each of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import merge
from typing import Any

import orjson

from offbook.core.cells.validation import Json
from offbook.core.schema import Map, Type
from storage.base import PageSize
from storage.sql.mapping.records import PageEntries
from storage.sql.prepared import HasDriverConnection
from storage.sql.queries import TableQueries, tables_with_rows

ALL_ENTRIES = 2**31
"""More than a record has."""

TABLES_FEW = 3
"""So many are each asked for their rows, where more are first asked all together which of them have some."""

Row = dict[str, Json]


def rows_between(
    transaction: HasDriverConnection,
    tables: Sequence[TableQueries],
    span: Mapping[str, int],
    size: PageSize,
    live_only: bool,
    is_sparse: bool,
) -> tuple[list[Row], bool]:
    """The rows of these tables in a span (``book``, ``after``, ``up_to``), by seq, as many as fit; and whether there
    are more."""
    span = {**span, "most": size.rows + 1}
    if len(tables) > TABLES_FEW:
        places = tables_with_rows(tuple(tables)).rows(transaction, span)
        tables = [tables[place] for (place,) in places]
    pages = [_page(transaction, queries, span, size.entries, live_only, is_sparse) for queries in tables]
    rows = list(merge(*(rows for rows, _ in pages), key=lambda row: row["seq"]))
    ends = [rows[-1]["seq"] for rows, is_cut in pages if is_cut]
    if ends:  # what follows in another table may come before what was left out
        rows = [row for row in rows if row["seq"] <= min(ends)]
    return rows[: size.rows], bool(ends) or len(rows) > size.rows


def _page(
    transaction: HasDriverConnection,
    queries: TableQueries,
    span: Mapping[str, int],
    most: int,
    live_only: bool,
    is_sparse: bool,
) -> tuple[list[Row], bool]:
    """The rows of one table, and whether they were cut off for their entries."""
    page_rows = (queries.page_of_live if live_only else queries.page).rows(transaction, span)
    if not page_rows:
        return [], False
    entries, whole = _entries(transaction, queries, span["book"], page_rows, most)
    if whole == 0:
        entries, _ = _entries(transaction, queries, span["book"], page_rows[:1], ALL_ENTRIES)
    rows = queries.layout.page_rows(page_rows[: max(whole, 1)], entries, is_sparse)
    return rows, len(rows) < len(page_rows)


def _entries(
    transaction: HasDriverConnection, queries: TableQueries, book_id: int, rows_of_page: Sequence[Any], most: int
) -> tuple[PageEntries, int]:
    """The first ``most`` entries of these records, as a page holds them, and how many records they are all of."""
    span = {"book": book_id, "first": rows_of_page[0][-1], "last": rows_of_page[-1][-1], "most": most + 1}
    entries = no_entries()
    whole = len(rows_of_page)
    for map_, query in queries.page_entries.items():
        rows = query.rows(transaction, span)
        if len(rows) > most:
            whole = min(whole, _records_before(rows_of_page, rows))
        _put_entries(entries, map_, rows)
    return entries, whole


def rows_by_id(
    transaction: HasDriverConnection, queries: TableQueries, book_id: int, ids: Sequence[str], is_sparse: bool
) -> dict[str, Row]:
    """The rows of one table by their ids; of those that are not there none."""
    if not ids:
        return {}
    rows = queries.rows_of.rows(transaction, {"book": book_id}, ids)
    entries = no_entries()
    for map_, query in queries.entries_of.items():
        _put_entries(entries, map_, query.rows(transaction, {"book": book_id}, ids))
    return {row["record_id"]: row for row in queries.layout.page_rows(rows, entries, is_sparse)}


def no_entries() -> PageEntries:
    """What entries are put into."""
    return defaultdict(lambda: defaultdict(dict))


def _put_entries(entries: PageEntries, map_: Map, rows: Iterable[Sequence[Any]]) -> None:
    """Put these rows, each of which begins with the ids of its record and of its entry, among the entries of a page."""
    names = tuple(map_.by_name)
    unlike = {field.name: field.type for field in map_.attributes if field.type in (Type.FLAG, Type.JSON)}
    for record_id, entry_id, *values in rows:
        pairs = zip(names, values, strict=True)
        entry = {name: value for name, value in pairs if value is not None}
        entries[record_id][map_.name][entry_id] = (
            entry if entry.keys().isdisjoint(unlike) else _in_wire_form(entry, unlike)
        )


def _in_wire_form(entry: Row, unlike: Mapping[str, Type]) -> Row:
    """The entry, with those of its values in wire form that a database holds otherwise."""
    for name, type_ in unlike.items():
        value = entry.pop(name, None)
        if value is not None and value is not False and (type_ is Type.JSON or value):
            entry[name] = True if type_ is Type.FLAG else orjson.loads(value)
    return entry


def _records_before(records: Sequence[Any], entries: Sequence[Any]) -> int:
    """How many of these records have all their entries among ``entries``, of which the last record's are cut off.

    Both are in the order of seq, and begin with an id. Of records without entries behind the last that is whole nothing
    is known.
    """
    cut = entries[-1][0]
    whole = {entry[0] for entry in entries} - {cut}
    return max((place for place, row in enumerate(records, 1) if row[0] in whole), default=0)
