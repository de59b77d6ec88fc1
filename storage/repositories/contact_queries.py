"""What the pages ask about contacts: lists in pages, search, counts, and one contact.

Reading only; every write goes through ``services.sync.push``. Each question names its book and takes a fixed number of
statements however long the list is (storage.repositories.contact_statements).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    and_,
    or_,
    select,
)

from offbook.contacts.names import PARTS
from offbook.core.cells.validation import Json
from offbook.core.merge.naming import name_key
from offbook.core.model import Record
from offbook.core.pictures import photo_name
from offbook.core.search import narrowed
from offbook.core.text import fold_key
from storage.base import PageSize
from storage.engines.database import Database
from storage.repositories.contact_statements import (
    CONTACTS,
    HAVING,
    MAPPING,
    ORDERS,
    C,
    Order,
    counted,
    deleted_in,
    first_of_search,
    has_label,
    labels_of,
    live_in,
    order_of,
    search_parameters,
    search_statement,
    trash_of,
)
from storage.repositories.list_pages import (
    find_terms,
    parse_place,
    place_text,
    records_in_page,
    shape_of,
)
from storage.sql import conflicts, naming
from storage.sql.store import SqlStore
from storage.values.contacts import BY_NAME, ContactPage, ContactRow, LabelCount


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
        *,
        starred_only: bool = False,
    ) -> ContactPage:
        """The starred ones, then the others, by ``sort``: the names of contacts, or what was changed last first.

        Of a search those come first whose name begins with it, then those in whose name its words are; with a ``label``
        they are those that have it, however it is written: ``texts`` are all that contacts have as labels, where the
        caller has read them. With ``starred_only`` the others are left out. Raises Malformed for an ``after`` that no
        such page gave, and for a ``sort`` that there is not.
        """
        order = order_of(sort)
        lines = self._lines(book_id, search, after, limit, sort, label, texts, starred_only)
        return _list_page(*lines, limit, order)

    def _lines(
        self,
        book_id: int,
        search: str,
        after: str | None,
        limit: int,
        sort: str,
        label: str | None = None,
        texts: Iterable[str] | None = None,
        starred_only: bool = False,
    ) -> tuple[Sequence[Any], int]:
        """One line more than a page takes, and how many there are."""
        with self._database.read() as connection:
            filters = [] if label is None else [has_label(connection, book_id, label, texts)]
            if starred_only:
                filters.append(C.starred.is_(True))
            terms = find_terms(connection, book_id, search)
            if terms:
                scanned = narrowed(terms)
                statement_of = partial(search_statement, after, filters) if after or filters else first_of_search
                statement = statement_of(sort, shape_of(scanned), shape_of(terms))
                rows = connection.execute(
                    statement, search_parameters(book_id, search, scanned, terms, limit + 1)
                ).all()
                total = rows[0].total if rows else 0
            else:
                order = ORDERS[sort]
                place = parse_place(after, order.types) if after else None
                queries = [query.where(*filters).limit(limit + 1) for query in order.queries(book_id, place)]
                rows = [row for query in queries for row in connection.execute(query)]
                total = connection.execute(counted((*live_in(book_id), *filters))).scalar_one()
        return rows, total

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
            total = connection.execute(counted(deleted_in(book_id))).scalar_one()
        return _page(rows, limit, lambda row: (row.seq,), total)

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
