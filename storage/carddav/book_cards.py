"""The contacts of a book as cards: what each is called in a path, and which have changed. Inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Select, and_, bindparam, delete, select

from models import Base
from offbook.contacts.cards.segments import SUFFIX, is_segment, segments_for, stem_of
from storage.base import ReadTransaction
from storage.engines.database import Database
from storage.sql.array_params import in_array
from storage.sql.store import SqlReadTransaction

CARDS = Base.metadata.tables["cards"]
CONTACTS = Base.metadata.tables["contacts"]
BOOKS = Base.metadata.tables["books"]
C, K = CONTACTS.c, CARDS.c

IDS_AT_ONCE = 1_000


class CardRow(NamedTuple):
    """A contact as a card. ``segment`` is None where it has no name in a path yet."""

    record_id: str
    uid: str | None
    seq: int
    deleted: bool
    segment: str | None


class CardRows:
    """The cards of a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._put = database.upsert(CARDS, [*K.keys()])

    def of(self, book: ReadTransaction) -> BookCards:
        """Those of one book, inside a transaction that the caller has begun."""
        assert isinstance(book, SqlReadTransaction)
        return BookCards(book.connection, book.book.id, self._put)


class BookCards:
    """The cards of one book, inside a transaction."""

    def __init__(self, connection: Connection, book_id: int, put: Insert) -> None:
        self._connection = connection
        self._book_id = book_id
        self._put = put

    def book_name(self) -> str:
        """What the book is called."""
        return str(self._connection.execute(BOOK_NAME, {"book": self._book_id}).scalar_one())

    def live(self) -> list[CardRow]:
        """All contacts that are not deleted."""
        return self._rows(LIVE)

    def changed(self, after: int, up_to: int, limit: int | None, live_only: bool) -> list[CardRow]:
        """Contacts with ``after < seq <= up_to``, by seq; with a limit, the first of them."""
        query = CHANGED_LIVE if live_only else CHANGED
        return self._rows(query if limit is None else query.limit(limit), after=after, up_to=up_to)

    def named(self, segments: Iterable[str]) -> dict[str, CardRow]:
        """The contacts with these names, by their names, the deleted ones too. One that was not listed yet is found by
        the name that it would be listed by."""
        wanted = sorted(filter(is_segment, set(segments)))
        rows: dict[str, CardRow] = {}
        for start in range(0, len(wanted), IDS_AT_ONCE):
            part = self._rows(BY_SEGMENT, segments=wanted[start : start + IDS_AT_ONCE])
            rows |= {str(row.segment): row for row in part}
        stems = sorted({stem for segment in wanted if segment not in rows and (stem := stem_of(segment))})
        for start in range(0, len(stems), IDS_AT_ONCE):
            part = self._nameless(stems[start : start + IDS_AT_ONCE])
            rows = {f"{row.uid or row.record_id}{SUFFIX}": row for row in part} | rows
        return {segment: rows[segment] for segment in wanted if segment in rows}

    def _nameless(self, stems: Sequence[str]) -> list[CardRow]:
        """Contacts without a name that have one of these UIDs, or ids and no UID."""
        by_id = [row for row in self._rows(NAMELESS_BY_ID, stems=stems) if row.uid is None]
        return [*self._rows(NAMELESS_BY_UID, stems=stems), *by_id]

    def with_uid(self, uids: Collection[str], record_ids: Collection[str]) -> list[CardRow]:
        """Contacts with one of these UIDs; and those with one of these ids, whatever their UID."""
        by_id = self._rows(BY_ID, ids=sorted(record_ids))
        return [*(self._rows(BY_UID, uids=sorted(uids)) if uids else ()), *by_id]

    def assign(self, rows: Iterable[CardRow]) -> dict[str, str]:
        """Give these contacts names, in the transaction with the book's lock; the names by the contacts' ids.

        Whoever got one meanwhile keeps it, and whoever is not there any more has none.
        """
        ids = [row.record_id for row in rows]
        current = [row for start in range(0, len(ids), IDS_AT_ONCE) for row in self._by_ids(ids, start)]
        names = {row.record_id: row.segment for row in current if row.segment is not None}
        without = [row for row in current if row.segment is None]
        choices = {row.record_id: segments_for(row.record_id, row.uid) for row in without}
        taken = self._taken(sorted({name for choice in choices.values() for name in choice}))
        new = []
        for row in without:
            name = next(name for name in choices[row.record_id] if name not in taken)
            taken.add(name)
            names[row.record_id] = name
            new.append({"book_id": self._book_id, "segment": name, "record_id": row.record_id})
        if new:
            self._connection.execute(self._put, new)
        return names

    def default_names(self, rows: Iterable[CardRow]) -> dict[str, str]:
        """The names that contacts without one are found by until they are given one, by the contacts' ids. One whose
        name another card has is left out."""
        names = {row.record_id: segments_for(row.record_id, row.uid)[0] for row in rows}
        taken = self._taken(sorted(names.values()))
        return {record_id: name for record_id, name in names.items() if name not in taken}

    def _by_ids(self, ids: Sequence[str], start: int) -> list[CardRow]:
        return self._rows(BY_ID, ids=ids[start : start + IDS_AT_ONCE])

    def _taken(self, names: Sequence[str]) -> set[str]:
        parts = (names[start : start + IDS_AT_ONCE] for start in range(0, len(names), IDS_AT_ONCE))
        values = {"book": self._book_id}
        return {name for part in parts for name in self._connection.scalars(TAKEN, {**values, "segments": part})}

    def name(self, segment: str, record_id: str) -> None:
        """Let this be the name of a contact: of no other one, and its only one."""
        place = or_same(segment, record_id)
        self._connection.execute(delete(CARDS).where(K.book_id == self._book_id, place))
        self._connection.execute(self._put, {"book_id": self._book_id, "segment": segment, "record_id": record_id})

    def _rows(self, query: Select[Any], **values: Any) -> list[CardRow]:
        rows = self._connection.execute(query, {"book": self._book_id, **values})
        return [CardRow(id_, uid, seq, bool(deleted), segment) for id_, uid, seq, deleted, segment in rows]


