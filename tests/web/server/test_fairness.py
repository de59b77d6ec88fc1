"""What many ask for at once, and what one asks for that is much, delays nobody else for long."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app import App
from storage.base import SHORT_PAGE, WHOLE_PAGE
from tests.support.api_client import Caller, caller, change
from tests.support.browser import add_device, bearer
from tests.support.live_server import serving
from tests.support.polling import wait_until
from web.server.wsgi_bridge import CROWD

pytestmark = [pytest.mark.loads, pytest.mark.engines("sqlite")]  # one writer at a time: here others wait longest

DETAILS = {f"k{number}": {"kind": "phone", "label": "boat", "value": f"555-{number}"} for number in range(40)}
DELAY_SECONDS = 1.0
"""The longest that anybody may wait for others, on a machine that may be busy: half of it, where it is not."""


def heavy(count: int = 1000) -> dict[str, Any]:
    """As much as a push holds: contacts with forty details each."""
    return {"changes": [change(data={"name": f"Person {n}", "details": DETAILS}) for n in range(count)]}


@pytest.fixture
def laptop(app: App, laptop: Caller) -> Caller:
    """The device of somebody whose book holds much."""
    laptop.synced(*heavy(600)["changes"])
    return laptop


class Other(Thread):
    """Somebody else, who edits and looks at the sign-in page in turn, and how long each took."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._token = bearer(token)
        self._ended = Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        with requests.Session() as session:
            asks: list[Callable[[], requests.Response]] = [
                lambda: session.post(
                    self._url + "/sync", json={"changes": [change()]}, headers=self._token, timeout=60
                ),
                lambda: session.get(self._url + "/login", timeout=60),
            ]
            while not self._ended.is_set():
                for ask in asks:
                    began = time.monotonic()
                    assert ask().status_code == 200
                    self.seconds.append(time.monotonic() - began)

    @property
    def longest(self) -> float:
        return max(self.seconds)

    def goes_on(self) -> None:
        """Wait until each was done a few times more."""
        enough = len(self.seconds) + 6
        wait_until(lambda: len(self.seconds) >= enough)

    def end(self) -> None:
        self._ended.set()
        self.join(60)


@contextmanager
def beside(url: str, token: str) -> Iterator[Other]:
    """Somebody else, from before what is done here until after it."""
    other = Other(url, token)
    other.start()
    try:
        other.goes_on()
        yield other
        other.goes_on()
    finally:
        other.end()


def test_a_push_of_much_delays_others_for_a_fraction_of_what_it_takes(app: App, laptop: Caller) -> None:
    bob = caller(app, "bob")
    body, token = heavy(), bearer(laptop.token)
    with serving(app) as url, beside(url, bob.token) as other:
        began = time.monotonic()
        answer = requests.post(url + "/sync", json=body, headers=token, timeout=60)
        seconds = time.monotonic() - began
    assert {result["verdict"] for result in answer.json()["results"]} == {"applied"}
    assert other.longest < max(DELAY_SECONDS, seconds / 3)


def ask_and_read_nothing(url: str, path: str, token: str) -> socket.socket:
    split = urlsplit(url)
    made = socket.create_connection((split.hostname, split.port), timeout=60)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return made


@pytest.mark.parametrize(("path", "tokens"), [("/changes", 1), ("/contacts", 60)])
def test_sixty_readers_who_take_nothing_delay_others_for_a_fraction_of_what_they_ask_for(
    app: App, laptop: Caller, path: str, tokens: int
) -> None:
    bob = caller(app, "bob")
    readers = [add_device(app, "ada", f"reader {number}")[1] for number in range(tokens)] * (60 // tokens)
    with serving(app) as url, ExitStack() as stack:
        began = time.monotonic()
        for _ in range(3):
            assert requests.get(url + path, headers=bearer(laptop.token), timeout=60).status_code == 200
        seconds = (time.monotonic() - began) / 3
        with beside(url, bob.token) as other:
            sockets = [stack.enter_context(ask_and_read_nothing(url, path, token)) for token in readers]
            assert {made.recv(12) for made in sockets} == {b"HTTP/1.1 200"}
    assert other.longest < max(DELAY_SECONDS, 60 * seconds / 3)


@pytest.mark.parametrize(("crowd", "size"), [(1, WHOLE_PAGE), (50, SHORT_PAGE)])
def test_in_a_crowd_pages_are_short_and_say_that_there_is_more(app: App, laptop: Caller, crowd: int, size: Any) -> None:
    here = {CROWD: lambda: crowd}
    light = caller(app, "bob")
    light.synced(*[change() for _ in range(300)])
    for path, rows in (("/changes", "changes"), ("/contacts", "contacts")):
        page = light.ask("GET", path, environ_overrides=here).get_json()
        assert len(page[rows]) == min(300, size.rows)
        assert bool(page.get("more") or page.get("next")) == (size.rows < 300)
        page = laptop.ask("GET", path, environ_overrides=here).get_json()
        assert len(page[rows]) == size.entries // 40
        assert page.get("more") or page.get("next")
    page = light.ask("POST", "/sync", json={"changes": [], "since": None}, environ_overrides=here).get_json()
    assert (len(page["changes"]), page["more"]) == (min(300, size.rows), size.rows < 300)


def test_what_is_read_page_by_page_is_whole(app: App, laptop: Caller) -> None:
    for path, rows, go_on in (("/changes", "changes", "since"), ("/contacts", "contacts", "after")):
        page = laptop.get(path).get_json()
        found = [*page[rows]]
        while page.get("more") or page.get("next"):
            place = page["cursor"] if go_on == "since" else page["next"]
            page = laptop.get(path, **{go_on: place}).get_json()
            found += page[rows]
        assert len(found) == 600
        assert len({row.get("record_id") or row["id"] for row in found}) == 600
