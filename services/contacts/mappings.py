"""The mapping that a CSV is read by in a book: given, remembered there by its header line, or proposed."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

from offbook.formats.table_mapping import REMEMBERED_MOST, Origin, TableMapping, choose_mapping
from storage.csv_mappings import CsvMappings


def mapping_for(
    mappings: CsvMappings, book_id: int, file: BinaryIO, format_name: str = "", chosen: object | None = None
) -> TableMapping | None:
    """The mapping for a file, ``chosen`` being a value of JSON; None where it needs none.

    Raises Malformed where the chosen one does not fit (bad_mapping), or the file is a broken table.
    """
    return choose_mapping(file, format_name, chosen, partial(mappings.get, book_id))


def mapping_without_memory(file: BinaryIO, chosen: object | None = None) -> TableMapping | None:
    """The same, whatever is remembered."""
    return choose_mapping(file, "", chosen, lambda _: None)


def remember(mappings: CsvMappings, book_id: int, table: TableMapping | None, now_us: int) -> None:
    """Keep what somebody said of a table that is imported. What was only proposed is proposed again."""
    if table is None:
        return
    text = table.to_remember()
    if table.origin is Origin.PROPOSED or text is None:
        mappings.remove(book_id, table.key)
    else:
        mappings.put(book_id, table.key, text, now_us, REMEMBERED_MOST)
