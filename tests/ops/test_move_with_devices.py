"""Devices of a server that moves from engine to engine sync on as if nothing had happened: real devices and servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from offbook import Replica
from offbook.core.errors import SyncError
from storage.engines.database import Database
from storage.errors import RETRY_SECONDS
from tests.conftest import available
from tests.support.browser import PASSWORD, add_device, add_user, app_on, bearer, csrf_of
from tests.support.live_server import serving, serving_process
from tests.support.move_scenarios import LONG, TEXTS, databases, rows_of, url_of

LEGISLATORS = Path(__file__).parents[3] / "shared/data/legislators.jsonl"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(stack, tmp_path)


class House:
    """An admin's machine: databases, one server at a time, always at the same port, and the command."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._port = 0

    def database(self, engine: str, name: str) -> Database:
        return self._stack.enter_context(databases(available(engine), self._folder / name))

    @contextmanager
    def process(self, database: Database) -> Iterator[str]:
        """The server as an admin starts it; gives its URL."""
        with serving_process(self._folder, DATABASE_URL=url_of(database), PORT=str(self._port)) as process:
            yield self._at(process.url)

    @contextmanager
    def serving(self, database: Database) -> Iterator[str]:
        """The same server in a thread, which starts sooner."""
        app = app_on(url_of(database))
        with serving(app, port=self._port) as url:
            yield self._at(url)
        app.extensions["database"].close()

    def _at(self, url: str) -> str:
        self._port = urlsplit(url).port or 0
        return url

    def moved(self, source: Database, target: Database) -> None:
        app = app_on(url_of(source))
        before = rows_of(source)
        result = app.test_cli_runner().invoke(args=["move", "--to", url_of(target)])
        app.extensions["database"].close()
        assert result.exit_code == 0, result.output
        assert rows_of(target) == rows_of(source) == before

    def device(self, database: Database, name: str) -> tuple[str, Path]:
        """The token of a new device of ada's, and where its replica is."""
        app = app_on(url_of(database))
        if not any(user.name == "ada" for user in app.extensions["offbook"].accounts.users()):
            add_user(app, "ada")
        token = add_device(app, "ada", name)[1]
        app.extensions["database"].close()
        return token, self._folder / f"{name}.db"

    def replica(self, url: str, device: tuple[str, Path]) -> Replica:
        token, path = device
        return self._stack.enter_context(Replica(path, server=url, token=token))


def cursor_of(replica: Replica) -> str:
    (cursor,) = replica.connection.execute("SELECT cursor FROM sync_state").fetchone()
    return str(cursor)


def is_served(url: str, token: str, cursor: str) -> bool:
    """Whether a page follows this cursor, instead of a 410 that asks for a snapshot."""
    answer = requests.get(f"{url}/changes", params={"since": cursor}, headers=bearer(token), timeout=10)
    return answer.status_code == 200 and answer.json()["since"] == cursor


def signs_in(url: str) -> bool:
    session = requests.Session()
    form = {"csrf_token": csrf_of(session.get(url + "/login", timeout=10).text), "name": "ada", "password": PASSWORD}
    answer = session.post(url + "/login", data=form, timeout=10)
    session.close()
    return answer.status_code == 200 and "Sign out" in answer.text


@pytest.mark.servers
def test_devices_sync_on_wherever_their_server_moves(house: House) -> None:
    """SQLite, PostgreSQL, MariaDB and back to SQLite. What is typed meanwhile waits on the device."""
    engines = ("sqlite", "postgresql", "mysql", "sqlite")
    places = [house.database(engine, f"place {number}") for number, engine in enumerate(engines)]
    laptop, phone = house.device(places[0], "laptop"), house.device(places[0], "phone")
    with house.process(places[0]) as url:
        a, b = house.replica(url, laptop), house.replica(url, phone)
        for text in TEXTS:
            a.contacts.add(name=f"name {text}", notes=text, details=[{"kind": "url", "value": text + "😀"}])
        ada = a.contacts.add(name="Ada", notes=LONG)
        a.contacts.delete(a.contacts.add(name="Gone"))
        a.sync()
        b.sync()
        known = cursor_of(a)
        house.moved(places[0], places[1])
        acknowledges_nothing(b, ada)
    for number, place in enumerate(places[1:], 1):
        start = house.process if number == 1 else house.serving
        with start(place) as url:
            assert is_served(url, laptop[0], known)
            assert signs_in(url)
            a.contacts.update(ada, email=f"{number}@example.org")
            assert b.sync().pushed == 1
            report = a.sync()
            assert (report.pushed, report.pulled, report.parked) == (1, 1, 0)
            assert b.sync().pulled == 1
            assert (a.verify().repaired, b.verify().repaired) == ((), ())
            assert a.contacts.list() == b.contacts.list()
            known = cursor_of(a)
        b.contacts.update(ada, phone=f"after {number}")
        if place is not places[-1]:
            house.moved(place, places[number + 1])


def acknowledges_nothing(replica: Replica, ada: str) -> None:
    """The old server, which still runs, sends a device away with what it brings."""
    replica.contacts.update(ada, phone="typed meanwhile")
    with pytest.raises(SyncError, match="is moving to another database") as refused:
        replica.sync()
    assert refused.value.retry_after_seconds == RETRY_SECONDS
    assert replica.status().pending == 1


@pytest.mark.servers
@pytest.mark.skipif(not LEGISLATORS.exists(), reason="the real contacts are not on this machine (../shared/data)")
def test_real_contacts_arrive_as_they_were(house: House) -> None:
    one, other = house.database("postgresql", "one"), house.database("mysql", "other")
    device = house.device(one, "laptop")
    with house.serving(one) as url:
        a = house.replica(url, device)
        with a.transaction():
            for line in LEGISLATORS.read_text().splitlines():
                person = json.loads(line)
                details = [{"kind": "phone", "value": office["phone"]} for office in person.pop("offices", [])
                           if office.get("phone")]  # fmt: skip
                person.pop("address", None)
                a.contacts.add(**person, details=details)
        a.sync()
    house.moved(one, other)
    with house.serving(other):
        found = a.verify()
    assert (found.compared, found.repaired, found.left_out) == (len(a.contacts.list()), (), ())
