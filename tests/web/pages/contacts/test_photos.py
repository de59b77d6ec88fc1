"""Photos on the pages of contacts, as a person without scripts chooses, sees and removes them."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from offbook.core.pictures import sha256_of
from tests.support.api_client import caller
from tests.support.browser import Browser
from tests.support.html_forms import Fields, form_at
from tests.support.pictures import named, opened, picture
from tests.support.sql_spy import hearing

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

IMAGE = re.compile(r'<img[^>]* src="(/blobs/[^"]+)" ([^>]*)>')
RED, BLUE = picture(color="red", width=900, height=600), picture(color="blue")


def form_of(ada: Browser, path: str) -> Fields:
    return form_at(ada.get(path).text, path)


def send(ada: Browser, path: str, fields: Fields, photo: bytes | None = None, **more: Any) -> TestResponse:
    """As a browser sends a form with a file."""
    file = {} if photo is None else {"photo_file": (io.BytesIO(photo), "photo.jpg")}
    data = {**fields, **file, **more}
    return ada.client.post(path, data=data, content_type="multipart/form-data", follow_redirects=True)


def add(ada: Browser, photo: bytes | None = None) -> str:
    """A contact of this photo; its address."""
    form = form_of(ada, "/c/new") | {"name": ["Ada Lovelace"]}
    answer = send(ada, "/c/new", form, photo)
    assert answer.status_code == 200, answer.text
    return f"/c/{form['change_id'][0]}"


def images(page: str) -> list[tuple[str, str]]:
    return IMAGE.findall(page.replace("&amp;", "&"))


def test_a_photo_is_chosen_with_a_new_contact_and_shown_on_its_page_and_in_the_list(ada: Browser) -> None:
    contact = add(ada, RED)
    address, _ = named(RED)
    in_list, large = images(ada.get(contact).text)
    assert in_list == (f"{address}?size=96", 'width="32" height="32" alt="" loading="lazy"')
    assert large == (f"{address}?size=720", 'width="144" height="144" alt="" loading="lazy"')
    assert [opened(ada.get(source).data).size for source, _ in (in_list, large)] == [(96, 96), (720, 480)]
    assert images(ada.get("/").text) == [in_list]


def test_no_photo_travels_in_a_page(ada: Browser) -> None:
    add(ada)
    add(ada, RED)
    assert len(images(ada.get("/").text)) == 1
    assert "data:image" not in ada.get("/").text


def test_another_photo_takes_the_place_of_the_first_and_is_removed(ada: Browser, app: App) -> None:
    contact = add(ada, RED)
    edit = f"{contact}/edit"
    send(ada, edit, form_of(ada, edit), BLUE)
    assert images(ada.get(contact).text)[1][0] == f"{named(BLUE)[0]}?size=720"
    send(ada, edit, form_of(ada, edit))
    assert images(ada.get(contact).text)[1][0] == f"{named(BLUE)[0]}?size=720", "it stays without being sent again"
    send(ada, edit, form_of(ada, edit), photo_remove="1")
    assert images(ada.get(contact).text) == []
    entries = caller(app, "ada").get(f"/history/{contact.removeprefix('/c/')}").get_json()["changes"]
    assert [entry["data"]["photo"] for entry in entries] == [None, sha256_of(BLUE), sha256_of(RED)]


def test_a_photo_that_was_chosen_is_still_there_when_the_form_is_shown_again(ada: Browser) -> None:
    contact = add(ada)
    edit = f"{contact}/edit"
    form = form_of(ada, edit)
    again = send(ada, edit, form, RED, add="phone")
    assert again.status_code == 200
    kept = form_at(again.text, edit)
    assert kept["photo"] == [sha256_of(RED)]
    send(ada, edit, kept)
    assert images(ada.get(contact).text)[1][0].startswith(named(RED)[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg/>", "A photo must be a JPEG, PNG, WebP or GIF."),
        (b"\0\0\0\x18ftypheic", "save the photo as JPEG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\1\0\0" * 2, "at most 50 million pixels"),
    ],
    ids=["svg", "heic", "pixels"],
)
def test_what_is_no_photo_is_told_beside_the_field_with_all_that_was_typed(
    ada: Browser, content: bytes, words: str
) -> None:
    contact = add(ada, BLUE)
    edit = f"{contact}/edit"
    answer = send(ada, edit, form_of(ada, edit) | {"notes": ["typed"]}, content)
    assert answer.status_code == 422
    assert words in answer.text.replace("&#39;", "'")
    assert form_at(answer.text, edit)["notes"] == ["typed"]
    assert form_at(answer.text, edit)["photo"] == [sha256_of(BLUE)]


def test_a_form_that_knows_no_photos_leaves_the_one_that_is_there(ada: Browser) -> None:
    """It was opened before the server was upgraded."""
    contact = add(ada, RED)
    edit = f"{contact}/edit"
    form = form_of(ada, edit) | {"notes": ["later"]}
    del form["photo"]
    ada.client.post(edit, data=form)
    assert images(ada.get(contact).text)[1][0].startswith(named(RED)[0])


@pytest.mark.parametrize("text", ["x", '"><script>', "https://example.org/a.jpg", "../../logout"])
def test_what_a_program_wrote_in_place_of_a_hash_is_not_shown_as_a_photo(ada: Browser, app: App, text: str) -> None:
    contact = caller(app, "ada").add(photo=text)["id"]
    for path in ("/", f"/c/{contact}", f"/c/{contact}/edit", "/trash"):
        assert images(ada.get(path).text) == []


def test_a_photo_that_is_not_here_yet_leaves_the_initials(ada: Browser, app: App) -> None:
    caller(app, "ada").add(name="Grace Hopper", photo=sha256_of(BLUE))
    page = ada.get("/").text
    assert ">GH<img" in page
    assert ada.get(images(page)[0][0]).status_code == 404


PICTURE = re.compile(r'<img[^>]* src="(/blobs/[^"]+)"[^>]* alt="([^"]*)"')


def pictures(page: str) -> list[tuple[str, str]]:
    return [(address, text) for address, text in PICTURE.findall(page.replace("&amp;", "&")) if text]


def test_the_history_shows_the_photo_before_and_after(ada: Browser) -> None:
    contact = add(ada, RED)
    edit = f"{contact}/edit"
    send(ada, edit, form_of(ada, edit), BLUE)
    send(ada, edit, form_of(ada, edit), photo_remove="1")
    red, blue = (f"{named(photo)[0]}?size=96" for photo in (RED, BLUE))
    page = ada.get(f"{contact}/history").text
    before, after = "The photo before", "The photo after"
    assert pictures(page) == [(blue, before), (red, before), (blue, after), (red, after)]
    assert sha256_of(RED) not in re.sub(r"<img[^>]*>", "", page)
    assert 'aria-label="Restore photo a photo"' in page


def test_fifty_photos_make_a_list_no_more_work_and_their_bytes_are_not_in_it(ada: Browser, app: App) -> None:
    device, database = caller(app, "ada"), app.extensions["database"]
    assert device.ask("PUT", named(RED)[0], data=RED).status_code == 201
    for number in range(50):
        device.add(name=f"Plain {number:02}")
    statements: list[list[str]] = []
    sizes = []
    for _ in range(2):
        statements.append([])
        with hearing(statements[-1].append, database.engine, database.reader):
            page = ada.get("/").text
        sizes.append(len(page))
        for contact in re.findall(r'<li class="row" data-id="([^"]+)"', page):
            device.ask("PATCH", f"/contacts/{contact}", json={"photo": sha256_of(RED)})
    assert len(images(page)) == 50
    assert all('loading="lazy"' in more and "?size=96" in source for source, more in images(page))
    assert len(statements[0]) == len(statements[1]) > 0
    assert sizes[1] - sizes[0] < 50 * 200
