"""Tables for tests, and what is read from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from offbook.formats.csv.mapped import look_at, read_any, read_mapped
from offbook.formats.csv.mapping import parse_mapping
from offbook.formats.csv.proposing import propose
from offbook.formats.values import Contact, ContactRead


def table(*rows: Mapping[str, str], delimiter: str = ",") -> bytes:
    """A CSV of these rows, with every column that one of them names."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def read(data: bytes, cells: Mapping[str, Any] | None = None) -> list[ContactRead]:
    """The contacts of a file, by a mapping or by the one that is proposed."""
    file = io.BytesIO(data)
    if cells is None:
        return list(read_any(file))
    return list(read_mapped(file, parse_mapping(dict(cells), look_at(file).header)))


def read_one(row: Mapping[str, str], cells: Mapping[str, Any] | None = None) -> Contact:
    """The contact of a row about which there is nothing to tell."""
    (found,) = read(table(row), cells)
    assert found.problems == ()
    assert found.contact
    return found.contact


def filled(contact: Contact) -> dict[str, Any]:
    """The fields that a contact has, without its id."""
    return {name: value for name, value in contact.items() if value and name not in ("id", "details")}


def details(contact: Contact) -> list[tuple[str, ...]]:
    """Kind, label and value, or the parts of an address, of each detail in order."""
    entries = contact["details"].values()
    return [
        (entry["kind"], entry.get("label", ""), *(str(entry[name]) for name in entry if name not in NOT_SAID))
        for entry in entries
    ]


NOT_SAID = ("kind", "label", "position")


def told(data: bytes, cells: Mapping[str, Any] | None = None) -> list[tuple[int, str, str]]:
    """Row, column and code of what is told about a file."""
    return [(problem.row, problem.column, problem.code) for found in read(data, cells) for problem in found.problems]


def proposed(header: list[str], *rows: list[str]) -> list[str]:
    """The cells that are proposed for the columns of a header, in its order."""
    return list(propose(header, rows).cells.values())
