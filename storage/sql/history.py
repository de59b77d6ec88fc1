"""The history of a book in a database, read: whole or a page at a time, as entries or as steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, Table, or_, select

from offbook.core.history.entry import HistoryEntry, HistoryStep
from offbook.core.model import DiscardedWrite, Key, Verdict
from storage.base import HistoryPage
from storage.sql.array_params import in_array
from storage.sql.authors import authors_of
from storage.sql.mapping.history import discarded_writes_of, entry_of_row, step_of_row
from storage.sql.mapping.records import CREATED, clocks_of
from storage.sql.queries import CHANGES, TOOK_EFFECT

C = CHANGES.c
STEP = (C.table_name, C.record_id, C.seq, C.before, C.batch, C.change_id)
"""The columns of a step, as ``step_of_row`` takes them."""


class HistorySpan(NamedTuple):
    """Which part of a record's history is read: see storage.base.ReadTransaction.history_page."""

    limit: int
    before: int | None = None
    skip: int = 0
    with_noise: bool = True


def entries(connection: Connection, book_id: int, records: Table, key: Key) -> list[HistoryEntry]:
    """The changes of a record, oldest first. ``records`` is the table of its row."""
    rows = connection.execute(_changes_of(book_id, key).order_by(C.id)).all()
    return _entries(connection, book_id, records, rows)


def page(connection: Connection, book_id: int, records: Table, key: Key, span: HistorySpan) -> HistoryPage:
    """Some changes of a record, the newest first; ``before`` and ``next`` are the numbers of rows."""
    query = _changes_of(book_id, key)
    if span.before is not None:
        query = query.where(C.id < span.before)
    if not span.with_noise:
        query = query.where(or_(TOOK_EFFECT, C.beaten.is_not(None)))
    rows = connection.execute(query.order_by(C.id.desc()).offset(span.skip).limit(span.limit + 1)).all()
    next_ = rows[span.limit - 1].id if len(rows) > span.limit else None
    return HistoryPage(_entries(connection, book_id, records, rows[: span.limit]), next_)


def log_page(connection: Connection, book_id: int, tables: Mapping[str, Table], after: int, limit: int) -> HistoryPage:
    """Changes of a book behind this seq, in that order. ``tables`` are those of the records' rows."""
    query = select(CHANGES).where(C.book_id == book_id, C.seq > after, C.record_id.is_not(None))
    rows = connection.execute(query.order_by(C.seq).limit(limit)).all()
    by_table: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if row.table_name in tables:
            by_table[row.table_name].append(row)
    parts = [_entries(connection, book_id, tables[name], some) for name, some in by_table.items()]
    by_change = {entry.id: entry for part in parts for entry in part}
    shown = [by_change[row.change_id] for row in rows if row.change_id in by_change]
    return HistoryPage(shown, rows[-1].seq if len(rows) == limit else None)


def entry(connection: Connection, book_id: int, tables: Mapping[str, Table], change_id: str) -> HistoryEntry | None:
    """One change that was accepted; None where there is none, or it was pruned."""
    query = select(CHANGES).where(C.book_id == book_id, C.change_id == change_id, C.record_id.is_not(None))
    row = connection.execute(query).first()
    if row is None:
        return None
    return _entries(connection, book_id, tables[row.table_name], [row])[0]


def discarded_writes(connection: Connection, book_id: int, key: Key) -> list[tuple[str, list[DiscardedWrite]]]:
    """Per change of a record that lost something, its replica and what it lost: oldest first."""
    query = _changes_of(book_id, key).with_only_columns(C.replica, C.beaten).where(C.beaten.is_not(None))
    rows = connection.execute(query.where(C.replica.is_not(None)).order_by(C.id))
    return [(replica, discarded_writes_of(beaten)) for replica, beaten in rows]


def steps_since(connection: Connection, book_id: int, seq: int, key: Key | None) -> list[HistoryStep]:
    """What was written after ``seq``, in that order: to any record, or to one."""
    if key is None:
        query = select(*STEP).where(C.book_id == book_id, C.seq > seq, C.record_id.is_not(None), TOOK_EFFECT)
        query = query.order_by(C.seq)
    else:
        query = steps_of(book_id, seq, key)
    return [step_of_row(*row) for row in connection.execute(query)]


def steps_of(book_id: int, seq: int, key: Key) -> Select[Any]:
    """What was written to one record after ``seq``, in that order.

    The seq is not compared as it stands in an index: while SQLite has no statistics, it would rather walk through all
    changes of the book since then.
    """
    table, record_id = key
    query = select(*STEP).where(C.book_id == book_id, C.record_id == record_id, C.table_name == table)
    return query.where(C.seq + 0 > seq, TOOK_EFFECT).order_by(C.id)


def _changes_of(book_id: int, key: Key) -> Select[Any]:
    table, record_id = key
    query = select(CHANGES).where(C.book_id == book_id, C.record_id == record_id)
    return query.where(C.table_name == table, C.verdict != Verdict.REJECTED.value)


def _entries(connection: Connection, book_id: int, records: Table, rows: Sequence[Row[Any]]) -> list[HistoryEntry]:
    """Rows of changes of one table as entries, with the names of who made them and of who won over them."""
    discarded = {row.change_id: discarded_writes_of(row.beaten) for row in rows}
    winners = {write.winner.change_id for writes in discarded.values() for write in writes}
    authors = authors_of(connection, book_id, discarded.keys() | winners)
    query = select(records.c.clocks).where(records.c.book_id == book_id, in_array(records.c.id, "ids"))
    clocks = connection.scalars(query, {"ids": sorted({row.record_id for row in rows})}).all()
    makers = {clocks_of(text)[0][CREATED].change_id for text in clocks if text is not None}
    return [entry_of_row(row, discarded[row.change_id], authors, row.change_id in makers) for row in rows]
