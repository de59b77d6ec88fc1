"""CardDAV, beside Radicale 3: the same client and the same cards, by turns, each server in a process of its own.

What is compared is the CPU time of the servers, so that what else the machine does counts little; a PUT waits for the
disk, and is compared by the clock.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, RemoteDisconnected
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from bench import limits, process_usage, server, sync
from bench.peers.cards import card
from bench.statistics import Figure, ratios, seconds
from config import Config
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import open_engines

CARDS, MANY, CHANGED = 10_000, 25_000, 100
FIRST_ROUNDS, ROUNDS = 3, 5
OFTEN, SOME = 200, 10
PHONES, POLLS_AN_HOUR = 30, 60

BOOK = "/dav/bench/contacts/"
TO_RADICALE = "Radicale's time to ours"

NAMESPACES = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
LIST = f"<propfind {NAMESPACES}><prop><getetag/></prop></propfind>"
LOOK = f"<propfind {NAMESPACES}><prop><CS:getctag/><sync-token/></prop></propfind>"
HREF = re.compile(rb"<(?:\w+:)?href>([^<]*\.vcf)</")
TOKEN = re.compile(rb"<(?:\w+:)?sync-token>([^<]+)</")


@dataclass
class Client:
    """A program that syncs by CardDAV. ``path`` is its book."""

    url: str
    path: str
    user: str
    token: str
    pid: int

    def __post_init__(self) -> None:
        split = urlsplit(self.url)
        self.connection = HTTPConnection(str(split.hostname), split.port, timeout=600)
        self.headers = {"Authorization": "Basic " + b64encode(f"{self.user}:{self.token}".encode()).decode()}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        """The body of the answer. Radicale closes connections that rest."""
        try:
            return self._once(method, path, body, headers)
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.connection.close()
            return self._once(method, path, body, headers)

    def _once(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        self.connection.request(method, path, body, self.headers | headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def first(self) -> None:
        """What a phone does that has nothing: it lists all cards, and reads them."""
        hrefs = HREF.findall(self.ask("PROPFIND", self.path, LIST.encode(), Depth="1"))
        assert len(hrefs) == CARDS
        told = b"".join(b"<href>" + href + b"</href>" for href in hrefs)
        begin = f"<C:addressbook-multiget {NAMESPACES}><prop><getetag/><C:address-data/></prop>".encode()
        answer = self.ask("REPORT", self.path, begin + told + b"</C:addressbook-multiget>", Depth="1")
        assert answer.count(b"BEGIN:VCARD") == CARDS

    def changes(self, token: str) -> tuple[int, str]:
        """How many cards have changed since a sync-token, and the next one."""
        body = (
            f"<sync-collection {NAMESPACES}><sync-token>{token}</sync-token><sync-level>1</sync-level>"
            "<prop><getetag/></prop></sync-collection>"
        )
        answer = self.ask("REPORT", self.path, body.encode())
        return len(HREF.findall(answer)), TOKEN.findall(answer)[-1].decode()

    def put(self, number: int, note: int) -> None:
        """Change a card, from whatever it was."""
        text = card(number).replace("NOTE:", f"NOTE:{note} ")
        self.ask("PUT", f"{self.path}{uid_of(number)}.vcf", text.encode(), **{"Content-Type": "text/vcard"})

    def cpu(self, work: Callable[[], object]) -> float:
        """The CPU seconds of the server meanwhile."""
        before = process_usage.cpu_seconds([self.pid])
        work()
        return process_usage.cpu_seconds([self.pid]) - before


def uid_of(number: int) -> str:
    """That of a card of this number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def figures(folder: Path) -> Iterator[Figure]:
    """None where Radicale is not installed (requirements-bench.txt)."""
    if find_spec("radicale") is None:
        return
    with server.running(folder / "offbook") as ours, radicale(folder / "radicale") as theirs:
        import_cards(ours, range(CARDS))
        sync.pull_all(ours.connect())
        memory = ours.memory_mb("VmRSS")
        devices = iter(new_devices(ours, PHONES + FIRST_ROUNDS + 3))
        yield from compared(ours, theirs, devices)
        yield Figure(
            "server's memory after CardDAV, to that after a snapshot",
            ours.memory_mb("VmRSS") / memory,
            "times",
            1.3,
            True,
        )
        import_cards(ours, range(CARDS, MANY))
        yield polls([next(devices) for _ in range(PHONES)])


