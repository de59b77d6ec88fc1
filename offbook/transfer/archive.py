"""All that this device has, as a zip (offbook.formats.archive). What only the server knows is not in it: the history,
and the trash but for what was deleted here and not sent yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.cells.json_data import filled_fields
from offbook.core.cells.validation import Json
from offbook.database.connection import reading
from offbook.database.records import record_table
from offbook.database.visible_rows import deleted_cells
from offbook.formats.archive.writing import ArchiveSource, write_archive
from offbook.replica import Replica
from offbook.transfer.photos import held_photo, held_photos

DELETED = """SELECT DISTINCT record_id FROM change_log WHERE synced <> 1 AND table_name = 'contacts'
  AND operation = 'DELETE' AND record_id NOT IN (SELECT id FROM contacts) ORDER BY record_id"""


def export_archive(book: Replica, write: Callable[[bytes], object], now_ms: int) -> tuple[int, bool]:
    """Write the zip of all that is here, from one view of the file. Returns how many contacts are in it, and whether an
    import takes so many."""
    connection = book.connection
    with reading(connection):
        contacts = book.contacts.list()
        has_labels = connection.schema.get(LABELS.name) == LABELS
        source = ArchiveSource(
            lambda: contacts,
            _trash(book),
            record_table(LABELS).all(connection) if has_labels else (),
            (),
            held_photos(connection),
            partial(held_photo, connection),
        )
        is_importable = write_archive(source, write, datetime.fromtimestamp(now_ms / 1000, UTC))
    return len(contacts), is_importable


def _trash(book: Replica) -> Iterator[dict[str, Json]]:
    connection = book.connection
    for (record_id,) in connection.execute(DELETED).fetchall():
        cells = deleted_cells(connection, (CONTACTS.name, record_id))
        if cells.get("name"):
            yield {"id": record_id, **filled_fields(CONTACTS, cells)}
