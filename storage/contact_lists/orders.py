"""The orders of the list of contacts, each with the range of an index that has it sorted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, bindparam, func, or_, select, tuple_

from models import Base
from offbook.contacts.alphabet import Section, sections_of
from offbook.core.errors import Malformed
from storage.contact_lists.letters import letter_counts
from storage.messages import BAD_SORT
from storage.values.contacts import SORTS

CONTACTS = Base.metadata.tables["contacts"]
C = CONTACTS.c
COLUMNS = (C.id, C.name, C.email, C.phone, C.company, C.starred, C.seq, C.photo)

Filters = Sequence[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Headings:
    """The headings of a list, its length, and how many starred contacts come first in it."""

    sections: list[Section]
    total: int
    starred: int = 0


def live_in(book_id: Any) -> tuple[ColumnElement[bool], ...]:
    """The conditions of what is not deleted in a book."""
    return C.book_id == book_id, C.deleted.is_(False)


def scanned_in(book_id: Any) -> tuple[ColumnElement[bool], ...]:
    """The same, for what looks at every contact: they are read in the order of seq.

    That is nearly the order in which rows lie in the file, which is read whole. The list's index would be taken for
    ``deleted = false`` and have SQLite fetch 25,000 rows from all over the file: three times as slow.
    """
    return C.book_id == book_id, C.seq > 0, func.coalesce(C.deleted, False).is_(False)


def deleted_in(book_id: int) -> tuple[ColumnElement[bool], ...]:
    """What can be restored: a tombstone without a name is bare, pruning has emptied it."""
    return C.book_id == book_id, C.deleted.is_(True), C.name.is_not(None)


def trash_of(book_id: int) -> Select[Any]:
    """The last deleted first."""
    return select(*COLUMNS).where(*deleted_in(book_id)).order_by(C.seq.desc())


def counted(conditions: Iterable[ColumnElement[bool]]) -> Select[int]:
    """How many contacts fulfil these conditions."""
    return select(func.count()).select_from(CONTACTS).where(*conditions)


@dataclass(frozen=True, slots=True)
class NameOrder:
    """The starred ones, then the others, each half by one of the columns that are made of names."""

    key: ColumnElement[str]
    types: ClassVar = (bool, str, str)

    def queries(self, book_id: int, place: tuple[Any, ...] | None) -> Iterator[Select[Any]]:
        """The list behind a place: one range of the index for the starred, one for the rest: no sort."""
        query = select(*COLUMNS, self.key.label("sorted_by")).where(*live_in(book_id)).order_by(self.key, C.id)
        starred, *beyond = place or (True, "", "")
        if starred:
            yield query.where(C.starred.is_(True), tuple_(self.key, C.id) > tuple(beyond))
        rest = query.where(C.starred.is_(False))
        yield rest if starred else rest.where(tuple_(self.key, C.id) > tuple(beyond))

    def headings(self, connection: Connection, book_id: int, filters: Filters) -> Headings:
        """The letters of the list."""
        starred = connection.execute(counted((*live_in(book_id), C.starred.is_(True), *filters))).scalar_one()
        sections, total = sections_of(starred, letter_counts(connection, self.key, book_id, filters))
        return Headings(sections, total, starred)

    def slice(
        self, book_id: int, filters: Filters, headings: Headings, start: int, limit: int
    ) -> Iterator[Select[Any]]:
        """So many contacts from a position on: the rows are read of these alone."""
        if start < headings.starred:
            yield self._part(book_id, filters, True, start, limit)
        if start + limit > headings.starred:
            offset = max(start - headings.starred, 0)
            yield self._part(book_id, filters, False, offset, start + limit - headings.starred - offset)

    def _part(self, book_id: int, filters: Filters, starred: bool, offset: int, limit: int) -> Select[Any]:
        statement_of = partial(_part_of, filters=filters) if filters else _whole_part_of
        query = statement_of(self.key, starred, offset > DEEP)
        return query.params(book=book_id, offset=offset, limit=limit)

    def position(
        self, connection: Connection, book_id: int, filters: Filters, headings: Headings, contact_id: str
    ) -> int | None:
        """At which position of the list a contact is; None where it is not in it."""
        query = select(C.starred, self.key.label("key")).where(*live_in(book_id), *filters, C.id == contact_id)
        if (contact := connection.execute(query).one_or_none()) is None:
            return None
        before = [C.starred.is_(contact.starred), tuple_(self.key, C.id) < (contact.key, contact_id), *filters]
        position: int = connection.execute(counted((*live_in(book_id), *before))).scalar_one()
        return position if contact.starred else headings.starred + position

    def sorting(self, columns: Any) -> list[ColumnElement[Any]]:
        """What lines with these columns are sorted by."""
        return [columns.starred.desc(), columns.sorted_by, columns.id]

    @staticmethod
    def place_of(line: Any) -> tuple[Any, ...]:
        return bool(line.starred), line.sorted_by, line.id

    def is_beyond(self, place: tuple[Any, ...]) -> ColumnElement[bool]:
        starred, *beyond = place
        same = and_(C.starred.is_(starred), tuple_(self.key, C.id) > tuple(beyond))
        return or_(same, C.starred.is_(False)) if starred else same


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """What was changed last comes first, starred or not."""

    types: ClassVar = (int,)
    key: ClassVar[ColumnElement[int]] = C.seq

    def queries(self, book_id: int, place: tuple[Any, ...] | None) -> Iterator[Select[Any]]:
        """The list behind a place, by the index of the book's changes."""
        query = select(*COLUMNS).where(*live_in(book_id)).order_by(C.seq.desc())
        yield query if place is None else query.where(self.is_beyond(place))

    def headings(self, connection: Connection, book_id: int, filters: Filters) -> Headings:
        """None: only how long the list is."""
        return Headings([], connection.execute(counted((*live_in(book_id), *filters))).scalar_one())

    def slice(
        self, book_id: int, filters: Filters, headings: Headings, start: int, limit: int
    ) -> Iterator[Select[Any]]:
        """So many contacts from a position on."""
        yield select(*COLUMNS).where(*live_in(book_id), *filters).order_by(C.seq.desc()).offset(start).limit(limit)

    def position(
        self, connection: Connection, book_id: int, filters: Filters, headings: Headings, contact_id: str
    ) -> int | None:
        """At which position of the list a contact is; None where it is not in it."""
        query = select(C.seq).where(*live_in(book_id), *filters, C.id == contact_id)
        if (seq := connection.scalar(query)) is None:
            return None
        position: int = connection.execute(counted((*live_in(book_id), C.seq > seq, *filters))).scalar_one()
        return position

    def sorting(self, columns: Any) -> list[ColumnElement[Any]]:
        """What lines with these columns are sorted by."""
        return [columns.sorted_by.desc()]

    @staticmethod
    def place_of(line: Any) -> tuple[Any, ...]:
        return (line.seq,)

    def is_beyond(self, place: tuple[Any, ...]) -> ColumnElement[bool]:
        (seq,) = place
        return C.seq < int(seq)


