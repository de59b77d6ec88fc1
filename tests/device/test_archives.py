"""All that a device has as a zip, and photos in cards: out of one device, into another, and on to its server."""

from __future__ import annotations

import errno
import io
import json
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app import App
from offbook import Replica
from offbook.core.pictures import sha256_of
from offbook.database import blobs
from offbook.formats.archive.writing import Photo
from offbook.transfer import archive
from tests.formats.archive.zips import ADA, BO, archive_of, zip_of
from tests.support.api_client import Caller, caller
from tests.support.browser import parts_of
from tests.support.cli_runner import Device
from tests.support.pictures import picture
from tests.support.served_schemas import AppTransport

pytestmark = pytest.mark.engines("sqlite")

FILE = Path(__file__).parents[3] / "shared" / "data" / "legislators-google.csv"
RED, BLUE = picture(width=800, height=400), picture("PNG", color="blue")


@pytest.fixture
def laptop_command(tmp_path: Path) -> Device:
    return made(tmp_path, "laptop.db")


@pytest.fixture
def phone_command(tmp_path: Path) -> Device:
    return made(tmp_path, "phone.db")


def made(folder: Path, name: str) -> Device:
    device = Device(folder / name)
    device("init")
    return device


def fill(device: Device) -> None:
    """Two contacts with photos, one of them deleted, and labels."""
    with Replica(device.file) as book:
        details = {"k": {"kind": "group", "value": "Friends"}, "k2": {"kind": "phone", "value": "2", "pref": True}}
        book.contacts.add(name="Ada King", photo=book.blobs.put(RED), details=details, starred=True)
        book.contacts.add(name="Cy", notes="x" * 9_000)
        book.contacts.delete(book.contacts.add(name="Bo", photo=book.blobs.put(BLUE), details=details))
        book.labels.add(name="Nobody's")


