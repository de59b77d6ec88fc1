"""A whole book as a zip, into the API and the page: what left comes back."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from offbook.contacts.importing import ImportReport
from offbook.core.pictures import sha256_of
from offbook.formats.archive.writing import Photo
from services.contacts import import_run, importing
from storage.base import ChangeOrigin
from tests.formats.archive.zips import ADA, BO, archive_of, zip_of
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, csrf_of, parts_of, signed_in
from tests.support.pictures import picture
from tests.support.polling import wait_until

pytestmark = pytest.mark.engines("sqlite")  # what is written are ordinary changes

FILE = Path(__file__).parents[4] / "shared" / "data" / "legislators-google.csv"
RED, BLUE = picture(), picture("PNG", color="blue")
LABEL = "11111111-1111-4111-8111-111111111111"


def put(device: Caller, content: bytes) -> str:
    device.ask("PUT", f"/blobs/{sha256_of(content)}", data=content)
    return sha256_of(content)


def post(device: Caller, data: bytes, **query: str) -> Any:
    answer = device.ask("POST", "/contacts/import", query_string=query, data=data)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def said(contact: dict[str, Any]) -> dict[str, Any]:
    """What a contact says, without what its server says of it."""
    return {name: value for name, value in contact.items() if name not in ("created_at", "updated_at", "seq")}


def book_of(device: Named) -> dict[str, Any]:
    """All that a book shows: contacts, labels, its trash, and which photos it has."""
    parts = parts_of(device.app)
    who = device.get("/labels").get_json()["labels"]
    contacts = [said(contact) for contact in device.get("/contacts").get_json()["contacts"]]
    book_id = next(user.book_id for user in parts.accounts.users() if user.name == device.name)
    trash: dict[str, Any] = {}
    for row in parts.contacts.trash(book_id).rows:
        record = parts.contacts.get(book_id, row.id)
        assert record is not None
        trash[row.id] = {name: value for name, value in record.cells.items() if value not in (None, False)}
    labels = {label["id"]: (label["name"], label.get("contacts")) for label in who}
    return {"contacts": contacts, "trash": trash, "labels": labels, "photos": sorted(parts.blobs.heads(book_id))}


class Named(Caller):
    """A device of a user, who has a book."""

    def __init__(self, device: Caller, name: str) -> None:
        super().__init__(device.app, device.token)
        self.name = name


@pytest.fixture
def eve(laptop: Caller) -> Named:
    return Named(caller(laptop.app, "eve"), "eve")


@pytest.fixture
def full(laptop: Caller) -> Named:
    """A book that has something of everything."""
    group = {"kind": "group", "value": "Friends"}
    address = {"kind": "address", "label": "Home", "street": "12 St James's Sq", "city": "London", "value": "x"}
    card = {"kind": "property", "label": "X-FOO", "value": "a\\nb", "params": '[["X",["1"]]]'}
    whole = {"k1": group, "k2": address, "k3": card, "k4": {"kind": "phone", "value": "2", "pref": True, "position": 1}}
    ada = laptop.add(name="Dr. Ada King", phone="1", starred=True, photo=put(laptop, RED), details=whole)
    bo = laptop.add(name="Bo", notes="x" * 20_000, photo=put(laptop, BLUE), details={"k": {**group, "value": "Old"}})
    laptop.add(name="Cy", birthday="--12-10", uid="cy@x.example", kind="organization")
    laptop.ask("PATCH", f"/contacts/{ada['id']}", json={"details": {"k4": None}, "phone": "3"})
    laptop.ask("DELETE", f"/contacts/{bo['id']}")
    for label in laptop.get("/labels").get_json()["labels"]:
        if label["name"] == "Old":
            laptop.ask("DELETE", f"/labels/{label['id']}")
    laptop.ask("POST", "/labels", json={"name": "Nobody's"})
    return Named(laptop, "ada")


def test_a_book_comes_back_whole_in_an_empty_one(full: Named, eve: Named) -> None:
    data = full.get("/contacts/export", format="zip").data
    rehearsed = post(eve, data, dry_run="1")
    done = post(eve, data)
    assert rehearsed == done | {"batch": None}
    assert (done["format"], done["added"], done["trashed"], done["labels"]) == ("zip", 2, 1, 2)
    assert done["problems"] == []
    assert book_of(eve) == book_of(full)
    assert len(book_of(eve)["trash"]) == 1
    again = eve.get("/contacts/export", format="zip").data
    assert post(full, again) | {"batch": None} == post(full, data)


def test_the_same_zip_twice_adds_nothing(full: Named, eve: Named) -> None:
    data = full.get("/contacts/export", format="zip").data
    post(eve, data)
    before, seq = book_of(eve), eve.get("/batches").get_json()
    again = post(eve, data)
    assert (again["added"], again["changed"], again["trashed"], again["labels"], again["batch"]) == (0, 0, 0, 0, None)
    assert (again["already_here"], again["deleted_before"]) == (2, 1)
    assert (book_of(eve), eve.get("/batches").get_json()) == (before, seq)


def test_one_undo_takes_a_book_back(full: Named, eve: Named) -> None:
    done = post(eve, full.get("/contacts/export", format="zip").data)
    answer = eve.ask("POST", f"/batches/{done['batch']}/undo").get_json()
    assert answer["kept"] == []
    assert eve.get("/contacts").get_json()["contacts"] == []
    assert eve.get("/labels").get_json()["labels"] == []
    assert len(book_of(eve)["trash"]) == 3
    again = post(eve, full.get("/contacts/export", format="zip").data)
    assert (again["added"], again["labels"], again["trashed"], again["deleted_before"]) == (2, 2, 0, 1)
    assert book_of(eve) == book_of(full)


def test_what_was_deleted_here_stays_so_and_what_is_here_is_not_deleted(laptop: Caller) -> None:
    laptop.synced(*[
        {"id": id, "table": "contacts", "record_id": id, "operation": "INSERT", "timestamp": "2026-11-18T17:06:40.000Z",
         "data": {"name": name}}
        for id, name in ((ADA, "Ada"), (BO, "Bo"))
    ])  # fmt: skip
    laptop.ask("DELETE", f"/contacts/{BO}")
    done = post(laptop, archive_of([{"id": BO, "name": "Bo", "details": {}}], [{"id": ADA, "name": "Ada"}]))
    assert (done["added"], done["trashed"], done["already_here"], done["deleted_before"]) == (0, 0, 1, 1)
    assert [contact["name"] for contact in laptop.get("/contacts").get_json()["contacts"]] == ["Ada"]


def test_an_import_that_was_cut_off_goes_on_with_the_rest(
    full: Named, eve: Named, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server does that finds the job of one that was killed: the file is read once more."""
    monkeypatch.setattr(importing, "STEPS_AT_ONCE", 1)
    file = io.BytesIO(full.get("/contacts/export", format="zip").data)
    parts, batch = parts_of(eve.app), ADA
    user = parts.accounts.user_named("eve")

    def run(done: int) -> ImportReport:
        read = importing.read_file(parts.store, parts.contacts, user.book_id, file, batch=batch)
        assert read.total == total
        origin, report = ChangeOrigin(user_id=user.id), read.new_report()
        run = import_run.ImportRun(parts.store, parts.blobs, user.book_id, origin, report, batch, parts.clock())
        run.carry_out(next(read.portions(start=done)))
        return report

    total = importing.read_file(parts.store, parts.contacts, user.book_id, file).total
    for done in range(total):
        report = run(done)
        assert report.added + (report.trashed or 0) + (report.labels or 0) == 1
    assert book_of(eve) == book_of(full)


