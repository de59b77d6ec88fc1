"""What a file holds, for whoever imports it: a server and a device read it alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from offbook.contacts.importing import ImportProblem
from offbook.contacts.matching import Contact, Match, match_contacts
from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.registry import HEAD, Format, recognize
from offbook.formats.values import problems_of


@dataclass(frozen=True, slots=True)
class FileContents:
    """The contacts of a file, what was told about it, and the photos in it, by their SHA-256."""

    format: Format
    contacts: Sequence[Contact]
    problems: Sequence[ImportProblem]
    blobs: Mapping[str, bytes]

    def match(self, existing: Iterable[Contact], deleted: Collection[str]) -> list[Match]:
        """Who each contact is in a book that has these, and had the deleted ones."""
        return match_contacts(self.contacts, existing, deleted, lambda contact: self.format.carries.only(dict(contact)))


def read_contents(file: BinaryIO, format_: Format | None = None) -> FileContents:
    """Read a file in this format, or in the one that it is recognized to have.

    Raises Malformed where it is no such file, was cut off, or has no contact at all.
    """
    format_ = format_ or recognize(file.read(HEAD))
    contacts: list[Contact] = []
    problems: list[ImportProblem] = []
    blobs: dict[str, bytes] = {}
    for item in format_.read(file):
        problems += problems_of(item)
        blobs |= item.blobs
        if item.contact is not None:
            contacts.append(item.contact)
    if not contacts and not problems:
        raise Malformed.of(messages.NO_CONTACTS)
    return FileContents(format_, contacts, problems, blobs)
