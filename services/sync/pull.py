"""What a pull reads of a book: the page after a cursor, or why that cursor can't be served."""

from __future__ import annotations

from collections.abc import Iterable

from offbook.core.cells.validation import Json
from offbook.core.conflicts.codec import conflict_to_row, conflict_view
from offbook.core.errors import CursorGone
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import state_at
from offbook.core.model import Cursor, Key
from offbook.core.protocol.rows import iso_millis
from offbook.core.protocol.view import View
from offbook.core.schema import EXISTS
from storage.base import WHOLE_PAGE, Page, PageSize, ReadTransaction, Store


def pull(
    store: Store, book_id: int, since: Cursor | None, size: PageSize = WHOLE_PAGE, view: View | None = None
) -> Page:
    """The page after ``since``, of all that the store has or of a view. Raises CursorGone.

    None asks for a snapshot, which serves live rows only.
    """
    with store.reading(book_id) as reading:
        return read_page(reading, since, size, view)


def require_servable(store: Store, book_id: int, since: Cursor) -> None:
    """Raises CursorGone where a pull from this cursor would."""
    with store.reading(book_id) as reading:
        check_cursor(reading, since)


def read_page(
    reading: ReadTransaction,
    since: Cursor | None,
    size: PageSize,
    view: View | None,
    seen: int = 0,
    kept: int | None = None,
) -> Page:
    """The page after ``since``, inside a transaction that the caller has begun. Raises CursorGone.

    With ``kept``, a device asks that knew this server before it was restored: see ``_with_former_rows``.
    """
    if since is not None:
        check_cursor(reading, since, seen)
    page = _page(reading, since, size, view, with_gone=kept is not None)
    if kept is not None:
        _with_former_rows(reading, page, view, kept)
    return page


def _with_former_rows(reading: ReadTransaction, page: Page, view: View | None, kept: int) -> None:
    """Tell of each record of the page that was changed after ``kept`` what it was then (null: it was not there).

    And of what was deleted since, when that was by the deleter's time. So a device finds out what was lost with the
    restore, and what is new.
    """
    newer = {(row["table"], row["record_id"]): row for row in page.changes if row["seq"] > kept}
    steps: dict[Key, list[HistoryStep]] = {}
    for done in reading.steps_since(kept) if newer else ():
        steps.setdefault(done.key, []).append(done)
    view = view or View(reading.schema)
    for name in view.schema:
        for key, record in reading.records(name, [id for of_table, id in newer if of_table == name]).items():
            cells = state_at(record, steps.get(key, ()), kept)
            newer[key]["then"] = view.data(name, cells) if cells.get(EXISTS) else None
            if record.deleted:
                newer[key]["deleted_at"] = iso_millis(record.clock(EXISTS).timestamp)


def _page(reading: ReadTransaction, since: Cursor | None, size: PageSize, view: View | None, with_gone: bool) -> Page:
    """A snapshot ends where the book stood when it began: what came since follows as an ordinary page."""
    book = reading.book
    place = since or Cursor(book.epoch, book.seq, 0)
    snapshot = place.after is not None
    after, up_to = (place.after or 0, place.seq) if snapshot else (place.seq, book.seq)
    if after >= up_to:
        return Page(book.uuid, [], Cursor(book.epoch, up_to), False)
    rows, more = reading.rows(after, up_to, size, snapshot and not with_gone, view)
    if view is not None and view.is_sparse:
        _add_batches_of_deletions(reading, rows)
    last = rows[-1]["seq"] if more else up_to
    changes = [*rows, *_conflict_rows(reading, after, last, view, open_only=snapshot)]
    if not more:
        return Page(book.uuid, changes, Cursor(book.epoch, up_to), False)
    return Page(book.uuid, changes, Cursor(book.epoch, place.seq, last) if snapshot else Cursor(book.epoch, last), True)


def _add_batches_of_deletions(reading: ReadTransaction, rows: Iterable[dict[str, Json]]) -> None:
    """Name the batch of each deletion that is of one: so a device knows what the undo of an import took away."""
    deletions = {row["seq"]: row for row in rows if row["data"] is None}
    for seq, batch in reading.batches.of_changes(deletions.keys()).items():
        deletions[seq]["batch"] = batch


def _conflict_rows(
    reading: ReadTransaction, after: int, up_to: int, view: View | None, open_only: bool
) -> list[dict[str, Json]]:
    """Conflicts come with the page of their records, beyond its limit: both have the seq of the same change."""
    conflicts = [
        (conflict if view is None else view.conflict(conflict), is_open)
        for conflict, is_open in reading.conflicts_between(after, up_to)
        if (is_open or not open_only) and (view is None or conflict.table.name in view.schema)
    ]
    if not conflicts:
        return []
    authors = reading.authors({id for conflict, _ in conflicts for id in conflict.change_ids})
    return [conflict_to_row(conflict_view(conflict, authors), is_open) for conflict, is_open in conflicts]


def check_cursor(reading: ReadTransaction, since: Cursor, seen: int = 0) -> None:
    """Raise CursorGone where this cursor can't be served: pruned, of another epoch, or not of this book's log.

    A cursor that this log never gave is from before a restore, and so is a seq that a device has ``seen``: of a change
    that was taken after the page of its cursor was made. What a restored server takes in since then has later seqs than
    either, for seq is the time: so up to the newest seq that is not above them it still is what it was.
    """
    book, place = reading.book, max(since.seq, seen)
    kept = place if place == book.seq else reading.last_seq_at_or_before(place)
    if since.epoch != book.epoch:
        raise CursorGone("epoch", kept, book.uuid)
    if place != kept:  # even where it is pruned: a device must hear that something was lost
        raise CursorGone("unknown", kept, book.uuid)
    if since.seq < book.pruned:
        raise CursorGone("pruned", book.seq, book.uuid)
