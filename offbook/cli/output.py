"""How things are said to people: tables, times, numbers of things. Pure: text in, text out.

What a contact holds may come from anyone: everything that is printed goes through ``without_control_characters``
(offbook.core.text).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from unicodedata import combining, east_asian_width

from offbook.contacts.labels import KINDS, field_label, kind_label
from offbook.core.schema import EXISTS
from offbook.core.validation import Json

GAP = "  "
CELL_WIDTH_MAX = 40
ID_LENGTH_MIN = 8

LABELS: Mapping[str, str] = {"email_label": "Email label", "starred": "Starred"}
"""What the command calls otherwise than the pages do."""


def label(name: str) -> str:
    """What a field, or a kind of detail, is called."""
    return LABELS.get(name) or (kind_label(name) if name in KINDS else field_label(name))


def cell_label(cell: str) -> str:
    """What a cell is called."""
    entry, _, name = cell.rpartition("/")
    if not entry:
        return "The contact" if name == EXISTS else label(name)
    of_entry = f"Detail [{entry.partition('/')[2]}]"
    return of_entry if name == EXISTS else f"{of_entry} {name}"


def count(number: int, one: str, many: str = "") -> str:
    """``1 change``, ``2,000 changes``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(iso: str | None) -> str:
    """A time of the wire in this device's zone, to the minute."""
    try:
        return datetime.fromisoformat(iso or "").astimezone().strftime("%Y-%m-%d %H:%M") if iso else "never"
    except (ValueError, OverflowError):
        return str(iso)


def flat(text: Json) -> str:
    """Any value as one short cell of a table."""
    return " ".join(str(text).split()) if text is not None else ""


def short_ids(ids: Sequence[str]) -> dict[str, str]:
    """Each id by as many of its first characters as tell all of them apart."""
    length = next((n for n in range(ID_LENGTH_MIN, 36) if len({one[:n] for one in ids}) == len(set(ids))), 36)
    return {one: one[:length] for one in ids}


def table(head: Sequence[str], rows: Sequence[Sequence[str]], room: int | None = None) -> list[str]:
    """Rows in columns. ``room`` is the width of the terminal: None where nothing is to be cut."""
    cells = [tuple(head), *rows]
    if room is not None:
        cells = [tuple(cut(cell, CELL_WIDTH_MAX) for cell in row) for row in cells]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    lines = [GAP.join(map(padded, row, widths)).rstrip() for row in cells]
    return lines if room is None else [cut(line, room) for line in lines]


def pairs(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Names and what they say, one below the other."""
    most = max((width(name) for name, _ in rows), default=0)
    lines = []
    for name, text in rows:
        first, *more = text.splitlines() or [""]
        lines += [f"{padded(name, most)}{GAP}{first}", *(" " * (most + len(GAP)) + line for line in more)]
    return lines


def padded(text: str, to: int) -> str:
    return text + " " * (to - width(text))


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 1 + (east_asian_width(one) in "WF") for one in text)


def cut(text: str, room: int) -> str:
    """Text that fits, with an ellipsis in the place of what does not."""
    if width(text) <= room:
        return text
    while text and width(text) >= room:
        text = text[:-1]
    return text + "…"
