"""The statements of the SQL store, each built once: building one costs more than running it.

Statements of the hot path only; what runs seldom is written where it is used. Parameters: ``book`` (its number),
``ids``, ``after``, ``up_to``, ``most``, ``first``, ``last``; of ranges ``start0``, ``end0``, ``start1``, …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Exists,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
    union_all,
    update,
)

from models import Base
from offbook.core.model import Verdict
from offbook.core.schema import Map, Table
from offbook.core.verify.ranges import WHOLE, Range
from storage.engines.read_only_mode import CLOSED
from storage.errors import TablesGrown
from storage.schema.declaration import CURRENT_SHAPE
from storage.sql.array_params import in_array
from storage.sql.mapping.records import RecordMapping
from storage.sql.prepared import Prepared, PreparedInQuery

BOOKS = Base.metadata.tables["books"]
CHANGES = Base.metadata.tables["changes"]
CONFLICTS = Base.metadata.tables["conflicts"]
SETTINGS = Base.metadata.tables["settings"]

STATE = (BOOKS.c[name] for name in ("id", "uuid", "policy", "epoch", "seq", "pruned"))
A_BOOK = select(*STATE, CURRENT_SHAPE).where(BOOKS.c.id == bindparam("book"))
IS_CLOSED = select(SETTINGS.c.name).where(SETTINGS.c.name == literal_column(f"'{CLOSED}'")).scalar_subquery()
BOOK = Prepared(A_BOOK.add_columns(null()))
BOOK_LOCKED = Prepared(A_BOOK.add_columns(IS_CLOSED).with_for_update())
"""The book, and at the end the shape of all tables and whether the database is closed: statements of their own would
make a push a fifth slower."""

HEADS = select(BOOKS.c.id, BOOKS.c.epoch, BOOKS.c.seq, CURRENT_SHAPE).where(in_array(BOOKS.c.id, "ids"))

SET_SEQ = Prepared(update(BOOKS).where(BOOKS.c.id == bindparam("book")).values(seq=bindparam("head")))
SET_PRUNED = update(BOOKS).where(BOOKS.c.id == bindparam("book")).values(pruned=bindparam("line"))

TOOK_EFFECT = and_(CHANGES.c.seq.is_not(None), CHANGES.c.verdict != Verdict.SUPERSEDED.value)
"""The changes that did something to a record, or to its conflicts. What has lost has a seq for the log's sake alone."""

LAST_SEQ = Prepared(
    select(func.max(CHANGES.c.seq)).where(CHANGES.c.book_id == bindparam("book"), CHANGES.c.seq <= bindparam("up_to"))
)
SETTLED = PreparedInQuery(
    select(*(CHANGES.c[name] for name in ("change_id", "verdict", "seq", "code", "detail"))).where(
        CHANGES.c.book_id == bindparam("book"), in_array(CHANGES.c.change_id, "ids")
    )
)


