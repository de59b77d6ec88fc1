"""The history of one record, a page at a time: for JSON, for pages, for devices."""

from __future__ import annotations

from collections.abc import Iterator

from offbook.core.errors import NotFound
from offbook.core.history.entry import HistoryEntry, RecordHistory
from offbook.core.history.reconstruct import state_at
from offbook.core.model import Key, Record, Verdict
from services import messages
from storage.base import HistoryPage, ReadTransaction, Store

EARLIER_AT_ONCE = 100


def history_page(store: Store, book_id: int, key: Key, before: int | None, limit: int) -> HistoryPage:
    """The changes of a record, from the newest or from the ``next`` of another page on. Raises NotFound."""
    with store.reading(book_id) as book:
        if key not in book.records(key[0], [key[1]]):
            raise NotFound.of(messages.NO_RECORD)
        return book.history_page(key, limit, before)


def record_history(
    store: Store, book_id: int, record: Record, limit: int, before: int | None = None, skip: int = 0
) -> RecordHistory:
    """The changes of a record that did something, as history_page(); ``skip`` leaves out so many more of the newest."""
    with store.reading(book_id) as book:
        page = book.history_page(record.key, limit, before, skip, with_noise=False)
        earlier = list(_earlier(book, record.key, page))
        seq = next((entry.seq for entry in (*page.entries, *earlier) if entry.seq is not None), record.created.seq)
        state = state_at(record, book.steps_since(seq, record.key), seq)
        deferred = frozenset(conflict.change_id for conflict in book.conflicts(record.key))
        return RecordHistory(page.entries, page.next, state, earlier, deferred)


def _earlier(book: ReadTransaction, key: Key, page: HistoryPage) -> Iterator[HistoryEntry]:
    """Changes before the page: as many as its writers may not have seen, and up to one that changed something."""
    bases = [
        min((entry.base, *entry.bases.values()))
        for entry in page.entries
        if entry.base is not None and entry.before and entry.verdict != Verdict.APPLIED
    ]
    seq = next((entry.seq for entry in page.entries[::-1] if entry.seq is not None), None)
    while page.next is not None and (seq is None or any(base < seq for base in bases)):
        page = book.history_page(key, EARLIER_AT_ONCE, page.next, with_noise=False)
        yield from page.entries
        seq = next((entry.seq for entry in page.entries[::-1] if entry.seq is not None), seq)
