"""A batch of changes into a book, as a device's push has it decided."""

from __future__ import annotations

from services.sync.push import Batch, apply_batch
from storage.base import ChangeOrigin, PushedBatch, Store


def push(store: Store, book_id: int, origin: ChangeOrigin, batch: Batch, now_us: int) -> PushedBatch:
    """Decide a batch and carry it out in one transaction, of whatever length."""
    with store.writing(book_id) as book:
        return apply_batch(book, origin, batch, now_us)
