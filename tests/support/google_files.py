"""A file of Google's CSV read whole, as tests look at it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from offbook.formats.csv.dialect import text_lines
from offbook.formats.google_csv.reading import Contact, read_rows
from offbook.formats.values import Problem


class RowProblem(NamedTuple):
    """A row that can't be taken. ``row`` counts as a spreadsheet does: the header is row 1."""

    row: int
    detail: str


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file holds: contacts in wire form, each once, the rows that can't be taken, and what is told about the
    others, by the ids of their contacts."""

    contacts: list[Contact]
    problems: list[RowProblem]
    damages: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)


def decode(data: bytes) -> str:
    """The text of a file as programs save it (csv/dialect.py). Raises Malformed."""
    return "".join(text_lines(io.BytesIO(data)))


def read(text: str) -> ParsedFile:
    """The contacts of a file that Google Contacts or ``write`` made. Raises Malformed where it is no such file."""
    whole = text.removeprefix("\ufeff")
    contacts: list[Contact] = []
    problems: list[RowProblem] = []
    damages: dict[str, tuple[Problem, ...]] = {}
    for number, contact, flaw, damage in read_rows(lambda: io.StringIO(whole, newline="")):
        if flaw:
            problems.append(RowProblem(number, flaw.detail))
        else:
            contacts.append(contact)
            if damage:
                damages[contact["id"]] = damage
    return ParsedFile(contacts, problems, damages)
