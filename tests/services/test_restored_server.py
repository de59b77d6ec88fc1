"""A real server that goes back to a backup under its devices: all that they hold is there again, once, and no more.

What pages, API clients and a device that is gone for good had written since the backup is sent by whoever holds it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app import App
from offbook import NotAuthorized, Replica
from ops.backup import backup
from tests.cli.test_accounts import run
from tests.support.browser import add_device, add_user, app_beside, bearer, parts_of
from tests.support.callback_recorder import Witness
from tests.support.live_server import Process, serving_process

pytestmark = pytest.mark.processes

ADDED = 6
STEPS = 40


@dataclass
class Site:
    """A server in a process of its own, and the instance that it runs on; ``app`` is an admin's, beside it."""

    instance: Path
    app: App
    running: ExitStack = field(default_factory=ExitStack)
    process: Process | None = None

    @property
    def url(self) -> str:
        assert self.process is not None
        return self.process.url

    def start(self) -> None:
        port = "0" if self.process is None else str(urlsplit(self.url).port)
        self.process = self.running.enter_context(serving_process(self.instance, PORT=port))

    def stop(self) -> None:
        self.running.close()
        self.app.extensions["database"].close()


@contextmanager
def site_in(instance: Path) -> Iterator[Site]:
    with app_beside(instance) as app:
        site = Site(instance, app)
        site.start()
        try:
            yield site
        finally:
            site.stop()


def by_command(site: Site, file: Path) -> None:
    """While the server runs."""
    done = run(site.app, "restore", "--yes", str(file))
    assert done.exit_code == 0, done.output


def by_copying(site: Site, file: Path) -> None:
    """As an admin does who knows no command: with the server stopped."""
    site.stop()
    for old in site.instance.glob("offbook.db*"):
        old.unlink()
    shutil.copyfile(file, site.instance / "offbook.db")
    site.start()


Restore = Callable[[Site, Path], None]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("instance")) as site:
        yield site


