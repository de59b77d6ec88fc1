"""A Google file in and out through the pages."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from app import App
from offbook.formats import google_csv
from services.sync import push
from tests.support.browser import Browser, csrf_of, parts_of

FILE = Path(__file__).parents[4] / "shared" / "data" / "legislators-google.csv"
SMALL = "First Name,Last Name,Phone 1 - Label,Phone 1 - Value,Notes\nAda,King,Home,555-1,engines\nGrace,Hopper,,,\n"


def upload(browser: Browser, content: bytes | str, name: str = "contacts.csv") -> TestResponse:
    data = content.encode() if isinstance(content, str) else content
    token = csrf_of(browser.get("/import").text)
    return browser.client.post("/import", data={"csrf_token": token, "file": (io.BytesIO(data), name)})


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
    commits: list[int] = []
    monkeypatch.setattr(parts_of(app).store, "on_commit", lambda book_id, seq: commits.append(seq))
    monkeypatch.setattr(push, "WHOLE_SIZE", 500)
    monkeypatch.setattr(push, "PORTION_SIZE", 200)
    rows = "".join(f"Ada {number},,Home,555-{number},\n" for number in range(60))
    assert numbers(upload(ada, SMALL + rows)) == {"Added": "62", "Already there": "0", "Problems": "0"}
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
        (b"", "not a file of Google Contacts"),
        (b"\x89PNG\r\n", "not UTF-8 text"),
        (b"a,b\n1,2\n", "not a file of Google Contacts"),
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


def test_an_export_can_be_imported_and_says_the_same(app: App, ada: Browser) -> None:
    upload(ada, SMALL)
    answer = ada.get("/export.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    assert [one["name"] for one in google_csv.read(answer.text).contacts] == ["Ada King", "Grace Hopper"]
    assert numbers(upload(ada, answer.text))["Already there"] == "2"


@pytest.mark.skipif(not FILE.exists(), reason="the file of 537 real contacts is not beside this repository")
def test_a_real_file_arrives_whole(app: App, ada: Browser) -> None:
    assert numbers(upload(ada, FILE.read_bytes()))["Added"] == "537"
    read = {one["id"]: one for one in google_csv.read(FILE.read_text()).contacts}
    again = {one["id"]: one for one in google_csv.read(ada.get("/export.csv").text).contacts}
    assert again == read
