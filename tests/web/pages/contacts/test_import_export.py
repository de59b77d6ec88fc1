"""A Google file in and out through the pages."""

from __future__ import annotations

import hashlib
import html
import io
import os
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from app import App
from storage.imports.jobs import ImportJobs
from storage.values.imports import UNDOES, ImportJob, JobState
from tests.support import google_files
from tests.support.api_client import Caller
from tests.support.browser import Browser, add_device, add_user, csrf_of, parts_of, signed_in
from tests.support.import_jobs import DIGEST, begin_job
from tests.support.pictures import picture
from tests.support.polling import wait_until

FILE = Path(__file__).parents[5] / "shared" / "data" / "legislators-google.csv"
SMALL = "First Name,Last Name,Phone 1 - Label,Phone 1 - Value,Notes\nAda,King,Home,555-1,engines\nGrace,Hopper,,,\n"


def look_at(browser: Browser, content: bytes | str, name: str = "contacts.csv") -> TestResponse:
    data = content.encode() if isinstance(content, str) else content
    token = csrf_of(browser.get("/import").text)
    return browser.client.post("/import", data={"csrf_token": token, "file": (io.BytesIO(data), name)})


def upload(browser: Browser, content: bytes | str, name: str = "contacts.csv", **choices: str) -> TestResponse:
    """Look at a file and take it: the page of what came of it, or the one that refuses it."""
    page = look_at(browser, content, name)
    if page.status_code != 200:
        return page
    answer = browser.client.post("/import/confirm", data=hidden_fields(page) | choices)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/import/progress")
    wait_until(lambda: "import-progress" not in browser.get("/import/progress").text)
    return browser.get("/import/progress")


def hidden_fields(page: TestResponse) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in fields}


def numbers(page: TestResponse) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.text))


def contacts(app: App) -> list[str]:
    book = parts_of(app).accounts.user_named("ada").book_id
    return [row.name for row in parts_of(app).contacts.page(book).rows]


def test_a_file_is_added_once_however_often_it_comes(app: App, ada: Browser) -> None:
    assert numbers(upload(ada, SMALL)) == {"Added": "2", "Already there": "0", "Problems": "0"}
    assert numbers(upload(ada, SMALL)) == {"Added": "0", "Already there": "2", "Problems": "0"}
    assert contacts(app) == ["Ada King", "Grace Hopper"]


