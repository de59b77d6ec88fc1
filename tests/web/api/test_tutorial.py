"""The tutorial's client against the real server: basic auth in the URL, an offset's plus that arrives as a space."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from app import App
from tests.support.browser import add_device, add_user
from tests.support.live_server import serving
from tests.support.tutorial_client import FIRST_SYNC, TutorialClient, over_http


class Server:
    """The server with one user, and the URLs under which its devices reach it."""

    def __init__(self, url: str, app: App) -> None:
        self.url, self.app = url, app
        add_user(app, "ada")

    def device(self, name: str) -> tuple[str, str]:
        """A token, and the URL with it."""
        _, token = add_device(self.app, device=name)
        return token, self.url.replace("http://", f"http://ada:{token}@")


@pytest.fixture
def server(app: App) -> Iterator[Server]:
    with serving(app) as url:
        yield Server(url, app)


@contextmanager
def client(server: Server, folder: Path, name: str) -> Iterator[TutorialClient]:
    made = TutorialClient(folder / f"{name}.db", *over_http(server.device(name)[1]))
    try:
        yield made
    finally:
        made.close()


def test_two_apps_of_the_tutorial_and_a_device_of_the_ordinary_form_agree(server: Server, tmp_path: Path) -> None:
    token, _ = server.device("laptop")
    headers = {"Authorization": f"Bearer {token}"}
    with client(server, tmp_path, "one") as one, client(server, tmp_path, "two") as two:
        one.add("Ada", "ada@example.org")
        two.add("Bob", phone="1")
        two.add("Zoë 🌻", phone="2")
        assert all(app.sync() for app in (one, two, one))
        page = requests.get(f"{server.url}/changes", headers=headers, timeout=10).json()
        bob = next(change for change in page["changes"] if change["data"]["name"] == "Bob")
        push: dict[str, Any] = {
            "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "table": "contacts",
            "record_id": bob["record_id"],
            "operation": "UPDATE",
            "timestamp": "2026-11-20T17:00:00.000Z",
            "base": bob["seq"],
            "data": {"email": "bob@example.org", "notes": "met in Kyōto"},
        }
        answer = requests.post(f"{server.url}/sync", json={"changes": [push]}, headers=headers, timeout=10)
        assert answer.json()["results"][0]["verdict"] == "applied"
        assert one.sync()
        assert two.sync()
        two.delete(2)
        one.update(-1, phone="3")
        assert all(app.sync() for app in (one, two, one))
        everyone = [("Ada", "ada@example.org", ""), ("Bob", "bob@example.org", "3")]
        assert one.contents() == two.contents() == everyone


def test_a_device_that_is_not_known_sends_nothing_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    with client(server, tmp_path, "one") as one:
        one.get, one.post = over_http(server.url.replace("http://", "http://ada:wrong@"))
        one.add("Ada")
        assert not one.sync()
        assert one.unsent() == 1


def test_the_first_since_works_with_and_without_encoding(server: Server) -> None:
    _, url = server.device("one")
    assert requests.get(f"{url}/changes?since={FIRST_SYNC}", timeout=10).json() == []
    assert requests.get(f"{url}/changes", params={"since": FIRST_SYNC}, timeout=10).json() == []


def test_what_is_no_change_is_refused_with_a_problem(server: Server) -> None:
    _, url = server.device("one")
    answer = requests.post(f"{url}/sync", json={"table": "contacts", "record_id": "one"}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
