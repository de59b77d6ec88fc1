"""Photos in a database, on every engine."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, insert, select

from models import Blob, BlobChunk, Book
from offbook.core.errors import Invalid, NotFound
from offbook.core.pictures import WIDTHS, sha256_of
from services.blobs import Blobs, BookFull
from storage.blobs.decoder import Decoder
from storage.blobs.rows import CHUNK_BYTES, BlobRows
from storage.engines.database import Database
from tests.conftest import BOOK
from tests.support.pictures import opened, picture

MIB = 1024**2


@pytest.fixture
def blobs(book: Database) -> Blobs:
    """Those of two books, of which each may hold 4 MB."""
    with book.write() as connection:
        connection.execute(insert(Book), BOOK | {"id": 2, "uuid": "b2"})
    return Blobs(BlobRows(book), Decoder(), 4 * MIB)


def long_picture(color: str = "red", size: int = 2 * MIB + 7) -> bytes:
    """One of several chunks: what stands behind a picture's end is of no meaning."""
    return picture("PNG", color=color).ljust(size, b"\xff")


def count(database: Database, table: type[Blob] | type[BlobChunk]) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_photo_comes_back_as_it_was_sent(blobs: Blobs, book: Database, now: int) -> None:
    content = long_picture()
    assert blobs.put(1, sha256_of(content), content, now)
    assert blobs.original(1, sha256_of(content)) == ("image/png", content)
    with book.read() as connection:
        sizes = connection.execute(select(func.length(BlobChunk.content)).order_by(BlobChunk.number)).scalars().all()
    assert sizes == [CHUNK_BYTES, CHUNK_BYTES, 7]


def test_a_photo_that_is_sent_again_is_kept_once_and_counts_as_new(blobs: Blobs, book: Database, now: int) -> None:
    content = picture()
    assert blobs.put(1, sha256_of(content), content, now)
    assert not blobs.put(1, sha256_of(content), content, now + 5)
    with book.read() as connection:
        assert connection.execute(select(Blob.created_at)).scalars().all() == [now + 5]
    assert count(book, BlobChunk) == 1


def test_the_photos_of_a_book_are_listed_a_few_at_a_time(
    blobs: Blobs, now: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.blobs.HEADS_AT_ONCE", 2)
    contents = [picture(color=color) for color in ("red", "green", "blue")]
    for content in contents:
        blobs.put(1, sha256_of(content), content, now)
    blobs.put(2, sha256_of(picture("PNG")), picture("PNG"), now)
    listed = [(head.sha256, head.type, head.size) for head in blobs.heads(1)]
    assert listed == sorted((sha256_of(content), "image/jpeg", len(content)) for content in contents)


def test_a_photo_of_another_book_is_not_there(blobs: Blobs, now: int) -> None:
    content = picture()
    blobs.put(1, sha256_of(content), content, now)
    assert not blobs.holds(2, sha256_of(content))
    with pytest.raises(NotFound):
        blobs.original(2, sha256_of(content))
    with pytest.raises(NotFound):
        blobs.shown(2, sha256_of(content), 96)
    assert blobs.put(2, sha256_of(content), content, now), "to another book it is new"


def test_a_book_holds_no_more_than_it_may(blobs: Blobs, book: Database, now: int) -> None:
    first, second = long_picture("red"), long_picture("blue")
    assert blobs.put(1, sha256_of(first), first, now)
    with pytest.raises(BookFull, match="4 MB"):
        blobs.put(1, sha256_of(second), second, now)
    assert not blobs.put(1, sha256_of(first), first, now), "what is there already takes no more room"
    assert blobs.put(2, sha256_of(second), second, now), "another book has room of its own"
    assert count(book, Blob) == 2


def test_several_who_send_the_same_at_once_keep_it_once(blobs: Blobs, book: Database, now: int) -> None:
    content = long_picture()
    with ThreadPoolExecutor(4) as threads:
        put = [threads.submit(blobs.put, 1, sha256_of(content), content, now) for _ in range(4)]
        assert True in {future.result() for future in put}
    assert blobs.original(1, sha256_of(content)) == ("image/png", content)
    assert count(book, BlobChunk) == 3


def test_what_is_shown_is_made_once_and_kept(book: Database, now: int) -> None:
    made: list[bytes] = []

    class Counting(Decoder):
        def shown(self, content: bytes) -> Mapping[int, bytes]:
            made.append(content)
            return super().shown(content)

    blobs, content = Blobs(BlobRows(book), Counting(), 4 * MIB), picture(width=1000, height=500)
    blobs.put(1, sha256_of(content), content, now)
    for _ in range(2):
        sizes = [opened(blobs.shown(1, sha256_of(content), width)[1]).size for width in WIDTHS]
        assert sizes == [(96, 96), (720, 360)]
    assert len(made) == 1
    assert count(book, BlobChunk) == 3


def test_a_photo_that_can_not_be_decoded_is_tried_once_and_refused(book: Database, now: int) -> None:
    broken = picture("PNG")[:40]
    blobs = Blobs(BlobRows(book), Decoder(), 4 * MIB)
    blobs.put(1, sha256_of(broken), broken, now)
    for _ in range(2):
        with pytest.raises(Invalid, match="broken"):
            blobs.shown(1, sha256_of(broken), 96)
    assert count(book, BlobChunk) == 3
    assert blobs.original(1, sha256_of(broken)) == ("image/png", broken)
