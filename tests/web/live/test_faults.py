"""The live channel among clients that are slow, silent, greedy or broken: nobody else is the worse for them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app import App
from config import Config
from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.errors import CursorGone
from offbook.core.model import Cursor
from offbook.core.protocol.requests import Push, parse_cursor, parse_push
from services.sync.responses import sync_together
from storage.base import ChangeOrigin
from tests.support.api_client import Caller, caller, change, new_id
from tests.support.browser import app_on, parts_of
from tests.support.event_loop import run
from tests.support.live_server import connect, migrated, running, serving, serving_process
from tests.support.websocket_client import SECONDS, Listener, listening
from web.live.feeds import FeedPosition, Feeds
from web.schema_header import FIRST_VIEW
from web.server.thread_pool import ThreadPool

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database


@pytest.fixture
def here(phone: Caller) -> str:
    """The cursor of an empty book: after it comes nothing by itself."""
    found: str = phone.get("/changes").get_json()["cursor"]
    return found


@contextmanager
def bare(url: str, token: str, since: str) -> Iterator[socket.socket]:
    """A socket of which only the handshake is WebSocket."""
    with connect(url) as made:
        made.sendall(
            b"GET /live?since="
            + since.encode()
            + b" HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += made.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        yield made


def until_closed(made: socket.socket) -> bytes:
    """All that still comes; fails where the server does not close."""
    parts = []
    try:
        while part := made.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def heard_by(listener: Listener, laptop: Caller) -> bool:
    laptop.synced(change(data={"name": "Still here"}))
    return listener.names(1) == ["Still here"]


# --- faulty clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that does not exist
        (b"\xc1\x80\0\0\0\0", 1002),  # marked as compressed, which nobody agreed on
        (b"\x80\x80\0\0\0\0", 1002),  # goes on with nothing
        (b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256, 1002),  # a ping that is too long
        (b"\x81\x81\0\0\0\0\xff", 1007),  # text that is not UTF-8
        (b"\x81\xff\x00\x00\x00\x00\x04\x00\x00\x00\0\0\0\0", 1009),  # 64 MiB are announced
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),  # and more than there is
    ],
)
def test_a_faulty_frame_ends_its_own_socket_alone(
    app: App, laptop: Caller, phone: Caller, here: str, frame: bytes, code: int
) -> None:
    with serving(app) as url, listening(url, laptop.token, here) as other, bare(url, phone.token, here) as made:
        made.sendall(frame)
        end = until_closed(made)
        assert int.from_bytes(end[2:4]) == code
        assert heard_by(other, laptop)


def test_a_message_in_pieces_can_not_grow_beyond_the_limit(app: App, laptop: Caller, phone: Caller, here: str) -> None:
    piece = b"x" * 1000
    with serving(app, Config(message_bytes_max=2_000)) as url, bare(url, phone.token, here) as made:
        for opcode in (b"\x01", b"\x00", b"\x00"):
            made.sendall(opcode + b"\xfe" + len(piece).to_bytes(2) + b"\0\0\0\0" + piece)
        assert int.from_bytes(until_closed(made)[2:4]) == 1009


def test_compression_is_not_agreed_on(app: App, phone: Caller, here: str) -> None:
    headers = {"Sec-WebSocket-Extensions": "permessage-deflate"}
    with serving(app) as url, listening(url, phone.token, here, **headers) as listener:
        assert listener.socket.protocol.extensions == []


def test_a_socket_without_a_sign_of_life_is_closed(app: App, phone: Caller, here: str) -> None:
    with serving(app, Config(ping_seconds=0.1)) as url, bare(url, phone.token, here) as made:
        assert b"ping timeout" in until_closed(made)


def test_who_takes_nothing_is_closed_and_holds_nobody_back(app: App, laptop: Caller, phone: Caller, here: str) -> None:
    """More comes than all buffers on the way hold; the other listener gets each page meanwhile."""
    with (
        running(app, Config(send_seconds=0.3)) as (url, server),
        listening(url, laptop.token, here) as other,
        bare(url, phone.token, here),
    ):
        for _ in range(20):
            laptop.synced(*(change(data={"name": "x", "notes": "y" * 20_000}) for _ in range(40)))
            assert len(other.page()["changes"]) == 40
        deadline = time.monotonic() + SECONDS
        while len(server.server_state.connections) > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(server.server_state.connections) == 1
        assert heard_by(other, laptop)


def test_who_leaves_in_the_middle_is_missed_by_nobody(app: App, laptop: Caller, phone: Caller, here: str) -> None:
    with serving(app) as url, listening(url, laptop.token, here) as other:
        with listening(url, phone.token, here) as gone:
            for number in range(200):
                gone.push(number, change(data={"name": f"Person {number}"}))
            gone.answer(0)
        laptop.synced(change(data={"name": "Still here"}))
        while "Still here" not in [row["data"]["name"] for row in other.page()["changes"]]:
            pass


# --- a server that ends ----------------------------------------------------------------------------------------------


def test_a_server_that_stops_says_so(app: App, phone: Caller, here: str) -> None:
    with running(app) as (url, server), listening(url, phone.token, here) as listener:
        server.should_exit = True
        assert listener.close_code() == 1012


def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    migrated(tmp_path).close()
    app = app_on(Config.from_environment({"INSTANCE_PATH": str(tmp_path)}).database_url)
    phone = caller(app, "ada")
    items = [change() for _ in range(400)]
    with serving_process(tmp_path) as server, listening(server.url, phone.token) as listener:
        for number, item in enumerate(items):
            listener.push(number, item)
        answered = [listener.answer(number)["results"][0]["id"] for number in range(100)]
        server.child.kill()
    stored = {row["record_id"] for row in phone.get("/changes").get_json()["changes"]}
    assert {item["record_id"] for item in items if item["id"] in answered} <= stored
    app.extensions["database"].close()


@dataclass(eq=False)
class Waiting:
    """A listener that has all that its cursor knows of."""

    place: FeedPosition
    is_expelled: bool = False

    def wake(self) -> None: ...

    def disconnect(self) -> None:
        self.is_expelled = True


def test_who_came_in_just_when_the_database_was_put_back_is_closed_too(app: App, here: str) -> None:
    """Its cursor was good at the handshake, and nothing is newer: it would wait for ever."""
    listener = Waiting(FeedPosition(parse_cursor(here), FIRST_VIEW))
    with app.extensions["database"].write() as connection:
        connection.execute(update(Base.metadata.tables["books"]).values(epoch=new_id()))

    async def join() -> None:
        threads: ThreadPool[Any] = ThreadPool(1)
        feeds = Feeds(parts_of(app).store, parts_of(app).open_notifications, threads)
        feeds.leave(await feeds.join(1, listener), listener)
        threads.close()

    run(join())
    assert listener.is_expelled


# --- several pushes, one commit --------------------------------------------------------------------------------------


def test_pushes_that_arrive_together_are_one_commit(
    app: App, laptop: Caller, phone: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    parts = parts_of(app)
    monkeypatch.setattr(parts.store, "on_commit", lambda book_id, seq: commits.append(seq))
    gone = Cursor(new_id(), 5)
    pushes = [
        (ChangeOrigin(1), pushed(change(), change())),
        (ChangeOrigin(1), pushed(change(data={"name": ""}))),
        (ChangeOrigin(2), pushed(change(), since=str(gone))),
        (ChangeOrigin(2), pushed(change())),
    ]
    answers = sync_together(parts.store, 1, pushes, parts.clock())
    assert [verdicts(one) for one in answers] == [["applied"] * 2, ["rejected"], "epoch", ["applied"]]
    assert len(commits) == 1


def pushed(*changes: Any, **envelope: Any) -> Push:
    return parse_push(BUILT_IN, {"changes": list(changes), **envelope}, new_id())


def verdicts(answer: Any) -> Any:
    return answer.reason if isinstance(answer, CursorGone) else [one["verdict"] for one in answer["results"]]
