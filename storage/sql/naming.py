"""What entries name by texts, and which records do (offbook.core.schema.Naming)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from offbook.core.schema import NamingMap
from storage.sql.array_params import in_array
from storage.sql.mapping.records import RecordMapping


def key_texts(connection: Connection, book_id: int, mapping: RecordMapping) -> dict[str, str]:
    """The keys of the records of a table, without those that are deleted, by the records' ids."""
    rows = mapping.rows.c
    query = select(rows.id, rows[mapping.synced.key]).where(rows.book_id == book_id, rows.deleted.is_(False))
    return {record_id: text for record_id, text in connection.execute(query) if text is not None}


def named_texts(connection: Connection, book_id: int, mapping: RecordMapping, place: NamingMap) -> dict[str, int]:
    """The texts that records name, each with the number of these records."""
    rows = connection.execute(named_texts_query(mapping, place), {"book": book_id})
    return {text: count for text, count in rows if text is not None}


def named_texts_query(mapping: RecordMapping, place: NamingMap) -> Select[Any]:
    """Each text that records of a book name, with their number."""
    entries, owner = _columns(mapping, place)
    text = entries[place.naming.attribute]
    return _of_book(mapping, place).add_columns(text, func.count(owner.distinct())).group_by(text)


def naming_ids(
    connection: Connection, book_id: int, mapping: RecordMapping, place: NamingMap, texts: Iterable[str]
) -> list[str]:
    """The ids of the records that name one of these texts, in order."""
    entries, owner = _columns(mapping, place)
    query = _of_book(mapping, place).add_columns(owner).distinct()
    query = query.where(in_array(entries[place.naming.attribute], "ids")).order_by(owner)
    wanted = sorted(set(texts))
    return list(connection.execute(query, {"book": book_id, "ids": wanted}).scalars()) if wanted else []


def owners(book_id: int, mapping: RecordMapping, place: NamingMap, texts: Collection[str]) -> Select[Any]:
    """The ids of the records that have an entry with one of these texts, deleted ones too, as a part of a query."""
    entries, owner = _columns(mapping, place)
    return select(owner).where(
        *_naming_entries(mapping, place, book_id), entries[place.naming.attribute].in_(sorted(texts))
    )


def _columns(mapping: RecordMapping, place: NamingMap) -> tuple[Any, Any]:
    entries = mapping.entries[place.map.name].c
    return entries, entries[place.map.owner]


def _naming_entries(mapping: RecordMapping, place: NamingMap, book_id: Any) -> tuple[ColumnElement[bool], ...]:
    """The standing entries of a book that name something, found by an index that holds no others: it is only used
    where the statement itself says which kind they are."""
    entries = mapping.entries[place.map.name].c
    kind: Any = bindparam(None, place.naming.of, literal_execute=True)
    return entries.book_id == book_id, entries[place.naming.kind] == kind, entries.removed.is_(False)


def _of_book(mapping: RecordMapping, place: NamingMap) -> Select[Any]:
    """A query of the standing entries of a book that name something, without columns.

    To look up each owner would take ten times as long as to leave out the few that are deleted.
    """
    book: Any = bindparam("book")
    rows, (_, owner) = mapping.rows.c, _columns(mapping, place)
    deleted = select(rows.id).where(rows.book_id == book, rows.deleted.is_(True))
    query = select().select_from(mapping.entries[place.map.name])
    return query.where(*_naming_entries(mapping, place, book), owner.not_in(deleted))
