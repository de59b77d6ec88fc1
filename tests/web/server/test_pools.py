"""What takes long keeps waiting only those who want the same, and these not for ever."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, get_native_id
from typing import Any

import pytest
import requests
from argon2 import PasswordHasher

from app import App
from services.accounts.passwords import NICENESS, giving_way
from tests.support.api_client import Caller, change
from tests.support.browser import PASSWORD, add_user, bearer, csrf_of
from tests.support.live_server import serving
from tests.support.polling import wait_until
from web.server.pools import MARK, Pool, Pools

pytestmark = pytest.mark.engines("sqlite")

WEB = Path(__file__).parents[3] / "web"
HASHING = {"change_password", "check_password", "set_password", "add_user", "set_up"}
"""The methods of Accounts that hash a password."""


class Gate:
    """Hashes are made while it is open; until then whoever wants one waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = Event()
        self.waiting: list[str] = []
        for name in ("hash", "verify"):
            monkeypatch.setattr(PasswordHasher, name, self._behind(getattr(PasswordHasher, name)))

    def _behind(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*given: Any) -> Any:
            self.waiting.append("")
            assert self._open.wait(60)
            return work(*given)

        return wait

    def open(self) -> None:
        self._open.set()


class Person:
    """A browser on the network, at the sign-in form."""

    def __init__(self, url: str, accept: str = "text/html") -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers["Accept"] = accept
        self.token = csrf_of(self.session.get(url + "/login", headers={"Accept": "text/html"}, timeout=10).text)

    def sign_in(self, name: str = "ada") -> requests.Response:
        form = {"csrf_token": self.token, "name": name, "password": PASSWORD}
        return self.session.post(self.url + "/login", form, timeout=60, allow_redirects=False)


@contextmanager
def crowd(app: App, url: str, size: int, gate: Gate, accept: str = "text/html") -> Iterator[list[Future[Any]]]:
    """So many people who sign in at once, all of whom are answered when this ends."""
    people = [Person(url, accept) for _ in range(size)]
    with ThreadPoolExecutor(size) as each:
        answers = [each.submit(person.sign_in, f"user {number}") for number, person in enumerate(people)]
        wait_until(lambda: len(gate.waiting) == Pool.PASSWORDS.threads)
        try:
            yield answers
        finally:
            gate.open()


@pytest.fixture
def users(app: App) -> App:
    """The app, with as many users as sign in here at once."""
    for number in range(40):
        add_user(app, f"user {number}")
    return app


def test_thirty_people_who_sign_in_at_once_keep_nobody_else_waiting(
    users: App, laptop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    with serving(users) as url:
        with crowd(users, url, 30, gate) as answers:
            for _ in range(20):
                body = {"changes": [change()]}
                assert (
                    requests.post(url + "/sync", json=body, headers=bearer(laptop.token), timeout=5).status_code == 200
                )
            assert requests.get(url + "/login", timeout=5).status_code == 200
            assert not any(answer.done() for answer in answers)
        assert [answer.result().status_code for answer in answers] == [302] * 30


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_queue_that_is_full_says_when_to_come_again(users: App, monkeypatch: pytest.MonkeyPatch, accept: str) -> None:
    """Half of the places are the most that one address gets."""
    gate, places = Gate(monkeypatch), Pool.PASSWORDS.waiting_max // 2
    with serving(users) as url, crowd(users, url, places + 3, gate, accept) as answers:
        wait_until(lambda: sum(answer.done() for answer in answers) == 3)
        refused = [answer.result() for answer in answers if answer.done()]
    for answer in refused:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Many people are signing in at this moment." in answer.text
        assert answer.headers["Content-Type"].startswith(
            {"text/html": "text/html"}.get(accept, "application/problem+json")
        )


def test_every_view_that_hashes_a_password_runs_apart(app: App) -> None:
    hashing = {
        (".".join(path.relative_to(WEB.parent).with_suffix("").parts), function.name)
        for path in WEB.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in HASHING
    }
    views = app.view_functions.values()
    apart = {(view.__module__, view.__name__) for view in views if getattr(view, MARK, None) is Pool.PASSWORDS}
    assert len(hashing) == 5
    assert apart == hashing


@pytest.mark.parametrize(
    ("method", "path", "is_apart"),
    [
        ("POST", "/login", True),
        ("POST", "/setup/abc", True),
        ("POST", "/people", True),
        ("POST", "/users", True),
        ("POST", "/settings/password", True),
        ("POST", "/import", True),
        ("GET", "/export.csv", True),
        ("HEAD", "/export.csv", True),
        ("GET", "/past", True),
        ("POST", "/past", True),
        ("POST", "/inbox/all", True),
        ("GET", "/login", False),
        ("OPTIONS", "/login", False),
        ("POST", "/settings/policy", False),
        ("POST", "/login/", False),
        ("POST", "//login", True),
        ("POST", "///users", True),
        ("POST", "/people//", False),
        ("POST", "/sync", False),
        ("POST", "*", False),
        ("PATCH", "/login", False),
    ],
)
def test_a_request_is_told_apart_by_its_head(app: App, method: str, path: str, is_apart: bool) -> None:
    assert (Pools(app).of({"method": method, "path": path}) is not None) == is_apart


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread give way")
def test_a_thread_that_hashes_lets_others_come_first() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    before = niceness()
    assert giving_way(niceness) == min(before + NICENESS, 19)
    assert niceness() == before


def test_what_a_hash_fails_with_is_told_to_whoever_wanted_it() -> None:
    with pytest.raises(ZeroDivisionError):
        giving_way(lambda: 1 // 0)
