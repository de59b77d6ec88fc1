"""Every format in which contacts come and go. What stands in FORMATS is in the laws that all formats are held to.

A new format is a file that reads and writes it, and an entry here. Whoever imports takes a Format by its name, or by
recognize(), and goes through what its ``read`` gives; whoever exports hands contacts to its ``write``::

    format_ = FORMATS[name] if name else recognize(file.read(HEAD))
    for contact_read in format_.read(file):  # ContactRead: a contact, blobs, problems
        ...
    written = WRITERS["vcard4"](contacts, fetch_blob)  # Written: text, and what it leaves out
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import BinaryIO

from offbook.contacts.labels import with_site_labels
from offbook.contacts.table import CONTACTS, DETAIL_KINDS
from offbook.core.errors import Invalid, Malformed
from offbook.formats import messages
from offbook.formats.archive import reading as archive
from offbook.formats.archive.zip_reading import HEADS, other_zip
from offbook.formats.csv import mapped, mapping
from offbook.formats.csv.dialect import text_lines
from offbook.formats.google_csv import reading as google_reading
from offbook.formats.google_csv import writing as google_writing
from offbook.formats.google_csv.columns import FIELDS, GROUPS, PART_OF, PHONETIC, PLAIN
from offbook.formats.other_files import HEAD, refuse_other_files
from offbook.formats.values import Carries, Contact, ContactRead, FetchBlob, Problem, Written
from offbook.formats.vcard import files
from offbook.formats.vcard.writing import V3, V4, write_cards

__all__ = ["ARCHIVE", "FORMATS", "HEAD", "WRITERS", "Format", "recognize", "writer_of"]


Write = Callable[[Iterable[Contact], FetchBlob], Written]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    ``read`` gives the contacts of a file one at a time, and raises Malformed before the first where it is no such file,
    or is cut off: the file must be one that can be read from its beginning again (seek). ``write`` gives the text of a
    file, with the photos that it is handed by their SHA-256, and says what of the contacts is not in it; None where the
    format is only read. ``carries`` is what comes back when a contact is written and read again, or can be read at all.
    """

    name: str
    suffix: str
    media_type: str
    carries: Carries
    recognizes: Callable[[bytes], bool]
    read: Callable[[BinaryIO], Iterator[ContactRead]]
    write: Write | None = None


def recognize(head: bytes) -> Format:
    """The format of a file that begins with these bytes (HEAD of them do). Raises Malformed, and says what it is
    instead."""
    if archive.recognizes(head):
        return FORMATS[ARCHIVE]
    if head.startswith(HEADS):
        raise other_zip(head)
    refuse_other_files(head)
    for format_ in FORMATS.values():
        if format_.recognizes(head):
            return format_
    raise Malformed.of(messages.UNKNOWN_FORMAT)


# --- Google's CSV ----------------------------------------------------------------------------------------------------

GOOGLE_FIELDS = {*FIELDS.values(), *PHONETIC.values(), *(field for fields in PLAIN.values() for field in fields)}
GOOGLE = Carries(
    fields=frozenset({*GOOGLE_FIELDS, "name", "starred"}),
    kinds=frozenset(GROUPS),
    attributes=frozenset({"kind", "position", *PART_OF}),
)


def _read_google(file: BinaryIO) -> Iterator[ContactRead]:
    for row, contact, flaw, damage in google_reading.read_rows(partial(text_lines, file)):
        if flaw:
            yield ContactRead(row, None, (Problem(row, "", flaw),))
        else:
            yield ContactRead(row, contact, damage)


def _write_google(contacts: Iterable[Contact], _: FetchBlob, is_for_spreadsheet: bool = False) -> Written:
    listed = list(contacts)
    left_out = [left_out for contact in listed for left_out in GOOGLE.left_out(contact)]
    return Written(google_writing.write(listed, is_for_spreadsheet), left_out)


# --- CSV of other programs -------------------------------------------------------------------------------------------

MAPPED = Carries(
    fields=mapping.FIELDS | {"starred"},
    kinds=frozenset(mapping.KINDS),
    attributes=frozenset({"kind", "label", "position", *mapping.ADDRESS_PARTS}),
)


def _mapped(name: str, layout: str) -> Format:
    return Format(name, ".csv", "text/csv", MAPPED, partial(mapped.recognizes, layout), mapped.read_any)


# --- vCard -----------------------------------------------------------------------------------------------------------

VCARD = Carries(
    fields=frozenset(CONTACTS.by_name),
    kinds=frozenset(DETAIL_KINDS),
    attributes=frozenset(CONTACTS.maps_by_name["details"].by_name),
)


ARCHIVE = "zip"
"""The name of the format of whole books, which is written by archive.writing: it is no text."""


def _write_vcard(version: str, contacts: Iterable[Contact], fetch_blob: FetchBlob) -> Written:
    return write_cards(contacts, version, fetch_blob)


def _by_name(*formats: Format) -> Mapping[str, Format]:
    return MappingProxyType({format_.name: format_ for format_ in formats})


FORMATS = _by_name(
    Format("vcard4", ".vcf", "text/vcard", VCARD, files.recognizes, files.read, partial(_write_vcard, V4)),
    Format("vcard3", ".vcf", "text/vcard", VCARD, files.recognizes, files.read, partial(_write_vcard, V3)),
    Format("google", ".csv", "text/csv", GOOGLE, google_reading.recognizes, _read_google, _write_google),
    _mapped("outlook", "outlook"),
    _mapped("thunderbird", "thunderbird"),
    _mapped("csv", ""),
    Format(ARCHIVE, ".zip", "application/zip", VCARD, archive.recognizes, archive.read),
)
"""By the name that a command, a request or a form calls each by. Cards are read alike under both of their names, and so
are tables under those of programs; ``csv`` is any other table. The first that recognizes a file is asked first."""

WRITERS: Mapping[str, Write] = MappingProxyType(
    {format_.name: format_.write for format_ in FORMATS.values() if format_.write}
)
"""How a file of each format is written; there are formats that are only read."""


def writer_of(name: str, is_for_spreadsheet: bool = False) -> Write:
    """How a file of this format is written, for a spreadsheet so that it executes nothing. Raises Invalid where a
    spreadsheet reads no such file."""
    if is_for_spreadsheet and name != "google":
        raise Invalid.of(messages.ONLY_CSV_FOR_SPREADSHEETS)
    write = partial(_write_google, is_for_spreadsheet=True) if is_for_spreadsheet else WRITERS[name]
    return lambda contacts, fetch_blob: write((dict(with_site_labels(contact)) for contact in contacts), fetch_blob)
