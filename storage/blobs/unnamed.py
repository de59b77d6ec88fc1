"""Removing the photos that nothing names any more: no contact, also in the trash, no history, no open conflict.

What history names is looked for without a lock, and takes as long as it takes; what was written since is looked at once
more with the book's lock, some photos at a time, so that nobody who writes waits long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from models import Base
from storage.engines.database import Database

BLOBS, CHUNKS, BOOKS, CONTACTS, CHANGES, CONFLICTS = (
    Base.metadata.tables[name] for name in ("blobs", "blob_chunks", "books", "contacts", "changes", "conflicts")
)
B, H = BLOBS.c, CHANGES.c
BLOBS_AT_ONCE = 10
ROWS_AT_ONCE = 1_000
HASHES = re.compile(r"[0-9a-f]{64}")


def remove_unnamed(database: Database, book_id: int, before_us: int, dry_run: bool) -> int:
    """Remove the photos of a book that nothing names and that were last sent before this time; how many those are."""
    with database.read() as connection:
        seen = connection.execute(select(BOOKS.c.seq).where(BOOKS.c.id == book_id)).scalar_one()
        unnamed = _candidates(connection, book_id, before_us)
        if unnamed:
            unnamed -= _named_in_history(connection, book_id, 0)
    removed, rest = 0, sorted(unnamed)
    for start in range(0, len(rest), BLOBS_AT_ONCE):
        with database.write() as connection:
            connection.execute(select(BOOKS.c.id).where(BOOKS.c.id == book_id).with_for_update()).all()
            some = _candidates(connection, book_id, before_us) & {*rest[start : start + BLOBS_AT_ONCE]}
            some -= _named_in_history(connection, book_id, seen)
            if not dry_run:
                for table in (CHUNKS, BLOBS):
                    connection.execute(delete(table).where(table.c.book_id == book_id, table.c.sha256.in_(some)))
            removed += len(some)
    return removed


def _candidates(connection: Connection, book_id: int, before_us: int) -> set[str]:
    """Photos that no contact has, nor had when it was deleted, and no open conflict."""
    old = set(connection.scalars(select(B.sha256).where(B.book_id == book_id, B.created_at < before_us)))
    if not old:
        return old
    photo = CONTACTS.c.photo
    of_contacts = connection.scalars(select(photo).where(CONTACTS.c.book_id == book_id, photo.is_not(None)))
    return old.difference(of_contacts, _named_in_conflicts(connection, book_id))


def _named_in_conflicts(connection: Connection, book_id: int) -> set[str]:
    c = CONFLICTS.c
    query = select(c.ours, c.theirs, c.common, c.winner).where(
        c.book_id == book_id, c.resolved_at.is_(None), c.cell == "photo"
    )
    return _hashes_in(connection.execute(query))


def _named_in_history(connection: Connection, book_id: int, after: int) -> set[str]:
    """What changes after this seq wrote, replaced or lost. Those that were thinned name nothing any more."""
    texts = (H.data, H.before, H.beaten)
    query = select(*texts).where(H.book_id == book_id, H.seq > after, or_(*map(_may_name, texts)))
    return _hashes_in(connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)))


def _may_name(text: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(text.is_not(None), text.contains('"photo"'))


def _hashes_in(rows: Iterable[Any]) -> set[str]:
    return {sha256 for row in rows for text in row for sha256 in HASHES.findall(text or "")}
