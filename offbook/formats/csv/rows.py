"""A row of a table -> a contact, by what each of its columns is. No cell is lost: what its place can't hold becomes a
custom detail under the column's name, and that is told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from offbook.contacts.names import PARTS, Parts, join
from offbook.contacts.table import CONTACTS, GROUP, LABEL_LIMIT, SYSTEM_GROUPS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Invalid
from offbook.core.messages import Argument, Message
from offbook.core.model import Operation
from offbook.core.text import fold_key
from offbook.formats import messages
from offbook.formats.csv.damage import find_damage, undo
from offbook.formats.csv.dates import parse_date, to_date
from offbook.formats.csv.dialect import fold_heading
from offbook.formats.csv.mapping import LABEL_MAX, Target
from offbook.formats.csv.outlook import DEFAULTS
from offbook.formats.values import Contact, ContactRead, Problem
from offbook.formats.vcard.identity import shown_name

NAMESPACE = uuid5(NAMESPACE_URL, "https://offbook.invalid/csv")
DETAILS = CONTACTS.maps_by_name["details"]
ATTRIBUTES = DETAILS.by_name
VALUE_MAX = ATTRIBUTES["value"].limit

FIRST = {"email": "email", "phone": "phone", "url": "website"}
"""The kinds of which the first is the contact's own, and that field."""

MANY = re.compile(r"\s+:::\s+")
ADDRESSES = re.compile(r"\s*[;,]\s*|\s+:::\s+")
STARRED = "* starred"


class Cell(NamedTuple):
    """A cell that is not empty: its column, what that is, and its text."""

    column: str
    target: Target
    text: str


class Reading(NamedTuple):
    """How dates like 3/4/1980 are read in a file, and whether it says of everybody what Outlook does."""

    is_day_first: bool | None
    is_outlook: bool


def row_id(cells: Iterable[Cell]) -> str:
    """The id of a row's contact: the same for the same cells under the same headings, whatever is read in them one
    day."""
    said = sorted((fold_heading(cell.column), cell.text) for cell in cells)
    return str(uuid5(NAMESPACE, json.dumps(said)))


def read_row(number: int, cells: Sequence[Cell], reading: Reading) -> ContactRead:
    """The contact of a row that has a cell at least, and what is told about it."""
    row = _Row(number, reading)
    for cell in cells:
        row.take(cell)
    row.finish_birthday()
    contact = row.contact(row_id(cells))
    try:
        parse_cells(CONTACTS, contact, Operation.INSERT)
    except Invalid as error:
        return ContactRead(number, None, (*row.problems, Problem(number, "", error.fault)))
    return ContactRead(number, contact, tuple(row.problems))


