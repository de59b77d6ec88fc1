"""A push in as many transactions as it takes, so that nobody waits long (docs/decisions/0029)."""

from __future__ import annotations

from typing import NamedTuple

from offbook.core.errors import CursorGone
from offbook.core.model import Cursor
from services.references import apply_and_clear_in_turns
from services.sync.pull import check_cursor
from services.sync.push import Batch, Turns, apply_batch
from storage.base import ChangeOrigin, PushedBatch, WriteTransaction
from storage.errors import TablesGrown


class PushBasis(NamedTuple):
    """What a push is based on: the cursor of its device, the newest seq that this was given, the shape of the schema by
    which its changes were read, and whether the device ``clears`` what refers to the records that it deletes."""

    since: Cursor | None = None
    seen: int = 0
    shape: str | None = None
    clears: bool = True


ANY_BASIS = PushBasis()


def push_in_turns(
    turns: Turns, origin: ChangeOrigin, batch: Batch, now_us: int, basis: PushBasis = ANY_BASIS
) -> list[PushedBatch]:
    """Decide a batch and carry it out: what came of it, in each transaction that it took.

    Raises CursorGone, and applies nothing, where ``since`` can't be served, so that a device that is to take a snapshot
    first knows so before its changes count: also where another database is put in this one's place meanwhile. That it
    was pruned meanwhile is the next request's to hear: what was applied is answered.

    Raises TablesGrown where the tables by which the changes were read are others by now.

    Where the device does not know all tables, references to what it deletes are cleared here (services.references).
    """
    since, seen, shape, clears = basis
    if since is not None:
        check_cursor(turns.book, since, seen)
    parts: list[PushedBatch] = []
    while True:
        if shape not in (None, turns.book.schema.shape):
            raise TablesGrown
        portion = turns.portion(batch)
        if clears:
            parts.append(apply_batch(turns.book, origin, portion, now_us))
        else:
            parts.append(apply_and_clear_in_turns(turns, origin, portion, now_us))
        batch = batch[len(portion) :]
        if not batch:
            return parts
        turns.end()
        if since is not None:
            _check_again(turns.book, since, seen)


def _check_again(book: WriteTransaction, since: Cursor, seen: int) -> None:
    try:
        check_cursor(book, since, seen)
    except CursorGone as gone:
        if gone.reason != "pruned":
            raise