def compared(ours: server.Server, theirs: Client, devices: Iterator[Client]) -> Iterator[Figure]:
    theirs.first()  # which fills its caches
    yield ratios(
        f"a first list and multiget of {CARDS:,} cards, {TO_RADICALE}",
        [
            (theirs.cpu(theirs.first), device.cpu(device.first))
            for device in (next(devices) for _ in range(FIRST_ROUNDS))
        ],
        5,
    )
    phone, other = next(devices), next(devices)
    phone.first()
    token = phone.changes(phone.changes("")[1])[1]
    their_token = theirs.changes("")[1]
    with limits.bare_server("flask") as bare:
        yield ratios(
            "a sync-collection with nothing new, to a bare Flask view",
            [nothing_new(phone, token, bare) for _ in range(ROUNDS)],
            3,
            at_most=True,
        )
    notes = count()
    for device in (other, theirs):
        for number in range(CHANGED):
            device.put(number * 97, next(notes))
    assert (phone.changes(token)[0], theirs.changes(their_token)[0]) == (CHANGED, CHANGED)
    yield ratios(
        f"a sync-collection with {CHANGED} changed of {CARDS:,}, {TO_RADICALE}",
        [
            (
                theirs.cpu(lambda: theirs.changes(their_token)) * SOME,
                phone.cpu(lambda: [phone.changes(token) for _ in range(SOME)]),
            )
            for _ in range(ROUNDS)
        ],
        15,
    )
    yield ratios(
        "PUTs of one card, to the rate of pushes of one change",
        [one_change(other, ours.connect(), notes) for _ in range(ROUNDS)],
        0.5,
    )


def nothing_new(phone: Client, token: str, bare: server.Server) -> tuple[float, float]:
    ours = phone.cpu(lambda: [phone.changes(token) for _ in range(OFTEN)])
    client, before = bare.connect(), process_usage.cpu_seconds([bare.pid])
    for _ in range(OFTEN):
        client.send("POST", "/", LOOK.encode())
    return ours, process_usage.cpu_seconds([bare.pid]) - before


def one_change(phone: Client, laptop: server.Client, notes: Iterator[int]) -> tuple[float, float]:
    """How long a push and a PUT take."""
    pushes = [sync.body([sync.update(uid_of(number * 7))]) for number in range(SOME * 5)]
    push = seconds(lambda: [laptop.send("POST", "/sync", body) for body in pushes])

    def put() -> None:
        for number in range(SOME * 5):
            phone.put(number * 11, next(notes))

    return push, seconds(put)


def polls(phones: list[Client]) -> Figure:
    """Phones that have all cards look what is new: for a CTag and a token, and by the token, as DAVx5 does."""
    tokens = [phone.changes("")[1] for phone in phones]

    def poll() -> None:
        for phone, token in zip(phones, tokens, strict=True):
            phone.ask("PROPFIND", phone.path, LOOK.encode(), Depth="0")
            phone.changes(token)

    poll()
    cpu = sum(phones[0].cpu(poll) for _ in range(SOME)) / SOME
    share = cpu * POLLS_AN_HOUR / 3600 * 100
    return Figure(f"{PHONES} phones that look each minute, {MANY:,} contacts", share, "% of a core", 2, at_most=True)


# --- the servers -----------------------------------------------------------------------------------------------------


def new_devices(ours: server.Server, number: int) -> list[Client]:
    """Phones of the user."""
    database = open_engines(Config.from_environment({"INSTANCE_PATH": str(ours.folder)}).database_url)
    accounts, now_us = Accounts(database, Effort(1, 8, 1)), time.time_ns() // 1000
    user = accounts.user_named("bench")
    tokens = [accounts.add_device(user.book_id, user.id, f"phone {n}", now_us, sync.new_id)[1] for n in range(number)]
    database.close()
    return [Client(ours.url, BOOK, "bench", token, ours.pid) for token in tokens]


def import_cards(ours: server.Server, numbers: range) -> None:
    """Add cards of these numbers by a file."""
    split = urlsplit(ours.url)
    connection = HTTPConnection(str(split.hostname), split.port, timeout=600)
    headers = {"Authorization": f"Bearer {ours.token}"}
    connection.request("POST", "/contacts/import", "".join(map(card, numbers)).encode(), headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"The import failed: {content[:300]!r}")
    connection.close()


@contextmanager
def radicale(folder: Path) -> Iterator[Client]:
    """Radicale with the same cards, each in its file as it keeps them."""
    book = folder / "collection-root" / "bench" / "contacts"
    book.mkdir(parents=True)
    (book / ".Radicale.props").write_text('{"tag": "VADDRESSBOOK"}')
    for number in range(CARDS):
        (book / f"{uid_of(number)}.vcf").write_text(card(number), newline="")
    port = _free_port()
    options = [f"--server-hosts=127.0.0.1:{port}", "--auth-type=none", f"--storage-filesystem-folder={folder}"]
    command = [sys.executable, "-m", "radicale", "--config=", "--logging-level=error", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        try:
            client = Client(f"http://127.0.0.1:{port}", "/bench/contacts/", "bench", "any", child.pid)
            _await(client)
            yield client
        finally:
            child.terminate()


def _free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _await(client: Client) -> None:
    """Until it answers."""
    for _ in range(600):
        try:
            client.ask("PROPFIND", "/", LOOK.encode(), Depth="0")
            return
        except ConnectionRefusedError:
            client.connection.close()
            time.sleep(0.1)
    raise RuntimeError("Radicale did not begin to answer within a minute.")
