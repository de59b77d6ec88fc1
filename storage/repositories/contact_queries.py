"""What the pages ask about contacts: lists in pages, search, counts, and one contact.

Reading only; every write goes through ``services.sync.push``. Each question names its book and takes a fixed number of
statements however long the list is. Search goes over the folded text of every field and detail: each word must occur.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    tuple_,
)

from models import Base
from offbook.contacts.names import PARTS
from offbook.contacts.table import BUILT_IN
from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.merge.naming import name_key
from offbook.core.model import Record
from offbook.core.pictures import photo_name
from offbook.core.search import Term, narrowed
from offbook.core.text import fold_key, normalize_for_search
from storage.base import PageSize
from storage.engines.database import Database
from storage.repositories.list_pages import (
    ESCAPE,
    Shape,
    escaped_pattern,
    find_terms,
    parse_place,
    place_text,
    records_in_page,
    search_conditions,
    search_patterns,
    shape_of,
)
from storage.sql import conflicts, naming
from storage.sql.mapping.records import RecordMapping
from storage.sql.store import SqlStore
from storage.values import BY_NAME, SORTS, ContactPage, ContactRow, LabelCount

CONTACTS, DETAILS, LABELS = (Base.metadata.tables[name] for name in ("contacts", "contact_details", "labels"))

(HAVING,) = BUILT_IN.naming_maps
"""Where it stands which labels a contact has."""

MAPPING = RecordMapping(HAVING.table, CONTACTS, {HAVING.map.name: DETAILS})

C, L = CONTACTS.c, LABELS.c
BOOK = bindparam("book", type_=C.book_id.type)
COLUMNS = (C.id, C.name, C.email, C.phone, C.company, C.starred, C.seq, C.photo)


class ContactQueries:
    """Contacts in a database. Safe to share between threads."""

    def __init__(self, database: Database, store: SqlStore) -> None:
        self._database = database
        self._store = store

    def page(
        self,
        book_id: int,
        search: str = "",
        after: str | None = None,
        limit: int = 100,
        sort: str = BY_NAME,
        label: str | None = None,
        texts: Iterable[str] | None = None,
    ) -> ContactPage:
        """The starred ones, then the others, by ``sort``: the names of contacts, or what was changed last first.

        Of a search those come first whose name begins with it, then those in whose name its words are; with a ``label``
        they are those that have it, however it is written: ``texts`` are all that contacts have as labels, where the
        caller has read them. Raises Malformed for an ``after`` that no such page gave, and for a ``sort`` that there is
        not.
        """
        order = _order_of(sort)
        return _list_page(*self._lines(book_id, search, after, limit, sort, label, texts), limit, order)

    def _lines(
        self,
        book_id: int,
        search: str,
        after: str | None,
        limit: int,
        sort: str,
        label: str | None = None,
        texts: Iterable[str] | None = None,
    ) -> tuple[Sequence[Any], int]:
        """One line more than a page takes, and how many there are."""
        with self._database.read() as connection:
            filters = () if label is None else (_has_label(connection, book_id, label, texts),)
            terms = find_terms(connection, book_id, search)
            if terms:
                scanned = narrowed(terms)
                statement_of = partial(_search, after, filters) if after or filters else _first_of_search
                statement = statement_of(sort, shape_of(scanned), shape_of(terms))
                rows = connection.execute(statement, _parameters(book_id, search, scanned, terms, limit + 1)).all()
                total = rows[0].total if rows else 0
            else:
                order = ORDERS[sort]
                place = parse_place(after, order.types) if after else None
                queries = [query.where(*filters).limit(limit + 1) for query in order.queries(book_id, place)]
                rows = [row for query in queries for row in connection.execute(query)]
                total = connection.execute(_counted((*_live(book_id), *filters))).scalar_one()
        return rows, total

    def label_names(self, book_id: int) -> list[str]:
        """The labels of a book by name."""
        with self._database.read() as connection:
            return [label.name for label in connection.execute(_labels(book_id))]

    def labels(self, book_id: int) -> list[LabelCount]:
        """The labels of a book by name, each with its number of contacts.

        Whoever has one in two spellings counts twice.
        """
        return self.labels_and_texts(book_id)[0]

    def labels_and_texts(self, book_id: int) -> tuple[list[LabelCount], Iterable[str] | None]:
        """The same, and the texts that contacts have as labels; None where no label is there to be counted."""
        with self._database.read() as connection:
            labels = connection.execute(_labels(book_id)).all()
            if not labels:
                return [], None
            texts = naming.named_texts(connection, book_id, MAPPING, HAVING)
        counts: Counter[str] = Counter()
        for text, count in texts.items():
            counts[name_key(HAVING.naming, text)] += count
        return [LabelCount(label.id, label.name, counts[fold_key(label.name)]) for label in labels], texts

    def whole_page(
        self, book_id: int, search: str, after: str | None, size: PageSize, sort: str = BY_NAME
    ) -> tuple[list[dict[str, Json]], str | None]:
        """The same contacts with all that they hold, in wire form, and where the next ones begin.

        They are fewer where they hold much, but one at least.
        """
        order = _order_of(sort)
        lines, total = self._lines(book_id, search, after, size.rows, sort)
        keys = [(CONTACTS.name, line.id) for line in lines[: size.rows]]
        with self._store.reading(book_id) as book:
            counts = book.entry_counts(keys)
            count = records_in_page((counts.get(key, 0) for key in keys), size.entries)
            rows = book.rows_of(CONTACTS.name, [record_id for _, record_id in keys[:count]])
        page = _list_page(lines, total, count, order)
        data = [rows[row.id]["data"] for row in page.rows if row.id in rows]
        return [contact for contact in data if contact is not None], page.next

    def trash(self, book_id: int, after: str | None = None, limit: int = 100) -> ContactPage:
        """The deleted ones that still hold what they held, the last deleted first."""
        query = trash_of(book_id)
        if after:
            query = query.where(C.seq < parse_place(after, (int,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
            total = connection.execute(_counted(_deleted(book_id))).scalar_one()
        return _page(rows, limit, lambda row: (row.seq,), total)

    def conflicts(self, book_id: int, contact_id: str | None = None) -> int:
        """How many conflicts are open, of the book or of one contact."""
        with self._database.read() as connection:
            return conflicts.count(connection, book_id, contact_id)

    def count(self, book_id: int) -> int:
        """How many contacts there are that are not deleted."""
        with self._database.read() as connection:
            return connection.execute(_counted(_live(book_id))).scalar_one()

    def get(self, book_id: int, contact_id: str) -> Record | None:
        """One contact, a tombstone too."""
        with self._store.reading(book_id) as book:
            return book.records(CONTACTS.name, [contact_id]).get((CONTACTS.name, contact_id))

    def known(self, book_id: int, ids: Iterable[str]) -> Mapping[str, bool]:
        """Which of these contacts the book has or had, and whether they are deleted."""
        query = select(C.id, C.deleted).where(C.book_id == book_id, C.id.in_(sorted(set(ids))))
        with self._database.read() as connection:
            return {contact_id: bool(deleted) for contact_id, deleted in connection.execute(query)}

    def names_to_look_at(self, book_id: int, after: str, most: int) -> Sequence[str]:
        """The ids of contacts that have no part of a name, or whose name was written after the contact was made.

        So many behind the id ``after``, in their order.
        """
        without_parts = and_(*(C[part].is_(None) for part in PARTS))
        query = select(C.id).where(*_live(book_id), C.id > after, or_(without_parts, C.clocks.contains('"name":')))
        with self._database.read() as connection:
            return connection.scalars(query.order_by(C.id).limit(most)).all()


# --- orders ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameOrder:
    """The starred ones, then the others, each half by one of the columns that are made of names."""

    key: ColumnElement[str]
    types: ClassVar = (bool, str, str)

    def queries(self, book_id: int, place: tuple[Any, ...] | None) -> Iterator[Select[Any]]:
        """The list without a search: one range of the index for the starred, one for the rest: no sort."""
        query = select(*COLUMNS, self.key.label("sorted_by")).where(*_live(book_id)).order_by(self.key, C.id)
        starred, *beyond = place or (True, "", "")
        if starred:
            yield query.where(C.starred.is_(True), tuple_(self.key, C.id) > tuple(beyond))
        rest = query.where(C.starred.is_(False))
        yield rest if starred else rest.where(tuple_(self.key, C.id) > tuple(beyond))

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
        """The list without a search, by the index of the book's changes."""
        query = select(*COLUMNS).where(*_live(book_id)).order_by(C.seq.desc())
        yield query if place is None else query.where(self.is_beyond(place))

    def sorting(self, columns: Any) -> list[ColumnElement[Any]]:
        """What lines with these columns are sorted by."""
        return [columns.sorted_by.desc()]

    @staticmethod
    def place_of(line: Any) -> tuple[Any, ...]:
        return (line.seq,)

    def is_beyond(self, place: tuple[Any, ...]) -> ColumnElement[bool]:
        (seq,) = place
        return C.seq < int(seq)


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


