"""The server of a simulated world: the real answers of services.sync, over a real store, at a time set by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from offbook import Response
from offbook.contacts.table import CONTACTS
from offbook.core.errors import CursorGone, Malformed
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Change
from offbook.core.protocol.json import loads
from offbook.core.protocol.requests import SCHEMA_HEADER, parse_push
from offbook.core.protocol.view import View
from services.retention import prune
from services.sync.responses import changes, sync
from services.sync.tables import declared
from storage.base import ChangeOrigin, PageSize, Store
from tests.support.memory_store import MemoryStore, Shelf

Json = Any
START = 1_795_000_000_000_000
"""When every world begins, in microseconds."""

NO_REPLICA = "d0000000-0000-4000-8000-000000000001"


class Server:
    """One book of a store, and another beside it that nothing must ever reach. ``now`` is in microseconds.

    ``says_tables`` is whether it tells devices what it knows, or is of before that. What stood before the request that
    it answers are its ``headers``.
    """

    def __init__(
        self, store: Store, book_id: int, other_id: int, page_max: int, changes_max: int, says_tables: bool = True
    ) -> None:
        self.store = store
        self.book_id = book_id
        self.other_id = other_id
        self.page_max = page_max
        self.changes_max = changes_max
        self.now = START
        self.says_tables = says_tables
        self.headers: Mapping[str, str] = {}
        self.record_ids: dict[str, None] = {}

    def answer(self, body: bytes, book_id: int | None = None) -> Response:
        try:
            view = View(self.store.schema, is_sparse=bool(self._own_headers()))
            push = parse_push(self.store.schema, loads(body), NO_REPLICA, view)
            if len(push.batch) > self.changes_max:
                return self._problem(413, "too_many_changes", "Too many at once.")
            self.record_ids.update((change.record_id, None) for change in push.batch if isinstance(change, Change))
            found = sync(self.store, book_id or self.book_id, ChangeOrigin(), push, self.now, PageSize(self.page_max))
            return self._response(200, found)
        except CursorGone as gone:
            more = {"reason": gone.reason, "kept": gone.kept, "book": gone.book, "takes_history": gone.takes_history}
            return self._problem(410, gone.code, str(gone), **more)
        except Malformed as fault:
            return self._problem(fault.status, fault.code, str(fault))

    def tell_tables(self) -> Response:
        """The answer to ``GET /tables``."""
        return self._response(200, declared(self.store, self.book_id))

    def _own_headers(self) -> dict[str, str]:
        """The shape of its tables, for those who know what that is."""
        return {SCHEMA_HEADER: self.store.schema.shape} if self.says_tables and SCHEMA_HEADER in self.headers else {}

    def busy(self) -> Response:
        return self._problem(503, "busy", "Come back later.")

    def _problem(self, status: int, code: str, detail: str, **more: Json) -> Response:
        return self._response(status, {"status": status, "code": code, "detail": detail, **more})

    def _response(self, status: int, content: Json) -> Response:
        date = formatdate(self.now / 1_000_000, usegmt=True)
        return Response(status, {"Date": date, **self._own_headers()}, json.dumps(content).encode())

    # --- looking ---

    def head(self) -> int:
        with self.store.reading(self.book_id) as book:
            return book.book.seq

    def rows(self) -> dict[str, tuple[int, Json]]:
        """The contacts that live, by id: each row's seq, and the row as a snapshot tells it."""
        page = changes(self.store, self.book_id, None, PageSize(100_000))
        found = [row for row in page["changes"] if row["table"] == CONTACTS.name]
        return {row["record_id"]: (row["seq"], row["data"]) for row in found}

    def waiting(self) -> set[str]:
        """The ids of the open conflicts."""
        with self.store.reading(self.book_id) as book:
            return {one.id for one in book.conflicts()}

    def everything(self) -> str:
        """All that is kept of the book, as one text: rows, tombstones, removed entries, history, conflicts."""
        with self.store.reading(self.book_id) as book:
            return f"{self.rows_and_history()} {book.conflicts()}"

    def rows_and_history(self) -> str:
        """The same without the open conflicts, which give way to later ones."""
        with self.store.reading(self.book_id) as book:
            told = [book.history("contacts", record_id) for record_id in self.record_ids]
            return str([book.records("contacts", self.record_ids), told])

    def is_other_book_empty(self) -> bool:
        with self.store.reading(self.other_id) as book:
            return book.book.seq == 0

    # --- its backups ---

    def backup(self) -> Shelf | None:
        """The book as it is; None where it shares a database with other worlds."""
        return self.store._shelves[self.book_id] if isinstance(self.store, MemoryStore) else None

    def restore(self, backup: Shelf, epoch: str | None) -> None:
        """Go back, in a new epoch, or in the old one as if a file had been copied. The clock is right by then."""
        assert isinstance(self.store, MemoryStore)
        self.now = max(self.now, self.head())
        book = replace(backup.book, epoch=epoch or backup.book.epoch)
        self.store._shelves[self.book_id] = replace(backup, book=book)

    def prune(self, lines: RetentionLimits) -> None:
        prune(self.store, self.book_id, lines)
