"""What the server writes about itself: every request, sync and socket, and nothing that anyone typed or may show."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.api_client import change
from tests.support.browser import add_device, app_beside, bearer, csrf_of, parts_of
from tests.support.live_server import Process, exchange, serving_process
from tests.support.websocket_client import listening
from web.telemetry.logs import FORMATS

NAME, PASSWORD, NOTES, PHONE = "Canaria Fenwick", "canary password", "the canary sings", "+34 555 0192837"
PERSON, DEVICE, EMAIL = "canary-user", "canary-laptop", "canary@example.org"


@dataclass
class Told:
    """All that a server wrote after its greeting, and what must not be in it."""

    log: str
    secrets: list[str]
    ids: list[str]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == name]


def drive(server: Process, instance: Path, token: str) -> None:
    """Everything that a server is asked: syncs, pages, sockets, nonsense, and at last what it fails at."""
    say = bearer(token)
    card = {"name": NAME, "email": EMAIL, "phone": PHONE, "notes": NOTES}
    added = change(data=card)
    ask(server, "POST", "/sync", json={"changes": [added, "no change " + NAME], "since": None}, headers=say)
    ask(server, "GET", "/changes", auth=(EMAIL, token))
    ask(server, "GET", f"/contacts?search={NAME}", headers=say)
    ask(server, "PATCH", f"/contacts/{added['record_id']}", json={"notes": NOTES * 2}, headers=say)
    ask(server, "POST", "/sync", data=f'{{"changes": "{NAME}'.encode(), headers=say)
    ask(server, "GET", f"/nothing/{token}?token={token}", headers=say)
    ask(server, "GET", "/changes", headers=bearer(token[:-1] + "x"))
    exchange(server.url, f"{NOTES} {token}\r\n\r\n".encode())
    browse(server, added["record_id"])
    with listening(server.url, token) as socket:
        socket.page()
        socket.push(1, change(data=card | {"name": NAME + " II"}))
        socket.answer(1)
        socket.say(f"nonsense {NAME}")
        socket.problem(None)
    break_database(instance)
    failed = ask(server, "POST", "/sync", json={"changes": [change(data=card)], "since": None}, headers=say)
    assert failed.status_code == 500


def ask(server: Process, method: str, path: str, **options: Any) -> requests.Response:
    return requests.request(method, server.url + path, timeout=10, **options)


def browse(server: Process, contact: str) -> None:
    """As a person in a browser: sign in with a wrong password and the right one, look, search, and write."""
    browser = requests.Session()
    for password in (PASSWORD + "!", PASSWORD):
        token = csrf_of(browser.get(server.url + "/login", timeout=10).text)
        form = {"csrf_token": token, "name": PERSON, "password": password}
        browser.post(server.url + "/login", data=form, timeout=10)
    page = browser.get(server.url + f"/?q={NAME}", timeout=10)
    assert NAME in page.text
    form = {"csrf_token": csrf_of(browser.get(server.url + "/c/new", timeout=10).text), "name": NAME, "notes": NOTES}
    browser.post(server.url + "/c/new", data=form, timeout=10)
    browser.get(server.url + f"/c/{contact}", timeout=10)


def break_database(instance: Path) -> None:
    """A contact with a canary can't be written any more, and SQLite says which: the way other databases do."""
    with sqlite3.connect(instance / "offbook.db") as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON contacts BEGIN"
            f" SELECT RAISE(ABORT, 'Failing row contains ({NAME}, {PHONE}, {NOTES})'); END"
        )
    connection.close()


def told_by_a_server(instance: Path, form: str) -> Told:
    settings = {"LOG_LEVEL": "info", "LOG_FORMAT": form, "METRICS_TOKEN": "canary token of metrics"}
    with serving_process(instance, **settings) as server:
        link = next(line for line in server.greeting if "/setup/" in line).split()[-1]
        requests.get(link, timeout=10)
        with app_beside(instance) as app:
            parts = parts_of(app)
            parts.accounts.add_user(PERSON, PASSWORD, True, parts.clock(), parts.new_id)
            _, token = add_device(app, PERSON, DEVICE)
        answer = ask(server, "GET", "/metrics", headers=bearer(settings["METRICS_TOKEN"]))
        assert answer.status_code == 200
        drive(server, instance, token)
    typed = [NAME, EMAIL, PHONE, NOTES, PASSWORD, PERSON, DEVICE]
    secrets = [*typed, token, token[-43:], link.rsplit("/", 1)[1], settings["METRICS_TOKEN"]]
    return Told(server.log, secrets, [answer.headers["X-Request-Id"]])