def or_same(segment: str, record_id: str) -> Any:
    """Whether a card has this name, or is of this contact."""
    return (K.segment == segment) | (K.record_id == record_id)


# --- statements, built once ----------------------------------------------------------------------------------------

OF_CONTACT = and_(K.book_id == C.book_id, K.record_id == C.id)
BOOK_NAME = select(BOOKS.c.name).where(BOOKS.c.id == bindparam("book"))
COLUMNS = (C.id, C.uid, C.seq, C.deleted, K.segment)
ALL = select(*COLUMNS).select_from(CONTACTS.outerjoin(CARDS, OF_CONTACT)).where(C.book_id == bindparam("book"))

LIVE = ALL.where(C.deleted.is_(False))

CHANGED = ALL.where(C.seq > bindparam("after"), C.seq <= bindparam("up_to")).order_by(C.seq)
CHANGED_LIVE = CHANGED.where(C.deleted.is_(False))

BY_SEGMENT = (
    select(*COLUMNS)
    .select_from(CARDS.join(CONTACTS, OF_CONTACT))
    .where(K.book_id == bindparam("book"), in_array(K.segment, "segments"))
)
BY_ID = ALL.where(in_array(C.id, "ids"))
BY_UID = ALL.where(in_array(C.uid, "uids"))
NAMELESS_BY_ID = ALL.where(in_array(C.id, "stems"), K.segment.is_(None))
NAMELESS_BY_UID = ALL.where(in_array(C.uid, "stems"), K.segment.is_(None))
TAKEN = select(K.segment).where(K.book_id == bindparam("book"), in_array(K.segment, "segments"))
