"""The bytes that a photo is served as: a JPEG of 720 pixels and 200 kB at the most."""

from __future__ import annotations

from contextlib import suppress

from offbook.core.errors import Invalid, NotFound
from offbook.core.pictures import PAGE_WIDTH
from services.blobs import Blobs


def card_photo(blobs: Blobs, book_id: int, sha256: str) -> bytes | None:
    """The bytes; None where the photo is not there yet, or is none that can be shown."""
    with suppress(NotFound, Invalid):
        return blobs.shown(book_id, sha256, PAGE_WIDTH)[1]
    return None
