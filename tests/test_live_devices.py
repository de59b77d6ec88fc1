"""Devices on the live channel, through a network that fails in every way: in the end all are equal, by themselves."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import update

from app import App
from models import Base
from offbook import NoLive, NotAuthorized, Offline, OtherBook, Replica, ServerFault, background, state, transport
from offbook.core.link import Seconds
from tests.browser import add_device, add_user, app_beside, parts_of
from tests.calling import new_id
from tests.middle import CLOSE, FIN, PING, RSV1, TEXT, Answerer, Ask, Middle, frame, frames, silence, status
from tests.serving import serving, serving_process
from tests.witness import Witness

QUICK = Seconds(
    handshake=0.8, answer=0.4, ping=0.2, poll=0.2, retry_min=0.02, retry_max=0.1, pause=0.1, live_min=0.02, live_max=0.1
)

WRITER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("INSERT INTO contacts(name) VALUES ('Ada')")
"""

Open = Callable[..., Replica]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "SECONDS", QUICK)
    monkeypatch.setattr(transport, "SILENCE_SECONDS_MAX", 0.5)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app_beside(tmp_path_factory.mktemp("instance")) as made:
        yield made


@pytest.fixture(scope="module")
def url(app: App) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.fixture
def middle(url: str) -> Iterator[Middle]:
    with Middle(url).running() as middle:
        yield middle


@pytest.fixture
def person(app: App, request: pytest.FixtureRequest) -> str:
    """Whose devices they are: somebody else's in each test."""
    name: str = request.node.name[:100]
    add_user(app, name)
    return name


@pytest.fixture
def device(app: App, person: str, middle: Middle, tmp_path: Path) -> Iterator[Open]:
    """Opens a device of theirs; it is closed in the end."""
    with ExitStack() as stack:

        def open_replica(name: str) -> Replica:
            token = add_device(app, person, name)[1]
            return stack.enter_context(Replica(tmp_path / f"{name}.db", middle.url, token))

        yield open_replica


@pytest.fixture
def laptop(device: Open) -> Replica:
    return device("laptop")


@pytest.fixture
def phone(device: Open) -> Replica:
    return device("phone")


@pytest.fixture
def witness() -> Witness:
    return Witness()


def names(replica: Replica) -> list[str]:
    return sorted(contact["name"] for contact in replica.contacts.list())


def equal(*replicas: Replica) -> bool:
    """Nothing waits anywhere, and all hold the same."""
    first, *others = [replica.contacts.list() for replica in replicas]
    return all(other == first for other in others) and not any(replica.status().pending for replica in replicas)


# --- when all is well ------------------------------------------------------------------------------------------------


