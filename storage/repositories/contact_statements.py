"""The statements that lists of contacts are read with: their orders, their labels, and a search through all texts.

Search goes over the folded text of every field and detail: each word must occur.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from offbook.contacts.table import BUILT_IN
from offbook.core.errors import Malformed
from offbook.core.merge.naming import name_key
from offbook.core.search import Term
from offbook.core.text import normalize_for_search
from storage.messages import BAD_SORT
from storage.repositories.list_pages import (
    ESCAPE,
    Shape,
    escaped_pattern,
    parse_place,
    search_conditions,
    search_patterns,
)
from storage.sql import naming
from storage.sql.mapping.records import RecordMapping
from storage.values.contacts import SORTS

CONTACTS, DETAILS, LABELS = (Base.metadata.tables[name] for name in ("contacts", "contact_details", "labels"))

(HAVING,) = BUILT_IN.naming_maps
"""Where it stands which labels a contact has."""

MAPPING = RecordMapping(HAVING.table, CONTACTS, {HAVING.map.name: DETAILS})

C, L = CONTACTS.c, LABELS.c
BOOK = bindparam("book", type_=C.book_id.type)
COLUMNS = (C.id, C.name, C.email, C.phone, C.company, C.starred, C.seq, C.photo)


@dataclass(frozen=True, slots=True)
class NameOrder:
    """The starred ones, then the others, each half by one of the columns that are made of names."""

    key: ColumnElement[str]
    types: ClassVar = (bool, str, str)

    def queries(self, book_id: int, place: tuple[Any, ...] | None) -> Iterator[Select[Any]]:
        """The list without a search: one range of the index for the starred, one for the rest: no sort."""
        query = select(*COLUMNS, self.key.label("sorted_by")).where(*live_in(book_id)).order_by(self.key, C.id)
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
        query = select(*COLUMNS).where(*live_in(book_id)).order_by(C.seq.desc())
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


def order_of(sort: str) -> Order:
    """The order of this name. Raises Malformed where there is none."""
    if (order := ORDERS.get(sort)) is None:
        raise Malformed.of(BAD_SORT, orders=", ".join(ORDERS))
    return order


def labels_of(book_id: int) -> Select[Any]:
    """The ids and names of a book's labels, by name."""
    query = select(L.id, L.name).where(L.book_id == book_id, L.deleted.is_(False), L.name.is_not(None))
    return query.order_by(L.sort_key, L.id)


def has_label(connection: Connection, book_id: int, label: str, texts: Iterable[str] | None) -> ColumnElement[bool]:
    """That a contact has this label, in any of the spellings that are in use, which are among ``texts``."""
    key = name_key(HAVING.naming, label)
    if texts is None:
        texts = naming.named_texts(connection, book_id, MAPPING, HAVING) if key else ()
    spellings = [text for text in texts if key and name_key(HAVING.naming, text) == key]
    return C.id.in_(naming.owners(book_id, MAPPING, HAVING, spellings)) if spellings else false()


def trash_of(book_id: int) -> Select[Any]:
    """The last deleted first."""
    return select(*COLUMNS).where(*deleted_in(book_id)).order_by(C.seq.desc())


def search_statement(
    after: str | None, filters: Iterable[ColumnElement[bool]], sort: str, scanned: Shape, ranked_by: Shape
) -> Select[Any]:
    """One scan finds the lines and counts them; ``total`` is of what lies beyond ``after``. Takes search_parameters().

    The scan carries only what it sorts by: what is shown is read of the lines of the page alone. The rank is the last
    part of a place.
    """
    order, rank = ORDERS[sort], _rank(ranked_by)
    scan = select(C.id, C.starred, order.key.label("sorted_by"), rank.label("rank"), func.count().over().label("total"))
    scan = scan.where(*_scan(scanned), *filters)
    if after:
        *place, last_rank = parse_place(after, (*order.types, int))
        scan = scan.where(or_(rank > last_rank, and_(rank == last_rank, order.is_beyond(tuple(place)))))
    matches = scan.subquery()
    limit = bindparam("limit", type_=Integer)
    ranked = select(matches).order_by(matches.c.rank, *order.sorting(matches.c)).limit(limit).subquery()
    lines = select(*COLUMNS, ranked.c.sorted_by, ranked.c.rank, ranked.c.total).select_from(ranked)
    lines = lines.join(CONTACTS, and_(C.book_id == BOOK, C.id == ranked.c.id))
    return lines.order_by(ranked.c.rank, *order.sorting(ranked.c))


first_of_search = lru_cache(maxsize=64)(partial(search_statement, None, ()))
"""The statement is as long to make as a thousand contacts are to look through."""


def _rank(shape: Shape) -> ColumnElement[int]:
    """0 where the name begins as the search does, 1 where each word begins a word of a name, 2 where it is in one."""
    names = func.coalesce(C.search_name, " " + C.sort_name)
    begins_so = names.like(bindparam("begin"), escape=ESCAPE)
    begin_words = and_(*search_conditions(names, "begin", shape))
    in_names = and_(*search_conditions(names, "name", shape))
    return case((begins_so, 0), (begin_words, 1), (in_names, 2), else_=3)


def search_parameters(
    book_id: int, search: str, scanned: Sequence[Term], terms: Sequence[Term], limit: int
) -> dict[str, str | int]:
    """What a search's statement is run with: its book, its limit, and a pattern for each part of each term."""
    begin = " " + " ".join(normalize_for_search(search).split())
    return {
        "book": book_id,
        "limit": limit,
        "begin": f"{escaped_pattern(begin)}%",
        **search_patterns("part", scanned),
        **search_patterns("begin", terms, before=" "),
        **search_patterns("name", terms),
    }


def counted(conditions: tuple[ColumnElement[bool], ...]) -> Select[int]:
    """How many contacts these conditions hold for."""
    return select(func.count()).select_from(CONTACTS).where(*conditions)


def live_in(book_id: int) -> tuple[ColumnElement[bool], ...]:
    """The conditions of what is not deleted in a book."""
    return C.book_id == book_id, C.deleted.is_(False)


def deleted_in(book_id: int) -> tuple[ColumnElement[bool], ...]:
    """What can be restored: a tombstone without a name is bare, pruning has emptied it."""
    return C.book_id == book_id, C.deleted.is_(True), C.name.is_not(None)


def _scan(shape: Shape) -> tuple[ColumnElement[bool], ...]:
    """Every term in every live contact of the book, read in the order of seq.

    That is nearly the order in which rows lie in the file, which a search reads whole. The list's index would be taken
    for ``deleted = false`` and have SQLite fetch 25,000 rows from all over the file: three times as slow.
    """
    is_live = func.coalesce(C.deleted, False).is_(False)
    return C.book_id == BOOK, C.seq > 0, is_live, *search_conditions(C.search, "part", shape)