def test_a_large_file_is_added_in_turns_with_others(app: App, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first transaction is a small one, and no later one has more than twice as many contacts as that before it."""
    commits: list[int] = []
    monkeypatch.setattr(parts_of(app).store, "on_commit", lambda book_id, seq: commits.append(seq))
    rows = "".join(f"Ada {number},,Home,555-{number},\n" for number in range(160))
    assert numbers(upload(ada, SMALL + rows)) == {"Added": "162", "Already there": "0", "Problems": "0"}
    assert len(commits) > 2


def test_an_import_leaves_edits_and_deletions_alone(app: App, ada: Browser) -> None:
    upload(ada, SMALL)
    book = parts_of(app).accounts.user_named("ada").book_id
    first, second = (row.id for row in parts_of(app).contacts.page(book).rows)
    ada.post(f"/c/{first}/delete", f"/c/{first}", change_id="0f8fad5b-d9cb-469f-a165-70867728950e")
    ada.post(f"/c/{second}/star", f"/c/{second}", starred="1")
    page = upload(ada, SMALL)
    assert numbers(page) == {"Added": "0", "Already there": "1", "In the trash": "1", "Problems": "0"}
    assert contacts(app) == ["Grace Hopper"]


def test_rows_that_cannot_be_taken_are_named_and_the_others_come(app: App, ada: Browser) -> None:
    page = upload(ada, SMALL + "Too,Long,,," + "x" * 20_001 + "\n")
    assert numbers(page) == {"Added": "2", "Already there": "0", "Problems": "1"}
    assert "Row 4:" in page.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "There is nothing in this file."),
        (b"\x89PNG\r\n", "no file of contacts that offbook knows"),
        (b"a b\n1,2\n", "no file of contacts that offbook knows"),
        (b"First Name,Phone 1 - Value\n", "There is no contact in this file."),
        (b"<!doctype html><title>Sign in</title>", "This is a web page"),
        (b"PK\x03\x04...", "This is a zip"),
        (b"BEGIN:VCARD\nFN:Ada\n", "cut off in its last card"),
        (b'First Name,Phone 1 - Value\n"Ada"x,1\n', "can&#39;t be read near line"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_words(ada: Browser, content: bytes, words: str) -> None:
    page = upload(ada, content)
    assert page.status_code == 422
    assert words in page.text


@pytest.mark.parametrize(
    "end", [b"Bo", b'"Bo,1,,,\n', b"Zo\xc3", b",,"], ids=["cells are missing", "a quote", "a character", "empty cells"]
)
def test_a_file_that_was_cut_off_adds_nothing(app: App, ada: Browser, end: bytes) -> None:
    page = upload(ada, SMALL.encode() + end)
    assert page.status_code == 422
    assert "cut off" in page.text
    assert "Nothing of it was taken" in page.text
    assert contacts(app) == []


def test_no_file_at_all_is_refused_in_words(ada: Browser) -> None:
    page = ada.post("/import")
    assert page.status_code == 422
    assert "Choose a file first." in page.text


@pytest.mark.engines("sqlite")
def test_a_file_for_a_spreadsheet_executes_nothing_and_the_page_tells_it_from_the_other(ada: Browser) -> None:
    upload(ada, SMALL.replace("engines", "=1+1"))
    (link,) = re.findall(r'href="(/export.csv\?spreadsheet=1)"', ada.get("/import").text)
    answer = ada.get(link)
    assert "'=1+1" in answer.text
    assert "contacts-to-look-at.csv" in answer.headers["Content-Disposition"]
    assert "'=1+1" not in ada.get("/export.csv").text
    assert ada.get("/export.csv?spreadsheet=1&format=vcard4").status_code == 302


def test_an_export_can_be_imported_and_says_the_same(app: App, ada: Browser) -> None:
    upload(ada, SMALL)
    answer = ada.get("/export.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    assert [one["name"] for one in google_files.read(answer.text).contacts] == ["Ada King", "Grace Hopper"]
    assert numbers(upload(ada, answer.text))["Already there"] == "2"


@pytest.mark.large
@pytest.mark.skipif(not FILE.exists(), reason="the file of 537 real contacts is not beside this repository")
def test_a_real_file_arrives_whole(app: App, ada: Browser) -> None:
    assert numbers(upload(ada, FILE.read_bytes()))["Added"] == "537"
    read = {one["id"]: one for one in google_files.read(FILE.read_text()).contacts}
    again = {one["id"]: one for one in google_files.read(ada.get("/export.csv").text).contacts}
    assert again == read


CARDS = """BEGIN:VCARD
VERSION:3.0
UID:ada
FN:Ada King
N:King;Ada;;;
EMAIL;TYPE=HOME:ada@x.example
CATEGORIES:Friends
END:VCARD
BEGIN:VCARD
VERSION:3.0
FN:Grace Hopper
TEL;TYPE=CELL:+1 555 0100 200
END:VCARD
"""


@pytest.fixture
def bob(app: App) -> Browser:
    """Another person, of another book."""
    add_user(app, "bob")
    return signed_in(app, "bob")


def test_a_look_at_a_file_writes_nothing_and_says_what_would_come_of_it(app: App, ada: Browser) -> None:
    page = look_at(ada, CARDS, "contacts.vcf")
    assert numbers(page) == {"New": "2", "Already there": "0", "Problems": "0"}
    assert "Nothing is written yet." in page.text
    assert contacts(app) == []
    assert numbers(upload(ada, CARDS)) == {"Added": "2", "Already there": "0", "Problems": "0"}
    assert contacts(app) == ["Ada King", "Grace Hopper"]
    assert numbers(look_at(ada, CARDS)) == {"New": "0", "Already there": "2", "Problems": "0"}


@pytest.mark.engines("sqlite")
def test_a_label_that_can_be_none_is_told_beside_what_was_looked_at(app: App, ada: Browser) -> None:
    page = ada.client.post("/import/confirm", data=hidden_fields(look_at(ada, CARDS)) | {"label": "My Contacts"})
    assert page.status_code == 422
    assert "no such text names a label" in page.text
    assert numbers(page)["New"] == "2"
    assert contacts(app) == []


def test_an_import_is_undone_whole(app: App, ada: Browser) -> None:
    page = upload(ada, CARDS)
    (batch,) = re.findall(r'name="batch" value="([^"]+)"', page.text)
    assert ada.post("/import/undo", "/import", batch=batch).headers["Location"] == "/import/progress"
    wait_until(lambda: "The import was undone" in ada.get("/import/progress").text)
    assert contacts(app) == []
    assert ada.post("/import/undo", "/import", batch="0f8fad5b-d9cb-469f-a165-70867728950e").status_code == 404
    assert ada.post("/import/undo", "/import").status_code == 404


@pytest.mark.parametrize(
    ("choice", "report", "names"),
    [
        ("keep", {"Added": "1", "Already there": "0", "Doubtful": "1", "Problems": "0"}, ["Ada King", "Ada King"]),
        ("merge", {"Added": "0", "Changed": "1", "Already there": "0", "Doubtful": "1", "Problems": "0"}, ["Ada King"]),
        ("skip", {"Added": "0", "Already there": "0", "Doubtful": "1", "Problems": "0"}, ["Ada King"]),
    ],
)
def test_who_may_be_somebody_else_is_for_a_person_to_decide(
    app: App, ada: Browser, choice: str, report: dict[str, str], names: list[str]
) -> None:
    upload(ada, SMALL.splitlines()[0] + "\nAda,King,Home,555-1,notes\n")
    other = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada King\nORG:Engines\nEND:VCARD\n"
    page = upload(ada, other, on_duplicate=choice, label="Imported")
    assert numbers(page) == report
    assert contacts(app) == names
    export = ada.get("/export.csv").text
    assert ("Engines" in export, "Imported" in export) == (choice != "skip", choice != "skip")


def test_who_has_changed_gets_what_is_new_and_loses_nothing(app: App, ada: Browser) -> None:
    upload(ada, CARDS)
    newer = CARDS.replace("UID:ada\n", "").replace("N:King;Ada;;;\n", "ORG:Engines\nEMAIL;TYPE=WORK:work@x.example\n")
    assert numbers(upload(ada, newer)) == {"Added": "0", "Changed": "1", "Already there": "1", "Problems": "0"}
    export = ada.get("/export.csv").text
    assert all(text in export for text in ("Engines", "work@x.example", "ada@x.example", "Friends"))
    assert numbers(upload(ada, newer)) == {"Added": "0", "Already there": "2", "Problems": "0"}


def test_a_file_waits_for_a_day_for_its_owner_alone(app: App, ada: Browser, bob: Browser) -> None:
    page = look_at(ada, CARDS)
    user = parts_of(app).accounts.user_named("ada")
    with parts_of(app).store.reading(user.book_id) as reading:
        kept = parts_of(app).config.instance_path / "uploads" / f"{reading.book.uuid}-{user.id}.upload"
    assert kept.stat().st_mode & 0o777 == 0o600
    fields = hidden_fields(page)
    stolen = bob.post("/import/confirm", "/import", digest=fields["digest"])
    assert (stolen.status_code, "not kept any more" in stolen.text) == (422, True)
    os.utime(kept, (0, 0))
    late = ada.client.post("/import/confirm", data=fields)
    assert (late.status_code, contacts(app)) == (422, [])
    look_at(bob, CARDS)
    assert not kept.exists()


@pytest.mark.parametrize("format_name", ["vcard3", "vcard4"])
def test_cards_go_out_and_come_back(app: App, ada: Browser, bob: Browser, format_name: str) -> None:
    upload(ada, CARDS)
    answer = ada.get(f"/export.csv?format={format_name}")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts.vcf"'
    assert numbers(upload(ada, answer.text)) == {"Added": "0", "Already there": "2", "Problems": "0"}
    assert numbers(upload(bob, answer.text)) == {"Added": "2", "Already there": "0", "Problems": "0"}
    assert bob.get(f"/export.csv?format={format_name}").text == answer.text
    assert ada.get("/export.csv?format=none").status_code == 302
    assert ada.get("/export.csv?format=outlook").status_code == 302, "it is only read"


@pytest.mark.engines("sqlite")
@pytest.mark.skipif(not FILE.exists(), reason="the file of 537 real contacts is not beside this repository")
def test_real_contacts_by_way_of_cards_are_the_same_in_every_cell(ada: Browser, bob: Browser) -> None:
    upload(ada, FILE.read_bytes())
    cards = ada.get("/export.csv?format=vcard4").text
    assert numbers(upload(bob, cards, "all.vcf"))["Added"] == "537"
    assert bob.get("/export.csv").text == ada.get("/export.csv").text


def test_a_photo_comes_in_with_its_card_and_leaves_with_it(app: App, ada: Browser, bob: Browser) -> None:
    content = picture()
    sha256 = hashlib.sha256(content).hexdigest()
    photo = f"PHOTO:data:image/jpeg;base64,{b64encode(content).decode()}\n"
    card = f"BEGIN:VCARD\nVERSION:4.0\nFN:Ada King\n{photo}END:VCARD\n"
    assert numbers(upload(ada, card))["Problems"] == "0"
    book_id = parts_of(app).accounts.user_named("ada").book_id
    assert parts_of(app).blobs.bytes_of(book_id, sha256) == content
    cards = ada.get("/export.csv?format=vcard3").text
    assert numbers(upload(bob, cards))["Added"] == "1"
    assert bob.get("/export.csv?format=vcard3").text == cards
    broken = card.replace("Ada King", "Bo").replace(b64encode(content).decode(), b64encode(b"<svg></svg>").decode())
    page = upload(ada, broken)
    assert (numbers(page)["Added"], numbers(page)["Problems"]) == ("1", "1")


# --- beside requests -------------------------------------------------------------------------------------------------


@pytest.fixture
def going_on(app: App, ada: Browser) -> tuple[ImportJobs, ImportJob]:
    """An import of Ada's that another process carries out."""
    return begin_job(app, "ada", total=1500)


@pytest.mark.engines("sqlite")
def test_an_import_that_goes_on_shows_how_far_it_is_and_takes_no_other_file(
    ada: Browser, going_on: tuple[ImportJobs, ImportJob]
) -> None:
    jobs, job = going_on
    assert jobs.save(replace(job, done=1250))
    page = ada.get("/import/progress").text
    assert '<progress id="import-done" value="1250" max="1500">' in page
    assert "1,250 of 1,500 contacts" in page
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page, "without script it loads itself"
    assert ada.get("/import").headers["Location"] == "/import/progress"
    for path, fields in (
        ("/import", {}),
        ("/import/confirm", {"digest": DIGEST}),
        ("/import/undo", {"batch": job.batch}),
        ("/import/resume", {}),
    ):
        answer = ada.post(path, "/settings", **fields)
        assert (answer.status_code, "import" in answer.headers.get("Location", "/import")) in ((303, True), (422, True))
    assert jobs.get(job.user_id, job.book_id) == replace(job, done=1250)


@pytest.mark.engines("sqlite")
def test_an_import_whose_file_is_gone_says_where_it_stopped_and_is_undone(
    ada: Browser, going_on: tuple[ImportJobs, ImportJob]
) -> None:
    jobs, job = going_on
    assert jobs.save(replace(job, done=1250, seen_at=0, report={"format": "vcard4", "added": 1250}))
    wait_until(lambda: "import-stopped" in ada.get("/import/progress").text)
    page = ada.get("/import/progress")
    assert "1,250 of 1,500 contacts" in page.text
    assert "The file is not kept here any more" in page.text
    assert numbers(page)["Added"] == "1,250"
    assert "stopped" in ada.get("/import").text
    assert ada.post("/import/undo", "/settings", batch=job.batch).status_code == 404, "nothing of it is there"
    assert ada.post("/import/resume", "/settings").status_code == 303
    wait_until(lambda: "import-stopped" in ada.get("/import/progress").text)


@pytest.mark.engines("sqlite")
def test_what_came_of_an_import_is_there_until_it_is_undone(app: App, ada: Browser) -> None:
    assert ada.get("/import/progress").headers["Location"] == "/import"
    page = upload(ada, CARDS, "all.vcf")
    assert ada.get("/import/progress").text.count("all.vcf") == page.text.count("all.vcf") > 0
    assert "all.vcf" in ada.get("/import").text
    (batch,) = re.findall(r'name="batch" value="([^"]+)"', page.text)
    ada.post("/import/undo", "/import", batch=batch)
    wait_until(lambda: "The import was undone" in ada.get("/import/progress").text)
    assert "all.vcf</bdi></a>, undone" in ada.get("/import").text
    assert contacts(app) == []


@pytest.mark.engines("sqlite")
def test_an_undo_that_goes_on_shows_how_far_it_is_and_what_it_has_left(app: App, ada: Browser) -> None:
    jobs, job = begin_job(app, "ada", choices={UNDOES: DIGEST[:36]}, total=1500)
    assert jobs.save(replace(job, done=1250, report={"undone": 1249, "kept": 3, "records": 1}))
    page = ada.get("/import/progress").text
    assert "Undoing the import of <bdi>all.vcf</bdi>" in page
    assert '<progress id="import-done" value="1250" max="1500">' in page
    for path in ("/import", "/import/undo", "/import/resume"):
        fields = {"batch": DIGEST[:8] + "-0000-4000-8000-000000000000"} if path == "/import/undo" else {}
        assert ada.post(path, "/settings", **fields).headers["Location"] == "/import/progress"
    ended = replace(job, done=1500, report={"undone": 1499, "kept": 3, "records": 1}, state=JobState.DONE)
    assert jobs.save(ended)
    page = ada.get("/import/progress").text
    assert "1,499 contacts are as before. What was changed since stays: 3 values of 1 contact." in page


FROM_APPLE = """BEGIN:VCARD
VERSION:3.0
UID:ada
FN:Ada King
TEL;TYPE=VOICE;PID=1.1:+1 555 0100 200
item1.EMAIL;TYPE=INTERNET;LANGUAGE=de:ada@x.example
item1.X-FOO:a\\, b
item2.URL:https://x.example
item2.X-ABLabel:_$!<HomePage>!$_
GENDER:F
X-ABUID:5AD380FD-B2DE:ABPerson
END:VCARD
"""


@pytest.mark.engines("sqlite")
def test_a_label_of_an_earlier_import_reads_as_one_of_today(app: App, ada: Browser) -> None:
    laptop = Caller(app, add_device(app, "ada")[1])
    site = {"kind": "url", "value": "https://y.example", "label": "HomePage"}
    contact = laptop.add(website="https://x.example", website_label="HomePage", details={"k": site})
    shown = re.findall(r"<dt>([^<]+)</dt>", ada.get(f"/c/{contact['id']}").text)
    assert [label for label in shown if "Home" in label] == ["Home Page", "Home Page"]
    assert ada.get("/export.csv").text.count("Home Page") == 2
    assert laptop.get("/contacts/export", format="vcard4").text.count("_$!<HomePage>!$_") == 2
    kept = laptop.get("/contacts").get_json()["contacts"][0]
    assert (kept["website_label"], kept["details"]["k"]["label"]) == ("HomePage", "HomePage")
    assert 'value="HomePage"' in ada.get(f"/c/{contact['id']}/edit").text, "nobody's label is written by another's edit"


@pytest.mark.engines("sqlite")
def test_what_only_programs_read_of_a_card_is_shown_to_nobody_and_leaves_with_it(app: App, ada: Browser) -> None:
    upload(ada, FROM_APPLE)
    book_id = parts_of(app).accounts.user_named("ada").book_id
    (row,) = parts_of(app).contacts.page(book_id).rows
    pages = [ada.get(f"/c/{row.id}{page}").text for page in ("", "/history")]
    form = re.sub(r'<input type="hidden"[^>]*>', "", ada.get(f"/c/{row.id}/edit").text)
    for page in (*pages, form):
        assert not [text for text in ("@GROUP", "item1", "ABPerson", "[[", "PID", "HomePage") if text in page]
    for page in (pages[0], form):
        assert [text in page for text in ("Home Page", "Gender", "a, b")] == [True] * 3
    assert "language de" in pages[1]
    card = ada.get("/export.csv?format=vcard3").text
    assert [text in card for text in ("item1.X-FOO", "PID=1.1", "_$!<HomePage>!$_", "X-ABUID")] == [True] * 4
    ada.post(f"/c/{row.id}/edit", f"/c/{row.id}/edit")
    assert ada.get("/export.csv?format=vcard3").text == card
