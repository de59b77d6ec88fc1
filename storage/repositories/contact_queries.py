"""What the pages ask about contacts: lists in pages, search, counts, and one contact.

Reading only; every write goes through ``services.sync.push``. Each question names its book and takes a fixed number of
statements however long the list is (storage.contact_lists).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from offbook.contacts.names import PARTS
from offbook.contacts.search.query import parse_query
from offbook.core.cells.validation import Json
from offbook.core.merge.naming import name_key
from offbook.core.model import Record
from offbook.core.pictures import photo_name
from offbook.core.search import Term
from offbook.core.text import fold_key
from storage.base import PageSize
from storage.contact_lists.filters import filters_of, is_by_scan
from storage.contact_lists.labels import HAVING, MAPPING, has_label, labels_of
from storage.contact_lists.orders import (
    CONTACTS,
    ORDERS,
    C,
    Filters,
    Order,
    counted,
    deleted_in,
    live_in,
    order_of,
    trash_of,
)
from storage.contact_lists.search import search_statement, search_values
from storage.engines.database import Database
from storage.repositories.list_pages import find_terms, parse_place, place_text, records_in_page
from storage.sql import conflicts, naming
from storage.sql.store import SqlStore
from storage.values.contacts import BY_NAME, ContactPage, ContactRow, LabelCount, ListPage


class ContactQueries:
    """Contacts in a database. Safe to share between threads."""

    def __init__(self, database: Database, store: SqlStore) -> None:
        self._database = database
        self._store = store

    def page(
        self,
        book_id: int,
        search: str = "",
        start: int = 0,
        limit: int = 100,
        sort: str = BY_NAME,
        label: str | None = None,
        texts: Iterable[str] | None = None,
        around: str | None = None,
        *,
        starred_only: bool = False,
    ) -> ListPage:
        """The starred ones, then the others, by ``sort``: the names of contacts, or what was changed last first.

        They are ``limit`` from the position ``start`` on; where the contact ``around`` is in the list, it stands in the
        middle of them. Of a search those come first whose name begins with it, then those in whose name its words are;
        with a ``label`` they are those that have it, however it is written: ``texts`` are all that contacts have as
        labels, where the caller has read them. With ``starred_only`` the others are left out. Raises Malformed for a
        ``sort`` that there is not.
        """
        order = order_of(sort)
        with self._database.read() as connection:
            filters = [] if label is None else [has_label(connection, book_id, label, texts)]
            if starred_only:
                filters.append(C.starred.is_(True))
            query = parse_query(search)
            filters += filters_of(connection, book_id, query, texts)
            terms = find_terms(connection, book_id, query.words)
            if terms or is_by_scan(query):
                return _search_page(connection, book_id, query.words, terms, sort, filters, start, limit)
            headings = order.headings(connection, book_id, filters)
            position = order.position(connection, book_id, filters, headings, around) if around else None
            if position is not None:
                start = position - limit // 2
            start = max(min(start, headings.total - 1), 0)
            parts = order.slice(book_id, filters, headings, start, limit)
            rows = [_row_of(row) for part in parts for row in connection.execute(part)]
        return ListPage(rows, start, headings.total, headings.sections)

    def _lines(self, book_id: int, search: str, after: str | None, limit: int, sort: str) -> Sequence[Any]:
        """One line more than a page takes, behind a place."""
        with self._database.read() as connection:
            if terms := find_terms(connection, book_id, search):
                values = search_values(book_id, search, terms, 0, limit + 1)
                return connection.execute(search_statement(sort, terms, after), values).all()
            order = ORDERS[sort]
            place = parse_place(after, order.types) if after else None
            queries = [query.limit(limit + 1) for query in order.queries(book_id, place)]
            return [row for query in queries for row in connection.execute(query)]

    def label_names(self, book_id: int) -> list[str]:
        """The labels of a book by name."""
        with self._database.read() as connection:
            return [label.name for label in connection.execute(labels_of(book_id))]

    def labels(self, book_id: int) -> list[LabelCount]:
        """The labels of a book by name, each with its number of contacts.

        Whoever has one in two spellings counts twice.
        """
        return self.labels_and_texts(book_id)[0]

    def labels_and_texts(self, book_id: int) -> tuple[list[LabelCount], Iterable[str] | None]:
        """The same, and the texts that contacts have as labels; None where no label is there to be counted."""
        with self._database.read() as connection:
            labels = connection.execute(labels_of(book_id)).all()
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
        order = order_of(sort)
        lines = self._lines(book_id, search, after, size.rows, sort)
        keys = [(CONTACTS.name, line.id) for line in lines[: size.rows]]
        with self._store.reading(book_id) as book:
            counts = book.entry_counts(keys)
            count = records_in_page((counts.get(key, 0) for key in keys), size.entries)
            rows = book.rows_of(CONTACTS.name, [record_id for _, record_id in keys[:count]])
        data = [rows[line.id]["data"] for line in lines[:count] if line.id in rows]
        next_place = place_text(_place_of(lines[count - 1], order)) if len(lines) > count else None
        return [contact for contact in data if contact is not None], next_place

    def trash(self, book_id: int, after: str | None = None, limit: int = 100) -> ContactPage:
        """The deleted ones that still hold what they held, the last deleted first."""
        query = trash_of(book_id)
        if after:
            query = query.where(C.seq < parse_place(after, (int,))[0])
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
            total = connection.execute(counted(deleted_in(book_id))).scalar_one()
        next_place = place_text((rows[limit - 1].seq,)) if len(rows) > limit else None
        return ContactPage([_row_of(row) for row in rows[:limit]], next_place, total)

    def conflicts(self, book_id: int, contact_id: str | None = None) -> int:
        """How many conflicts are open, of the book or of one contact."""
        with self._database.read() as connection:
            return conflicts.count(connection, book_id, contact_id)

    def count(self, book_id: int) -> int:
        """How many contacts there are that are not deleted."""
        with self._database.read() as connection:
            return connection.execute(counted(live_in(book_id))).scalar_one()

    def get(self, book_id: int, contact_id: str) -> Record | None:
        """One contact, a tombstone too."""
        with self._store.reading(book_id) as book:
            return book.records(CONTACTS.name, [contact_id]).get((CONTACTS.name, contact_id))

    def texts(self, book_id: int, ids: Iterable[str]) -> Mapping[str, Mapping[str, Json]]:
        """All that these contacts hold, in wire form, by their ids; without those that are deleted."""
        with self._store.reading(book_id) as book:
            rows = book.rows_of(CONTACTS.name, sorted(ids))
        return {contact_id: row["data"] for contact_id, row in rows.items() if row["data"] is not None}

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
        query = select(C.id).where(*live_in(book_id), C.id > after, or_(without_parts, C.clocks.contains('"name":')))
        with self._database.read() as connection:
            return connection.scalars(query.order_by(C.id).limit(most)).all()


def _place_of(line: Any, order: Order) -> tuple[Any, ...]:
    """Of a list that is searched, a place ends with the rank."""
    return (*order.place_of(line), line.rank) if "rank" in line._fields else order.place_of(line)


def _row_of(line: Any) -> ContactRow:
    return ContactRow(
        line.id,
        line.name or "",
        line.email,
        line.phone,
        line.company,
        bool(line.starred),
        line.seq,
        photo_name(line.photo),
    )


def _search_page(
    connection: Connection,
    book_id: int,
    search: str,
    terms: Sequence[Term],
    sort: str,
    filters: Filters,
    start: int,
    limit: int,
) -> ListPage:
    statement = search_statement(sort, terms, None, filters)
    lines = connection.execute(statement, search_values(book_id, search, terms, start, limit)).all()
    if not lines and start:
        return _search_page(connection, book_id, search, terms, sort, filters, 0, limit)
    return ListPage([_row_of(line) for line in lines], start, lines[0].total if lines else 0, terms=terms)
