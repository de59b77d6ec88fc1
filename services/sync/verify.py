"""What a device that compares its book with the server's is answered, as values (``POST /verify`` and ``POST /rows``).

Each answer names the cursor at which all of it is so: a device compares only what it has at the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from offbook.core.cells.validation import Json
from offbook.core.merge.batch import BookState
from offbook.core.model import Cursor
from offbook.core.protocol.rows import row, sparse_row
from offbook.core.protocol.view import View
from offbook.core.verify.digests import digest_of, names_in
from offbook.core.verify.first_digests import first_digest_of, shape_of
from offbook.core.verify.ranges import RECORDS_MAX, Compare, Fetch, Sum
from storage.base import DigestMaker, ReadTransaction, Store


def compare(store: Store, book_id: int, question: Compare) -> dict[str, Json]:
    """What each range holds, in wire form; each record's digest too, where the question wants it and they are few."""
    with store.reading(book_id) as reading:
        made_by = _maker_of(reading, question)
        sums = reading.sums(question.table.name, question.ranges, made_by)
        ranges: list[dict[str, Json]] = [{"count": total.count, "digest": total.digest} for total in sums]
        if question.records:
            _add_records(reading, question, made_by, sums, ranges)
        form = {"digest": question.version} if question.version > 1 else {"shape": shape_of(question.table)}
        return {**_at(reading.book), **form, "ranges": ranges}


def _maker_of(reading: ReadTransaction, question: Compare) -> DigestMaker | None:
    """What makes the digests that are compared; None where they are those that are stored."""
    if question.version == 1:
        return partial(first_digest_of, question.table)
    without = question.without & names_in(reading.schema[question.table.name])
    return partial(digest_of, without=without) if without else None


def _add_records(
    reading: ReadTransaction,
    question: Compare,
    made_by: DigestMaker | None,
    sums: Sequence[Sum],
    ranges: Sequence[dict[str, Json]],
) -> None:
    few = [place for place, total in enumerate(sums) if total.count <= RECORDS_MAX]
    if few:
        digests = reading.digests(question.table.name, [question.ranges[place] for place in few], made_by)
        for place, by_id in zip(few, digests, strict=True):
            ranges[place]["records"] = by_id


def fetch(store: Store, book_id: int, question: Fetch, view: View | None = None) -> dict[str, Json]:
    """A row for each id, in order, as this view has it: a record that is not there is a tombstone of the book's seq."""
    with store.reading(book_id) as reading:
        rows_by_id, gone = reading.rows_of(question.table.name, question.ids, view), reading.book.seq
        ids = dict.fromkeys(question.ids)
        make = sparse_row if view is not None and view.is_sparse else row
        rows = [rows_by_id.get(record_id) or make(question.table.name, record_id, 0, gone, None) for record_id in ids]
        return {**_at(reading.book), "rows": rows}


def _at(book: BookState) -> dict[str, Json]:
    return {"book": book.uuid, "cursor": str(Cursor(book.epoch, book.seq))}
