"""A store whose process ends after so many transactions: what is done by then stays."""

from __future__ import annotations

from contextlib import AbstractContextManager

from storage.base import Store, WriteTransaction


class Ended(Exception):
    """The server's process has ended."""


class StoreThatEnds:
    """A store that takes so many transactions."""

    def __init__(self, store: Store, turns: int) -> None:
        self.schema, self.since = store.schema, store.since
        self.reading = store.reading
        self._store = store
        self._turns = turns

    def writing(self, book_id: int) -> AbstractContextManager[WriteTransaction]:
        self._turns -= 1
        if self._turns < 0:
            raise Ended
        return self._store.writing(book_id)
