"""Zips of a book, whole and hostile, made by hand and by Python's zipfile."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from offbook.formats.archive.names import THUMBNAILS
from offbook.formats.archive.reading import Pictures, read
from offbook.formats.archive.writing import ArchiveSource, Photo, write_archive
from offbook.formats.values import Contact, ContactRead, Part

MOMENT = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
MANIFEST = b'{"form":"offbook-contacts","version":1}\n'
ADA = "0f8fad5b-d9cb-469f-a165-70867728950e"
BO = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def archive_of(
    contacts: Iterable[Contact] = (),
    trash: Iterable[Mapping[str, Any]] = (),
    labels: Iterable[Mapping[str, Any]] = (),
    history: Iterable[Mapping[str, Any]] = (),
    photos: Iterable[Photo] = (),
) -> bytes:
    """The zip of a book that holds these."""
    listed, pictures = list(contacts), list(photos)
    fetch = {photo.sha256: photo.content for photo in pictures if not photo.is_thumbnail}.get
    out = io.BytesIO()
    write_archive(ArchiveSource(lambda: listed, trash, labels, history, pictures, fetch), out.write, MOMENT)
    return out.getvalue()


class Archive(NamedTuple):
    """All that a zip holds, read at once."""

    contacts: list[ContactRead]
    trash: list[ContactRead]
    labels: list[Contact]
    problems: list[tuple[int, str, str]]
    photos: Pictures
    thumbnails: Pictures


def read_archive(data: bytes) -> Archive:
    """What is in a zip. Only photos that contacts name are."""
    file = io.BytesIO(data)
    items = list(read(file))
    live, trash, labels = (
        [item for item in items if item.part is part and item.contact is not None]
        for part in (Part.CONTACT, Part.TRASH, Part.LABEL)
    )
    problems = [(problem.row, problem.column, problem.code) for item in items for problem in item.problems]
    pictures = [entry for item in items for entry in item.pictures]
    photos, thumbnails = Pictures(file, pictures), Pictures(file, pictures, THUMBNAILS)
    return Archive(live, trash, [item.contact for item in labels if item.contact], problems, photos, thumbnails)


def zip_of(files: Mapping[str, bytes], packed: bool = True) -> bytes:
    """A zip as another program makes it, with a manifest in front unless there is one."""
    out = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", method) as zip_:
        for name, content in ({"manifest.json": MANIFEST} | dict(files)).items():
            zip_.writestr(name, content)
    return out.getvalue()


def patched(data: bytes, mark: bytes, offset: int, form: str, value: int, number: int = 0) -> bytes:
    """The zip with one number of a header changed: the ``number``-th that begins with this mark."""
    place = -1
    for _ in range(number + 1):
        place = data.index(mark, place + 1)
    changed = bytearray(data)
    struct.pack_into(form, changed, place + offset, value)
    return bytes(changed)
