"""A CSV of any program -> its contacts, by a mapping that was proposed, remembered or written by somebody.

A file is read twice: first whether it is a table and whole, and in which order its dates are; then its rows, so that
nothing of half a file is taken::

    sheet = look_at(file)  # its columns and first rows
    mapping = parse_mapping(json.load(map_file), sheet.header) if map_file else propose(sheet.header, sheet.first_rows)
    for contact_read in read_mapped(file, mapping):
        ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice, zip_longest
from typing import BinaryIO, NamedTuple

from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.csv.dates import shows_order
from offbook.formats.csv.dialect import (
    COLUMNS_MAX,
    CsvTable,
    Row,
    fold_heading,
    name_columns,
    open_table,
    possible_headers,
    text_lines,
)
from offbook.formats.csv.mapping import ColumnMapping, Target, custom, parse_target
from offbook.formats.csv.proposing import cell_of_heading, identifies, is_data, propose
from offbook.formats.csv.rows import Cell, Reading, read_row, row_id
from offbook.formats.other_files import HEAD, refuse_other_files
from offbook.formats.values import ContactRead, Problem

FIRST_ROWS = 20
"""So many rows are looked at for what a column may be."""


class Sheet(NamedTuple):
    """What is to be seen of a file before it is read: its header, the names of its columns, its first rows."""

    header: Sequence[str]
    columns: Sequence[str]
    first_rows: Sequence[Sequence[str]]


def recognizes(layout: str, head: bytes) -> bool:
    """Whether a file that begins so has the columns of this layout; of any, where that is empty, if they say whose each
    row is."""
    for header in possible_headers(head):
        mapping = propose(header[:COLUMNS_MAX], ())
        if mapping.layout == layout if layout else identifies(mapping.cells) and not is_data(header):
            return True
    return False


def look_at(file: BinaryIO) -> Sheet:
    """The beginning of a file. Raises Malformed where it is no table."""
    table = _open(file)
    rows = [row for _, row in islice(filter(_is_filled, table.rows()), FIRST_ROWS)]
    return Sheet(table.header, name_columns(table.header), rows)


def read_any(file: BinaryIO) -> Iterator[ContactRead]:
    """The contacts of a file, by the mapping that is proposed for it. Raises Malformed before the first of them, also
    where no column of it would say whose each row is."""
    sheet = look_at(file)
    mapping = propose(sheet.header, sheet.first_rows)
    if is_data(sheet.header):
        raise Malformed.of(messages.NO_HEADER)
    if not identifies(mapping.cells):
        raise Malformed.of(messages.NO_NAMES_IN_TABLE, columns=", ".join(sheet.columns)[:500])
    yield from read_mapped(file, mapping)


def read_mapped(file: BinaryIO, mapping: ColumnMapping) -> Iterator[ContactRead]:
    """The contacts of a file, each once. Raises Malformed before the first of them where it is no table, has no row
    below its header, or is cut off."""
    table = _open(file)
    targets = _targets(table, mapping)
    reading = _look_over(table, targets, mapping)
    read: set[str] = set()
    for number, row in filter(_is_filled, table.rows()):
        cells, beyond = _cells(targets, row)
        record_id = row_id(cells)
        if record_id not in read:
            read.add(record_id)
            contact = read_row(number, cells, reading)
            problems = tuple(Problem(number, column, messages.CELL_BEYOND_HEADER.fault()) for column in beyond)
            yield contact._replace(problems=contact.problems + problems)


def _open(file: BinaryIO) -> CsvTable:
    file.seek(0)
    refuse_other_files(file.read(HEAD))
    table = open_table(partial(text_lines, file), _score)
    if table is None:
        raise Malformed.of(messages.NOT_A_TABLE)
    return table


def _score(header: Sequence[str]) -> int:
    """How much a header looks like one: by columns that are understood, then by their number."""
    return sum(any(map(str.isalnum, heading)) + 10 * bool(cell_of_heading(heading)) for heading in header)


def _is_filled(row: Row) -> bool:
    return any(map(str.strip, row[1]))


def _targets(table: CsvTable, mapping: ColumnMapping) -> list[tuple[str, Target]]:
    by_name = {fold_heading(column): cell for column, cell in mapping.cells.items()}
    targets = []
    for column in name_columns(table.header):
        target = parse_target(by_name.get(fold_heading(column), custom(column)))
        assert target is not None  # a mapping has no other cells
        targets.append((column, target))
    return targets


def _look_over(table: CsvTable, targets: Sequence[tuple[str, Target]], mapping: ColumnMapping) -> Reading:
    """Read all rows for what only all of them tell. Raises Malformed where one breaks off, or there is none."""
    dates = [place for place, (_, target) in enumerate(targets) if target.kind == "date" or target.field == "birthday"]
    has_rows = False
    orders: set[bool] = set()
    for _, row in filter(_is_filled, table.rows()):
        has_rows = True
        orders |= {order for place in dates if (order := shows_order("".join(row[place : place + 1]))) is not None}
    if not has_rows:
        raise Malformed.of(messages.NO_CONTACTS_IN_TABLE)
    is_day_first = None if len(orders) > 1 else orders.pop() if orders else mapping.is_day_first
    return Reading(is_day_first, mapping.layout == "outlook")


def _cells(targets: Sequence[tuple[str, Target]], row: Sequence[str]) -> tuple[list[Cell], list[str]]:
    """The cells of a row that say something, and the columns of those that stand beyond the header."""
    cells, beyond = [], []
    for place, (known, text) in enumerate(zip_longest(targets, row, fillvalue=None), 1):
        if text and (text := text.strip()):
            if known is None:
                column = f"Column {place}"
                beyond.append(column)
                known = column, Target(kind="custom", label=column)
            cells.append(Cell(*known, text))
    return cells, beyond