@dataclass(slots=True)
class _Row:
    number: int
    reading: Reading
    fields: dict[str, Any] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    addresses: dict[str, dict[str, Any]] = field(default_factory=dict)
    birthday: dict[str, Cell] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, cell: Cell) -> None:
        """Put a cell into its place."""
        text = undo(cell.text, cell.target.kind == "phone" or cell.target.field == "phone")
        if damage := find_damage(text):
            self.tell(cell.column, damage, text=text)
        if "\0" in text:
            text = text.replace("\0", "\ufffd")
            self.tell(cell.column, messages.NUL_IN_CELL)
        cell = cell._replace(text=text)
        target = cell.target
        if target.field.startswith("birthday."):
            self.birthday[target.field.removeprefix("birthday.")] = cell
        elif target.field == "birthday":
            if (day := self.date(cell)) is not None:
                self.set_field("birthday", cell._replace(text=day))
        elif target.field:
            self.set_field(target.field, cell)
        elif target.kind == "address":
            self.add_to_address(cell)
        elif target.kind == "date":
            if (day := self.date(cell)) is not None:
                self.add(cell, [day])
        elif target.kind == GROUP:
            self.add_labels(cell)
        elif target.kind == "email":
            pieces = ADDRESSES.split(text)
            self.add(cell, pieces if all("@" in piece for piece in pieces) else [text])
        elif target.kind in ("phone", "url"):
            self.add(cell, MANY.split(text))
        elif target.kind and not self.is_default(cell):
            self.add(cell, [text])

    def tell(self, column: str, message: Message, **arguments: Argument) -> None:
        """Remark on the row, or on a column of it."""
        self.problems.append(Problem(self.number, column, message.fault(**arguments)))

    def keep(self, cell: Cell) -> None:
        """Keep a cell under the name of its column."""
        self.entries.append({"kind": "custom", "label": cell.column[:LABEL_MAX], "value": cell.text})

    def fits(self, cell: Cell, limit: int | None) -> bool:
        """Whether a text has room in its place; one that has not is kept elsewhere, and told."""
        length = len(cell.text)
        if limit is None or length <= limit:
            return True
        if length > VALUE_MAX:
            self.tell(cell.column, messages.VALUE_TOO_LONG, name=cell.column, length=length, limit=VALUE_MAX)
        else:
            self.tell(cell.column, messages.KEPT_TOO_LONG, length=length, limit=limit)
            self.keep(cell)
        return False

    def set_field(self, name: str, cell: Cell) -> None:
        """Fill a field that is empty yet."""
        if not cell.text:
            return
        if name in self.fields:
            if self.fields[name] != cell.text:
                self.tell(cell.column, messages.SECOND_VALUE)
                self.keep(cell)
        elif self.fits(cell, CONTACTS.by_name[name].limit):
            self.fields[name] = cell.text

    def add(self, cell: Cell, values: Iterable[str]) -> None:
        """Add a detail for each of the values."""
        for value in filter(None, values):
            if self.fits(cell._replace(text=value), VALUE_MAX):
                label = {"label": cell.target.label} if cell.target.label else {}
                self.entries.append({"kind": cell.target.kind, **label, "value": value})

    def add_labels(self, cell: Cell) -> None:
        """Add the labels that a cell names."""
        labels = dict.fromkeys(filter(None, ADDRESSES.split(cell.text)))
        if STARRED in map(fold_key, labels):
            self.fields["starred"] = True
        for label in labels:
            if fold_key(label) not in SYSTEM_GROUPS and self.fits(cell._replace(text=label), LABEL_LIMIT):
                self.entries.append({"kind": GROUP, "value": label})

    def add_to_address(self, cell: Cell) -> None:
        """Put a part of an address to the others of its label. A street may have several lines, each in its column."""
        attribute, label = cell.target.attribute, cell.target.label
        address = self.addresses.get(label)
        text = cell.text
        if address and attribute in address:
            if attribute != "street":
                self.tell(cell.column, messages.SECOND_VALUE)
                self.keep(cell)
                return
            text = f"{address[attribute]}\n{text}"
        if len(text) > (ATTRIBUTES[attribute].limit or VALUE_MAX):
            self.fits(cell, min(len(cell.text) - 1, ATTRIBUTES[attribute].limit or VALUE_MAX))
            return
        if address is None:
            address = self.addresses[label] = {"kind": "address", **({"label": label} if label else {})}
            self.entries.append(address)
        address[attribute] = text

    def date(self, cell: Cell) -> str | None:
        """The date of a cell, empty where that says none; None where it can't be read, and is kept elsewhere."""
        day = parse_date(cell.text, self.reading.is_day_first)
        if day is None:
            self.tell(cell.column, messages.UNREADABLE_DATE, text=cell.text[:50])
            if self.fits(cell, VALUE_MAX):
                self.keep(cell)
        return day

    def finish_birthday(self) -> None:
        """Put the parts of a birthday together."""
        if not self.birthday:
            return
        texts = {part: cell.text for part, cell in self.birthday.items()}
        day = to_date(texts.get("year", "").zfill(4), texts.get("month", ""), texts.get("day", ""))
        if "year" not in texts:
            day = to_date("", texts.get("month", ""), texts.get("day", ""))
        if day is not None and "birthday" not in self.fields:
            self.fields["birthday"] = day
            return
        for cell in self.birthday.values():
            self.tell(cell.column, messages.UNREADABLE_DATE, text=cell.text[:50])
            if self.fits(cell, VALUE_MAX):
                self.keep(cell)

    def is_default(self, cell: Cell) -> bool:
        """Whether Outlook says this of everybody."""
        return self.reading.is_outlook and fold_key(cell.text) in DEFAULTS.get(cell.target.label, ())

    def contact(self, record_id: str) -> Contact:
        """The contact, with its own e-mail, phone and website: the first of each."""
        fields = dict(self.fields)
        entries = [entry for entry in self.entries if not self._is_own(fields, entry)]
        most = DETAILS.entries_max
        if len(entries) > most:
            self.tell("", messages.TOO_MANY_CELLS, count=len(entries), limit=most)
            entries = entries[:most]
        name = fields.get("name") or join(Parts(*(fields.get(part) for part in PARTS)))
        fields["name"] = (name or shown_name(fields, entries))[: CONTACTS.by_name["name"].limit]
        fields.setdefault("starred", False)
        return {"id": record_id, **dict.fromkeys(CONTACTS.by_name), **fields, "details": _keyed(entries)}

    def _is_own(self, fields: dict[str, Any], entry: Mapping[str, Any]) -> bool:
        name = FIRST.get(entry["kind"])
        if name is None or name in fields or len(entry["value"]) > (CONTACTS.by_name[name].limit or 0):
            return False
        fields[name] = entry["value"]
        fields[f"{name}_label"] = entry.get("label")
        return True


def _keyed(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    positions = Counter(dict.fromkeys(FIRST, 1))  # the first is no detail
    details = {}
    for entry in entries:
        kind = entry["kind"]
        positions[kind] += 1
        details[f"{kind}-{positions[kind]}"] = {**entry, "position": positions[kind]}
    return details
