"""A book -> the files of its zip, one after the other. Nothing is held whole but a photo and a card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from offbook.core.cells.validation import Json, is_empty
from offbook.core.protocol.json import dumps
from offbook.formats.archive.names import (
    CARDS,
    CONTACTS,
    FILES,
    FORM,
    HISTORY,
    LABELS,
    LABELS_MAX,
    MANIFEST,
    RECORDS_MAX,
    TABLE,
    TRASH,
    UNPACKED_BYTES_MAX,
    VERSION,
    photo_file,
    thumbnail_file,
)
from offbook.formats.archive.zip_writing import ZipWriter
from offbook.formats.google_csv import writing as google_writing
from offbook.formats.values import Contact, FetchBlob
from offbook.formats.vcard.writing import V4, write_card

Row = Mapping[str, Json]
"""A record in wire form: its id, its times, fields and entries by their keys."""


class Photo(NamedTuple):
    """A photo as it came, with its SHA-256 and its type; or a smaller JPEG of one, under the photo's own hash."""

    sha256: str
    type: str
    content: bytes
    is_thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """What a book holds. ``contacts`` gives the same ones each time that it is called; ``history`` are entries as JSON
    has them, with the table and the id of their record."""

    contacts: Callable[[], Iterable[Contact]]
    trash: Iterable[Row]
    labels: Iterable[Row]
    history: Iterable[Row]
    photos: Iterable[Photo]
    fetch_blob: FetchBlob


def write_archive(source: ArchiveSource, write: Callable[[bytes], object], moment: datetime) -> bool:
    """Hand the bytes of the zip to ``write``, in order. Returns whether an import takes such a zip.

    Raises Invalid where the book is larger than a zip can be.
    """
    zip_ = ZipWriter(write, moment)
    zip_.store(MANIFEST, _manifest(moment))
    contacts, trash, labels = (_Lines(rows) for rows in (source.contacts(), source.trash, source.labels))
    size = zip_.deflate(CONTACTS, contacts) + zip_.deflate(TRASH, trash) + zip_.deflate(LABELS, labels)
    for photo in source.photos:
        name = thumbnail_file(photo.sha256) if photo.is_thumbnail else photo_file(photo.sha256, photo.type)
        zip_.store(name, photo.content)
    zip_.deflate(HISTORY, (dumps(entry) + b"\n" for entry in source.history))
    zip_.deflate(CARDS, _cards(source))
    zip_.deflate(TABLE, (part.encode() for part in google_writing.write_in_parts(source.contacts())))
    zip_.close()
    is_few = contacts.count + trash.count <= RECORDS_MAX and labels.count <= LABELS_MAX
    return is_few and size <= UNPACKED_BYTES_MAX


class _Lines:
    """Records as lines, counted as they go by."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for row in self._rows:
            self.count += 1
            yield line_of(row)


def line_of(row: Row) -> bytes:
    """A record as a line: what is empty is not there."""
    return dumps({name: value for name, value in row.items() if not is_empty(value) and value != {}}) + b"\n"


def _manifest(moment: datetime) -> bytes:
    return dumps({"form": FORM, "version": VERSION, "written_at": moment.isoformat(), "files": dict(FILES)}) + b"\n"


def _cards(source: ArchiveSource) -> Iterator[bytes]:
    for contact in source.contacts():
        yield write_card(contact, V4, source.fetch_blob).text.encode()
