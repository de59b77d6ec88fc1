"""Names and parts of a book that versions wrote which knew each cell for itself: they are made to agree, once.

By ordinary changes, each with a seq, so that every device learns what it says; in transactions that leave others their
turns. Where it was cut off, the same again completes it, and where all is right it writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from offbook.contacts.names import NAME, parts_to_write
from offbook.contacts.table import CONTACTS
from offbook.core.model import Change, Operation, Record
from services.sync.push import apply_batch
from storage.base import ChangeOrigin, Store
from storage.repositories.contact_queries import ContactQueries

RECORDS_AT_ONCE = 100
"""So many contacts are looked at in one transaction: a twentieth of a second, and a third of one on a busy host."""


def add_parts_of_names(
    store: Store, queries: ContactQueries, book_id: int, new_id: Callable[[], str], now_us: Callable[[], int]
) -> int:
    """Let every contact of a book have the parts of its name. Returns how many got them."""
    count, ids = 0, queries.names_to_look_at(book_id, "", RECORDS_AT_ONCE)
    while ids:
        with store.writing(book_id) as book:
            records = book.records(CONTACTS.name, ids)
            changes = [change for record in records.values() if (change := _change(record, new_id())) is not None]
            if changes:
                apply_batch(book, ChangeOrigin(), changes, now_us(), records)
        count += len(changes)
        ids = queries.names_to_look_at(book_id, ids[-1], RECORDS_AT_ONCE)
    return count


def _change(record: Record, change_id: str) -> Change | None:
    """What gives a contact its parts; None where it needs none.

    It says no more than the name does, so it counts as made by whoever wrote that, and when: a rename that a device
    has not sent yet is the later one.
    """
    cells = None if record.deleted else parts_to_write(record)
    if cells is None:
        return None
    named = record.clock(NAME)
    return Change(
        id=change_id,
        table=CONTACTS,
        record_id=record.id,
        operation=Operation.UPDATE,
        replica=named.replica,
        timestamp=named.timestamp,
        base=record.seq,
        cells=cells,
    )
