"""Zips of a book, whole and hostile, made by hand and by Python's zipfile."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from offbook.formats.archive.writing import ArchiveSource, Photo, write_archive
from offbook.formats.values import Contact

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
