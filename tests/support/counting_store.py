"""A store that counts what each of its transactions writes to the history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from offbook.core.merge.batch import Plan
from storage.base import ChangeOrigin, Store, WriteTransaction


class StoreThatCounts:
    """``written`` are the numbers of changes, one of each transaction."""

    def __init__(self, store: Store) -> None:
        self.schema, self.since = store.schema, store.since
        self.reading = store.reading
        self.written: list[int] = []
        self._store = store

    @contextmanager
    def writing(self, book_id: int) -> Iterator[WriteTransaction]:
        with self._store.writing(book_id) as book:
            self.written.append(0)
            apply_plan = book.apply_plan

            def counted(plan: Plan, origin: ChangeOrigin, now_us: int) -> None:
                self.written[-1] += len(plan.history)
                apply_plan(plan, origin, now_us)

            book.apply_plan = counted  # type: ignore[method-assign]
            try:
                yield book
            finally:
                del book.apply_plan
