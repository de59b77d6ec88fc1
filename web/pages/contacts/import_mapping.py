"""The columns of a file on the page of an import: what is shown of each, and what somebody has chosen for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from offbook.core.errors import Malformed
from offbook.formats.csv.cell_texts import CellOption, options_of
from offbook.formats.messages import NOT_A_MAPPING
from offbook.formats.table_mapping import Origin, TableMapping, parse_given
from web.request_values import posted

COLUMNS_MOST = 150
"""A table of more columns is imported as it is proposed: their choices would be a page of megabytes."""

SAMPLES = 2
SAMPLE_LENGTH = 60
GOOGLE = "google"


class ColumnView(NamedTuple):
    """A column as it is shown: the name of its choice in the form, its heading, its first values, what it is, and what
    it may be."""

    field: str
    name: str
    samples: str
    cell: str
    options: Iterable[tuple[str, Iterable[CellOption]]]


class MappingView(NamedTuple):
    """The columns of a table as they are shown: those with values, and those without.

    ``text`` is what they are taken for, as JSON. ``reader`` is google where Google's reader reads the file, and none of
    this counts unless it is changed; ``program`` is whose file it is otherwise, if that is known.
    """

    filled: list[ColumnView]
    empty: list[ColumnView]
    text: str
    origin: Origin
    reader: str
    program: str

    @property
    def is_a_guess(self) -> bool:
        """Whether somebody should look at it."""
        return self.origin is Origin.PROPOSED and not self.program and not self.reader


def view_of(table: TableMapping | None, reader: str = "") -> MappingView | None:
    """What is shown of a table; None where it has too many columns, or too long headings."""
    if table is None or len(table.sheet.columns) > COLUMNS_MOST or (text := table.to_remember()) is None:
        return None
    columns = [_column(table, place, *item) for place, item in enumerate(table.cells.items())]
    filled, empty = ([column for column in columns if bool(column.samples) is flag] for flag in (True, False))
    return MappingView(filled, empty, text, table.origin, reader, table.mapping.layout.capitalize())


def _column(table: TableMapping, place: int, name: str, cell: str) -> ColumnView:
    texts = (" ".join("".join(row[place : place + 1]).split()) for row in table.sheet.first_rows)
    samples = [text[:SAMPLE_LENGTH] + "…" * (len(text) > SAMPLE_LENGTH) for text in dict.fromkeys(texts) if text]
    return ColumnView(f"cell-{place}", name, " · ".join(samples[:SAMPLES]), cell, list(options_of(name, cell)))


class ColumnChoice(NamedTuple):
    """What somebody has chosen for the columns: as it was shown last, and as it is now; both None where no columns were
    shown. Whose word the shown one is, and who reads the file."""

    shown: Mapping[str, str] | None = None
    chosen: Mapping[str, str] | None = None
    origin: Origin = Origin.PROPOSED
    reader: str = ""

    @property
    def mapping(self) -> Mapping[str, str] | None:
        """The mapping that the file was shown by; None where it needs none."""
        return None if self.reader else self.shown


def posted_choice() -> ColumnChoice:
    """What the form says. Raises Malformed."""
    text, origin = posted.text("mapping", ""), posted.text("origin", "")
    if not text:
        return ColumnChoice()
    shown = parse_given(text)
    if not isinstance(shown, dict):
        raise Malformed.of(NOT_A_MAPPING)
    chosen = {column: posted.text(f"cell-{place}", cell) for place, (column, cell) in enumerate(shown.items())}
    reader = GOOGLE if posted.text("reader", "") == GOOGLE else ""
    return ColumnChoice(shown, chosen, Origin(origin) if origin in list(Origin) else Origin.GIVEN, reader)
