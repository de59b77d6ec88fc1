"""Emptying the trash, and forgetting old history. How long what is kept is offbook.core.merge.retention's to say."""

from __future__ import annotations

from contextlib import suppress

from offbook.core.merge.retention import PurgedRows, RetentionLimits
from offbook.core.schema import Table
from storage.base import Store


class _Undone(Exception):
    """Raised to leave nothing behind."""


def prune(store: Store, book_id: int, lines: RetentionLimits, dry_run: bool = False) -> PurgedRows:
    """Forget what is old (offbook.core.merge.retention); how much that was. ``dry_run`` rolls it back at the end.

    What lives stays as it is, and so does all of a record with an open conflict.
    """
    forgotten = PurgedRows()
    with suppress(_Undone), store.writing(book_id) as book:
        forgotten = book.prune(RetentionLimits(*(min(line, book.book.seq) for line in lines)))
        if dry_run:
            raise _Undone
    return forgotten


def empty_trash(store: Store, book_id: int, table: Table) -> int:
    """Forget what the deleted records of a table held, at once and for good; how many they were.

    The history keeps its text, and what waits for a person stays as it is.
    """
    with store.writing(book_id) as book:
        return book.prune(RetentionLimits(history=0, trash=book.book.seq), (table.name,)).emptied
