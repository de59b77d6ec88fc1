"""Which records refer to some others, by a reference of their own or of an entry of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select

from offbook.core.schema import Map, Reference
from storage.sql.array_params import in_array
from storage.sql.mapping.records import RecordMapping


def referring_ids(
    connection: Connection, book_id: int, mapping: RecordMapping, reference: Reference, ids: Iterable[str]
) -> list[str]:
    """The ids of records that are not deleted and refer to one of ``ids`` by this reference."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    query = referring_query(mapping, reference)
    return list(connection.execute(query, {"book": book_id, "ids": wanted}).scalars())


def referring_query(mapping: RecordMapping, reference: Reference) -> Select[Any]:
    """The ids of records of ``book`` that are not deleted and refer to one of ``ids`` by this reference."""
    return _by_field(mapping, reference) if reference.map is None else _by_entry(mapping, reference, reference.map)


def _by_field(mapping: RecordMapping, reference: Reference) -> Select[Any]:
    rows = mapping.rows.c
    query = select(rows.id).where(rows.book_id == bindparam("book"), _is_live(rows))
    return query.where(in_array(rows[reference.field.name], "ids"))


def _by_entry(mapping: RecordMapping, reference: Reference, map_: Map) -> Select[Any]:
    rows, entries = mapping.rows, mapping.entries[map_.name]
    is_owner = and_(entries.c.book_id == rows.c.book_id, entries.c[map_.owner] == rows.c.id)
    query = select(rows.c.id).distinct().select_from(rows.join(entries, is_owner))
    query = query.where(rows.c.book_id == bindparam("book"), _is_live(rows.c), entries.c.removed.is_(False))
    return query.where(in_array(entries.c[reference.field.name], "ids"))


def _is_live(columns: Any) -> ColumnElement[bool]:
    """Written so that no planner takes the index of lists for it, in which nearly all of a book is not deleted."""
    return func.coalesce(columns.deleted, False).is_(False)
