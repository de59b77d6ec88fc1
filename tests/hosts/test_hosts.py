"""Two processes of the app on one database, nginx in front of them, and devices on both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app import App
from offbook import Replica
from offbook.core.connection import SECONDS
from storage.engines.database import Database
from tests.hosts.balancer import Balancer, balancing
from tests.support.browser import PASSWORD, add_device, add_user, app_on, csrf_of
from tests.support.callback_recorder import Witness, equal, names
from tests.support.database_servers import REDIS, redis_missing
from tests.support.live_server import Process, serving_process

pytestmark = [pytest.mark.hosts, pytest.mark.engines("postgresql", "mysql")]

SETTINGS = {"TRUSTED_PROXIES": "1", "SECRET_KEY": "the same secret on every host, and long enough"}
DEVICES = ("laptop", "phone", "tablet", "desk")
PAUSE_SECONDS = 0.01
TIMED = ("is back", "is back again", "is back for good")
"""Of three tries the best counts: other tests run beside this one."""
POLLED_SECONDS = 0.8 * SECONDS.poll
"""A device that is told nothing asks no sooner than this: what arrives before it came by the live channel."""


@pytest.fixture
def settings(database: Database, database_url: str) -> dict[str, str]:
    """What every host has: PostgreSQL carries the news by itself, MariaDB has Redis for it."""
    if database.name == "mysql" and redis_missing():
        pytest.skip(redis_missing())
    live = {"LIVE_URL": REDIS} if database.name == "mysql" else {}
    return {**SETTINGS, "DATABASE_URL": database_url, **live}


@pytest.fixture
def app(database_url: str) -> Iterator[App]:
    """An app on the same database, for accounts."""
    made = app_on(database_url)
    add_user(made, "ada")
    yield made
    made.extensions["database"].close()


@pytest.fixture
def hosts(settings: dict[str, str], app: App, tmp_path: Path) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serving_process(tmp_path / name, **settings)) for name in ("one", "two")]


@pytest.fixture
def balancer(hosts: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Balancer]:
    with balancing(tmp_path, *(port_of(host) for host in hosts)) as balancer:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(balancer.certificate))
        yield balancer


@pytest.fixture
def devices(app: App, balancer: Balancer, tmp_path: Path) -> Iterator[list[Replica]]:
    with ExitStack() as stack:
        tokens = {name: add_device(app, "ada", name)[1] for name in DEVICES}
        yield [
            stack.enter_context(Replica(tmp_path / f"{name}.db", balancer.url, token)) for name, token in tokens.items()
        ]


def port_of(host: Process) -> int:
    port = urlsplit(host.url).port
    assert port is not None
    return port


class Typist:
    """Somebody who types contacts into a device until told to stop."""

    def __init__(self, device: Replica) -> None:
        self.device = device
        self.typed: list[str] = []

    def type_until(self, enough: Event) -> None:
        while not enough.wait(PAUSE_SECONDS):
            name = f"{self.device.path.stem} {len(self.typed)}"
            self.device.contacts.add(name=name)
            self.typed.append(name)


def test_a_host_is_killed_and_comes_back_during_traffic_and_nothing_is_lost(
    hosts: list[Process], balancer: Balancer, devices: list[Replica], settings: dict[str, str], tmp_path: Path
) -> None:
    witness, enough = Witness(), Event()
    witness.start(*devices)
    witness.until_link("live", *devices)
    typists = [Typist(device) for device in devices]
    with ThreadPoolExecutor(len(typists)) as threads:
        typing = [threads.submit(typist.type_until, enough) for typist in typists]
        try:
            witness.until(lambda: min(device.contacts.count() for device in devices) > 40)
            hosts[0].child.kill()
            there = [device.contacts.count() for device in devices]
            witness.until(lambda: min(device.contacts.count() for device in devices) > max(there) + 40)
            with serving_process(tmp_path / "one", **settings, PORT=str(port_of(hosts[0]))):
                assert min(seconds_until_all_have(witness, devices, what) for what in TIMED) < POLLED_SECONDS
                enough.set()
                witness.until(lambda: all(device.status().pending == 0 for device in devices) and equal(*devices))
        finally:
            enough.set()
    assert [done.result() for done in typing] == [None] * len(typists)
    typed = {name for typist in typists for name in typist.typed}
    timed = {f"{device.path.stem} {what}" for device in devices for what in TIMED}
    assert set(names(devices[0])) == typed | timed
    assert devices[0].contacts.count() == len(typed) + len(timed)
    for device in devices:
        device.stop()
    witness.until(lambda: addresses_of_sockets(balancer) == {urlsplit(host.url).netloc for host in hosts})


def seconds_until_all_have(witness: Witness, devices: list[Replica], what: str) -> float:
    """Each device adds a contact; how long until every device has all of them."""
    began = time.monotonic()
    for device in devices:
        device.contacts.add(name=f"{device.path.stem} {what}")
    wanted = {f"{device.path.stem} {what}" for device in devices}
    witness.until(lambda: all(wanted <= set(names(device)) for device in devices))
    return time.monotonic() - began


def addresses_of_sockets(balancer: Balancer) -> set[str]:
    """Which processes served a WebSocket that has ended."""
    lines = [line.split() for line in balancer.log.read_text().splitlines()]
    return {line[-1] for line in lines if line[3] == "101"}


def test_a_session_and_the_throttle_of_sign_ins_hold_on_every_host(hosts: list[Process], balancer: Balancer) -> None:
    with requests.Session() as browser, requests.Session() as thief:
        signed_in = sign_in(browser, balancer.url, PASSWORD)
        assert [page.status_code for page in (signed_in, *(browser.get(balancer.url) for _ in hosts))] == [200] * 3
        answers = [sign_in(thief, hosts[number % 2].url, "a guess").status_code for number in range(11)]
    assert answers[-1] == 429
    assert 429 not in answers[:10]


def test_a_session_that_ends_at_one_host_has_ended_at_every_host(hosts: list[Process], balancer: Balancer) -> None:
    with requests.Session() as browser, requests.Session() as copy:
        page = sign_in(browser, balancer.url, PASSWORD)
        copy.cookies.update(browser.cookies.copy())
        assert [copy.get(balancer.url).url for _ in hosts] == [page.url] * 2
        fields = {"csrf_token": csrf_of(page.text)}
        browser.post(f"{balancer.url}/logout", data=fields, headers={"Referer": page.url}, timeout=10)
        assert {copy.get(balancer.url).url.partition("?")[0] for _ in range(6)} == {f"{balancer.url}/login"}


def sign_in(browser: requests.Session, url: str, password: str) -> Any:
    form = browser.get(f"{url}/login", timeout=10)
    fields = {"csrf_token": csrf_of(form.text), "name": "ada", "password": password}
    return browser.post(f"{url}/login", data=fields, headers={"Referer": f"{url}/login"}, timeout=10)