def _order_of(sort: str) -> Order:
    if (order := ORDERS.get(sort)) is None:
        raise Malformed("bad_sort", f"Contacts are sorted by one of: {', '.join(ORDERS)}.")
    return order


# --- labels ----------------------------------------------------------------------------------------------------------


def _labels(book_id: int) -> Select[Any]:
    query = select(L.id, L.name).where(L.book_id == book_id, L.deleted.is_(False), L.name.is_not(None))
    return query.order_by(L.sort_key, L.id)


def _has_label(connection: Connection, book_id: int, label: str, texts: Iterable[str] | None) -> ColumnElement[bool]:
    """That a contact has this label, in any of the spellings that are in use, which are among ``texts``."""
    key = name_key(HAVING.naming, label)
    if texts is None:
        texts = naming.named_texts(connection, book_id, MAPPING, HAVING) if key else ()
    spellings = [text for text in texts if key and name_key(HAVING.naming, text) == key]
    return C.id.in_(naming.owners(book_id, MAPPING, HAVING, spellings)) if spellings else false()


# --- search ----------------------------------------------------------------------------------------------------------


def trash_of(book_id: int) -> Select[Any]:
    """The last deleted first."""
    return select(*COLUMNS).where(*_deleted(book_id)).order_by(C.seq.desc())


