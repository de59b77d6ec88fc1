"""Three tutorial apps, a replica and a web page on one book, in small worlds: in the end all show the same.

Each world comes from its seed. Requests and answers get lost, or arrive twice; apps are closed between a pull and its
push; the server prunes. Then the network holds, and after a few syncs each app's rows must be the server's, nothing may
wait in a queue, and whatever an app sent must be in a row or in the history. What it never sent is excused: its own
pull replaces a row that others changed before its edit of it went out.

OFFBOOK_WORLDS is their number, and OFFBOOK_WORLD plays one alone. A world that fails prints what happened in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from offbook import Offline, Replica, Response
from storage.engines.adapter import ENGINES
from storage.engines.database import Database
from tests.conftest import available
from tests.storage.library import Library, sql_library
from tests.support.tutorial_client import Lost, TutorialClient
from tests.support.tutorial_setup import House, Other
from tests.worlds.server import Server

WORLDS = int(os.environ.get("OFFBOOK_WORLDS") or 40)
SEEDS = [int(os.environ["OFFBOOK_WORLD"])] if os.environ.get("OFFBOOK_WORLD") else list(range(WORLDS))
STEPS = (6, 8, 12, 12, 16, 24, 48)
OTHERS_EVERY = 25
"""One world in so many is played once more on each of the other databases."""

HOURS_AHEAD = (0, 0, -25, 25)
ROUNDS = 3
FATES = {"arrives": 75, "lost": 6, "answer lost": 10, "twice": 5, "after an old one": 4}
"""What becomes of a request, and how often."""

TYPED = re.compile(r"t\d+;")


class App:
    """One app of the tutorial, and a network that fails. Some apps send the row with a deletion, where there is one."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.sends_row_with_deletion = world.random.random() < 0.5
        self.client = world.house.client(name, 3600 * world.random.choice(HOURS_AHEAD))
        self._get, self._post = self.client.get, self.client.post
        self._delivered: list[tuple[Callable[..., tuple[int, Any]], tuple[Any, ...]]] = []
        self._reach()

    def _reach(self) -> None:
        self.client.get = self._through(self._get)
        self.client.post = self._through(self._take)

    def restart(self) -> None:
        """The app is closed and opened again: what it keeps is in its file."""
        self.client.close()
        self.client = TutorialClient(
            self.world.house.folder / f"{self.name}.db", self._get, self._post, self.client.now
        )
        self.world.house.clients.append(self.client)
        self._reach()

    def _take(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if body["operation"] == "DELETE" and not self.sends_row_with_deletion:
            body = {**body, "data": None}
        status, answer = self._post(path, body)
        assert (status, answer["status"]) == (200, "ok"), answer
        if body["operation"] != "DELETE":
            self.world.sent |= set(TYPED.findall(str(body["data"])))
        return status, answer

    def _through(self, send: Callable[..., tuple[int, Any]]) -> Callable[..., tuple[int, Any]]:
        """Requests get lost on the way, or their answers do, or they arrive twice; a push much later, too."""

        def sent(*request: Any) -> tuple[int, Any]:
            fate = self.world.fate()
            self.world.say(f"{self.name}: {request} {fate}")
            if fate == "lost":
                raise Lost
            if fate == "after an old one" and self._delivered:
                again, old = self.world.random.choice(self._delivered)
                self.world.say(f"    {old}: {again(*old)}")
            answer = send(*request)
            if len(request) > 1:
                self._delivered.append((send, request))
            self.world.say(f"    {answer}")
            if fate == "answer lost":
                raise Lost
            return send(*request) if fate == "twice" else answer

        return sent

    def edit(self) -> None:
        """Someone types, changes and deletes, whatever the app shows."""
        world, rows = self.world, self.client.rows()
        if not rows or world.random.random() < 0.25:
            name = world.new_name()
            number = self.client.add(name, world.value(), world.value())
            world.say(f"{self.name}: adds {number} {name}")
            return
        number = world.random.choice(sorted(rows))
        if world.random.random() < 0.3:
            world.say(f"{self.name}: deletes {number} {rows[number]}")
            world.deleted.add(rows[number][0] or "")
            self.client.delete(number)
        else:
            values = {world.random.choice(["email", "phone"]): world.value()}
            world.say(f"{self.name}: edits {number} {rows[number]} {values}")
            self.client.update(number, **values)

    def sync(self) -> None:
        """A sync; now and then someone types between its two halves, or it ends there."""
        if self.world.random.random() < 0.6:
            self.client.sync()
            return
        try:
            self.client.pull()
            if self.world.random.random() < 0.6:
                self.edit()
            if self.world.random.random() < 0.6:
                self.client.push()
        except Lost:
            pass


class Device:
    """An ordinary device: a real replica, which reaches the same server over the same kind of network."""

    def __init__(self, world: World) -> None:
        self.world = world
        house = world.house
        self.server = Server(house.store, house.book_id, house.book_id, 1000, 1000)
        ahead_ms = 3_600_000 * world.random.choice(HOURS_AHEAD)
        self.replica = Replica(
            house.folder / "device.db",
            transport=self,
            clock=lambda: house.clock() // 1000 + ahead_ms,
            new_id=house.new_id,
            rng=world.random,
        )

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        assert body is not None
        self.server.now = self.world.house.clock()
        fate = self.world.fate()
        self.world.say(f"device: {body.decode()} {fate}")
        if fate == "lost":
            raise Offline("The request was lost.")
        response = self.server.answer(body)
        if fate == "answer lost":
            raise Offline("The answer was lost.")
        return self.server.answer(body) if fate == "twice" else response

    def sync(self) -> None:
        try:
            self.replica.sync()
        except Offline:
            assert not self.world.is_calm

    def edit(self) -> None:
        world, rows = self.world, self.replica.contacts.list()
        if not rows or world.random.random() < 0.25:
            self.replica.contacts.add(name=world.new_name(), phone=world.value())
            return
        row = world.random.choice(rows)
        if world.random.random() < 0.2:
            world.deleted.add(row["name"])
            self.replica.contacts.delete(row["id"])
        else:
            edit: dict[str, Any] = {world.random.choice(["email", "phone", "notes"]): world.value()}
            self.replica.contacts.update(row["id"], **edit)

    def contents(self) -> list[tuple[str, ...]]:
        return sorted(
            tuple(row[cell] or "" for cell in ("name", "email", "phone")) for row in self.replica.contacts.list()
        )


class World:
    """All that happens comes from its seed."""

    def __init__(self, database: Database, folder: Path, now: int, seed: int) -> None:
        self.log: list[str] = []
        self.house = House(database, folder, now, f"user {seed}")
        self.random = Random(f"tutorial world {seed}")
        self.is_calm = False
        self.apps = [App(self, f"app {number}") for number in range(3)]
        self.device = Device(self)
        self.page: Other = self.house.other("page")
        self.names: set[str] = set()
        self.deleted: set[str] = set()
        self.sent: set[str] = set()
        self.excused: set[str] = set()
        self._texts = 0

    def say(self, line: str) -> None:
        self.log.append(line)

    def fate(self) -> str:
        """What becomes of a request."""
        if self.is_calm:
            return "arrives"
        return self.random.choices(list(FATES), list(FATES.values()))[0]

    def new_name(self) -> str:
        name = f"contact {len(self.names)}"
        self.names.add(name)
        return name

    def value(self) -> str | None:
        """A text that is unlike any other, or one that others type too."""
        self._texts += 1
        return self.random.choice([None, "", "1", "2", f"t{self._texts};", f"t{self._texts};"])

    def step(self) -> None:
        happens = self.random.choices(list(EVENTS), list(EVENTS.values()))[0]
        self.say(happens.__name__)
        happens(self)

    def settle(self) -> None:
        """The network holds: after so many syncs nothing is left to say."""
        self.is_calm = True
        self.say("settle")
        self.device.sync()
        for _ in range(ROUNDS):
            for app in self.apps:
                assert app.client.sync()
        self.device.sync()

    def check(self) -> None:
        contents = self.house.contents()
        for app in self.apps:
            assert app.client.contents() == contents, app.name
            assert app.client.unsent() == 0, app.name
            (since,) = app.client.conn.execute("SELECT value FROM sync_state").fetchone()
            assert app.client.get(f"/changes?since={since}")[1] == [], "a last sync has nothing to tell"
        assert self.device.contents() == contents
        names = [name for name, _, _ in contents]
        assert len(names) == len(set(names)), "a contact is there twice"
        assert self.names - self.deleted <= set(names), "a contact is missing that nobody deleted"
        missing = self.sent - self.excused - self.kept_texts()
        assert not missing, f"sent and lost: {sorted(missing)}"

    def kept_texts(self) -> set[str]:
        """Those in rows, tombstones and the history."""
        with self.house.store.reading(self.house.book_id) as reading:
            ids = {done.key[1] for done in reading.steps_since(0)} | self.house.rows().keys()
            records = reading.records("contacts", ids)
            return set(TYPED.findall(str([records, *(reading.history("contacts", one) for one in ids)])))

    def close(self) -> None:
        self.device.replica.close()
        self.house.close()


# --- what can happen -------------------------------------------------------------------------------------------------


def someone_types(world: World) -> None:
    world.random.choice(world.apps).edit()


def an_app_syncs(world: World) -> None:
    world.random.choice(world.apps).sync()


def an_app_restarts(world: World) -> None:
    world.random.choice(world.apps).restart()


def the_device_is_used(world: World) -> None:
    world.device.edit()
    if world.random.random() < 0.7:
        world.device.sync()


def the_device_syncs(world: World) -> None:
    world.device.sync()


def the_page_is_used(world: World) -> None:
    """A page, or a program by REST, knows the book as it is, or as it was when it was opened."""
    page, random = world.page, world.random
    if random.random() < 0.7:
        page.see()
    rows = world.house.rows()
    known = sorted(page.seen.keys() & rows.keys())
    if not known or random.random() < 0.2:
        page.add(world.new_name(), phone=world.value())
        return
    record_id = random.choice(known)
    world.say(f"    {rows[record_id]['name']}")
    if random.random() < 0.2:
        world.deleted.add(rows[record_id]["name"])
        page.delete(record_id)
    else:
        page.edit(record_id, **{random.choice(["email", "phone", "notes"]): world.value()})


def the_server_prunes(world: World) -> None:
    """All that does not live is forgotten. The device takes a snapshot next time."""
    world.excused |= world.kept_texts()
    world.house.prune()
    world.excused -= world.kept_texts()


EVENTS: Mapping[Callable[[World], None], int] = {
    someone_types: 40,
    an_app_syncs: 35,
    an_app_restarts: 2,
    the_device_is_used: 8,
    the_device_syncs: 3,
    the_page_is_used: 12,
    the_server_prunes: 2,
}
"""What can happen, and how often each does."""


def play(seed: int, folder: Path, library: Library, now: int) -> World:
    assert library.database is not None
    world = World(library.database, folder, now, seed)
    try:
        for _ in range(world.random.choice(STEPS)):
            world.step()
        world.settle()
        world.check()
    except Exception as fault:
        command = f"OFFBOOK_WORLD={seed} .venv/bin/pytest tests/services/test_tutorial_world.py"
        raise AssertionError("\n".join([f"{fault}", *world.log, f"To play this world again: {command}"])) from fault
    finally:
        world.close()
    return world


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = sql_library("sqlite", tmp_path_factory.mktemp("tutorial"))
    yield library
    library.close()


@pytest.fixture(scope="module", params=[name for name in ENGINES if name != "sqlite"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = sql_library(available(request.param), tmp_path_factory.mktemp("tutorial"))
    yield library
    library.close()


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_all_devices_show_the_same_in_the_end(sqlite: Library, tmp_path: Path, now: int, seed: int) -> None:
    play(seed, tmp_path, sqlite, now)


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS[::OTHERS_EVERY])
def test_they_do_so_on_every_database(other: Library, tmp_path: Path, now: int, seed: int) -> None:
    play(seed, tmp_path, other, now)


def test_the_same_seed_is_the_same_world_step_by_step(tmp_path: Path, now: int) -> None:
    logs = []
    for number, seed in enumerate([3, 3, 4]):
        folder = tmp_path / str(number)
        folder.mkdir()
        library = sql_library("sqlite", folder)
        logs.append(play(seed, folder, library, now).log)
        library.close()
    assert logs[0] == logs[1] != logs[2]
