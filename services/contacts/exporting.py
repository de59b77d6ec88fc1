"""The contacts of a book as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from offbook.contacts.importing import labelled
from offbook.contacts.table import CONTACTS
from offbook.formats.registry import writer_of
from offbook.formats.values import FetchBlob, Written
from services.sync.pull import pull
from storage.base import Store


def export_contacts(
    store: Store,
    book_id: int,
    fetch_blob: FetchBlob,
    format_name: str = "google",
    label: str = "",
    is_for_spreadsheet: bool = False,
) -> Written:
    """A file of every live contact of a book, or of those that have the label, by name; and what it leaves out.

    Raises Invalid for what no label can be called, and for cards that are to be for a spreadsheet.
    """
    write = writer_of(format_name, is_for_spreadsheet)
    rows = {row["record_id"]: row["data"] for row in all_rows(store, book_id)}
    contacts = labelled(rows.values(), label)
    contacts.sort(key=lambda contact: str(contact["name"]).casefold())
    return write(contacts, fetch_blob)


def all_rows(store: Store, book_id: int) -> Iterator[dict[str, Any]]:
    """The rows of all live contacts. One that is changed meanwhile comes once more, as it is then."""
    cursor, is_whole = None, False
    while not is_whole:
        page = pull(store, book_id, cursor)
        is_whole = not page.more and cursor is not None and cursor.after is None
        cursor = page.cursor
        yield from (row for row in page.changes if row["table"] == CONTACTS.name and row["data"])
