"""What a device that compares its book with the server's is answered, as values (``POST /verify`` and ``POST /rows``).

Each answer names the cursor at which all of it is so: a device compares only what it has at the same one.
"""

from __future__ import annotations

from collections.abc import Sequence

from offbook.core.merge.batch import BookState
from offbook.core.model import Cursor
from offbook.core.protocol.rows import row
from offbook.core.schema import TABLES
from offbook.core.validation import Json
from offbook.core.verify.digests import shape_of
from offbook.core.verify.ranges import RECORDS_MAX, Compare, Fetch, Sum
from storage.base import ReadTransaction, Store


def compare(store: Store, book_id: int, asked: Compare) -> dict[str, Json]:
    """What each range holds; each record's digest as well where that was asked for and they are few."""
    with store.reading(book_id) as reading:
        sums = reading.sums(asked.table, asked.ranges)
        ranges: list[dict[str, Json]] = [{"count": one.count, "digest": one.digest} for one in sums]
        if asked.records:
            _add_records(reading, asked, sums, ranges)
        return {**_at(reading.book), "shape": shape_of(TABLES[asked.table]), "ranges": ranges}


def _add_records(
    reading: ReadTransaction, asked: Compare, sums: Sequence[Sum], ranges: Sequence[dict[str, Json]]
) -> None:
    few = [place for place, one in enumerate(sums) if one.count <= RECORDS_MAX]
    found = reading.digests(asked.table, [asked.ranges[place] for place in few]) if few else []
    for place, digests in zip(few, found, strict=True):
        ranges[place]["records"] = digests


def fetch(store: Store, book_id: int, asked: Fetch) -> dict[str, Json]:
    """A row for each id, in order: a record that is not there is a tombstone of the book's seq."""
    with store.reading(book_id) as reading:
        found, gone = reading.rows_of(asked.table, asked.ids), reading.book.seq
        ids = dict.fromkeys(asked.ids)
        rows = [found.get(record_id) or row(asked.table, record_id, 0, gone, None) for record_id in ids]
        return {**_at(reading.book), "rows": rows}


def _at(book: BookState) -> dict[str, Json]:
    return {"book": book.uuid, "cursor": str(Cursor(book.epoch, book.seq))}
