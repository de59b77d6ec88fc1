"""The store over a relational database: models.py's tables, any engine of storage.engines.database.

It thinks in batches. A push reads and writes with a handful of statements however many changes it holds, a page is read
with a fixed number; no ORM object is made for a row. What a synced table is called and made of, its declaration says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from offbook.core.accounts.users import user_is_purged
from offbook.core.cells.validation import Json
from offbook.core.history.bursts import ChangeMarker
from offbook.core.history.entry import HistoryEntry, HistoryStep
from offbook.core.merge.batch import BookState, Plan, RecordedVerdict
from offbook.core.merge.retention import PurgedRows, RetentionLimits, count_purged, total
from offbook.core.messages import recorded_fault
from offbook.core.model import Author, Conflict, DiscardedWrite, Key, Record, Verdict
from offbook.core.protocol.view import View
from offbook.core.schema import Map, NamingMap, Reference, Schema
from offbook.core.schema import Table as SyncedTable
from offbook.core.verify.ranges import Range, Sum, sum_of
from storage.base import ChangeOrigin, DigestMaker, HistoryPage, PageSize
from storage.engines import write_probe
from storage.engines.database import Database, Transaction
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import TablesGrown, Unwritable
from storage.schema.declaration import Declaration
from storage.schema.known_tables import KnownTables, read_known_tables
from storage.sql import conflicts, digests, history, naming, pages, retention
from storage.sql.authors import authors_of
from storage.sql.batches import SqlBatches
from storage.sql.mapping.history import log_rows
from storage.sql.mapping.records import RecordMapping
from storage.sql.prepared import Prepared, Rows, insert_rows
from storage.sql.queries import (
    BOOK,
    BOOK_LOCKED,
    CHANGES,
    HEADS,
    LAST_SEQ,
    SET_PRUNED,
    SET_SEQ,
    SETTLED,
    TOOK_EFFECT,
    TableQueries,
)
from storage.sql.references import referring_ids

NONE_COUNTED: tuple[set[str], set[str]] = (set(), set())


class SqlStore:
    """Books in a database. Safe to share between threads.

    ``on_commit`` is called after each commit that gave a book a later seq, with both, in the thread that wrote.
    """

    def __init__(self, database: Database) -> None:
        self.on_commit: Callable[[int, int], None] | None = None
        self._database = database
        self._known = KnownTables()
        self._known_since = -1
        """How often the database had been closed when the tables were read."""

    @property
    def schema(self) -> Schema:
        """The synced tables, as far as this process knows them: requests are read by these."""
        return self.declaration.schema

    @property
    def declaration(self) -> Declaration:
        """The synced tables, and since when parts of them are there."""
        if self._known_since != self._database.closings:
            with self._database.read() as connection:
                self._read_tables(connection)
        return self._known.declaration

    def _read_tables(self, connection: Connection) -> KnownTables:
        self._known_since, self._known = self._database.closings, read_known_tables(connection)
        return self._known

    @property
    def since(self) -> Mapping[str, int]:
        """The seqs at which parts of the tables became known, by their names."""
        return self.declaration.since

    @contextmanager
    def reading(self, book_id: int) -> Iterator[SqlReadTransaction]:
        with self._database.reading() as transaction:
            book, known, _ = self._begin(transaction, BOOK, book_id)
            yield SqlReadTransaction(transaction, known, book)

    @contextmanager
    def writing(self, book_id: int) -> Iterator[SqlWriteTransaction]:
        with self._database.writing() as transaction:
            # The lock is the transaction's first statement; SQLite, which has no FOR UPDATE, has locked all by now.
            book, known, closed = self._begin(transaction, BOOK_LOCKED, book_id)
            if closed is not None:
                raise ReadOnlyMode
            before = known.moved_past_growths(book)
            writing = SqlWriteTransaction(transaction, known, before, self._database)
            yield writing
        if self.on_commit is not None and writing.book.seq != before.seq:
            self.on_commit(book_id, writing.book.seq)

    def _begin(
        self, transaction: Transaction, query: Prepared, book_id: int
    ) -> tuple[BookState, KnownTables, str | None]:
        """The book, the tables as they are in this transaction, and the mark of a database that is closed.

        Raises NotLetIn where the book was purged since the request was let in.
        """
        rows = query.rows(transaction, {"book": book_id})
        if not rows:
            raise user_is_purged()
        *columns, shape, closed = rows[0]
        known = self._known
        if known.declaration.shape != shape:
            known = self._read_tables(transaction.sqlalchemy)
        return BookState(*columns), known, closed

    def refused(self) -> Unwritable | None:
        """Why the database takes no changes at the moment; None where it takes them."""
        return write_probe.refused(self._database)

    def latest_seqs(self, book_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
        """The epoch and the newest seq of each of these books."""
        with self._database.read() as connection:
            rows = connection.execute(HEADS, {"ids": list(book_ids)}).all()
            if any(shape != self._known.declaration.shape for *_, shape in rows):
                self._read_tables(connection)  # though nobody asks this process for anything
        return {book_id: (epoch, seq) for book_id, epoch, seq, _ in rows}


class SqlReadTransaction:
    """One consistent view of a book."""

    def __init__(self, transaction: Transaction, known: KnownTables, book: BookState) -> None:
        self.book = book
        self.schema = known.schema
        self._transaction = transaction
        self._known = known
        self._tables = known.queries

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's view of the transaction, for tables beside the book and for rare queries."""
        return self._transaction.sqlalchemy

    def rows_table(self, table: str) -> Table:
        """The database's table with the rows of a synced table."""
        return self._tables[table].layout.rows

    @property
    def batches(self) -> SqlBatches:
        return SqlBatches(self.connection, self.book)

    def last_seq_at_or_before(self, up_to: int) -> int:
        if up_to in self._known.growths:  # a device pulls from there what has grown
            return up_to
        ((seq,),) = LAST_SEQ.rows(self._transaction, {"book": self.book.id, "up_to": up_to})
        return seq or 0

    def rows(
        self, after: int, up_to: int, size: PageSize, live_only: bool, view: View | None = None
    ) -> tuple[list[dict[str, Json]], bool]:
        view = view or View(self.schema)
        tables = [self._queries(table) for table in view.schema.values()]
        span = {"book": self.book.id, "after": after, "up_to": up_to}
        return pages.rows_between(self._transaction, tables, span, size, live_only, view.is_sparse)

    def rows_of(self, table: str, ids: Iterable[str], view: View | None = None) -> dict[str, dict[str, Json]]:
        view = view or View(self.schema)
        queries = self._queries(view.schema[table])
        return pages.rows_by_id(self._transaction, queries, self.book.id, sorted(set(ids)), view.is_sparse)

    def _queries(self, table: SyncedTable) -> TableQueries:
        """The statements of a table, with the fields that it has here. Raises TablesGrown where they are not there."""
        if table.name not in self._tables:
            raise TablesGrown
        return self._tables[table.name].shown_as(table)

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        queries = self._tables[table]
        # Most pushes are of new records alone: whole rows are only read where some exist.
        existing = self._existing(queries, sorted(set(ids)))
        if not existing:
            return {}
        rows = self.connection.execute(queries.records, {"book": self.book.id, "ids": existing}).all()
        entries = self._entries(queries, existing)
        return {(table, row.id): queries.layout.record_of(row, entries.get(row.id, ())) for row in rows}

    def referring(self, reference: Reference, ids: Iterable[str]) -> list[str]:
        layout = self._tables[reference.table.name].layout
        return referring_ids(self.connection, self.book.id, layout, reference, ids)

    def key_texts(self, table: str) -> dict[str, str]:
        return naming.key_texts(self.connection, self.book.id, self._tables[table].layout)

    def named_texts(self, place: NamingMap) -> dict[str, int]:
        return naming.named_texts(self.connection, self.book.id, self._tables[place.table.name].layout, place)

    def naming(self, place: NamingMap, texts: Iterable[str]) -> list[str]:
        layout = self._tables[place.table.name].layout
        return naming.naming_ids(self.connection, self.book.id, layout, place, texts)

    def _existing(self, queries: TableQueries, ids: list[str]) -> list[str]:
        """Those of these ids that are of records."""
        if not ids:
            return []
        return [record_id for (record_id,) in queries.known.rows(self._transaction, {"book": self.book.id}, ids)]

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        ids: dict[str, list[str]] = defaultdict(list)
        for table, record_id in sorted(keys):
            ids[table].append(record_id)
        book = {"book": self.book.id}
        return {
            (table, record_id): count
            for table, ids_of_table in ids.items()
            for record_id, count in self._tables[table].entry_counts.rows(self._transaction, book, ids_of_table)
        }

    def _entries(self, queries: TableQueries, ids: list[str]) -> dict[str, list[tuple[Map, Row[Any]]]]:
        entries: dict[str, list[tuple[Map, Row[Any]]]] = defaultdict(list)
        for map_, query in queries.entries.items():
            owner = queries.layout.entry_names[map_.name].index(map_.owner)
            for row in self.connection.execute(query, {"book": self.book.id, "ids": ids}):
                entries[row[owner]].append((map_, row))
        return entries

    def recorded_verdicts(self, change_ids: Iterable[str]) -> dict[str, RecordedVerdict]:
        wanted = sorted(set(change_ids))
        rows = SETTLED.rows(self._transaction, {"book": self.book.id}, wanted) if wanted else []
        return {
            change_id: RecordedVerdict(Verdict(verdict), seq, recorded_fault(code, detail))
            for change_id, verdict, seq, code, detail in rows
        }

    def open_conflict_keys(self, conflict_ids: Iterable[str]) -> dict[str, Key]:
        return conflicts.open_keys(self.connection, self.book.id, conflict_ids)

    def sums(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[Sum]:
        queries = self._tables[table]
        sums = digests.stored_sums(self.connection, self.book.id, queries, ranges) if made_by is None else None
        if sums is not None:
            return sums
        return [sum_of(of_range.values()) for of_range in self.digests(table, ranges, made_by)]

    def digests(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[dict[str, int]]:
        read = partial(self.records, table)
        return digests.digests_in(self.connection, self.book.id, self._tables[table], ranges, read, made_by)

    def history(self, table: str, record_id: str) -> list[HistoryEntry]:
        return history.entries(self.connection, self.book.id, self._tables[table].layout.rows, (table, record_id))

    def history_page(
        self, key: Key, limit: int, before: int | None = None, skip: int = 0, with_noise: bool = True
    ) -> HistoryPage:
        span = history.HistorySpan(limit, before, skip, with_noise)
        return history.page(self.connection, self.book.id, self._tables[key[0]].layout.rows, key, span)

    def log_page(self, after: int, limit: int) -> HistoryPage:
        tables = {name: queries.layout.rows for name, queries in self._tables.items()}
        return history.log_page(self.connection, self.book.id, tables, after, limit)

    def history_entry(self, change_id: str) -> HistoryEntry | None:
        tables = {name: queries.layout.rows for name, queries in self._tables.items()}
        return history.entry(self.connection, self.book.id, tables, change_id)

    def discarded_writes(self, key: Key) -> list[tuple[str, list[DiscardedWrite]]]:
        return history.discarded_writes(self.connection, self.book.id, key)

    def steps_since(self, seq: int, key: Key | None = None) -> list[HistoryStep]:
        return history.steps_since(self.connection, self.book.id, seq, key)

    def change_markers(self, after: int, most: int) -> list[ChangeMarker]:
        columns = CHANGES.c
        query = select(columns.seq, columns.change_id, columns.device_id, columns.user_id)
        query = query.where(columns.book_id == self.book.id, columns.seq > after, columns.received_at.is_not(None))
        query = query.where(TOOK_EFFECT)
        rows = self.connection.execute(query.order_by(columns.seq.desc()).limit(most))
        return [ChangeMarker(seq, change_id, ChangeOrigin(device, user)) for seq, change_id, device, user in rows]

    def conflicts(self, key: Key | None = None) -> list[Conflict]:
        return conflicts.open_conflicts(self.connection, self.schema, self.book.id, key)

    def find_conflict(self, conflict_id: str) -> tuple[Conflict, str | None] | None:
        return conflicts.fetch_conflict(self.connection, self.schema, self.book.id, conflict_id)

    def conflicts_between(self, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
        return conflicts.conflicts_between(self._transaction, self.schema, self.book.id, after, up_to)

    def authors(self, change_ids: Iterable[str]) -> Mapping[str, Author]:
        return authors_of(self.connection, self.book.id, change_ids)


class SqlWriteTransaction(SqlReadTransaction):
    """A transaction with the book's lock."""

    def __init__(self, transaction: Transaction, known: KnownTables, book: BookState, database: Database) -> None:
        super().__init__(transaction, known, book)
        self._database = database
        self._loaded: dict[Key, Record] = {}
        self._counted: dict[str, tuple[set[str], set[str]]] = {}
        """By table the ids whose entries were counted, and those that were there: until anything is written."""

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        keys = set(keys)
        counts = super().entry_counts(keys)
        for table in {table for table, _ in keys}:
            wanted = {record_id for name, record_id in keys if name == table}
            self._counted[table] = wanted, {record_id for name, record_id in counts if name == table}
        return counts

    def _existing(self, queries: TableQueries, ids: list[str]) -> list[str]:
        counted, existing = self._counted.get(queries.layout.synced.name, NONE_COUNTED)
        if counted.issuperset(ids):
            return [record_id for record_id in ids if record_id in existing]
        return super()._existing(queries, ids)

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        records = super().records(table, ids)
        self._loaded.update(records)
        return records

    def apply_plan(self, plan: Plan, origin: ChangeOrigin, now_us: int) -> None:
        self._counted.clear()
        for name, queries in self._tables.items():
            if created := [plan.records[key] for key in plan.created if key[0] == name]:
                self._add(queries.layout, created)
            if written := [plan.records[key] for key in plan.written if key[0] == name]:
                self._rewrite(queries.layout, written)
        self._loaded.update(plan.records)
        insert_rows(self._transaction, CHANGES, log_rows(self.book.id, plan.history, origin, now_us))
        if plan.closed:
            conflicts.close(self.connection, self.book.id, plan.closed, now_us)
        if plan.conflicts:
            conflicts.open_new(self.connection, self.book.id, plan, origin, now_us)
        if plan.seq != self.book.seq:
            SET_SEQ.write(self._transaction, {"book": self.book.id, "head": plan.seq})
            self.book = replace(self.book, seq=plan.seq)

    def _add(self, layout: RecordMapping, records: list[Record]) -> None:
        insert_rows(self._transaction, layout.rows, layout.new_rows(self.book.id, records))
        for table, rows in self._new_entries(layout, records):
            insert_rows(self._transaction, table, rows.filled())

    def _rewrite(self, layout: RecordMapping, records: list[Record]) -> None:
        loaded = {record.key: self._loaded[record.key].cells for record in records if record.key in self._loaded}
        changed = [record for record in records if loaded.get(record.key) != record.cells]
        if changed:
            self._upsert(layout.rows, layout.whole_rows(self.book.id, changed))
        if kept := [record for record in records if loaded.get(record.key) == record.cells]:  # deleted, or brought back
            self._upsert(layout.rows, layout.status_rows(self.book.id, kept))
        for table, rows in self._new_entries(layout, changed):
            self._upsert(table, rows)

    def _upsert(self, table: Table, rows: Rows) -> None:
        self._database.upsert_rows(self._transaction, table, rows)

    def _new_entries(self, layout: RecordMapping, records: list[Record]) -> Iterator[tuple[Table, Rows]]:
        """The entries of these records that are not in their tables as they are now."""
        for map_ in layout.synced.maps:
            changed = [row for record in records for row in self._changed_entries(layout, map_, record)]
            if changed:
                yield layout.entries[map_.name], Rows(layout.entry_columns(map_), changed)

    def _changed_entries(self, layout: RecordMapping, map_: Map, record: Record) -> list[tuple[Any, ...]]:
        after = layout.entry_rows(map_, self.book.id, record)
        loaded = self._loaded.get(record.key)
        before = {} if loaded is None else layout.entry_rows(map_, self.book.id, loaded)
        return [row for key, row in after.items() if before.get(key) != row]

    def prune(self, lines: RetentionLimits, tables: Collection[str] | None = None) -> PurgedRows:
        changes = retention.forget_text(self.connection, self.book.id, lines.history)
        resolved = retention.forget_resolved(self.connection, self.book.id, lines.history)
        parts = [PurgedRows(changes=changes, conflicts=resolved)]
        for name in self._tables if tables is None else tables:
            place = self.connection, (layout := self._tables[name].layout), self.book.id
            parts.append(PurgedRows(tombstones=retention.forget_tombstones(*place, lines.history)))
            for ids in retention.ids_to_prune(*place, lines.trash):
                pairs = retention.pruned_pairs(self.records(name, ids).values(), lines)
                self._write_pruned(layout, pairs)
                parts.append(count_purged(pairs))
        self.connection.execute(SET_PRUNED, {"book": self.book.id, "line": max(self.book.pruned, lines.history)})
        return total(parts)

    def _write_pruned(self, layout: RecordMapping, pairs: list[tuple[Record, Record]]) -> None:
        if pairs:
            retention.forget_entries(self.connection, layout, self.book.id, pairs)
            self._upsert(layout.rows, layout.whole_rows(self.book.id, [new for _, new in pairs]))
