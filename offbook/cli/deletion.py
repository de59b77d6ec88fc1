"""Deleting the records that a command names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from offbook.core.errors import NotFound
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import reading
from offbook.records import Record, Records
from offbook.replica import Replica


def delete_records(
    book: Replica, records: Records[Record], texts: Iterable[str], find: Callable[[str], str]
) -> list[Record]:
    """Delete the records whose ids ``find`` finds for these texts, and return those that nobody else was faster with.

    Where one can't be found nothing is deleted. Many are deleted in several transactions.
    """
    with reading(book.connection):
        wanted = [records.get(record_id) for record_id in dict.fromkeys(map(find, texts))]

    def delete(batch: list[Record]) -> list[Record]:
        return [record for record in batch if _delete(records, record["id"])]

    batches = write_in_batches(book.connection, wanted, delete, size_of=lambda _: RECORD_SIZE)
    return [record for batch in batches for record in batch]


def _delete(records: Records[Record], record_id: str) -> bool:
    try:
        records.delete(record_id)
    except NotFound:
        return False
    return True
