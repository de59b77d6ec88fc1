"""Which mapping a file is read by: one that somebody gives, one that is remembered for its header, or one proposed.

::

    table = choose_mapping(file, format_name, given, remembered)  # None: it is no table, or needs no mapping
    source = OpenFile(file, format_, table)
    text = table.to_remember()  # under table.key, once it was imported
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.csv.mapped import Sheet, look_at
from offbook.formats.csv.mapping import ColumnMapping, custom, header_key, parse_mapping
from offbook.formats.csv.proposing import identifies, is_data, propose
from offbook.formats.google_csv.columns import is_surely_google, parse_headers
from offbook.formats.registry import FORMATS, HEAD, recognize

REMEMBERED_MOST = 50
"""So many mappings are remembered for a book, those that were used last."""

REMEMBERED_BYTES_MAX = 64_000
"""A longer one is not remembered."""

GIVEN_MOST = 1_000_000
"""The characters of a mapping that somebody gives."""

GOOGLE = "google"
UNKNOWN = ""
TABLES = ("text/csv", UNKNOWN)
"""The media types of what may be a table."""

Remembered = Callable[[str], object]
"""Gives the text that was kept for a header, by its key; None where there is none."""


class Origin(StrEnum):
    """Whose word a mapping is."""

    GIVEN = "given"
    REMEMBERED = "remembered"
    PROPOSED = "proposed"


class TableMapping(NamedTuple):
    """The mapping that a file is read by, what is seen of the file, and whose word it is."""

    sheet: Sheet
    mapping: ColumnMapping
    origin: Origin

    @property
    def key(self) -> str:
        """By what it is remembered."""
        return header_key(self.sheet.header)

    @property
    def cells(self) -> dict[str, str]:
        """What each column is, in the order of the file: as parse_mapping() takes it."""
        return {column: self.mapping.cells.get(column, custom(column)) for column in self.sheet.columns}

    def to_remember(self) -> str | None:
        """The text that is kept for the header; None where it is too long."""
        text = json.dumps(self.cells)
        return text if len(text) <= REMEMBERED_BYTES_MAX else None

    @property
    def told(self) -> dict[str, str] | None:
        """The cells as the answer to an import tells them; None where headings are so long that none of it could be
        remembered."""
        return None if self.to_remember() is None else self.cells

    @property
    def is_readable(self) -> bool:
        """Whether it says what to call anybody by."""
        return identifies(self.mapping.cells)

    def check(self) -> None:
        """Raise Malformed where nobody can be read by it, or the header that it is proposed for is none."""
        if self.origin is Origin.PROPOSED and is_data(self.sheet.header):
            raise Malformed.of(messages.NO_HEADER)
        if not self.is_readable:
            if self.origin is Origin.GIVEN:
                raise Malformed.of(messages.MAPPING_OF_NOBODY)
            raise Malformed.of(messages.NO_NAMES_IN_TABLE, columns=", ".join(self.sheet.columns)[:500])


def choose_mapping(
    file: BinaryIO, format_name: str, chosen: object | None, remembered: Remembered
) -> TableMapping | None:
    """The mapping for a file of this format, empty where that is to be recognized: ``chosen``, a value of JSON, before
    what is ``remembered``, before what is proposed. None where the file is no table, or is Google's and nothing else
    was said of it: its own reader knows more.

    Raises Malformed where the chosen one does not fit (bad_mapping), or the file is a broken table.
    """
    file.seek(0)
    name, media_type = _format_of(file.read(HEAD), format_name)
    if media_type not in TABLES:
        if chosen is not None:
            raise Malformed.of(messages.MAPPING_OF_NO_TABLE)
        return None
    if chosen is None and format_name == GOOGLE:
        return None
    try:
        sheet = look_at(file)
    except Malformed:
        if chosen is None and name in (GOOGLE, UNKNOWN):
            return None
        raise
    proposed = propose(sheet.header, sheet.first_rows)
    if chosen is not None:
        return TableMapping(sheet, _of_layout(parse_mapping(chosen, sheet.header), proposed), Origin.GIVEN)
    text = remembered(header_key(sheet.header))
    if isinstance(text, str):
        with suppress(Malformed, ValueError, RecursionError):  # of a version that knew other cells
            mapping = _of_layout(parse_mapping(json.loads(text), sheet.header), proposed)
            return TableMapping(sheet, mapping, Origin.REMEMBERED)
    is_table = name != GOOGLE and (name != UNKNOWN or _looks_like_table(sheet))
    return TableMapping(sheet, proposed, Origin.PROPOSED) if is_table else None


def alternative_mapping(file: BinaryIO) -> TableMapping | None:
    """What the columns would be of a file that Google's reader takes for headings that other programs' files have too;
    None for any other file."""
    file.seek(0)
    name, _ = _format_of(file.read(HEAD), UNKNOWN)
    if name != GOOGLE:
        return None
    try:
        sheet = look_at(file)
    except Malformed:
        return None
    if is_surely_google(parse_headers(sheet.header)):
        return None
    return TableMapping(sheet, propose(sheet.header, sheet.first_rows), Origin.PROPOSED)


def parse_given(text: str) -> object:
    """The mapping that somebody gives as JSON: by itself, or in what a rehearsed import has answered. Raises
    Malformed."""
    if len(text) > GIVEN_MOST:
        raise Malformed.of(messages.MAPPING_TOO_LONG, length=len(text), limit=GIVEN_MOST)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed.of(messages.MAPPING_NOT_JSON, flaw=str(error)) from None
    if isinstance(value, Mapping) and isinstance(value.get("mapping"), Mapping):
        return value["mapping"]
    return [] if value is None else value  # that no mapping was given is None to choose_mapping()


def with_remembered(kept: Mapping[str, str], table: TableMapping) -> dict[str, str]:
    """The texts that are kept, by the keys of headers, with that of one more: of many, those that were added last."""
    others = {key: text for key, text in kept.items() if key != table.key}
    text = table.to_remember()
    return dict([*others.items(), *([] if text is None else [(table.key, text)])][-REMEMBERED_MOST:])


def _format_of(head: bytes, name: str) -> tuple[str, str]:
    """The name of a file's format and its media type; UNKNOWN where it is none that is known."""
    if name:
        return name, FORMATS[name].media_type
    try:
        format_ = recognize(head)
    except Malformed:
        return UNKNOWN, UNKNOWN
    return format_.name, format_.media_type


def _of_layout(mapping: ColumnMapping, proposed: ColumnMapping) -> ColumnMapping:
    """A mapping of a program's file: how that writes dates, and what it says of everybody, stays known."""
    return mapping._replace(is_day_first=proposed.is_day_first, layout=proposed.layout)


def _looks_like_table(sheet: Sheet) -> bool:
    """Whether a file whose headings say nothing has columns, and rows that mostly fill them."""
    width = len(sheet.columns)
    alike = sum(len(row) == width for row in sheet.first_rows)
    return width > 1 and alike > 0 and 2 * alike >= len(sheet.first_rows)