def lines(data: bytes, name: str) -> list[Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as zip_:
        return [json.loads(line) for line in zip_.read(name).splitlines()]


def said(device: Device) -> list[dict[str, Any]]:
    contacts: list[dict[str, Any]] = device("list", "--json").json
    return [{key: contact[key] for key in contact.keys() - {"created_at", "updated_at"}} for contact in contacts]


def test_all_of_a_device_comes_back_in_an_empty_one(
    laptop_command: Device, phone_command: Device, tmp_path: Path
) -> None:
    fill(laptop_command)
    file = tmp_path / "book.zip"
    wrote = laptop_command("export", str(file), "--format", "zip")
    assert (wrote.code, wrote.out) == (0, f"Wrote 2 contacts to {file}, with all else that is on this device.\n")
    assert file.stat().st_mode & 0o777 == laptop_command.file.stat().st_mode & 0o777
    rehearsed = phone_command("import", str(file), "--dry-run", "--json").json
    done = phone_command("import", str(file), "--json").json
    assert (done["added"], done["trashed"], done["labels"], done["problems"]) == (2, 1, 2, [])
    assert rehearsed == done | {"batch": None}
    assert said(phone_command) == said(laptop_command)
    assert phone_command("label", "list").out == laptop_command("label", "list").out
    with Replica(phone_command.file) as book:
        assert [blobs.find(book.connection, sha256_of(photo)) for photo in (RED, BLUE)] == [(1, RED), (1, BLUE)]
    phone_command("export", str(tmp_path / "again.zip"), "--format", "zip")
    for name in ("contacts.jsonl", "trash.jsonl", "labels.jsonl"):
        first, second = (
            [{key: row[key] for key in row.keys() - {"created_at", "updated_at"}} for row in lines(data, name)]
            for data in (file.read_bytes(), (tmp_path / "again.zip").read_bytes())
        )
        assert second == first
    again = phone_command("import", str(file))
    assert again.out == "Added 0 contacts.\n2 are here already.\n1 was deleted here and left so.\n"


def test_what_a_device_imported_reaches_its_server_with_trash_and_photos(
    app: App, laptop: Caller, laptop_command: Device, phone_command: Device, tmp_path: Path
) -> None:
    fill(laptop_command)
    laptop_command("export", str(tmp_path / "book.zip"), "--format", "zip")
    batch = phone_command("import", str(tmp_path / "book.zip"), "--json").json["batch"]
    with Replica(phone_command.file, transport=AppTransport(app, laptop.token)) as book:
        assert book.sync().parked == 0
        parts, book_id = parts_of(app), parts_of(app).accounts.user_named("ada").book_id
        assert [row.name for row in parts.contacts.trash(book_id).rows] == ["Bo"]
        assert {head.sha256 for head in parts.blobs.heads(book_id)} == {sha256_of(RED), sha256_of(BLUE)}
        assert [label["name"] for label in laptop.get("/labels").get_json()["labels"]] == ["Friends", "Nobody's"]
        assert [contact["name"] for contact in laptop.get("/contacts").get_json()["contacts"]] == ["Ada King", "Cy"]
        assert book.undo(batch).kept == []
        assert book.contacts.list() == []
        assert book.labels.list() == []


def test_a_zip_of_a_server_comes_in_on_a_device_and_of_a_device_on_a_server(
    app: App, laptop: Caller, phone_command: Device, tmp_path: Path
) -> None:
    laptop.ask("PUT", f"/blobs/{sha256_of(RED)}", data=RED)
    laptop.add(name="Ada", photo=sha256_of(RED))
    laptop.ask("DELETE", f"/contacts/{laptop.add(name='Bo')['id']}")
    (tmp_path / "server.zip").write_bytes(laptop.get("/contacts/export", format="zip").data)
    done = phone_command("import", str(tmp_path / "server.zip"), "--json").json
    assert (done["added"], done["trashed"]) == (1, 1)
    with phone_command.started("export", "--format", "zip", text=False) as child:
        data, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    eve = caller(app, "eve")
    answer = eve.ask("POST", "/contacts/import", data=data).get_json()
    assert (answer["added"], answer["trashed"], answer["problems"]) == (1, 1, [])
    assert eve.get(f"/blobs/{sha256_of(RED)}").data == RED


def test_thumbnails_go_into_a_zip_where_the_photo_is_not_here(
    app: App, laptop: Caller, phone_command: Device, tmp_path: Path
) -> None:
    laptop.ask("PUT", f"/blobs/{sha256_of(RED)}", data=RED)
    laptop.add(name="Ada", photo=sha256_of(RED))
    with Replica(phone_command.file, transport=AppTransport(app, laptop.token)) as book:
        book.sync()
        small = book.blobs.get(sha256_of(RED), 96)
    phone_command("export", str(tmp_path / "book.zip"), "--format", "zip")
    with zipfile.ZipFile(tmp_path / "book.zip") as zip_:
        assert zip_.read(f"thumbnails/{sha256_of(RED)}.jpg") == small
    other = made(tmp_path, "other.db")
    other("import", str(tmp_path / "book.zip"))
    assert said(other)[0]["photo"] == sha256_of(small)


@pytest.mark.parametrize("format_name", ["vcard4", "vcard3"])
def test_cards_bring_their_photos_from_device_to_device(
    laptop_command: Device, phone_command: Device, tmp_path: Path, format_name: str
) -> None:
    fill(laptop_command)
    laptop_command("export", str(tmp_path / "all.vcf"), "--format", format_name)
    assert phone_command("import", str(tmp_path / "all.vcf")).code == 0
    assert said(phone_command)[0]["photo"] == sha256_of(RED)
    with Replica(phone_command.file) as book:
        assert blobs.waiting(book.connection) == [sha256_of(RED)]
        assert book.blobs.get(sha256_of(RED)) == RED


def test_a_photo_that_is_not_on_the_device_is_told(phone_command: Device, tmp_path: Path) -> None:
    with Replica(phone_command.file) as book:
        book.contacts.add(name="Ada", photo=sha256_of(RED))
    said = phone_command("export", str(tmp_path / "all.vcf"), "--format", "vcard4").out
    assert "1 photo stayed out, not being on this device" in said


def test_a_photo_that_is_none_is_told_and_its_contact_is_taken(phone_command: Device, tmp_path: Path) -> None:
    bad = Photo(sha256_of(b"<svg/>"), "image/png", b"<svg/>")
    contact = {"id": ADA, "name": "Ada", "photo": bad.sha256, "details": {}}
    (tmp_path / "book.zip").write_bytes(archive_of([contact], photos=[bad]))
    answer = phone_command("import", str(tmp_path / "book.zip"))
    assert (answer.code, answer.out.splitlines()[0]) == (1, "Added 1 contact.")
    assert "A photo must be a JPEG" in answer.out
    assert said(phone_command)[0]["photo"] is None


def test_what_is_here_is_not_taken_to_the_trash(phone_command: Device, tmp_path: Path) -> None:
    live, gone = ({"id": id, "name": name, "details": {}} for id, name in ((ADA, "Ada"), (BO, "Bo")))
    (tmp_path / "live.zip").write_bytes(archive_of([live]))
    (tmp_path / "trash.zip").write_bytes(archive_of([], [live, gone]))
    phone_command("import", str(tmp_path / "live.zip"))
    done = phone_command("import", str(tmp_path / "trash.zip"), "--json").json
    assert (done["trashed"], done["already_here"]) == (1, 1)
    assert [contact["name"] for contact in said(phone_command)] == ["Ada"]


def test_a_file_with_a_table_of_its_own_called_labels_takes_the_rest(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection:
        connection.execute("CREATE TABLE labels (x)")
    device = made(tmp_path, "own.db")
    (tmp_path / "book.zip").write_bytes(archive_of([{"id": ADA, "name": "Ada"}], labels=[{"id": BO, "name": "Club"}]))
    answer = device("import", str(tmp_path / "book.zip"))
    assert (answer.code, answer.out.splitlines()[0]) == (1, "Added 1 contact.")
    assert "called labels" in answer.out
    assert device("export", str(tmp_path / "again.zip"), "--format", "zip").code == 0


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (zip_of({"contacts.jsonl": b"\0" * 9_000_000}), "more than 20 times"),
        (archive_of()[:-9], "cut off"),
        (zip_of({"../x": b""}), "no export of a book"),
    ],
)
def test_a_hostile_zip_is_refused_in_a_sentence(
    phone_command: Device, tmp_path: Path, data: bytes, sentence: str
) -> None:
    (tmp_path / "bad.zip").write_bytes(data)
    answer = phone_command("import", str(tmp_path / "bad.zip"))
    assert answer.code == 1
    assert sentence in answer.err
    assert phone_command("import", "-", typed=data).err == answer.err


