"""Photos over HTTP: sent, given back, refused; for devices and for people."""

from __future__ import annotations

from typing import Any

import pytest

from app import App
from offbook.core.pictures import PICTURE_BYTES_MAX, sha256_of
from tests.support.api_client import Caller, caller, contents
from tests.support.browser import Browser, app_on, csrf_of, parts_of
from tests.support.pictures import FORMATS, named, opened, picture

pytestmark = pytest.mark.engines("sqlite")  # the rows behind it have tests on every database


def put(device: Caller, content: bytes, **options: Any) -> Any:
    address, _ = named(content)
    return device.ask("PUT", address, data=content, **options)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_photo_is_sent_and_comes_back(laptop: Caller, phone: Caller, format_: str) -> None:
    content = picture(format_)
    assert put(laptop, content).status_code == 201
    assert put(phone, content).status_code == 204
    answer = phone.get(named(content)[0])
    assert (answer.status_code, answer.mimetype, answer.data) == (200, FORMATS[format_], content)


def test_a_photo_is_shown_in_two_sizes_without_what_it_knows_of_places(laptop: Caller) -> None:
    content = picture(width=1500, height=1000, comment=b"Canary")
    put(laptop, content)
    for size, measures in ((96, (96, 96)), (720, (720, 480))):
        answer = laptop.get(named(content)[0], size=size)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert opened(answer.data).size == measures
        assert b"Canary" not in answer.data


@pytest.mark.parametrize("size", [None, 96, 720])
def test_a_browser_keeps_a_photo_and_never_takes_it_for_a_page(laptop: Caller, size: int | None) -> None:
    put(laptop, picture())
    address = named(picture())[0]
    answer = laptop.get(address, size=size)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    again = laptop.get(address, headers={"If-None-Match": answer.headers["ETag"]}, size=size)
    assert (again.status_code, again.data) == (304, b"")
    assert laptop.get(address, headers={"If-None-Match": '"another"'}, size=size).status_code == 200


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "bad_picture"),
        (b"II*\0" + bytes(20), "bad_picture"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\1\0\0" * 2, "too_many_pixels"),
    ],
)
def test_what_is_no_photo_is_refused_and_not_kept(laptop: Caller, content: bytes, code: str) -> None:
    answer = put(laptop, content)
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert laptop.get(named(content)[0]).status_code == 404


def test_other_bytes_than_the_address_says_are_refused_also_where_the_photo_is_there(laptop: Caller) -> None:
    put(laptop, picture())
    answer = laptop.ask("PUT", named(picture())[0], data=picture(color="blue"))
    assert (answer.status_code, answer.get_json()["code"]) == (422, "wrong_hash")


def test_a_photo_of_more_than_10_mb_is_refused(laptop: Caller) -> None:
    answer = put(laptop, picture("PNG").ljust(PICTURE_BYTES_MAX + 1, b"\0"))
    assert (answer.status_code, answer.get_json()["code"]) == (413, "body_too_large")


def test_a_full_book_takes_no_more(database_url: str) -> None:
    app = app_on(database_url, book_photos_mib=0)
    answer = put(caller(app, "ada"), picture())
    assert (answer.status_code, answer.get_json()["code"]) == (507, "book_full")


def test_a_photo_that_can_not_be_decoded_is_refused_as_a_picture_and_given_back_as_it_is(laptop: Caller) -> None:
    broken = picture("PNG")[:40]
    put(laptop, broken)
    answer = laptop.get(named(broken)[0], size=96)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_picture")
    assert laptop.get(named(broken)[0]).data == broken


@pytest.mark.parametrize("size", ["", "0", "97", "96.0", "-96", "1" * 30])
def test_no_other_sizes_are_made(laptop: Caller, size: str) -> None:
    put(laptop, picture())
    answer = laptop.get(named(picture())[0], size=size)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_size")


@pytest.mark.parametrize("name", ["x", "A" * 64, "a" * 63, "a" * 65, f"{'a' * 64}/"])
def test_what_is_no_hash_is_nowhere(laptop: Caller, name: str) -> None:
    assert laptop.client.get(f"/blobs/{name}").status_code == 404


def test_a_person_needs_the_token_of_the_session_to_send(app: App, ada: Browser) -> None:
    address, content = named(picture())
    before = contents(app)
    answer = ada.client.put(address, data=content)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "stale_form")
    assert contents(app) == before
    token = csrf_of(ada.get("/settings").text)
    assert ada.client.put(address, data=content, headers={"X-CSRFToken": token}).status_code == 201
    assert ada.get(address).data == content
    assert parts_of(app).blobs.holds(1, sha256_of(content))