def _search(
    after: str | None, filters: Iterable[ColumnElement[bool]], sort: str, scanned: Shape, ranked_by: Shape
) -> Select[Any]:
    """One scan finds the lines and counts them; ``total`` is of what lies beyond ``after``. Takes _parameters().

    The scan carries only what it sorts by: what is shown is read of the lines of the page alone. The rank is the last
    part of a place.
    """
    order, rank = ORDERS[sort], _rank(ranked_by)
    found = select(
        C.id, C.starred, order.key.label("sorted_by"), rank.label("rank"), func.count().over().label("total")
    )
    found = found.where(*_scan(scanned), *filters)
    if after:
        *place, last_rank = parse_place(after, (*order.types, int))
        found = found.where(or_(rank > last_rank, and_(rank == last_rank, order.is_beyond(tuple(place)))))
    matches = found.subquery()
    limit = bindparam("limit", type_=Integer)
    ranked = select(matches).order_by(matches.c.rank, *order.sorting(matches.c)).limit(limit).subquery()
    lines = select(*COLUMNS, ranked.c.sorted_by, ranked.c.rank, ranked.c.total).select_from(ranked)
    lines = lines.join(CONTACTS, and_(C.book_id == BOOK, C.id == ranked.c.id))
    return lines.order_by(ranked.c.rank, *order.sorting(ranked.c))


_first_of_search = lru_cache(maxsize=64)(partial(_search, None, ()))
"""The statement is as long to make as a thousand contacts are to look through."""


def _rank(shape: Shape) -> ColumnElement[int]:
    """0 where the name begins as the search does, 1 where each word begins a word of a name, 2 where it is in one."""
    names = func.coalesce(C.search_name, " " + C.sort_name)
    begins_so = names.like(bindparam("begin"), escape=ESCAPE)
    begin_words = and_(*search_conditions(names, "begin", shape))
    in_names = and_(*search_conditions(names, "name", shape))
    return case((begins_so, 0), (begin_words, 1), (in_names, 2), else_=3)


def _parameters(
    book_id: int, search: str, scanned: Sequence[Term], terms: Sequence[Term], limit: int
) -> dict[str, str | int]:
    begin = " " + " ".join(normalize_for_search(search).split())
    return {
        "book": book_id,
        "limit": limit,
        "begin": f"{escaped_pattern(begin)}%",
        **search_patterns("part", scanned),
        **search_patterns("begin", terms, before=" "),
        **search_patterns("name", terms),
    }


def _counted(conditions: tuple[ColumnElement[bool], ...]) -> Select[int]:
    return select(func.count()).select_from(CONTACTS).where(*conditions)


def _live(book_id: int) -> tuple[ColumnElement[bool], ...]:
    return C.book_id == book_id, C.deleted.is_(False)


def _deleted(book_id: int) -> tuple[ColumnElement[bool], ...]:
    """What can be restored: a tombstone without a name is bare, pruning has emptied it."""
    return C.book_id == book_id, C.deleted.is_(True), C.name.is_not(None)


def _scan(shape: Shape) -> tuple[ColumnElement[bool], ...]:
    """Every term in every live contact of the book, read in the order of seq.

    That is nearly the order in which rows lie in the file, which a search reads whole. The list's index would be taken
    for ``deleted = false`` and have SQLite fetch 25,000 rows from all over the file: three times as slow.
    """
    is_live = func.coalesce(C.deleted, False).is_(False)
    return C.book_id == BOOK, C.seq > 0, is_live, *search_conditions(C.search, "part", shape)


def _list_page(lines: Sequence[Any], total: int, limit: int, order: Order) -> ContactPage:
    return _page(lines, limit, lambda line: _place_of(line, order), total)


def _place_of(line: Any, order: Order) -> tuple[Any, ...]:
    """Of a list that is searched, a place ends with the rank."""
    return (*order.place_of(line), line.rank) if "rank" in line._fields else order.place_of(line)


def _page(lines: Sequence[Any], limit: int, place: Callable[[Any], tuple[Any, ...]], total: int) -> ContactPage:
    rows = [
        ContactRow(
            line.id,
            line.name or "",
            line.email,
            line.phone,
            line.company,
            bool(line.starred),
            line.seq,
            photo_name(line.photo),
        )
        for line in lines[:limit]
    ]
    more = len(lines) > limit
    return ContactPage(rows, place_text(place(lines[limit - 1])) if more else None, total)
