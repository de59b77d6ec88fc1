"""Who may make the server hold much: it is known by the head of a request, and nobody may have it all."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app import App
from config import KIB, MIB, Config
from tests.support.api_client import Caller, caller, change
from tests.support.browser import Browser, bearer, csrf_of, parts_of
from tests.support.live_server import read_all, serving

pytestmark = pytest.mark.engines("sqlite")  # what is asked of the database is what every request asks

MANY = Config(
    body_bytes_max=512 * KIB,
    bodies_bytes_max=4 * 512 * KIB,
    body_bytes_unknown_max=16 * KIB,
    bodies_bytes_unknown_max=64 * KIB,
)
"""Four of the largest bodies, or four of the largest that anybody may send."""

LARGE, SMALL = MANY.body_bytes_max, MANY.body_bytes_unknown_max


@contextmanager
def sending(url: str, path: str, size: int, sent: int, *headers: str, address: str = "127.0.0.1") -> Iterator[Any]:
    """A request whose body is said to have ``size`` bytes, of which ``sent`` are on their way."""
    split = urlsplit(url)
    head = [f"POST {path} HTTP/1.1", f"Host: {split.netloc}", f"Content-Length: {size}", *headers, "", ""]
    with socket.create_connection((split.hostname, split.port), timeout=10, source_address=(address, 0)) as made:
        made.sendall("\r\n".join(head).encode() + b" " * sent)
        yield made


def with_token(device: Caller) -> str:
    return f"Authorization: Bearer {device.token}"


def status_of(made: socket.socket) -> int:
    return int(made.recv(65536).split(b" ", 2)[1])


def batch(size: int) -> bytes:
    """A push of about so many bytes."""
    return json.dumps(
        {"changes": [change(data={"name": "Ada", "notes": "x" * 10_000}) for _ in range(size // 10_300)]}
    ).encode()


def pushed(url: str, device: Caller, size: int = 0) -> requests.Response:
    return requests.post(url + "/sync", batch(size), headers=bearer(device.token), timeout=10)


def test_unfinished_bodies_of_strangers_keep_nobody_out(app: App, laptop: Caller) -> None:
    with serving(app, MANY) as url, ExitStack() as stack:
        sockets = [stack.enter_context(sending(url, "/sync", LARGE, LARGE - 1)) for _ in range(9)]
        assert [status_of(made) for made in sockets] == [401] * 9
        assert pushed(url, laptop).status_code == 200
        assert pushed(url, laptop, LARGE).status_code == 200
        assert requests.get(url + "/login", timeout=10).status_code == 200


@pytest.mark.parametrize(
    "authorization", ["", "Authorization: Bearer ob_no_token", "Authorization: Basic eDp5", "Cookie: offbook=x"]
)
def test_a_stranger_is_refused_before_a_large_body_is_sent(app: App, laptop: Caller, authorization: str) -> None:
    headers = [one for one in ("Expect: 100-continue", "Connection: close", authorization) if one]
    with serving(app, MANY) as url, sending(url, "/sync", SMALL + 1, 0, *headers) as made:
        answer = read_all(made)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate" in head.lower()
    assert json.loads(body)["code"] == "not_authorized"


def test_a_body_of_unknown_length_is_a_strangers_up_to_the_same_size(app: App) -> None:
    with serving(app, MANY) as url:
        for path, status in (("/sync", 401), ("/nowhere", 404), ("/healthz", 405)):
            answer = requests.post(url + path, data=iter([b"x" * 4 * KIB] * 40), timeout=10)
            assert answer.status_code == status


def test_a_token_that_is_revoked_sends_no_large_body(app: App, laptop: Caller) -> None:
    parts = parts_of(app)
    login = parts.accounts.device_by_token(laptop.token)
    assert login is not None
    parts.accounts.revoke_device(login.user_id, login.device.uuid, parts.clock())
    with serving(app, MANY) as url, sending(url, "/sync", LARGE, 0, with_token(laptop)) as made:
        assert status_of(made) == 401


def test_someone_whose_session_has_ended_is_asked_to_sign_in_before_a_large_file_is_sent(app: App) -> None:
    with serving(app, MANY) as url, sending(url, "/import", LARGE, 0, "Accept: text/html") as made:
        answer = made.recv(65536)
    assert answer.startswith(b"HTTP/1.1 302 ")
    assert b"location: /login\r\n" in answer


def test_a_person_who_is_signed_in_sends_a_large_file(app: App, ada: Browser) -> None:
    rows = "\r\n".join(["First Name,Notes", *(f"Ada {n},{'x' * 900}" for n in range(200))])
    token = csrf_of(ada.get("/import").text)
    cookie = ada.client.get_cookie("offbook")
    assert cookie is not None
    with serving(app, MANY) as url:
        answer = requests.post(
            url + "/import",
            data={"csrf_token": token},
            files={"file": ("contacts.csv", rows)},
            cookies={"offbook": cookie.value},
            timeout=20,
        )
    assert (answer.status_code, "200" in answer.text) == (200, True)


def test_a_packed_push_by_basic_is_taken_whole(app: App, laptop: Caller) -> None:
    with serving(app, MANY) as url:
        answer = requests.post(url + "/sync", batch(LARGE), auth=("laptop", laptop.token), timeout=20)
    assert {result["verdict"] for result in answer.json()["results"]} == {"applied"}


def test_no_address_has_all_the_memory_for_bodies(app: App, laptop: Caller) -> None:
    """Whoever is known may have half of it, and then there is room for whoever comes from elsewhere."""
    with serving(app, MANY) as url, ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(sending(url, "/sync", LARGE, LARGE - 1, with_token(laptop), address="127.0.0.2"))
        assert pushed(url, caller(app, "bob"), LARGE // 2).status_code == 200


def test_small_bodies_of_strangers_keep_out_nobody_who_is_known(app: App, laptop: Caller) -> None:
    with serving(app, MANY) as url, ExitStack() as stack:
        for number in range(2, 12):
            stack.enter_context(sending(url, "/login", SMALL, SMALL - 1, address=f"127.0.0.{number}"))
        while (busy := requests.post(url + "/login", data=b"x" * (SMALL - 1), timeout=10)).status_code != 503:
            pass
        assert (busy.json()["code"], busy.headers["Retry-After"]) == ("busy", "1")
        assert pushed(url, laptop, SMALL).status_code == 200
        assert requests.get(url + "/login", timeout=10).status_code == 200


def test_behind_a_proxy_an_address_is_that_of_the_client(app: App, laptop: Caller) -> None:
    config = replace(MANY, trusted_proxies=1)
    with serving(app, config) as url, ExitStack() as stack:
        for _ in range(9):
            forwarded = "X-Forwarded-For: 198.51.100.7"
            stack.enter_context(sending(url, "/sync", LARGE, LARGE - 1, with_token(laptop), forwarded))
        headers = bearer(caller(app, "bob").token) | {"X-Forwarded-For": "198.51.100.8"}
        answer = requests.post(url + "/sync", batch(LARGE // 2), headers=headers, timeout=20)
    assert answer.status_code == 200


# --- files -----------------------------------------------------------------------------------------------------------

FILES = replace(MANY, file_bytes_max=4 * LARGE, files_bytes_max=16 * LARGE, file_seconds=5, body_seconds=2)


def cards(size: int) -> bytes:
    """A file of cards of about so many bytes."""
    notes = "x" * 900
    count = size // (len(notes) + 60)
    return "".join(
        f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada {n:06}\r\nNOTE:{notes}\r\nEND:VCARD\r\n" for n in range(count)
    ).encode()


def posted(url: str, device: Caller, file: bytes | Iterator[bytes], **headers: str) -> requests.Response:
    sent = bearer(device.token) | headers
    return requests.post(f"{url}/contacts/import?dry_run=1", file, headers=sent, timeout=30)


def test_a_file_may_be_larger_than_any_other_body(app: App, laptop: Caller) -> None:
    file = cards(3 * LARGE)
    with serving(app, FILES) as url:
        assert posted(url, laptop, file).json()["added"] == file.count(b"BEGIN")
        pieces = (file[start : start + 100_000] for start in range(0, len(file), 100_000))
        assert posted(url, laptop, pieces).json()["added"] == file.count(b"BEGIN"), "in chunks of unknown number"
        packed = gzip.compress(file)
        assert posted(url, laptop, packed, **{"Content-Encoding": "gzip"}).json()["added"] == file.count(b"BEGIN")
        assert pushed(url, laptop, 2 * LARGE).status_code == 413
        assert requests.post(url + "/blobs/x", file, headers=bearer(laptop.token), timeout=10).status_code == 413


def test_a_file_that_is_too_large_is_refused_in_a_sentence(app: App, laptop: Caller) -> None:
    with serving(app, FILES) as url, sending(url, "/contacts/import", 4 * LARGE + 1, 0, with_token(laptop)) as made:
        head, _, body = read_all(made).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert "A file may have at most 2 MB." in json.loads(body)["detail"]


def test_a_bomb_is_unpacked_no_further_than_a_file_may_be_long(app: App, laptop: Caller) -> None:
    config = parts_of(app).config
    bomb = gzip.compress(b"x" * (config.file_bytes_max + 1), 1)
    with serving(app, FILES) as url:
        answer = posted(url, laptop, bomb, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "A file may have at most 100 MB." in answer.json()["detail"]


def test_the_page_says_that_a_file_is_too_large(app: App, ada: Browser) -> None:
    cookie = ada.client.get_cookie("offbook")
    assert cookie is not None
    wishes = (f"Cookie: offbook={cookie.value}", "Accept: text/html", "Content-Type: multipart/form-data; boundary=x")
    with serving(app, FILES) as url, sending(url, "/import", 4 * LARGE + 1, 0, *wishes) as made:
        answer = read_all(made).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "<!doctype html>" in answer
    assert "A file may have at most 2 MB." in answer


def test_a_stranger_sends_no_file(app: App) -> None:
    with serving(app, FILES) as url:
        for path in ("/contacts/import", "/import"):
            with sending(url, path, 3 * LARGE, 0, "Accept: application/json") as made:
                assert status_of(made) == 401


def test_a_file_has_longer_than_other_bodies_and_an_end(app: App, laptop: Caller) -> None:
    file = cards(2 * LARGE)
    quick = replace(FILES, body_seconds=0.5, file_seconds=20)

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(file), len(file) // 4):
            yield file[start : start + len(file) // 4]
            time.sleep(0.25)

    with serving(app, quick) as url:
        assert posted(url, laptop, slowly()).status_code == 200
    wishes = "/contacts/import", 2 * LARGE, LARGE, with_token(laptop)
    with serving(app, replace(quick, file_seconds=0.5)) as url, sending(url, *wishes) as made:
        assert status_of(made) == 408


def test_a_file_is_on_the_disk_and_leaves_nothing_there(app: App, laptop: Caller) -> None:
    """Of what arrives, a quarter of a megabyte is in memory."""
    folder = parts_of(app).config.instance_path / "uploads"
    before = set(folder.glob("*"))
    with serving(app, replace(FILES, bodies_bytes_max=MIB, file_bytes_max=8 * MIB, files_bytes_max=16 * MIB)) as url:
        assert posted(url, laptop, cards(6 * MIB)).status_code == 200
    assert set(folder.glob("*")) == before