DEEP = 1_000
"""Behind so many contacts it pays to find the rows by the index alone, before any is read."""


def _part_of(key: ColumnElement[str], starred: bool, is_deep: bool, filters: Filters) -> Select[Any]:
    """The starred contacts, or the others, in order; ``book``, ``offset`` and ``limit`` are parameters."""
    book, offset, limit = (bindparam(name, type_=Integer) for name in ("book", "offset", "limit"))
    columns = [C.id, key.label("sorted_by")] if is_deep else COLUMNS
    query = select(*columns).where(*live_in(book), C.starred.is_(starred), *filters)
    query = query.order_by(key, C.id).offset(offset).limit(limit)
    if not is_deep:
        return query
    ids = query.subquery()
    rows = select(*COLUMNS).join(ids, and_(C.book_id == book, C.id == ids.c.id))
    return rows.order_by(ids.c.sorted_by, ids.c.id)


_whole_part_of = lru_cache(maxsize=16)(partial(_part_of, filters=()))
"""Every page of the list asks for these: to make them takes as long as to carry them out."""


Order = NameOrder | ChangeOrder

ORDERS: Mapping[str, Order] = MappingProxyType(
    dict(
        zip(
            SORTS,
            (NameOrder(C.sort_name), NameOrder(C.sort_first), NameOrder(C.sort_last), ChangeOrder()),
            strict=True,
        )
    )
)


def order_of(sort: str) -> Order:
    """The order of this name. Raises Malformed where there is none."""
    if (order := ORDERS.get(sort)) is None:
        raise Malformed.of(BAD_SORT, orders=", ".join(ORDERS))
    return order