class Household:
    """A person's devices, and a program that knows nothing but REST."""

    def __init__(self, site: Site, person: str, policy: str, folder: Path, stack: ExitStack) -> None:
        self.site = site
        add_user(site.app, person)
        accounts = parts_of(site.app).accounts
        accounts.set_policy(accounts.user_named(person).book_id, policy)
        names = ("laptop", "phone", "gone", "program")
        tokens = {name: add_device(site.app, person, name)[1] for name in names}
        self.laptop, self.phone, self.gone = (
            stack.enter_context(Replica(folder / f"{name}.db", site.url, tokens[name])) for name in names[:3]
        )
        self._headers = bearer(tokens["program"])

    def asks(self, method: str, path: str, **data: Any) -> Any:
        answer = requests.request(method, self.site.url + path, json=data or None, headers=self._headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def sync(self, *devices: Replica) -> None:
        for device in devices:
            device.sync()

    def live_a_while(self, random: Random, steps: int, *devices: Replica) -> None:
        """Edits of all kinds at all places, met by each other and synced now and then."""
        for step in range(steps):
            known = [one["id"] for one in self.asks("GET", "/contacts")["contacts"]]
            device = random.choice(devices)
            ids = [one["id"] for one in device.contacts.list()]
            match random.randrange(9):
                case 0:
                    device.contacts.add(name=f"Added {step}", phone=str(step), details=entry(f"k{step}", step))
                case 1:
                    self.asks("POST", "/contacts", name=f"Program {step}", phone=str(step))
                case 2 | 3:
                    edit: dict[str, Any] = {random.choice(["phone", "email"]): f"{step}"}
                    device.contacts.update(random.choice(ids), **edit)
                case 4:
                    key = random.choice(["k1", "k2"])
                    given = random.choice([entry(key, step), {key: None}])
                    device.contacts.update(random.choice(ids), details=given)
                case 5:
                    self.asks("PATCH", f"/contacts/{random.choice(known)}", phone=f"p{step}", company=None)
                case 6:
                    self.asks(
                        "PATCH", f"/contacts/{random.choice(known)}", company=f"p{step}", details=entry("k2", step)
                    )
                case 7 if len(ids) > ADDED // 2 and len(known) > ADDED // 2:
                    if random.random() < 0.5:
                        device.contacts.delete(random.choice(ids))
                    else:
                        self.asks("DELETE", f"/contacts/{random.choice(known)}")
                case _:
                    device.sync()


def entry(key: str, number: int) -> dict[str, Any]:
    return {key: {"kind": "phone", "label": f"l{number}", "value": f"v{number}"}}


def shown(replica: Replica) -> dict[str, dict[str, Any]]:
    """What a person sees."""
    times = ("created_at", "updated_at")
    return {
        one["id"]: {name: value for name, value in one.items() if name not in times and value}
        for one in replica.contacts.list()
    }


@pytest.mark.parametrize("restore", [by_command, by_copying])
@pytest.mark.parametrize(("policy", "seed"), [("merge", 1), ("merge", 2), ("last-write-wins", 3)])
def test_all_that_devices_hold_is_there_again_and_nothing_else(
    site: Site, restore: Restore, policy: str, seed: int, tmp_path: Path
) -> None:
    random = Random(seed)
    with ExitStack() as stack:
        house = Household(site, f"{restore.__name__} {policy} {seed}", policy, tmp_path, stack)
        laptop, phone, gone = house.laptop, house.phone, house.gone
        for number in range(ADDED):
            laptop.contacts.add(name=f"Contact {number}", details=entry("k1", number))
        house.sync(laptop, phone, gone)
        house.live_a_while(random, STEPS // 2, laptop, phone, gone)
        backup.back_up(site.app.extensions["database"], tmp_path / "backup")
        house.live_a_while(random, STEPS, laptop, phone, gone)
        house.sync(laptop, phone, gone, laptop, phone, gone)
        expected = shown(laptop)
        assert expected == shown(phone) == shown(gone)
        laptop.contacts.update(min(expected), notes="typed offline")
        phone.contacts.delete(max(expected))
        new = phone.contacts.add(name="Offline")

        restore(site, tmp_path / "backup")

        expected[min(expected)]["notes"] = "typed offline"
        del expected[max(expected)]
        house.sync(*random.sample([laptop, phone], 2))
        found = {one["id"]: one for one in house.asks("GET", "/contacts")["contacts"]}
        assert found.keys() == {*expected, new}, "each device synced once"
        house.sync(laptop, phone)
        expected[new] = shown(phone)[new]
        assert shown(laptop) == shown(phone) == expected
        for device in (laptop, phone):
            assert (device.status().pending, device.parked(), device.conflicts()) == (0, [], [])
            assert device.verify().repaired == ()
        gone.sync()
        assert shown(gone) == expected


def test_open_devices_and_pages_of_a_running_server_notice(site: Site, tmp_path: Path, witness: Witness) -> None:
    with ExitStack() as stack:
        house = Household(site, "live", "merge", tmp_path, stack)
        ada = house.laptop.contacts.add(name="Ada")
        house.sync(house.laptop)
        backup.back_up(site.app.extensions["database"], tmp_path / "backup")
        witness.start(house.laptop, house.phone)
        house.asks("PATCH", f"/contacts/{ada}", phone="1")
        house.asks("POST", "/contacts", name="Bob")
        witness.until(lambda: len(shown(house.phone)) == len(shown(house.laptop)) == 2)
        witness.until_link("live", house.laptop, house.phone)
        before = shown(house.laptop)
        by_command(site, tmp_path / "backup")
        witness.until(lambda: len(house.asks("GET", "/contacts")["contacts"]) == 2)
        witness.until_link("live", house.laptop, house.phone)
        house.phone.contacts.add(name="Cleo")
        witness.until(lambda: len(shown(house.laptop)) == 3)
        assert shown(house.laptop) == shown(house.phone)
        assert before.items() <= shown(house.laptop).items()


def test_a_device_that_the_backup_does_not_know_keeps_all_that_was_typed(site: Site, tmp_path: Path) -> None:
    backup.back_up(site.app.extensions["database"], tmp_path / "backup")
    with ExitStack() as stack:
        house = Household(site, "late", "merge", tmp_path, stack)
        house.laptop.contacts.add(name="Ada")
        house.sync(house.laptop)
        by_command(site, tmp_path / "backup")
        with pytest.raises(NotAuthorized):
            house.laptop.sync()
        assert [one["name"] for one in house.laptop.contacts.list()] == ["Ada"]


@pytest.fixture
def witness() -> Witness:
    return Witness()
