"""Forgetting in a database: tombstones, removed entries and the text of changes, up to a seq.

What is forgotten is offbook.core.prune's to say, and what lives stays as it is; so does a record that has an open
conflict, since a person may still choose what it held. Writers wait meanwhile, so it takes a few statements however
much there is to forget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, or_, select, update

from offbook.core.changes import Record
from offbook.core.prune import without_removed
from offbook.core.tables import Map
from storage.queries import CHANGES, CONFLICTS
from storage.rows import Layout, clocks_json

KEPT = frozenset({"id", "book_id", "change_id", "verdict", "seq", "code", "detail"})
"""What the same change is answered with once more: never forgotten."""

RECORDS_AT_ONCE = 1000


def forget_tombstones(connection: Connection, layout: Layout, book_id: int, line: int) -> None:
    rows = layout.rows.c
    dead = and_(
        rows.book_id == book_id, rows.deleted.is_(True), rows.seq <= line, _is_settled(rows.id, layout, book_id)
    )
    for map_ in layout.synced.maps:
        table = layout.entries[map_.name]
        of_dead = table.c[map_.owner].in_(select(rows.id).where(dead))
        connection.execute(delete(table).where(table.c.book_id == book_id, of_dead))
    connection.execute(delete(layout.rows).where(dead))


def _is_settled(record_id: ColumnElement[str], layout: Layout, book_id: int) -> ColumnElement[bool]:
    """Whether no conflict of this record waits for a person."""
    columns = CONFLICTS.c
    here = and_(columns.book_id == book_id, columns.table_name == layout.synced.name, columns.resolved_at.is_(None))
    return record_id.not_in(select(columns.record_id).where(here))


def with_removed(connection: Connection, layout: Layout, book_id: int) -> Iterator[list[str]]:
    """The ids of records that have removed entries and no open conflict, some at a time."""
    found: set[str] = set()
    for map_ in layout.synced.maps:
        entries = layout.entries[map_.name].c
        query = select(entries[map_.owner]).where(entries.book_id == book_id, entries.removed.is_(True))
        settled = _is_settled(entries[map_.owner], layout, book_id)
        found.update(connection.execute(query.where(settled)).scalars())
    ids = sorted(found)
    return (ids[start : start + RECORDS_AT_ONCE] for start in range(0, len(ids), RECORDS_AT_ONCE))


def forget_entries(connection: Connection, layout: Layout, book_id: int, records: Iterable[Record], line: int) -> None:
    """Delete the entries of these records that were removed by then, and their clocks."""
    pairs = [(old, new) for old in records if (new := without_removed(old, line)) is not None and new is not old]
    if not pairs:
        return
    for map_ in layout.synced.maps:
        if gone := [key for old, new in pairs for key in _gone(layout, map_, book_id, old, new)]:
            table = layout.entries[map_.name]
            place = and_(table.c[map_.owner] == bindparam("record"), table.c.entry_id == bindparam("entry"))
            connection.execute(delete(table).where(table.c.book_id == book_id, place), gone)
    rows = layout.rows
    place = and_(rows.c.book_id == book_id, rows.c.id == bindparam("record"))
    clocks = [{"record": new.id, "left": clocks_json(new)} for _, new in pairs]
    connection.execute(update(rows).where(place).values(clocks=bindparam("left")), clocks)


def _gone(layout: Layout, map_: Map, book_id: int, old: Record, new: Record) -> list[dict[str, Any]]:
    left = layout.entry_rows(map_, book_id, new)
    return [{"record": old.id, "entry": key} for key in layout.entry_rows(map_, book_id, old) if key not in left]


def forget_text(connection: Connection, book_id: int, line: int) -> None:
    """Thin the log. A line that was thinned has no ``received_at`` any more, and is not written again."""
    columns = CHANGES.c
    old = or_(columns.seq <= line, and_(columns.seq.is_(None), columns.received_at <= line))
    thick = and_(columns.book_id == book_id, columns.received_at.is_not(None), old)
    nothing = {column.name: None for column in columns if column.name not in KEPT}
    connection.execute(update(CHANGES).where(thick).values(nothing))
