"""How the command speaks: labels, tables, times, numbers of things, events as they come, and a progress bar.

What a contact holds may come from anyone: everything that is printed goes through ``without_control_characters``
(offbook.core.text).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO
from unicodedata import combining, east_asian_width

from offbook.contacts.labels import KINDS, field_label, kind_label
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.listing import heading_of
from offbook.core.schema import EXISTS, Table
from offbook.core.text import without_control_characters

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from offbook.sync.session import SyncReport

GAP = "  "
CELL_WIDTH_MAX = 40
ID_LENGTH_MIN = 8

BAR_AFTER_SECONDS = 0.5
"""A sync that is done sooner shows no progress bar."""

Event = dict[str, Any]
"""What happened while a command runs that has no end, under ``event``, with what belongs to it."""

LABELS: Mapping[str, str] = {"email_label": "Email label", "starred": "Starred"}
"""What the command calls otherwise than the pages do."""


def label(name: str) -> str:
    """What a field, or a kind of detail, is called."""
    return LABELS.get(name) or (kind_label(name) if name in KINDS else field_label(name))


def heading(table: Table | None, name: str) -> str:
    """What a field or a map of a table is called."""
    if table is None or table.name == CONTACTS.name:
        return label(name)
    return heading_of(table, name)


def cell_label(cell: str, table: Table | None = None) -> str:
    """What a cell of a table is called."""
    entry, _, name = cell.rpartition("/")
    if not entry:
        noun = "contact" if table is None else table.singular
        return f"The {noun}" if name == EXISTS else heading(table, name)
    map_, _, key = entry.partition("/")
    of_entry = f"{'Detail' if table is None or table.name == CONTACTS.name else heading(table, map_)} [{key}]"
    return of_entry if name == EXISTS else f"{of_entry} {name}"


def with_table(table: str, name: str) -> str:
    """A record's name, with its table where that is not contacts."""
    return name if table == CONTACTS.name else f"{table}: {name}"


def format_time(iso: str | None) -> str:
    """A time of the wire in this device's zone, to the minute; ``never`` for none."""
    try:
        return datetime.fromisoformat(iso or "").astimezone().strftime("%Y-%m-%d %H:%M") if iso else "never"
    except (ValueError, OverflowError):
        return str(iso)


def flatten(text: Json) -> str:
    """Any value in one line, as a cell of a table; empty for none."""
    return " ".join(str(text).split()) if text is not None else ""


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id by as many of its first characters as tell all of them apart."""
    length = next((n for n in range(ID_LENGTH_MIN, 36) if len({id[:n] for id in ids}) == len(set(ids))), 36)
    return {id: id[:length] for id in ids}


# --- columns ---------------------------------------------------------------------------------------------------------


def format_table(head: Sequence[str], rows: Sequence[Sequence[str]], columns_max: int | None = None) -> list[str]:
    """Rows in columns, one line each. ``columns_max`` is the terminal's width: None where nothing is to be cut."""
    cells = [tuple(head), *rows]
    if columns_max is not None:
        cells = [tuple(cut(cell, CELL_WIDTH_MAX) for cell in row) for row in cells]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    lines = [GAP.join(map(pad, row, widths)).rstrip() for row in cells]
    return lines if columns_max is None else [cut(line, columns_max) for line in lines]


def format_pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what they say, one below the other; a text of several lines takes several."""
    name_width = max((width(name) for name, _ in rows), default=0)
    lines = []
    for name, text in rows:
        first, *more = text.splitlines() or [""]
        lines += [f"{pad(name, name_width)}{GAP}{first}", *(" " * (name_width + len(GAP)) + line for line in more)]
    return lines


def pad(text: str, columns: int) -> str:
    """The text with spaces behind it, up to so many columns of a terminal."""
    return text + " " * (columns - width(text))


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)


def cut(text: str, columns: int) -> str:
    """Text that fits into so many columns, with an ellipsis in the place of what does not."""
    if width(text) <= columns:
        return text
    while text and width(text) >= columns:
        text = text[:-1]
    return text + "…"


def terminal_columns() -> int | None:
    """The width of the terminal; None where a program or a file is at the other end, for which nothing is cut."""
    import shutil  # here, since it brings four ways of compressing along

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


# --- events ----------------------------------------------------------------------------------------------------------


def event_as_json(event: Event) -> str:
    """An event for programs: one line of JSON, with the time in UTC."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"at": at, **event})


def with_time(sentence: str) -> str:
    """A sentence for people, behind the time of their clock."""
    return without_control_characters(f"{datetime.now():%H:%M:%S}  {sentence}")


class ProgressBar:
    """The progress of a sync that takes a while: on a terminal, and nowhere else.

    rich is loaded when the bar is drawn for the first time. It leaves colours out where NO_COLOR is set.
    """

    def __init__(self, stream: TextIO, after_seconds: float = BAR_AFTER_SECONDS) -> None:
        self._stream = stream
        self._from = time.monotonic() + after_seconds
        self._drawn: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn is not None:
            self._drawn[0].stop()

    def update(self, report: SyncReport, left: int) -> None:
        """Call this after each response. ``left`` changes are still to be sent; what comes, only the server knows."""
        if time.monotonic() < self._from or not self._stream.isatty():
            return
        if self._drawn is None:
            self._drawn = self._draw()
        progress, task = self._drawn
        total = report.pushed + left if left else None
        words = f"{report.pushed:,} sent, {report.pulled:,} received"
        progress.update(task, completed=report.pushed, total=total, words=words)

    def _draw(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("Syncing"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
        progress = Progress(*columns, console=Console(file=self._stream), transient=True)
        progress.start()
        return progress, progress.add_task("", total=None, words="")