def test_a_commit_on_one_device_is_a_commit_on_the_other(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    ada = laptop.contacts.add(name="Ada")
    witness.until(lambda: witness.changed(phone) == [ada] and equal(laptop, phone))
    phone.contacts.update(ada, phone="555-1234")
    witness.until(lambda: witness.changed(laptop) == [ada] and equal(laptop, phone))
    laptop.contacts.delete(ada)
    witness.until(lambda: witness.changed(phone) == [ada, ada] and equal(laptop, phone))
    assert witness.errors(laptop) == witness.errors(phone) == []


def test_no_token_is_logged(laptop: Replica, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: laptop.status().pending == 0)
    laptop.stop()
    token = state.read(laptop.connection).token
    assert caplog.text and token and token not in caplog.text


def test_a_commit_of_any_process_is_sent(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    subprocess.run([sys.executable, "-c", WRITER, str(laptop.path)], check=True)
    witness.until(lambda: names(phone) == ["Ada"])
    laptop.connection.execute("UPDATE contacts SET name = 'Bob'")
    witness.until(lambda: names(phone) == ["Bob"] and equal(laptop, phone))


def test_what_was_missed_is_there_before_what_is_new(laptop: Replica, phone: Replica, witness: Witness) -> None:
    first = laptop.contacts.add(name="Ada")
    laptop.sync()
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    second = laptop.contacts.add(name="Bob")
    witness.until(lambda: witness.changed(phone) == [first, second])


def test_many_commits_in_a_row_all_arrive(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    for number in range(100):
        laptop.contacts.add(name=str(number))
        phone.contacts.add(name=str(number))
    witness.until(lambda: laptop.contacts.count() == 200 and equal(laptop, phone))
    assert witness.errors(laptop) == witness.errors(phone) == []


def test_a_long_queue_goes_by_http_and_the_channel_comes_back(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    with laptop.transaction():
        for number in range(201):
            laptop.contacts.add(name=str(number))
    witness.until(lambda: phone.contacts.count() == 201 and equal(laptop, phone))
    ada = phone.contacts.add(name="Ada")
    witness.until(lambda: ada in witness.changed(laptop))
    witness.until_link("live", laptop)


def test_another_process_may_sync_meanwhile(
    laptop: Replica, phone: Replica, witness: Witness, device: Open, middle: Middle
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    for number in range(10):
        phone.contacts.add(name=str(number))
        with Replica(laptop.path) as other:
            other.contacts.add(name=f"other {number}")
            other.sync()
    witness.until(lambda: laptop.contacts.count() == 20 and equal(laptop, phone))
    witness.until_link("live", laptop)


def test_what_the_server_rejects_is_parked_and_the_rest_goes_on(
    laptop: Replica, phone: Replica, witness: Witness
) -> None:
    ada = laptop.contacts.add(name="Ada")
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    with laptop.transaction():
        laptop.contacts.update(ada, phone="1")
        laptop.connection.execute("UPDATE change_log SET base = 1 << 60 WHERE synced = 0")
        laptop.connection.execute("INSERT INTO contacts(name, starred) VALUES ('no flag', 9e999)")
        laptop.contacts.add(name="Bob")
    witness.until(lambda: names(phone) == ["Ada", "Bob"])
    witness.until(lambda: laptop.status().parked == 2)
    assert laptop.status().pending == 0
    assert (laptop.contacts.get(ada)["phone"], witness.changed(laptop)) == (None, [ada])
    assert witness.links(laptop) == ["connecting", "live"]


def test_a_conflict_is_told_on_both_devices(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    accounts = parts_of(app).accounts
    accounts.set_policy(accounts.user_named(person).book_id, "ask")
    ada = laptop.contacts.add(name="Ada")
    laptop.sync()
    phone.sync()
    laptop.contacts.update(ada, phone="1")
    phone.contacts.update(ada, phone="2")
    witness.start(laptop, phone)
    witness.until(lambda: laptop.status().conflicts == phone.status().conflicts == 1)
    laptop.resolve(laptop.conflicts()[0]["id"], "theirs")
    witness.until(lambda: phone.status().conflicts == 0 and equal(laptop, phone))
    assert {1, 0} <= {status.conflicts for status in witness.statuses(phone)}


# --- the network and the server --------------------------------------------------------------------------------------


def test_a_network_that_is_cut_without_a_word_is_noticed_by_both_ends(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    middle.cut()
    laptop.contacts.add(name="Ada")
    witness.until_link("offline", laptop, phone)
    phone.contacts.add(name="Bob")
    middle.mend()
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)
    assert {type(error) for error in witness.errors(laptop) + witness.errors(phone)} == {Offline}


def test_a_proxy_that_swallows_the_handshake_leaves_a_replica_that_polls(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = silence
    witness.start(laptop, phone)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: names(phone) == ["Ada"])
    witness.until_link("polling", laptop, phone)
    assert {type(error) for error in witness.errors(phone)} == {NoLive}
    phone.contacts.add(name="Bob")
    witness.until(lambda: equal(laptop, phone) and names(laptop) == ["Ada", "Bob"])
    middle.live = None
    witness.until_link("live", laptop, phone)


@pytest.mark.parametrize("code", [200, 302, 404, 429, 502])
def test_an_answer_that_is_no_live_channel_leaves_a_replica_that_polls(
    code: int, laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = status(code, "Location: http://127.0.0.1:1/live", "Retry-After: 0", body=b"<html>No.</html>")
    witness.start(laptop, phone)
    witness.until_link("polling", laptop, phone)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: names(phone) == ["Ada"] and equal(laptop, phone))
    middle.live = None
    witness.until_link("live", laptop, phone)
    assert {type(error) for error in witness.errors(laptop)} == {NoLive}


def test_a_handshake_that_refuses_the_token_asks_http_about_it(
    laptop: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = status(401)
    witness.start(laptop)
    witness.until_link("polling", laptop)
    assert witness.errors(laptop) == []


def test_a_token_that_is_revoked_pauses_the_queue_until_there_is_another(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    revoke(app, person, "laptop")
    witness.until_link("paused", laptop)
    assert {type(error) for error in witness.errors(laptop)[-1:]} == {NotAuthorized}
    laptop.contacts.add(name="Ada")
    phone.contacts.add(name="Bob")
    laptop.set_server(token=add_device(app, person, "laptop 2")[1])
    witness.until(lambda: names(phone) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop)


def revoke(app: App, person: str, name: str) -> None:
    accounts, owner = parts_of(app).accounts, parts_of(app).accounts.user_named(person)
    (found,) = [device for device in accounts.devices(owner.id) if device.name == name]
    accounts.revoke_device(owner.id, found.uuid, parts_of(app).clock())


def test_a_database_that_was_put_back_is_caught_up_with(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    laptop.contacts.add(name="Ada")
    witness.start(laptop, phone)
    witness.until(lambda: names(phone) == ["Ada"])
    witness.until_link("live", laptop, phone)
    books, book_id = Base.metadata.tables["books"], parts_of(app).accounts.user_named(person).book_id
    with app.extensions["database"].write() as connection:
        connection.execute(update(books).where(books.c.id == book_id).values(epoch=new_id()))
    phone.contacts.add(name="Bob")
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)


def test_a_server_that_is_killed_under_its_listeners_finds_them_again(tmp_path: Path, witness: Witness) -> None:
    with app_beside(tmp_path) as app:
        add_user(app, "ada")
        tokens = {name: add_device(app, "ada", name)[1] for name in ("laptop", "phone")}
    with ExitStack() as stack:
        with serving_process(tmp_path) as process:
            laptop, phone = (
                stack.enter_context(Replica(tmp_path / f"{name}.db", process.url, token))
                for name, token in tokens.items()
            )
            witness.start(laptop, phone)
            witness.until_link("live", laptop, phone)
            process.child.kill()
            witness.until_link("offline", laptop, phone)
        laptop.contacts.add(name="Ada")
        phone.contacts.add(name="Bob")
        with serving_process(tmp_path, PORT=str(urlsplit(process.url).port)):
            witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
            witness.until_link("live", laptop, phone)


# --- a server that lies or breaks ------------------------------------------------------------------------------------


def page(ask: Ask, **more: Any) -> dict[str, Any]:
    """A page for whoever asks, of a book that is not theirs unless ``more`` says so."""
    return {"book": new_id(), "since": ask.since, "changes": [], "cursor": ask.since, "more": False} | more


def saying(*make: Callable[[Ask], Any]) -> Answerer:
    """A WebSocket that says these messages, and then nothing."""

    async def answer(ask: Ask) -> None:
        await ask.accept()
        await ask.say(*[one(ask) for one in make])
        await silence(ask)

    return answer


async def endless(ask: Ask) -> None:
    """A message whose end never comes."""
    await ask.accept()
    await ask.send(frame(b"x" * 60_000, TEXT))
    while True:
        await ask.send(frame(b"x" * 60_000, 0))


async def packed(ask: Ask) -> None:
    """Compression that nobody asked for, and a bomb."""
    await ask.accept("Sec-WebSocket-Extensions: permessage-deflate")
    await ask.send(frame(BOMB, FIN | RSV1 | TEXT))
    await silence(ask)


BOMB = zlib.compress(bytes(64 * 1024 * 1024), wbits=-15)

BREAKS: dict[str, tuple[Answerer, type[Exception]]] = {
    "64 MiB in a message": (frames(frame(b"x" * (64 * 1024 * 1024))), Offline),
    "a message without end": (endless, Offline),
    "a bomb": (frames(frame(BOMB, FIN | RSV1 | TEXT)), Offline),
    "compression that was not asked for": (packed, NoLive),
    "an unknown kind of frame": (frames(frame(b"x", FIN | 0x3)), Offline),
    "a masked frame": (frames(b"\x81\x81\0\0\0\0x"), Offline),
    "the middle of a message first": (frames(frame(b"x", FIN)), Offline),
    "text that is none": (frames(frame(b"\xff")), Offline),
    "a ping that is too long": (frames(frame(b"x" * 126, FIN | PING)), Offline),
    "a code that can't be": (frames(frame(b"\0\1", FIN | CLOSE)), Offline),
    "half a frame": (frames(b"\x81\x7e"), Offline),
    "bytes": (frames(frame(b"\0\1\2", FIN | 0x2)), ServerFault),
    "what is not JSON": (frames(frame(b"<html>")), ServerFault),
    "nesting without end": (frames(frame(b"[" * 100_000)), ServerFault),
    "a list": (saying(lambda ask: []), ServerFault),
    "a page without a cursor": (saying(lambda ask: page(ask, cursor=None)), ServerFault),
    "a page of another book": (saying(page), OtherBook),
}


@pytest.mark.parametrize(("answerer", "error"), BREAKS.values(), ids=BREAKS)
def test_a_socket_that_breaks_every_rule_is_left_and_all_goes_on(
    answerer: Answerer, error: type[Exception], laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    middle.live = answerer
    witness.start(laptop)
    witness.until(lambda: any(isinstance(found, error) for found in witness.errors(laptop)))
    laptop.contacts.add(name="Bob")
    middle.live = None
    witness.start(phone)
    witness.until(lambda: names(phone) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)


def circle(ask: Ask) -> list[dict[str, Any]]:
    """Pages that lead from one cursor to another and back."""
    epoch, seq = ask.since.split(".")
    there, back = ask.since, f"{epoch}.{int(seq) - 1}"
    ways = [(there, back), (back, there)] * 20
    return [page(ask, since=since, cursor=cursor) for since, cursor in ways]


def test_pages_that_go_in_circles_end(laptop: Replica, phone: Replica, witness: Witness, middle: Middle) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    book = laptop.status().book

    async def circles(ask: Ask) -> None:
        await ask.accept()
        await ask.say(*[one | {"book": book} for one in circle(ask)])
        await silence(ask)

    middle.live = circles
    witness.start(laptop)
    witness.until(lambda: any(isinstance(error, ServerFault) for error in witness.errors(laptop)))
    middle.live = None
    witness.start(phone)
    phone.contacts.add(name="Bob")
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))


def test_a_page_that_leaves_a_gap_is_not_taken(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    before, book = laptop.contacts.list(), laptop.status().book
    middle.live = saying(lambda ask: page(ask, book=book, since="e1.5", cursor="e1.6"))
    witness.start(laptop)
    witness.until(lambda: middle.asked > 2)
    assert (laptop.contacts.list(), witness.errors(laptop)) == (before, [])
    middle.live = None
    witness.until_link("live", laptop)


def answering(make: Callable[[dict[str, Any]], Any]) -> Answerer:
    """A channel that lets nothing through, and answers each push with this."""

    async def answer(ask: Ask) -> None:
        await ask.accept()
        while True:
            await ask.say(make(await ask.hear()))

    return answer


ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no verdict": lambda push: {"push": push["push"], "book": push["changes"][0]["replica"], "results": []},
    "another push": lambda push: {"push": push["push"] + 1, "book": new_id(), "results": []},
    "no book": lambda push: {"push": push["push"], "results": []},
    "results that are none": lambda push: {"push": push["push"], "book": new_id(), "results": "all of them"},
    "a problem": lambda push: {"push": push["push"], "problem": {"status": 400, "code": "odd", "detail": "Odd."}},
    "a problem of no push": lambda push: {"push": None, "problem": {"status": 400, "code": "not_json"}},
    "a problem that is none": lambda push: {"push": push["push"], "problem": 5},
    "a cursor that is gone": lambda push: {"push": push["push"], "problem": {"status": 410, "code": "cursor_gone"}},
}


@pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)
def test_a_push_whose_answer_is_none_goes_by_http(
    make: Callable[[dict[str, Any]], Any], laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = answering(make)
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: laptop.status().pending == 0)
    assert laptop.parked() == []
    phone.sync()
    assert names(phone) == ["Ada"]


def test_a_push_that_is_never_answered_goes_by_http(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = frames()
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    laptop.contacts.add(name="Bob")
    witness.until(lambda: laptop.status().pending == 0)
    phone.sync()
    assert names(phone) == ["Ada", "Bob"]


async def deaf(ask: Ask) -> None:
    """A channel that takes nothing."""
    await ask.accept()
    await asyncio.Event().wait()


def test_a_server_that_takes_nothing_holds_up_no_stop(laptop: Replica, witness: Witness, middle: Middle) -> None:
    middle.live = deaf
    witness.start(laptop)
    witness.until_link("live", laptop)
    with laptop.transaction():
        for number in range(40):
            laptop.contacts.add(name=str(number), notes="x" * 20_000)
    began = time.monotonic()
    laptop.stop()
    assert time.monotonic() - began < 2
    assert laptop.sync().pushed == 40
