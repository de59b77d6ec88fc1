"""Photos: taken, given back, and as pages show them. What may be kept is offbook.core.pictures' to say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress

from offbook.contacts.photo_likeness import is_same_photo
from offbook.core.errors import Invalid, NotFound
from offbook.core.merge.retention import DAY_US
from offbook.core.messages import BOOK_FULL, BROKEN_PICTURE
from offbook.core.pictures import SHOWN_BYTES_MAX, checked_picture
from services.messages import NO_PHOTO
from storage.blobs.decoder import Decoder
from storage.blobs.rows import BlobRows
from storage.errors import Unwritable
from storage.values.blobs import BlobHead

HEADS_AT_ONCE = 1_000
SHOWN_TYPE = "image/jpeg"


class BookFull(Invalid):
    """The book holds as much as it may."""


class Blobs:
    """The photos of all books. Safe to share between threads."""

    def __init__(self, rows: BlobRows, decoder: Decoder, bytes_max: int) -> None:
        """``bytes_max`` is what one book may hold."""
        self._rows = rows
        self._decoder = decoder
        self._bytes_max = bytes_max

    def put(self, book_id: int, sha256: str, content: bytes, now_us: int) -> bool:
        """Keep a photo: whether it is new. Raises Invalid where it is none that may be kept; BookFull."""
        head = BlobHead(sha256, checked_picture(content, sha256).type, len(content))
        is_new = self._rows.add(book_id, head, content, now_us, self._bytes_max)
        if is_new is None:
            raise BookFull.of(BOOK_FULL, most=self._bytes_max // 1024**2)
        return is_new

    def remove_unnamed(self, book_id: int, now_us: int, dry_run: bool) -> int:
        """Remove the photos that nothing in the book names, unless somebody sent them within a day: how many."""
        return self._rows.remove_unnamed(book_id, now_us - DAY_US, dry_run)

    def heads(self, book_id: int) -> Iterator[BlobHead]:
        """All photos of a book, read a few at a time."""
        after = ""
        while heads := self._rows.heads(book_id, after, HEADS_AT_ONCE):
            yield from heads
            after = heads[-1].sha256

    def remove_old_files(self, now_us: int) -> None:
        """Remove the files of photos that are gone, where photos are kept as files."""
        self._rows.remove_old_files(now_us / 1_000_000)

    def without_bytes(self) -> int:
        """How many photos are known whose bytes are not there."""
        return self._rows.without_bytes()

    def holds(self, book_id: int, sha256: str) -> bool:
        """Whether the book has this photo."""
        return self._rows.head(book_id, sha256) is not None

    def lacking(self, book_id: int, hashes: Collection[str]) -> Collection[str]:
        """Those of these photos that the book does not have: records may name them before they come."""
        return self._rows.lacking(book_id, hashes) if hashes else ()

    def original(self, book_id: int, sha256: str) -> tuple[str, bytes]:
        """A photo as it came, and its type. Raises NotFound."""
        blob = self._rows.content(book_id, sha256)
        if blob is None or blob.content is None:
            raise NotFound.of(NO_PHOTO)
        return blob.head.type, blob.content

    def bytes_of(self, book_id: int, sha256: str) -> bytes | None:
        """A photo as it came; None where the book does not have it."""
        blob = self._rows.content(book_id, sha256)
        return blob and blob.content

    def is_copy(self, book_id: int, sha256: str, content: bytes) -> bool:
        """Whether these bytes are a photo of the book, smaller or encoded anew; not where one of them can't be decoded.

        Raises DecodersBusy where others are decoding all the time.
        """
        original = self.bytes_of(book_id, sha256)
        prints = [self._decoder.print(data) for data in (original, content) if data]
        known = [photo for photo in prints if photo is not None]
        return len(known) == 2 and is_same_photo(*known)

    def shown_if_made(self, book_id: int, sha256: str, width: int) -> bytes | None:
        """What is shown of a photo; None where it was never asked for, or is not there: it was shown to nobody."""
        blob = self._rows.content(book_id, sha256, width)
        return blob and blob.content

    def shown(self, book_id: int, sha256: str, width: int) -> tuple[str, bytes]:
        """A photo as a page shows it in one of the core's WIDTHS, and its type. It is made when it is first asked for,
        and anew where an earlier version made it larger than it may be.

        Raises NotFound, and Invalid where the photo can't be decoded.
        """
        blob = self._rows.content(book_id, sha256, width)
        if blob is None:
            raise NotFound.of(NO_PHOTO)
        shown = blob.content
        if shown is None or len(shown) > SHOWN_BYTES_MAX:
            _, content = self.original(book_id, sha256)
            made = self._decoder.shown(content)
            with suppress(Unwritable):  # it is made anew then, when it is asked for again
                self._rows.add_shown(book_id, sha256, made)
            shown = made[width]
        if not shown:
            raise Invalid.of(BROKEN_PICTURE)
        return SHOWN_TYPE, shown