class TableQueries:
    """The statements of one synced table."""

    def __init__(self, layout: RecordMapping) -> None:
        self.layout = layout
        self._compounds: dict[tuple[str, tuple[bool, ...]], CompoundSelect[Any]] = {}
        self._shown: dict[Table, TableQueries] = {}

    def shown_as(self, table: Table) -> TableQueries:
        """The statements by which the same rows are read, with no other fields than this declaration of them has.

        Raises TablesGrown where it has some that are not there.
        """
        if table == self.layout.synced:
            return self
        if table not in self._shown:
            if not self.layout.has_all(table):
                raise TablesGrown
            self._shown[table] = TableQueries(replace(self.layout, synced=table))
        return self._shown[table]

    @cached_property
    def records(self) -> Select[Any]:
        """Whole rows by id."""
        columns = self.layout.rows.c
        return select(self.layout.rows).where(columns.book_id == bindparam("book"), in_array(columns.id, "ids"))

    @cached_property
    def rows_of(self) -> PreparedInQuery:
        """What a page needs of rows by id."""
        columns = self.layout.rows.c
        query = select(*self.layout.page_columns)
        return PreparedInQuery(query.where(columns.book_id == bindparam("book"), in_array(columns.id, "ids")))

    @cached_property
    def entries_of(self) -> Mapping[Map, PreparedInQuery]:
        """Per map, the standing entries of records by id, as a page needs them."""
        return {map_: PreparedInQuery(self._entries_of(map_)) for map_ in self.layout.synced.maps}

    def _entries_of(self, map_: Map) -> Select[Any]:
        entries = self.layout.entries[map_.name].c
        query = select(entries[map_.owner], entries.entry_id, *(entries[name] for name in map_.by_name))
        query = query.where(entries.book_id == bindparam("book"), in_array(entries[map_.owner], "ids"))
        return query.where(entries.removed.is_(False)).order_by(entries.entry_id)

    @cached_property
    def known(self) -> PreparedInQuery:
        """Which of many ids are those of records."""
        columns = self.layout.rows.c
        return PreparedInQuery(
            select(columns.id).where(columns.book_id == bindparam("book"), in_array(columns.id, "ids"))
        )

    @cached_property
    def entry_counts(self) -> PreparedInQuery:
        """The same with how many entries each of them has, the removed ones too."""
        columns = self.layout.rows.c
        counts = [self._count_of(map_) for map_ in self.layout.synced.maps]
        total: ColumnElement[int] = sum(counts, literal_column("0"))
        return PreparedInQuery(
            select(columns.id, total).where(columns.book_id == bindparam("book"), in_array(columns.id, "ids"))
        )

    def _count_of(self, map_: Map) -> ScalarSelect[int]:
        entries, columns = self.layout.entries[map_.name].c, self.layout.rows.c
        query = select(func.count()).where(entries.book_id == columns.book_id, entries[map_.owner] == columns.id)
        return query.scalar_subquery()

    @cached_property
    def entries(self) -> Mapping[Map, Select[Any]]:
        """Per map, the rows of all entries by their records' ids, the removed ones too."""
        return {map_: self._entries(map_) for map_ in self.layout.synced.maps}

    def _entries(self, map_: Map) -> Select[Any]:
        rows = self.layout.entries[map_.name]
        query = select(rows).where(rows.c.book_id == bindparam("book"), in_array(rows.c[map_.owner], "ids"))
        return query.order_by(rows.c.entry_id)

    @cached_property
    def page(self) -> Prepared:
        """What a page needs of the rows with ``after < seq <= up_to``."""
        return Prepared(self._page())

    @cached_property
    def page_of_live(self) -> Prepared:
        """The same of rows that are not deleted."""
        return Prepared(self._page().where(self.layout.rows.c.deleted.is_(False)))

    def _page(self) -> Select[Any]:
        columns = self.layout.rows.c
        query = select(*self.layout.page_columns).where(
            columns.book_id == bindparam("book"), columns.seq > bindparam("after"), columns.seq <= bindparam("up_to")
        )
        return query.order_by(columns.seq).limit(bindparam("most"))

    @cached_property
    def page_entries(self) -> Mapping[Map, Prepared]:
        """Per map, the first standing entries of the records whose seq lies from ``first`` to ``last``.

        In the order of the records' index: in that of the entries' own, SQLite would walk through every entry of the
        book to spare itself a sort, and a page of one row would cost as much as the whole book.
        """
        return {map_: Prepared(self._page_entries(map_)) for map_ in self.layout.synced.maps}

    def _page_entries(self, map_: Map) -> Select[Any]:
        entries, rows = self.layout.entries[map_.name], self.layout.rows
        owner = entries.c[map_.owner]
        joined = rows.join(entries, and_(entries.c.book_id == rows.c.book_id, owner == rows.c.id))
        query = select(owner, entries.c.entry_id, *(entries.c[name] for name in map_.by_name)).select_from(joined)
        query = query.where(
            rows.c.book_id == bindparam("book"),
            rows.c.seq.between(bindparam("first"), bindparam("last")),
            entries.c.removed.is_(False),
        )
        return query.order_by(rows.c.seq, entries.c.entry_id).limit(bindparam("most"))

    @cached_property
    def has_rows(self) -> Exists:
        """Whether there are rows with ``after < seq <= up_to``."""
        columns = self.layout.rows.c
        rows = select(columns.id).where(columns.book_id == bindparam("book"))
        return exists(rows.where(columns.seq > bindparam("after"), columns.seq <= bindparam("up_to")))

    def sums(self, ranges: Sequence[Range]) -> CompoundSelect[Any]:
        """For each of these ranges of ids its place, how many records it holds, and of what is stored as their digests
        the sum and the least."""
        return self._of_ranges("sums", ranges)

    def digests(self, ranges: Sequence[Range]) -> CompoundSelect[Any]:
        """The place of a range, the id and the stored digest of each record that ranges hold."""
        return self._of_ranges("digests", ranges)

    def _of_ranges(self, what: str, ranges: Sequence[Range]) -> CompoundSelect[Any]:
        """One SELECT per range: of ranges in one condition, a database may make a walk through the whole book.

        For the whole book there are no bounds. They would have SQLite look up every record by its id, which takes
        fifty times as long as a walk through the index that the list has, digests and all.
        """
        form = what, tuple(range_ == WHOLE for range_ in ranges)
        if form not in self._compounds:
            parts = [self._of_range(what, place, is_whole) for place, is_whole in enumerate(form[1])]
            self._compounds[form] = union_all(*parts)
        return self._compounds[form]

    def _of_range(self, what: str, place: int, is_whole: bool) -> Select[Any]:
        rows = self.layout.rows.c
        sums = func.count(), func.sum(rows.digest), func.min(rows.digest)
        wanted = sums if what == "sums" else (rows.id, rows.digest)
        query = select(literal_column(str(place)), *wanted).where(
            rows.book_id == bindparam("book"), rows.deleted.is_(False)
        )
        if is_whole:
            return query
        return query.where(rows.id >= bindparam(f"start{place}"), rows.id < bindparam(f"end{place}"))


@lru_cache(maxsize=64)
def tables_with_rows(tables: tuple[TableQueries, ...]) -> Prepared:
    """The places of those of these tables that have rows with ``after < seq <= up_to``."""
    parts: list[Select[Any]] = [
        select(literal_column(str(place))).where(queries.has_rows) for place, queries in enumerate(tables)
    ]
    return Prepared(union_all(*parts))