@pytest.mark.large
@pytest.mark.skipif(not FILE.exists(), reason="the shared contacts are not there")
def test_real_contacts_come_back_whole(laptop: Caller, eve: Named) -> None:
    post(laptop, FILE.read_bytes())
    first = laptop.get("/contacts/export").data
    data = laptop.get("/contacts/export", format="zip").data
    assert post(eve, data)["added"] == 537
    assert eve.get("/contacts/export").data == first


def test_labels_are_known_by_name_and_by_id(laptop: Caller) -> None:
    laptop.ask("POST", "/labels", json={"name": "friends"})
    labels = [{"id": LABEL, "name": "Friends"}, {"id": ADA, "name": " Club "}, {"id": BO, "name": "My Contacts"}]
    assert post(laptop, archive_of(labels=labels))["labels"] == 1
    assert [label["name"] for label in laptop.get("/labels").get_json()["labels"]] == ["Club", "friends"]
    laptop.ask("PATCH", f"/labels/{ADA}", json={"name": "Circle"})
    assert post(laptop, archive_of(labels=labels))["labels"] == 0


def test_a_thumbnail_stands_in_for_a_photo_that_nobody_has(laptop: Caller, eve: Named) -> None:
    contact = {"id": ADA, "name": "Ada", "photo": sha256_of(RED), "details": {}}
    small = picture("JPEG", 2, 2)
    data = archive_of([contact], photos=[Photo(sha256_of(RED), "image/jpeg", small, is_thumbnail=True)])
    assert post(eve, data)["problems"] == []
    assert eve.get(f"/contacts/{ADA}").get_json()["photo"] == sha256_of(small)
    assert eve.get(f"/blobs/{sha256_of(small)}").data == small
    put(laptop, RED)
    post(laptop, data)
    assert laptop.get(f"/contacts/{ADA}").get_json()["photo"] == sha256_of(RED)


