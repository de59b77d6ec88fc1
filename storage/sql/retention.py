"""Forgetting in a database, up to a seq: tombstones, the trash's values, removed entries, the text of changes.

What is forgotten is offbook.core.merge.retention's to say, and what lives stays as it is; so does a record that has an
open conflict, since a person may still choose what it held. Writers wait meanwhile, so it takes a few statements
however much there is to forget. Each says how much that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, or_, select, update

from models import Base
from offbook.contacts.table import CONTACTS
from offbook.core.merge.retention import RetentionLimits, lost_entries, prune
from offbook.core.model import Record, Verdict
from offbook.core.schema import Map, Type
from storage.sql.mapping.records import RecordMapping
from storage.sql.queries import CHANGES, CONFLICTS

KEPT = frozenset({"id", "book_id", "change_id", "verdict", "seq", "code", "detail", "batch"})
"""What the same change is answered with once more: never forgotten. Nor is the batch, of which it is then said that it
was pruned."""

RECORDS_AT_ONCE = 1000

DEVICES, DEVICE_CARDS = (Base.metadata.tables[name] for name in ("devices", "device_cards"))


def forget_tombstones(connection: Connection, layout: RecordMapping, book_id: int, line: int) -> int:
    """Delete tombstones up to this seq, with their entries, and what devices of CardDAV had of them; how many."""
    rows = layout.rows.c
    dead = and_(rows.book_id == book_id, *_is_dead(layout, book_id, line))
    for map_ in layout.synced.maps:
        table = layout.entries[map_.name]
        of_dead = table.c[map_.owner].in_(select(rows.id).where(dead))
        connection.execute(delete(table).where(table.c.book_id == book_id, of_dead))
    if layout.synced.name == CONTACTS.name:
        devices = select(DEVICES.c.id).where(DEVICES.c.book_id == book_id)
        of_dead = DEVICE_CARDS.c.record_id.in_(select(rows.id).where(dead))
        connection.execute(delete(DEVICE_CARDS).where(DEVICE_CARDS.c.device_id.in_(devices), of_dead))
    return connection.execute(delete(layout.rows).where(dead)).rowcount


def _is_dead(layout: RecordMapping, book_id: int, line: int) -> tuple[ColumnElement[bool], ...]:
    rows = layout.rows.c
    return rows.deleted.is_(True), rows.seq <= line, _is_settled(rows.id, layout, book_id)


def _is_settled(record_id: ColumnElement[str], layout: RecordMapping, book_id: int) -> ColumnElement[bool]:
    """Whether no conflict of this record waits for a person."""
    columns = CONFLICTS.c
    is_open = and_(columns.book_id == book_id, columns.table_name == layout.synced.name, columns.resolved_at.is_(None))
    return record_id.not_in(select(columns.record_id).where(is_open))


def ids_to_prune(connection: Connection, layout: RecordMapping, book_id: int, line: int) -> Iterator[list[str]]:
    """The ids of records that may lose something, some at a time: those that have removed entries, and those that were
    deleted up to the trash's ``line`` and still hold something."""
    queries = [_in_trash(layout, book_id, line), *(_with_removed(layout, map_, book_id) for map_ in layout.synced.maps)]
    ids = sorted({record_id for query in queries for record_id in connection.execute(query).scalars()})
    return (ids[start : start + RECORDS_AT_ONCE] for start in range(0, len(ids), RECORDS_AT_ONCE))


def _in_trash(layout: RecordMapping, book_id: int, line: int) -> Select[Any]:
    rows = layout.rows.c
    held: list[ColumnElement[bool]] = [
        rows[field.name].is_(True) if field.type is Type.FLAG else rows[field.name].is_not(None)
        for field in layout.synced.fields
    ]
    for map_ in layout.synced.maps:
        entries = layout.entries[map_.name].c
        owned = select(entries.entry_id).where(entries.book_id == book_id, entries[map_.owner] == rows.id)
        held.append(owned.exists())
    return select(rows.id).where(rows.book_id == book_id, *_is_dead(layout, book_id, line), or_(*held))


def _with_removed(layout: RecordMapping, map_: Map, book_id: int) -> Select[Any]:
    entries = layout.entries[map_.name].c
    owner = entries[map_.owner]
    removed = and_(entries.book_id == book_id, entries.removed.is_(True), _is_settled(owner, layout, book_id))
    return select(owner).where(removed).distinct()


def pruned_pairs(records: Iterable[Record], lines: RetentionLimits) -> list[tuple[Record, Record]]:
    """Those of these records that lose something but not all, each as it was and as it will be."""
    both = [(old, prune(old, lines)) for old in records]
    return [(old, new) for old, new in both if new is not None and new is not old]


def forget_entries(
    connection: Connection, layout: RecordMapping, book_id: int, changed: Iterable[tuple[Record, Record]]
) -> None:
    """Delete the entries that these records had and have no more."""
    gone: dict[str, list[dict[str, str]]] = {}
    for old, new in changed:
        for prefix in lost_entries(old, new):
            name, key, _ = prefix.split("/")
            gone.setdefault(name, []).append({"record": old.id, "entry": key})
    for map_ in layout.synced.maps:
        if map_.name in gone:
            table = layout.entries[map_.name]
            place = and_(table.c[map_.owner] == bindparam("record"), table.c.entry_id == bindparam("entry"))
            connection.execute(delete(table).where(table.c.book_id == book_id, place), gone[map_.name])


def forget_text(connection: Connection, book_id: int, line: int) -> int:
    """Thin the log. A line that was thinned has no ``received_at`` any more, and is not written again.

    Of a rejection nothing is kept but its reason, which stays: there is nothing to thin.
    """
    columns = CHANGES.c
    old = or_(columns.seq <= line, and_(columns.seq.is_(None), columns.received_at <= line))
    thick = and_(columns.received_at.is_not(None), columns.verdict != Verdict.REJECTED.value, old)
    nothing = {column.name: None for column in columns if column.name not in KEPT}
    return connection.execute(update(CHANGES).where(columns.book_id == book_id, thick).values(nothing)).rowcount


def forget_resolved(connection: Connection, book_id: int, line: int) -> int:
    """Delete conflicts that a person has settled. Open ones stay however old they are."""
    columns = CONFLICTS.c
    settled = and_(columns.book_id == book_id, columns.resolved_at.is_not(None), columns.seq <= line)
    return connection.execute(delete(CONFLICTS).where(settled)).rowcount
