"""A whole book as a zip, out of the API and the page."""

from __future__ import annotations

import errno
import io
import json
import os
import threading
import zipfile
from typing import Any

import pytest

from offbook.core.pictures import sha256_of
from offbook.formats.archive.writing import write_archive
from services.contacts import archiving
from services.sync.pull import pull
from storage.base import PageSize
from tests.formats.archive.zips import read_archive
from tests.support.api_client import Caller
from tests.support.browser import Browser, bearer, parts_of, signed_in
from tests.support.pictures import picture

RED, BLUE = picture(), picture("PNG", color="blue")


def put(device: Caller, content: bytes) -> str:
    device.ask("PUT", f"/blobs/{sha256_of(content)}", data=content)
    return sha256_of(content)


def zip_of(device: Caller) -> bytes:
    answer = device.get("/contacts/export", format="zip")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip"), answer.text
    data: bytes = answer.data
    return data


def lines(data: bytes, name: str) -> list[Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as zip_:
        return [json.loads(line) for line in zip_.read(name).splitlines()]


def test_a_zip_has_all_of_a_book(laptop: Caller) -> None:
    details = {"k": {"kind": "group", "value": "Friends"}}
    ada = laptop.add(name="Ada", details=details, photo=put(laptop, RED))
    bo = laptop.add(name="Bo", photo=put(laptop, BLUE))
    laptop.ask("PATCH", f"/contacts/{ada['id']}", json={"phone": "1"})
    laptop.ask("DELETE", f"/contacts/{bo['id']}")
    laptop.ask("POST", "/labels", json={"name": "Nobody's"})
    data = zip_of(laptop)
    (contact,), (deleted,) = lines(data, "contacts.jsonl"), lines(data, "trash.jsonl")
    assert (contact["id"], contact["phone"], contact["details"]) == (ada["id"], "1", details)
    assert (deleted["id"], deleted["name"], deleted["photo"]) == (bo["id"], "Bo", sha256_of(BLUE))
    assert {label["name"] for label in lines(data, "labels.jsonl")} == {"Friends", "Nobody's"}
    history = [(entry["table"], entry["record_id"], entry["operation"]) for entry in lines(data, "history.jsonl")]
    contacts = [(id, operation) for table, id, operation in history if table == "contacts"]
    assert contacts == [(ada["id"], "INSERT"), (bo["id"], "INSERT"), (ada["id"], "UPDATE"), (bo["id"], "DELETE")]
    assert dict(read_archive(data).photos) == {sha256_of(RED): RED, sha256_of(BLUE): BLUE}
    with zipfile.ZipFile(io.BytesIO(data)) as zip_:
        assert b"FN:Ada" in zip_.read("contacts.vcf")
        assert b"Ada" in zip_.read("contacts.csv")
        assert f"photos/{sha256_of(BLUE)}.png" in zip_.namelist()


def test_an_empty_book_is_a_zip_as_well(laptop: Caller) -> None:
    archive = read_archive(zip_of(laptop))
    assert (archive.contacts, archive.trash, archive.labels, archive.problems) == ([], [], [], [])


def test_a_label_is_no_part_of_a_zip(laptop: Caller) -> None:
    answer = laptop.get("/contacts/export", format="zip", label="Friends")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_choice")


@pytest.mark.engines("sqlite")
def test_the_page_gives_the_same_as_a_download(laptop: Caller) -> None:
    laptop.add(name="Ada")
    page: Browser = signed_in(laptop.app, "ada")
    assert "/export.csv?format=zip" in page.get("/import").text
    answer = page.get("/export.csv?format=zip")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="contacts-2')
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert lines(answer.data, "contacts.jsonl") == lines(zip_of(laptop), "contacts.jsonl")


@pytest.mark.engines("sqlite")
def test_the_head_of_a_zip_has_its_length_and_no_body(laptop: Caller) -> None:
    answer = laptop.client.head("/contacts/export?format=zip", headers=bearer(laptop.token))
    assert (answer.status_code, answer.data) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 500


@pytest.mark.engines("sqlite")
def test_a_full_disk_is_told(laptop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_to_a_full_disk(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archiving, "write_archive", write_to_a_full_disk)
    answer = laptop.get("/contacts/export", format="zip")
    assert (answer.status_code, answer.get_json()["code"]) == (507, "disk_full")
    page = signed_in(laptop.app, "ada").get("/export.csv?format=zip")
    assert (page.status_code, "no room" in page.text) == (507, True)


@pytest.mark.engines("sqlite")
def test_what_changes_while_a_zip_is_written_is_in_it_once(laptop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two pages, one contact is edited, one deleted, one comes back from the trash: none is missing."""
    ids = {name: laptop.add(name=name)["id"] for name in ("Ada", "Bo", "Cy", "Di")}
    laptop.ask("DELETE", f"/contacts/{ids['Di']}")
    monkeypatch.setattr(archiving, "ROWS_AT_ONCE", PageSize(1))
    steps = iter(range(99))

    def pull_while_others_write(*args: Any) -> Any:
        page = pull(*args)
        step = next(steps)
        if step == 0:
            laptop.ask("PATCH", f"/contacts/{ids['Cy']}", json={"phone": "1"})
            laptop.ask("DELETE", f"/contacts/{ids['Ada']}")
        return page

    def trash_while_others_write(queries: Any, book_id: int, *args: Any) -> Any:
        page = trash(queries, book_id, *args)
        entry = laptop.get(f"/history/{ids['Di']}").get_json()["changes"][0]
        laptop.ask("POST", f"/history/{entry['id']}/restore", json={})
        return page

    queries = type(parts_of(laptop.app).contacts)
    trash = queries.trash
    monkeypatch.setattr(archiving, "pull", pull_while_others_write)
    monkeypatch.setattr(queries, "trash", trash_while_others_write)
    data = zip_of(laptop)
    live = {row["name"]: row.get("phone") for row in lines(data, "contacts.jsonl")}
    assert live == {"Ada": None, "Bo": None, "Cy": "1", "Di": None}
    assert lines(data, "trash.jsonl") == []


@pytest.mark.engines("sqlite")
def test_a_zip_waits_for_nobody_who_writes(laptop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """While photos are read and the zip is written, no transaction is open."""
    put(laptop, RED)
    laptop.add(name="Ada")
    written = threading.Event()

    def write() -> None:
        laptop.add(name="Bo")
        written.set()

    def write_while_others_write(*args: Any) -> None:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(10)
        write_archive(*args)

    monkeypatch.setattr(archiving, "write_archive", write_while_others_write)
    assert [row["name"] for row in lines(zip_of(laptop), "contacts.jsonl")] == ["Ada"]
    assert written.is_set()
