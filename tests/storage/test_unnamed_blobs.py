"""Which photos are removed, and which stay, on every engine."""

from __future__ import annotations

import pytest

from offbook.core.merge.retention import DAY_US
from offbook.core.pictures import sha256_of
from services.blobs import Blobs
from storage.blobs.decoder import Decoder
from storage.blobs.rows import BlobRows
from storage.engines.database import Database
from storage.sql.store import SqlStore
from tests.storage.library import LATER, Desk, Library, change
from tests.support.pictures import picture

RED, BLUE = picture(color="red"), picture(color="blue")
OLD = LATER + 2 * DAY_US


@pytest.fixture
def library(database: Database) -> Library:
    return Library(SqlStore(database), database)


@pytest.fixture
def blobs(database: Database) -> Blobs:
    return Blobs(BlobRows(database), Decoder(), 10**9)


def sent(blobs: Blobs, desk: Desk, *contents: bytes) -> list[str]:
    for content in contents:
        blobs.put(desk.book_id, sha256_of(content), content, LATER)
    return [sha256_of(content) for content in contents]


def remaining(blobs: Blobs, desk: Desk, now_us: int = OLD, dry_run: bool = False) -> list[bool]:
    """Whether the red one and the blue one are still there when those that nothing names were removed."""
    removed = blobs.remove_unnamed(desk.book_id, now_us, dry_run)
    left = [blobs.holds(desk.book_id, sha256_of(content)) for content in (RED, BLUE)]
    assert dry_run or removed == left.count(False)
    return left


def test_what_nothing_names_is_removed_after_a_day(library: Library, blobs: Blobs) -> None:
    desk, other = library.desk(), library.desk()
    sent(blobs, other, RED)
    red, _ = sent(blobs, desk, RED, BLUE)
    desk.push(change(1, "INSERT", 1, name="Ada", photo=red))
    assert remaining(blobs, desk, LATER + DAY_US) == [True, True]
    assert remaining(blobs, desk, dry_run=True) == [True, True]
    assert remaining(blobs, desk) == [True, False]
    assert blobs.holds(other.book_id, red), "that of another book is its own affair"


def test_one_that_was_sent_again_stays_for_another_day(library: Library, blobs: Blobs) -> None:
    desk = library.desk()
    sent(blobs, desk, RED, BLUE)
    blobs.put(desk.book_id, sha256_of(RED), RED, OLD - DAY_US)
    assert remaining(blobs, desk) == [True, False]


def test_the_photo_of_a_deleted_contact_stays(library: Library, blobs: Blobs) -> None:
    desk = library.desk()
    red, _ = sent(blobs, desk, RED, BLUE)
    desk.push(change(1, "INSERT", 1, name="Ada", photo=red))
    desk.push(change(2, "DELETE", 1, base=desk.head()))
    assert remaining(blobs, desk) == [True, False]


def test_a_photo_of_the_history_stays_until_that_is_forgotten(library: Library, blobs: Blobs) -> None:
    desk = library.desk()
    red, blue = sent(blobs, desk, RED, BLUE)
    desk.push(change(1, "INSERT", 1, name="Ada", photo=red))
    desk.push(change(2, "UPDATE", 1, base=desk.head(), photo=blue))
    assert remaining(blobs, desk) == [True, True]
    desk.prune(desk.head())
    assert remaining(blobs, desk) == [False, True]


def test_a_photo_that_lost_stays_in_the_history(library: Library, blobs: Blobs) -> None:
    desk = library.desk()
    red, blue = sent(blobs, desk, RED, BLUE)
    desk.push(change(1, "INSERT", 1, name="Ada"))
    base = desk.head()
    desk.push(change(2, "UPDATE", 1, base=base, by=2, photo=blue))
    desk.push(change(3, "UPDATE", 1, base=base, by=1, at=-5, photo=red))
    assert remaining(blobs, desk) == [True, True]


def test_a_photo_of_an_open_conflict_stays_also_when_the_history_is_forgotten(library: Library, blobs: Blobs) -> None:
    desk = library.desk("ask")
    red, blue = sent(blobs, desk, RED, BLUE)
    desk.push(change(1, "INSERT", 1, name="Ada"))
    base = desk.head()
    desk.push(change(2, "UPDATE", 1, base=base, by=1, photo=red))
    desk.push(change(3, "UPDATE", 1, base=base, by=2, photo=blue))
    desk.prune(desk.head())
    assert remaining(blobs, desk) == [True, True]
