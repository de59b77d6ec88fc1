"""What pages call a record of any table, its cells and their values. Contacts have words of their own. Pure."""

from __future__ import annotations

from offbook.contacts.labels import cell_label, full_cell_label
from offbook.contacts.table import CONTACTS
from offbook.core.listing import heading_of, name_of
from offbook.core.model import Record, Value
from offbook.core.pictures import photo_name
from offbook.core.schema import EXISTS, Map, Table, entry_of

PHOTO = "photo"
A_PHOTO = "a photo"
"""What a page says where it can't show one."""


def record_name(record: Record) -> str:
    """What a sentence calls a record."""
    return name_of(record.table, record.cells) or f"a {record.table.singular} without a name"


def table_heading(table: Table) -> str:
    """What the table is called beside a record of it; empty for contacts."""
    return "" if table == CONTACTS else table.heading or table.name.replace("_", " ").capitalize()


def cell_name(table: Table, cell: str, kind: str = "", *, is_full: bool = False) -> str:
    """What a cell is called at the beginning of a sentence; ``kind`` is that of its entry in a contact.

    With ``is_full``, each cell of an entry has a name of its own.
    """
    if table == CONTACTS:
        return full_cell_label(cell, kind) if is_full else cell_label(cell, kind)
    if cell == EXISTS:
        return table.singular.capitalize()
    if (map_ := map_of(table, cell)) is None:
        return heading_of(table, cell)
    attribute = cell.rpartition("/")[2]
    name = heading_of(table, map_.name)
    return name if attribute in (EXISTS, main_cell(map_)) else f"{name}: {heading_of(map_, attribute).lower()}"


def map_of(table: Table, cell: str) -> Map | None:
    """The map in an entry of which the cell is."""
    return table.maps_by_name[cell.partition("/")[0]] if entry_of(cell) else None


def main_cell(map_: Map) -> str:
    """The cell by which people know an entry."""
    return map_.beside or next(iter(map_.cells))


def plain_text(value: Value) -> str:
    """A value of an app's table as text; empty where there is none."""
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value if part is not None)
    return "yes" if value is True else str(value) if value is not None and value is not False else ""


def photo_in(table: Table, cell: str, value: object) -> str | None:
    """The hash of the photo that a cell of a contact names; None where it is another cell, or names none."""
    return photo_name(value) if table == CONTACTS and cell == PHOTO else None
