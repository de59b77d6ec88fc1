"""Photos whose bytes are files in a folder (BLOB_URL): whole, for one book each, removed when nothing names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select

from app import App
from config import Config
from models import Blob, BlobChunk, Book
from offbook.core.errors import Invalid, NotFound
from offbook.core.pictures import WIDTHS, sha256_of
from services.blobs import Blobs, BookFull
from storage.blobs.decoder import Decoder
from storage.blobs.folder import DAY_SECONDS, BlobFolder
from storage.blobs.rows import BlobRows
from storage.engines.database import Database
from storage.errors import FolderUnwritable
from tests.conftest import BOOK
from tests.support.api_client import caller
from tests.support.browser import app_on
from tests.support.pictures import named, opened, picture

MIB = 1024**2
RED, BLUE = picture(color="red", width=900, height=450), picture(color="blue")

pytestmark = pytest.mark.engines("sqlite")  # what differs between databases is tested with the rows


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def blobs(book: Database, place: Path) -> Blobs:
    """Those of two books, of which each may hold 1 MB."""
    with book.write() as connection:
        connection.execute(insert(Book), BOOK | {"id": 2, "uuid": "b2"})
    return Blobs(BlobRows(book, BlobFolder(place)), Decoder(), MIB)


def files(place: Path) -> list[Path]:
    return sorted(path for path in place.rglob("*") if path.is_file())


def made_old(place: Path, now: int) -> None:
    for path in files(place):
        os.utime(path, (now / 1_000_000 - 2 * DAY_SECONDS,) * 2)


def test_a_photo_comes_back_from_a_file_of_mode_600(blobs: Blobs, book: Database, place: Path, now: int) -> None:
    assert blobs.put(1, sha256_of(RED), RED, now)
    assert blobs.original(1, sha256_of(RED)) == ("image/jpeg", RED)
    for _ in range(2):
        sizes = [opened(blobs.shown(1, sha256_of(RED), width)[1]).size for width in WIDTHS]
        assert sizes == [(96, 96), (720, 360)]
    names = [sha256_of(RED), *(f"{sha256_of(RED)}.{width}" for width in (720, 96))]
    assert [path.name for path in files(place)] == names
    assert {path.stat().st_mode & 0o777 for path in files(place)} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_dir()} == {0o700}
    with book.read() as connection:
        assert connection.execute(select(func.count()).select_from(BlobChunk)).scalar_one() == 0


def test_no_book_sees_the_file_of_another(blobs: Blobs, now: int) -> None:
    blobs.put(1, sha256_of(RED), RED, now)
    with pytest.raises(NotFound):
        blobs.original(2, sha256_of(RED))


def test_a_full_book_writes_no_file(blobs: Blobs, place: Path, now: int) -> None:
    large = picture("PNG").ljust(MIB - 10, b"\xff")
    assert blobs.put(1, sha256_of(large), large, now)
    with pytest.raises(BookFull):
        blobs.put(1, sha256_of(BLUE), BLUE, now)
    assert len(files(place)) == 1


def test_what_the_database_holds_already_is_found(book: Database, blobs: Blobs, place: Path, now: int) -> None:
    Blobs(BlobRows(book), Decoder(), MIB).put(1, sha256_of(RED), RED, now)
    assert blobs.original(1, sha256_of(RED)) == ("image/jpeg", RED)
    assert not blobs.put(1, sha256_of(RED), RED, now)
    assert (files(place), blobs.without_bytes()) == ([], 0)


def test_bytes_that_are_missing_are_counted_and_come_back_when_they_are_sent(
    book: Database, blobs: Blobs, place: Path, now: int
) -> None:
    blobs.put(1, sha256_of(RED), RED, now)
    files(place)[0].unlink()
    assert blobs.without_bytes() == 1
    with pytest.raises(NotFound):
        blobs.original(1, sha256_of(RED))
    blobs.put(1, sha256_of(RED), RED, now)
    assert (blobs.without_bytes(), blobs.original(1, sha256_of(RED))[1]) == (0, RED)
    assert Blobs(BlobRows(book), Decoder(), MIB).without_bytes() == 1, "without the folder"


def test_a_broken_photo_is_tried_once(blobs: Blobs, now: int) -> None:
    broken = picture("PNG")[:40]
    blobs.put(1, sha256_of(broken), broken, now)
    for _ in range(2):
        with pytest.raises(Invalid, match="broken"):
            blobs.shown(1, sha256_of(broken), 96)


def test_files_that_no_row_names_are_removed_when_they_are_a_day_old(
    book: Database, blobs: Blobs, place: Path, now: int
) -> None:
    for content in (RED, BLUE):
        blobs.put(1, sha256_of(content), content, now)
        blobs.shown(1, sha256_of(content), 96)
    with book.write() as connection:
        connection.execute(delete(Blob).where(Blob.sha256 == sha256_of(RED)))
    blobs.remove_old_files(now)
    assert len(files(place)) == 6, "one may be on its way"
    made_old(place, now)
    blobs.remove_old_files(now)
    assert {path.name[:64] for path in files(place)} == {sha256_of(BLUE)}
    assert blobs.original(1, sha256_of(BLUE))[1] == BLUE


def test_a_photo_that_is_sent_while_old_files_are_removed_stays(
    book: Database, blobs: Blobs, place: Path, now: int
) -> None:
    for _ in range(20):
        blobs.put(1, sha256_of(BLUE), BLUE, now)
        with book.write() as connection:
            connection.execute(delete(Blob))
        made_old(place, now)
        with ThreadPoolExecutor(2) as threads:
            removed = threads.submit(blobs.remove_old_files, now)
            threads.submit(blobs.put, 1, sha256_of(BLUE), BLUE, now).result()
            removed.result()
        assert blobs.original(1, sha256_of(BLUE))[1] == BLUE


def test_a_folder_that_takes_nothing_is_told_and_nothing_is_left(blobs: Blobs, place: Path, now: int) -> None:
    (place / "1").mkdir(parents=True)
    (place / "1" / sha256_of(RED)[:2]).write_text("a file in the place of a folder")
    with pytest.raises(FolderUnwritable, match="can't be written to") as caught:
        blobs.put(1, sha256_of(RED), RED, now)
    assert str(place) not in str(caught.value)
    assert str(place) in caught.value.for_admins
    assert (len(files(place)), blobs.holds(1, sha256_of(RED))) == (1, False)


@pytest.mark.parametrize("url", ["file://host/photos", "file:photos", "/srv/photos", "s3://photos", "file:///a?b"])
def test_another_address_for_photos_is_refused_in_a_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="BLOB_URL must be"):
        Config.from_environment({"INSTANCE_PATH": str(tmp_path), "BLOB_URL": url})


# --- a whole server --------------------------------------------------------------------------------------------------


@pytest.fixture
def server(database_url: str, place: Path) -> Iterator[App]:
    app = app_on(database_url, blob_url=place.as_uri())
    yield app
    app.extensions["database"].close()


def test_a_server_keeps_photos_there_and_its_commands_say_so(server: App, place: Path, tmp_path: Path) -> None:
    ada = caller(server, "ada")
    address, content = named(RED)
    assert ada.ask("PUT", address, data=content).status_code == 201
    assert ada.get(address).data == RED
    run = server.test_cli_runner().invoke
    backup = run(args=["backup", str(tmp_path / "copy.db")])
    assert f"It holds no photos: they are in {place}." in backup.stdout
    assert f"Photos are in {place}" in run(args=["doctor"]).stdout
    files(place)[0].unlink()
    looked = run(args=["doctor"])
    assert f"1 photo has its bytes neither in the database nor in {place}" in looked.stdout
    assert looked.exit_code == 1
    assert ada.get(address).status_code == 404


def test_an_answer_says_when_the_folder_takes_nothing(server: App, place: Path) -> None:
    ada = caller(server, "ada")
    place.write_text("a file in the place of the folder")
    address, content = named(RED)
    answer = ada.ask("PUT", address, data=content)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "read_only")
    assert str(place) not in answer.text