@pytest.fixture(scope="module")
def as_json(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by_a_server(tmp_path_factory.mktemp("json"), "json")


@pytest.fixture(scope="module")
def as_text(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by_a_server(tmp_path_factory.mktemp("text"), "text")


@pytest.mark.processes
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_nothing_that_anyone_typed_or_may_show_is_ever_written(request: pytest.FixtureRequest, form: str) -> None:
    told: Told = request.getfixturevalue(f"as_{form}")
    assert len(told.log.splitlines()) > 20
    assert [secret for secret in told.secrets if secret.lower() in told.log.lower()] == []
    assert not re.search("canar", told.log, re.IGNORECASE)


def test_a_request_is_one_line_with_its_route_and_never_its_path(as_json: Told) -> None:
    lines = as_json.events("request")
    assert {"/sync", "/changes", "/contacts/<uuid:contact_id>", "/setup/<once>", "unknown"} <= {
        line["route"] for line in lines
    }
    for line in lines:
        assert set(line) - {"device", "user"} == {
            *("time", "level", "logger", "event"),
            *("method", "route", "status", "ms", "bytes", "id"),
        }
        assert line["ms"] >= 0
        assert line["bytes"] >= 0
    assert as_json.ids[0] in {line["id"] for line in lines}
    assert len({line["id"] for line in lines}) == len(lines)


def test_who_asked_is_told_by_a_number(as_json: Told) -> None:
    lines = as_json.events("request")
    assert {line.get("device") for line in lines if line["route"] == "/sync"} == {1}
    assert {line.get("user") for line in lines if line["route"] == "/c/<uuid:contact_id>"} == {1}
    assert not any("device" in line for line in lines if line["status"] == 401)


def test_a_sync_is_a_line_with_its_verdicts(as_json: Told) -> None:
    first, *_ = syncs = as_json.events("sync")
    assert (first["way"], first["changes"], first["applied"], first["rejected"], first["rows"]) == ("http", 2, 1, 1, 1)
    assert first["id"] in {line["id"] for line in as_json.events("request") if line["route"] == "/sync"}
    assert [line["applied"] for line in syncs if line["way"] == "live"] == [1]


def test_a_socket_is_a_line_when_it_opens_and_one_when_it_ends(as_json: Told) -> None:
    (opened,), (ended,) = as_json.events("connected"), as_json.events("disconnected")
    assert (opened["book"], opened["device"]) == (ended["book"], ended["device"]) == (1, 1)
    assert ended["seconds"] >= 0
    assert [line["status"] for line in as_json.events("request") if line["route"] == "/live"] == [101]


def test_an_error_is_told_by_its_type_and_place_and_not_by_its_words(as_json: Told) -> None:
    (line,) = [line for line in as_json.lines if line["level"] == "error"]
    assert line["event"] == "POST /sync failed"
    assert re.match(r"IntegrityError\[SQLITE_CONSTRAINT\w*\] < sql/\w+\.py:\d+ \w+ < ", line["error"])


def a_record(message: str, *args: object, error: BaseException | None = None, name: str = "other") -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, "file.py", 1, message, args, told)


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_of_others_messages_only_the_first_line_is_kept(form: str) -> None:
    record = a_record("Task exception was never retrieved\nfuture: <Task exception=ValueError('%s')>", NAME)
    line = FORMATS[form]().format(record)
    assert "Task exception was never retrieved" in line
    assert NAME not in line
    assert "\n" not in line


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_an_error_s_number_is_told_and_a_number_that_may_be_anyone_s_is_not(form: str) -> None:
    def caught(raises: Callable[[], object]) -> BaseException:
        try:
            raises()
        except Exception as error:
            return error
        raise AssertionError("nothing was raised")

    gone = caught((Path("/no/such/file") / NAME).read_text)
    assert "FileNotFoundError[2] < " in FORMATS[form]().format(a_record("It failed", error=gone))
    nothing: dict[int, int] = {}
    number = caught(lambda: nothing[555_019_283])
    line = FORMATS[form]().format(a_record("It failed", error=number))
    assert "KeyError < " in line
    assert "555" not in line
    assert Path(sys.modules[__name__].__file__ or "").name in line
