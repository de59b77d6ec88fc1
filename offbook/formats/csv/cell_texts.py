"""The cells of a contact that a column of a file may be, in words: what is offered for each column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from offbook.contacts.labels import ATTRIBUTES, FIELDS, KINDS
from offbook.formats.csv.mapping import ADDRESS_PARTS, BIRTHDAY_PARTS, custom, parse_target

KEPT = "Custom field"
LEFT_OUT = "Leave out"

PLACES = ("Home", "Work", "Other")
LABELS: Mapping[str, tuple[str, ...]] = {
    "phone": ("Mobile", "Work", "Home", "Main", "Home Fax", "Work Fax", "Fax", "Pager", "Other"),
    "email": PLACES,
    "url": ("Home Page", "Work"),
    "date": ("Anniversary",),
    "relation": ("Spouse", "Child", "Parent", "Assistant"),
    "im": (),
    "group": (),
}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Name": (
        *("name", "given_name", "middle_name", "family_name", "prefix", "suffix", "nickname"),
        *("phonetic_given", "phonetic_middle", "phonetic_family", "file_as"),
    ),
    "Work": ("company", "department", "title", "role"),
    "About": ("birthday", *BIRTHDAY_PARTS, "notes"),
}


class CellOption(NamedTuple):
    """A cell and what it is called."""

    cell: str
    text: str


def cell_text(cell: str) -> str:
    """What a cell is called; by its own word where it has no name."""
    target = parse_target(cell)
    if target is None or not cell:
        return cell or LEFT_OUT
    if target.field:
        field, _, part = target.field.partition(".")
        return f"{FIELDS[field]}: {part}" if part else FIELDS[field]
    name = "Labels" if target.kind == "group" else KINDS[target.kind].singular
    if target.kind == "address":
        name = "Address, whole" if target.attribute == "value" else f"Address: {ATTRIBUTES[target.attribute].lower()}"
    return f"{name} ({target.label})" if target.label else name


def options_of(column: str, cell: str) -> Iterator[tuple[str, Iterable[CellOption]]]:
    """What a column may be, in named groups; what it is, is among them."""
    offered = [CellOption(custom(column), KEPT), CellOption("", LEFT_OUT)]
    if cell not in (custom(column), "") and cell not in _known():
        offered.insert(0, CellOption(cell, cell_text(cell)))
    yield "", offered
    yield from _groups().items()


@cache
def _known() -> frozenset[str]:
    return frozenset(option.cell for options in _groups().values() for option in options)


@cache
def _groups() -> dict[str, list[CellOption]]:
    cells = {name: list(fields) for name, fields in GROUPS.items()}
    for kind, labels in LABELS.items():
        bare = f"details.{kind}"
        cells["Labels" if kind == "group" else KINDS[kind].plural] = [bare, *(f"{bare}:{label}" for label in labels)]
    for place in ("", *PLACES):
        suffix = f":{place}" if place else ""
        cells[f"Address ({place})" if place else "Address"] = [
            f"details.address.{part}{suffix}" if part != "value" else f"details.address{suffix}"
            for part in ADDRESS_PARTS
        ]
    return {name: [CellOption(cell, cell_text(cell)) for cell in listed] for name, listed in cells.items()}
