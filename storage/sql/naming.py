"""What entries name by texts, and which records do (offbook.core.schema.Naming)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, select

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
    entries, owner = _columns(mapping, place)
    text = entries[place.naming.attribute]
    query = _of_book(mapping, place).add_columns(text, func.count(owner.distinct())).group_by(text)
    return {text: count for text, count in connection.execute(query, {"book": book_id}) if text is not None}


def naming_ids(
    connection: Connection, book_id: int, mapping: RecordMapping, place: NamingMap, texts: Iterable[str]
) -> list[str]:
    """The ids of the records that name one of these texts, in order."""
    entries, owner = _columns(mapping, place)
    query = _of_book(mapping, place).add_columns(owner).distinct()
    query = query.where(in_array(entries[place.naming.attribute], "ids")).order_by(owner)
    wanted = sorted(set(texts))
    return list(connection.execute(query, {"book": book_id, "ids": wanted}).scalars()) if wanted else []


def _columns(mapping: RecordMapping, place: NamingMap) -> tuple[Any, Any]:
    entries = mapping.entries[place.map.name].c
    return entries, entries[place.map.owner]


def _of_book(mapping: RecordMapping, place: NamingMap) -> Select[Any]:
    """A query of the standing entries of a book that name something, without columns."""
    rows, entries = mapping.rows, mapping.entries[place.map.name]
    is_owner = and_(rows.c.book_id == entries.c.book_id, rows.c.id == entries.c[place.map.owner])
    query = select().select_from(entries.join(rows, is_owner))
    return query.where(
        entries.c.book_id == bindparam("book"),
        entries.c[place.naming.kind] == place.naming.of,
        entries.c.removed.is_(False),
        rows.c.deleted.is_(False),
    )