def test_a_photo_that_is_none_is_told_and_its_contact_is_taken(laptop: Caller) -> None:
    contacts = [{"id": id, "name": name, "photo": sha, "details": {}} for id, name, sha in (
        (ADA, "Ada", sha256_of(b"<svg/>")), (BO, "Bo", sha256_of(RED)))]  # fmt: skip
    photos = [Photo(sha256_of(b"<svg/>"), "image/png", b"<svg/>"), Photo(sha256_of(RED), "image/jpeg", RED)]
    done = post(laptop, archive_of(contacts, photos=photos).replace(RED, RED[:-1] + b"!", 1))
    assert done["added"] == 2
    assert [(problem["column"], problem["code"]) for problem in done["problems"]] == [
        ("PHOTO", "bad_picture"),
        ("PHOTO", "not_importable"),
    ]
    assert laptop.get(f"/contacts/{BO}").get_json()["photo"] is None


def test_a_hostile_zip_writes_nothing(laptop: Caller) -> None:
    for data in (zip_of({"contacts.jsonl": b"\0" * 9_000_000}), zip_of({"../x": b""}), archive_of()[:-9]):
        answer = laptop.ask("POST", "/contacts/import", data=data)
        assert (answer.status_code, answer.get_json()["code"]) in ((400, "not_importable"), (400, "cut_off"))


def test_the_page_shows_a_zip_before_it_is_taken_and_undoes_it(full: Named, eve: Named) -> None:
    data = full.get("/contacts/export", format="zip").data
    page: Browser = signed_in(full.app, "eve")
    token = csrf_of(page.get("/import").text)
    shown = page.client.post("/import", data={"csrf_token": token, "file": (io.BytesIO(data), "book.zip")})
    assert "<dt>Into the trash</dt><dd>1</dd>" in shown.text
    assert "<dt>New labels</dt><dd>2</dd>" in shown.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    page.client.post("/import/confirm", data=fields)
    wait_until(lambda: "import-progress" not in page.get("/import/progress").text)
    done = page.get("/import/progress")
    assert "<dt>Into the trash</dt><dd>1</dd>" in done.text
    assert book_of(eve) == book_of(full)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', done.text))
    assert page.client.post("/import/undo", data=fields).status_code == 303
    wait_until(lambda: "The import was undone" in page.get("/import/progress").text)
    assert book_of(eve)["contacts"] == []
