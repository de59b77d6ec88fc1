"""A whole book as a zip, into a file: what it holds is read in short transactions, so that nobody waits for it.

So it is no picture of one moment, and need not be: whatever was in the book all the time is in it, as it was at one
time or another meanwhile. What is changed meanwhile is in it as before or after; what is deleted meanwhile stays, or is
in the trash of it; what comes back from the trash is there, and not in the trash as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import orjson

from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.cells.json_data import filled_fields
from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone
from offbook.core.history.codec import entry_to_json
from offbook.core.merge.retention import is_purged
from offbook.core.model import Cursor
from offbook.core.protocol.rows import iso_micros
from offbook.core.text import fold_key
from offbook.formats.archive.writing import ArchiveSource, Photo, write_archive
from services.blobs import Blobs
from services.sync.pull import pull
from storage.base import PageSize, Store
from storage.repositories.contact_queries import ContactQueries

ROWS_AT_ONCE = PageSize(500, 3_000)
TRASH_AT_ONCE = 200
CHANGES_AT_ONCE = 500


class SpooledRows:
    """Rows in a file, each once by its id, given in the order of their names; in memory are only their places."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places: dict[str, tuple[str, int, int]] = {}

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._places

    def put(self, row: dict[str, Json]) -> None:
        """Keep a row, in the place of one that has its id."""
        text = orjson.dumps(row)
        place = self._file.seek(0, 2)
        self._file.write(text)
        self._places[row["id"]] = (fold_key(str(row.get("name") or "")), place, len(text))

    def __iter__(self) -> Iterator[dict[str, Json]]:
        for _, (_, place, size) in sorted(self._places.items(), key=lambda item: (item[1][0], item[0])):
            self._file.seek(place)
            yield orjson.loads(self._file.read(size))


class _BookReader:
    """What a book holds, read into a file for its contacts and one for its trash."""

    def __init__(self, store: Store, book_id: int, contacts: SpooledRows, trash: SpooledRows) -> None:
        self._store = store
        self.book_id = book_id
        self.contacts = contacts
        self.trash = trash
        self.labels: dict[str, dict[str, Json]] = {}

    def read_rows(self, since: Cursor | None) -> Cursor:
        """Read what is live, or became so since: the snapshot, and what was changed while that was read."""
        while True:
            try:
                page = pull(self._store, self.book_id, since, ROWS_AT_ONCE)
            except CursorGone:  # the book was pruned or restored meanwhile
                since = None
                continue
            for row in page.changes:
                if row["data"] is not None and row["table"] == CONTACTS.name:
                    self.contacts.put(row["data"])
                elif row["data"] is not None and row["table"] == LABELS.name:
                    self.labels[row["record_id"]] = row["data"]
            if not page.more and since is not None and since.after is None:
                return page.cursor
            since = page.cursor

    def read_trash(self, queries: ContactQueries) -> None:
        """Read what is in the trash."""
        after, has_more = None, True
        while has_more:
            page = queries.trash(self.book_id, after, TRASH_AT_ONCE)
            with self._store.reading(self.book_id) as book:
                records = book.records(CONTACTS.name, [row.id for row in page.rows])
            for record in records.values():
                if record.deleted and not is_purged(record):
                    data = {"id": record.id, **filled_fields(CONTACTS, record.cells)}
                    self.trash.put({**data, "deleted_at": iso_micros(record.seq)})
            after, has_more = page.next, page.next is not None

    def history(self) -> Iterator[dict[str, Json]]:
        """The changes of contacts and labels that are kept, the oldest first."""
        after: int | None = 0
        while after is not None:
            with self._store.reading(self.book_id) as book:
                page = book.log_page(after, CHANGES_AT_ONCE)
                tables = {name: book.schema[name] for name in (CONTACTS.name, LABELS.name)}
            for entry in page.entries:
                table, record_id = entry.key
                if table in tables:
                    yield {"table": table, "record_id": record_id, **entry_to_json(tables[table], entry)}
            after = page.next


def export_archive(
    store: Store, queries: ContactQueries, blobs: Blobs, book_id: int, open_file: Callable[[], BinaryIO], now_us: int
) -> BinaryIO:
    """The zip of a book, in a file that is the caller's to close; ``open_file`` gives empty files that are gone then.

    Raises Invalid where the book is larger than a zip can be.
    """
    out = open_file()
    try:
        with open_file() as contacts, open_file() as trash:
            reader = _BookReader(store, book_id, SpooledRows(contacts), SpooledRows(trash))
            _write(reader, queries, blobs, out, now_us)
    except BaseException:
        out.close()
        raise
    return out


def _write(reader: _BookReader, queries: ContactQueries, blobs: Blobs, out: BinaryIO, now_us: int) -> None:
    since = reader.read_rows(None)
    reader.read_trash(queries)
    reader.read_rows(since)
    contacts = reader.contacts
    source = ArchiveSource(
        lambda: contacts,
        (row for row in reader.trash if row["id"] not in contacts),
        reader.labels.values(),
        reader.history(),
        _photos(blobs, reader.book_id),
        partial(blobs.bytes_of, reader.book_id),
    )
    write_archive(source, out.write, datetime.fromtimestamp(now_us / 1_000_000, UTC))


def _photos(blobs: Blobs, book_id: int) -> Iterator[Photo]:
    for head in blobs.heads(book_id):
        content = blobs.bytes_of(book_id, head.sha256)
        if content is not None:
            yield Photo(head.sha256, head.type, content)
