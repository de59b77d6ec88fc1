"""Photos on devices: chosen without a network, sent behind the change that names them, fetched when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app import App
from offbook import Invalid, NotFound, Replica, ServerFault
from offbook.core.pictures import sha256_of
from offbook.database import blobs
from offbook.sync.http.transport import Response
from tests.device.fake_server import problem
from tests.support.api_client import caller
from tests.support.cli_runner import Device as Command
from tests.support.pictures import opened, picture
from tests.support.served_schemas import AppTransport

pytestmark = pytest.mark.engines("sqlite")  # the rows behind it have tests on every database

RED, BLUE = picture(width=800, height=400), picture(color="blue")


class Recording:
    """A way to the app that notes what was asked, and answers some requests itself."""

    def __init__(self, app: App, name: str) -> None:
        self.wire = AppTransport(app, caller(app, "ada", name).token)
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, Response] = {}

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self.asked.append((method, path))
        return self.answers.get(method) or self.wire.send(method, path, body, headers)


class Device:
    """A replica with its way to the server."""

    def __init__(self, replica: Replica, wire: Recording) -> None:
        self.replica = replica
        self.wire = wire


@pytest.fixture
def devices(app: App, tmp_path: Path) -> Iterator[list[Device]]:
    with ExitStack() as stack:
        made = []
        for name in ("laptop", "phone"):
            wire = Recording(app, name)
            made.append(Device(stack.enter_context(Replica(tmp_path / f"{name}.db", transport=wire)), wire))
        yield made


def test_a_photo_is_kept_here_and_sent_behind_the_change_that_names_it(devices: list[Device]) -> None:
    laptop, phone = devices
    sha256 = laptop.replica.blobs.put(RED)
    contact = laptop.replica.contacts.add(name="Ada", photo=sha256)
    assert laptop.wire.asked == []
    assert laptop.replica.blobs.get(sha256) == laptop.replica.blobs.get(sha256, 96) == RED
    laptop.replica.sync()
    assert laptop.wire.asked[-1] == ("PUT", f"/blobs/{sha256}")
    assert ("POST", "/sync") in laptop.wire.asked[:-1]
    phone.replica.sync()
    assert phone.replica.contacts.get(contact)["photo"] == sha256
    assert phone.replica.blobs.get(sha256) == RED


def test_what_was_sent_is_not_sent_again_and_what_was_fetched_is_not_fetched_again(devices: list[Device]) -> None:
    laptop, phone = devices
    sha256 = laptop.replica.blobs.put(RED)
    laptop.replica.sync()
    laptop.replica.blobs.put(RED)
    laptop.replica.sync()
    assert laptop.wire.asked.count(("PUT", f"/blobs/{sha256}")) == 1
    for _ in range(2):
        assert opened(phone.replica.blobs.get(sha256, 96)).size == (96, 96)
        assert opened(phone.replica.blobs.get(sha256, 720)).size == (720, 360)
    assert phone.wire.asked == [("GET", f"/blobs/{sha256}?size={size}") for size in (96, 720)]


@pytest.mark.parametrize("status", [404, 405, 507, 503])
def test_a_photo_waits_where_the_server_takes_none_now_and_all_else_goes(devices: list[Device], status: int) -> None:
    laptop, phone = devices
    sha256 = laptop.replica.blobs.put(RED)
    laptop.replica.contacts.add(name="Ada", photo=sha256)
    laptop.wire.answers["PUT"] = problem(status, "not_found", "Not here.")
    assert laptop.replica.sync().pushed == 1
    assert laptop.replica.blobs.get(sha256) == RED
    phone.replica.sync()
    with pytest.raises(NotFound):
        phone.replica.blobs.get(sha256)
    laptop.wire.answers.clear()
    laptop.replica.sync()
    assert phone.replica.blobs.get(sha256) == RED


def test_a_page_of_a_proxy_is_no_refusal(devices: list[Device]) -> None:
    laptop, _ = devices
    sha256 = laptop.replica.blobs.put(RED)
    laptop.wire.answers["PUT"] = Response(413, {}, b"<html>Too large</html>")
    laptop.replica.sync()
    assert blobs.waiting(laptop.replica.connection) == [sha256]


def test_a_photo_that_the_server_will_never_take_stays_here_and_lets_others_go(devices: list[Device]) -> None:
    laptop, phone = devices
    sent = [laptop.replica.blobs.put(RED), laptop.replica.blobs.put(BLUE)]
    laptop.wire.answers["PUT"] = problem(422, "bad_picture", "Not that one.")
    laptop.replica.sync()
    laptop.wire.answers.clear()
    laptop.replica.sync()
    assert [path for method, path in laptop.wire.asked if method == "PUT"] == sorted(f"/blobs/{name}" for name in sent)
    assert laptop.replica.blobs.get(sent[0]) == RED


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\0\0\0\x18ftypheic"])
def test_what_can_not_be_a_photo_is_refused_at_once(devices: list[Device], content: bytes) -> None:
    laptop, _ = devices
    with pytest.raises(Invalid):
        laptop.replica.blobs.put(content)
    laptop.replica.sync()
    assert all(method != "PUT" for method, _ in laptop.wire.asked)


@pytest.mark.parametrize(("sha256", "size"), [("x", None), ("../sync", None), ("A" * 64, None), ("a" * 64, 97)])
def test_nothing_but_a_hash_and_a_size_is_asked_for(devices: list[Device], sha256: str, size: Any) -> None:
    laptop, _ = devices
    with pytest.raises(Invalid):
        laptop.replica.blobs.get(sha256, size)
    assert laptop.wire.asked == []


def test_another_photo_than_the_one_that_was_asked_for_is_not_kept(devices: list[Device]) -> None:
    laptop, _ = devices
    laptop.wire.answers["GET"] = Response(200, {}, BLUE)
    with pytest.raises(ServerFault):
        laptop.replica.blobs.get(sha256_of(RED))
    laptop.wire.answers.clear()
    with pytest.raises(NotFound):
        laptop.replica.blobs.get(sha256_of(RED))


def test_a_command_sets_and_removes_a_photo(tmp_path: Path) -> None:
    command, file = Command(tmp_path / "book.db"), tmp_path / "ada.jpg"
    file.write_bytes(RED)
    assert command("init").code == 0
    assert command("add", "Ada").code == 0
    assert command("photo", "Ada", str(file)).out.startswith("Set the photo of Ada")
    assert command("show", "Ada", "--json").json["photo"] == sha256_of(RED)
    assert command("photo", "Ada", "--remove").out.startswith("Removed the photo of Ada")
    assert command("show", "Ada", "--json").json["photo"] is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--remove"),
        (("nowhere.jpg",), 2, "nowhere.jpg can't be read"),
        ((__file__,), 1, "A photo must be a JPEG, PNG, WebP or GIF."),
        ((__file__, "--remove"), 2, "--remove"),
    ],
)
def test_a_command_says_what_is_no_photo(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    command = Command(tmp_path / "book.db")
    command("init")
    command("add", "Ada")
    answer = command("photo", "Ada", *words)
    assert answer.code == code
    assert said in answer.err


def test_a_file_without_photos_has_no_table_of_them(devices: list[Device]) -> None:
    laptop, _ = devices
    laptop.replica.contacts.add(name="Ada")
    laptop.replica.sync()
    tables = {name for (name,) in laptop.replica.connection.execute("SELECT name FROM sqlite_master")}
    assert "offbook_blobs" not in tables
