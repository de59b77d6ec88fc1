"""What each column of a file is: a mapping of columns to cells of a contact, as people can read and change it.

::

    {"Full name": "name", "Office": "details.phone:Work", "Town": "details.address.city:Home", "Row": ""}

A cell is a field; a kind of detail and the label that it gets, ``details.email`` or ``details.email:Work``; a part of
an address, ``details.address.city:Work``, which belongs together with all that have that label; a part of the birthday,
``birthday.year``; or empty, where a column is left out. Columns that a mapping does not name become custom details.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from offbook.contacts.table import CONTACTS, DETAIL_KINDS
from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.csv.dialect import fold_heading, name_columns

DETAILS = "details."
UNMAPPED = frozenset({"photo", "uid", "kind", "starred", "phone_params", "email_params", "website_params"})
FIELDS = frozenset(CONTACTS.by_name.keys() - UNMAPPED)
KINDS = tuple(kind for kind in DETAIL_KINDS if kind != "property")
ADDRESS_PARTS = ("value", "street", "city", "region", "postcode", "country", "po_box", "extended")
BIRTHDAY_PARTS = ("birthday.year", "birthday.month", "birthday.day")
LABEL_MAX = CONTACTS.maps_by_name["details"].by_name["label"].limit

NAMED_MAX = 80
LISTED_MAX = 500
"""So much of what somebody wrote, and of what they could have written, is told of a mapping that is refused."""

NO_LABEL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
"""What no label can have in it."""


class ColumnMapping(NamedTuple):
    """The cells of the columns, by their names; and how a date like 3/4/1980 is read, if that is known, and what
    program's the file is."""

    cells: Mapping[str, str]
    is_day_first: bool | None = None
    layout: str = ""


class Target(NamedTuple):
    """A cell taken apart: a field, or a kind of detail with an attribute and a label."""

    field: str = ""
    kind: str = ""
    attribute: str = "value"
    label: str = ""


def parse_target(cell: str) -> Target | None:
    """What a cell is; None where there is no such cell."""
    if not cell.startswith(DETAILS):
        return Target(field=cell) if not cell or cell in FIELDS or cell in BIRTHDAY_PARTS else None
    place, _, label = cell.removeprefix(DETAILS).partition(":")
    kind, _, attribute = place.partition(".")
    is_known = kind in KINDS and (not attribute or (kind == "address" and attribute in ADDRESS_PARTS))
    is_label = len(label) <= LABEL_MAX and not NO_LABEL.search(label)
    return Target("", kind, attribute or "value", label) if is_known and is_label else None


def custom(column: str) -> str:
    """The cell of a column that is kept under its own name."""
    return f"{DETAILS}custom:{NO_LABEL.sub('', column)[:LABEL_MAX]}"


def header_key(header: Sequence[str]) -> str:
    """By what the mapping of a header is remembered: the same for the same columns in the same order."""
    return sha256("\n".join(map(fold_heading, name_columns(header))).encode()).hexdigest()[:32]


def parse_mapping(value: object, header: Sequence[str]) -> ColumnMapping:
    """A mapping for a file of this header, of a value of JSON. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed.of(messages.NOT_A_MAPPING)
    columns = {fold_heading(column): column for column in name_columns(header)}
    cells: dict[str, str] = {}
    for name, cell in value.items():
        column = columns.get(fold_heading(str(name)))
        if column is None:
            listed = ", ".join(columns.values())[:LISTED_MAX]
            raise Malformed.of(messages.NO_SUCH_COLUMN, name=str(name)[:NAMED_MAX], columns=listed)
        if cell is not None and (not isinstance(cell, str) or parse_target(cell) is None):
            fields, kinds = (", ".join(sorted(names)) for names in (FIELDS, KINDS))
            named = {"name": column[:NAMED_MAX], "cell": str(cell)[:NAMED_MAX]}
            raise Malformed.of(messages.NO_SUCH_CELL, **named, fields=fields, kinds=kinds)
        cells[column] = cell or ""
    return ColumnMapping(cells)
