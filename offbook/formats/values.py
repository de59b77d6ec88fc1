"""What formats of files take and give: contacts in wire form, what is told about a file, what is left out of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from offbook.contacts.importing import ImportProblem
from offbook.core.messages import Fault

Contact = dict[str, Any]
"""A contact in wire form: its id, fields, and details by their keys."""

NOT_FIELDS = frozenset({"id", "created_at", "updated_at", "details"})
"""What a contact has beside its fields."""

FetchBlob = Callable[[str], bytes | None]
"""Gives the bytes of a blob by its SHA-256 in hex; None where they are not there."""


class Problem(NamedTuple):
    """What is told about a place of a file. ``row`` is a row as a spreadsheet counts them, or a line, from 1;
    ``column`` is the column or property, empty where it is about the row."""

    row: int
    column: str
    fault: Fault

    @property
    def code(self) -> str:
        """The fault's code."""
        return self.fault.code

    @property
    def detail(self) -> str:
        """The sentence."""
        return self.fault.detail


class Part(StrEnum):
    """What a record is of all that a book holds: only the zip of a book has more than contacts."""

    LABEL = "label"
    CONTACT = "contact"
    TRASH = "trash"


class ZipEntry(NamedTuple):
    """A file of a zip, as the list of its files has it."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class ContactRead(NamedTuple):
    """A contact of a file, or none where its row could not be taken; what is told about it, and the bytes of its photo
    under their SHA-256 in hex. The photo of a contact of a zip stays there, in one of these ``pictures``."""

    row: int
    contact: Contact | None
    problems: tuple[Problem, ...] = ()
    blobs: Mapping[str, bytes] = {}
    part: Part = Part.CONTACT
    pictures: tuple[ZipEntry, ...] = ()


def problems_of(item: ContactRead) -> list[ImportProblem]:
    """What is told about a contact of a file, as an import reports it."""
    name = str(item.contact["name"] or "") if item.contact else ""
    return [ImportProblem(problem.row, problem.column, problem.code, problem.detail, name) for problem in item.problems]


class LeftOut(NamedTuple):
    """What of a contact a file does not say: the contact's id (its name where it has none), and the field, or the
    detail as ``details/key``."""

    contact: str
    field: str


class Written(NamedTuple):
    """The text of a file, and what it does not say of the contacts in it."""

    text: str
    left_out: list[LeftOut]


class Carries(NamedTuple):
    """What of a contact a format can say: fields, kinds of details, and attributes of these."""

    fields: frozenset[str]
    kinds: frozenset[str]
    attributes: frozenset[str]

    def only(self, contact: Contact) -> Contact:
        """The contact with what the format can say of it."""
        fields = {name: value for name, value in contact.items() if name in self.fields or name in NOT_FIELDS}
        details = {
            key: {name: value for name, value in entry.items() if name in self.attributes}
            for key, entry in (contact.get("details") or {}).items()
            if entry["kind"] in self.kinds
        }
        return {**fields, "details": details}

    def left_out(self, contact: Contact) -> list[LeftOut]:
        """What the format can't say of a contact, or only in words."""
        name = str(contact.get("id") or contact.get("name"))
        fields = [field for field, value in contact.items() if value and field not in self.fields | NOT_FIELDS]
        places = []
        for key, entry in (contact.get("details") or {}).items():
            if entry["kind"] not in self.kinds:
                places.append(f"details/{key}")
            else:
                unsaid = entry.keys() - self.attributes
                places += [f"details/{key}/{attribute}" for attribute in sorted(unsaid) if entry[attribute]]
        return [LeftOut(name, field) for field in [*fields, *places]]