@pytest.mark.parametrize("words", [("--label", "Friends"), ("--spreadsheet",)])
def test_a_zip_is_all_or_nothing(phone_command: Device, words: tuple[str, ...]) -> None:
    answer = phone_command("export", "x.zip", "--format", "zip", *words)
    assert (answer.code, "A zip is all that is here" in answer.err) == (2, True)


def test_a_zip_is_written_whole_or_not_at_all(
    phone_command: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_a_part(source: Any, write: Any, moment: Any) -> None:
        write(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archive, "write_archive", write_a_part)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "book.zip").write_bytes(b"before")
    answer = phone_command("export", str(folder / "book.zip"), "--format", "zip")
    assert (answer.code, answer.err) == (1, f"offbook: {folder / 'book.zip'}: No space left on device.\n")
    assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [("book.zip", b"before")]
    answer = phone_command("export", str(phone_command.file), "--format", "zip")
    assert (answer.code, "is the book itself" in answer.err) == (2, True)


@pytest.mark.large
@pytest.mark.skipif(not FILE.exists(), reason="the file of 537 real contacts is not beside this repository")
def test_real_contacts_come_back_whole(laptop_command: Device, phone_command: Device, tmp_path: Path) -> None:
    laptop_command("import", str(FILE))
    laptop_command("export", str(tmp_path / "book.zip"), "--format", "zip")
    assert phone_command("import", str(tmp_path / "book.zip"), "--json").json["added"] == 537
    assert phone_command("export").out == laptop_command("export").out
