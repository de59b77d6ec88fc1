"""Whoever is disabled or removed: what they have open closes at once, what is typed stays, and all goes on after it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app import App
from offbook import NotAuthorized, Replica
from offbook.core.accounts.users import UserAction
from services.accounts.accounts import Accounts
from storage.engines.database import open_engines
from storage.repositories.accounts.user_rights import UserRights
from tests.support.api_client import Caller, caller, change
from tests.support.browser import PASSWORD, Browser, add_user, parts_of, signed_in
from tests.support.cli_runner import Device
from tests.support.html_forms import form_at
from tests.support.live_server import serving
from tests.support.polling import wait_until
from tests.support.tutorial_client import FIRST_SYNC
from tests.support.websocket_client import listening, refusal
from tests.web.live.test_live import cookie, cursor
from tests.web.pages.test_late_forms import send

BACK = {UserAction.DISABLE: UserAction.ENABLE, UserAction.REMOVE: UserAction.RESTORE}
CODES = {UserAction.DISABLE: "user_disabled", UserAction.REMOVE: "user_removed"}
OUT = pytest.mark.parametrize("act", BACK)
SIGNING_IN = {"name": ["ada"], "password": [PASSWORD]}
NOT_AUTHORIZED = 4


def do(app: App, act: UserAction, name: str = "ada") -> None:
    parts = parts_of(app)
    parts.user_rights.act(parts.accounts.any_user_named(name).id, parts.clock(), act)


# --- devices ---------------------------------------------------------------------------------------------------------


@OUT
def test_a_device_is_told_why_whatever_it_asks_and_goes_on_after(app: App, laptop: Caller, act: UserAction) -> None:
    laptop.add(name="Ada")
    do(app, act)
    for answer in (
        laptop.sync(change()),
        laptop.get("/changes"),
        laptop.get("/changes", since=FIRST_SYNC),
        laptop.get("/contacts"),
        laptop.get("/live"),
        laptop.ask("POST", "/verify", json={"table": "contacts", "ranges": [["", None]]}),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (403, CODES[act])
        assert "keep what they have" in answer.get_json()["detail"]
        assert "WWW-Authenticate" not in answer.headers
    do(app, BACK[act])
    assert laptop.verdicts(change()) == ["applied"]
    assert len(laptop.get("/contacts").get_json()["contacts"]) == 2


@OUT
def test_a_device_of_the_tutorial_form_is_refused_and_goes_on_after(app: App, laptop: Caller, act: UserAction) -> None:
    headers = {"Authorization": "Basic " + b64encode(f"app:{laptop.token}".encode()).decode()}
    body = {
        "table": "contacts",
        "record_id": 1,
        "operation": "INSERT",
        "timestamp": "2026-11-18T17:06:40+00:00",
        "data": {"id": 1, "name": "Ada", "email": "", "phone": "", "updated_at": "2026-11-18T17:06:40+00:00"},
    }
    do(app, act)
    assert app.test_client().post("/sync", json=body, headers=headers).status_code == 403
    do(app, BACK[act])
    assert app.test_client().post("/sync", json=body, headers=headers).get_json()["status"] == "ok"


def test_a_wrong_token_tells_nothing_about_its_user(app: App, laptop: Caller) -> None:
    do(app, UserAction.DISABLE)
    laptop.token = laptop.token[:-1] + ("A" if laptop.token[-1] != "A" else "B")
    answer = laptop.get("/changes")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "not_authorized")


@OUT
@pytest.mark.engines("sqlite")
def test_the_command_says_in_a_sentence_what_happened_keeps_all_and_syncs_after(
    app: App, laptop: Caller, tmp_path: Path, act: UserAction
) -> None:
    device = Device(tmp_path / "book.db")
    with serving(app) as url:
        device("init", "--server", url, typed=laptop.token)
        device("add", "Ada", "--phone", "1")
        assert device("sync").code == 0
        do(app, act)
        device("edit", "Ada", "--phone", "2")
        told, as_json = device("sync"), device("sync", "--json").json
        assert (told.code, as_json["error"]) == (NOT_AUTHORIZED, CODES[act])
        first, second = told.out.splitlines()
        assert first.startswith(
            {UserAction.DISABLE: "This user is disabled.", UserAction.REMOVE: "This user was removed"}[act]
        )
        assert "token" not in first
        assert second.startswith("1 change waits; it goes out with the next sync. Nothing is lost.")
        assert device("show", "Ada", "--json").json["phone"] == "2"
        assert device("verify").code == NOT_AUTHORIZED
        do(app, BACK[act])
        assert device("sync").code == 0
    assert laptop.get("/contacts").get_json()["contacts"][0]["phone"] == "2"


@pytest.mark.engines("sqlite")
def test_the_command_says_what_may_have_happened_after_a_purge(app: App, laptop: Caller, tmp_path: Path) -> None:
    device, parts = Device(tmp_path / "book.db"), parts_of(app)
    with serving(app) as url:
        device("init", "--server", url, typed=laptop.token)
        device("add", "Ada")
        do(app, UserAction.REMOVE)
        parts.user_rights.purge(parts.accounts.any_user_named("ada").id, parts.clock())
        told = device("sync")
    assert told.code == NOT_AUTHORIZED
    assert "or its user was removed for good" in told.out
    assert device("status", "--json").json["pending"] == 1


@pytest.mark.engines("sqlite")
def test_a_started_replica_pauses_keeps_what_is_typed_and_goes_on(app: App, laptop: Caller, path: Path) -> None:
    errors: list[Exception] = []
    with serving(app) as url, Replica(path, server=url, token=laptop.token) as book:
        book.start(on_error=errors.append)
        wait_until(lambda: book.status().link == "live")
        do(app, UserAction.DISABLE)
        wait_until(lambda: book.status().link == "paused")
        book.contacts.add(name="Typed meanwhile")
        assert isinstance(errors[-1], NotAuthorized)
        assert errors[-1].code == "user_disabled"
        assert book.status().pending == 1
        do(app, UserAction.ENABLE)
        assert book.sync().pushed == 1
        book.stop()
    assert [row["name"] for row in laptop.get("/contacts").get_json()["contacts"]] == ["Typed meanwhile"]


# --- sockets ---------------------------------------------------------------------------------------------------------


@contextmanager
def another_process(app: App) -> Iterator[UserRights]:
    """As an admin's command, or a server on another host, has it: nothing is shared but the database."""
    opened = open_engines(app.extensions["database"].engine.url)
    yield UserRights(opened, Accounts(opened))
    opened.close()


@OUT
@pytest.mark.parametrize("is_here", [True, False])
def test_sockets_close_at_once_in_every_process_and_those_of_others_stay(
    app: App, laptop: Caller, act: UserAction, is_here: bool
) -> None:
    bob, user_id = caller(app, "bob"), parts_of(app).accounts.user_named("ada").id
    with (
        serving(app) as url,
        another_process(app) as elsewhere,
        listening(url, laptop.token, cursor(laptop)) as device,
        listening(url, since=cursor(laptop), Cookie=cookie(app), Origin=url) as page,
        listening(url, bob.token, cursor(bob)) as stranger,
    ):
        people = parts_of(app).user_rights if is_here else elsewhere
        people.act(user_id, parts_of(app).clock(), act)
        assert (device.close_code(), page.close_code()) == (4401, 4401)
        assert refusal(url, laptop.token) == (403, CODES[act])
        bob.synced(change(data={"name": "Bob"}))
        assert stranger.names(1) == ["Bob"]
        people.act(user_id, parts_of(app).clock(), BACK[act])
        with listening(url, laptop.token, cursor(laptop)) as again:
            laptop.synced(change(data={"name": "Ada"}))
            assert again.names(1) == ["Ada"]


# --- pages -----------------------------------------------------------------------------------------------------------


@OUT
def test_a_browser_is_signed_out_at_once_and_what_was_typed_is_carried(app: App, ada: Browser, act: UserAction) -> None:
    form = form_at(ada.get("/c/new").text, "/c/new") | {"name": ["Typed too late"]}
    do(app, act)
    assert ada.get("/").headers["Location"].startswith("/login")
    door = send(ada, "/c/new", form)
    refused = send(ada, "/login", form_at(door.text, "/login") | SIGNING_IN)
    assert (door.status_code, refused.status_code) == (401, 403)
    do(app, BACK[act])
    assert ada.get("/").headers["Location"].startswith("/login"), "what was open stays closed"
    assert "Typed too late" in send(ada, "/login", form_at(refused.text, "/login") | SIGNING_IN).text


@OUT
def test_signing_in_tells_why_not_once_the_password_is_right(app: App, act: UserAction) -> None:
    add_user(app, "ada")
    do(app, act)
    browser = Browser(app)
    refused, wrong = browser.sign_in("ada", PASSWORD), browser.sign_in("ada", "wrong")
    assert (refused.status_code, wrong.status_code) == (403, 422)
    assert "This user" in refused.text
    assert "This user" not in wrong.text
    assert browser.get("/").headers["Location"].startswith("/login")
    do(app, BACK[act])
    assert browser.sign_in("ada").status_code == 302


def test_the_rights_of_an_admin_end_with_the_next_request(app: App) -> None:
    add_user(app, "eve", admin=True)
    add_user(app, "ada", admin=True)
    ada = signed_in(app, "ada")
    assert ada.get("/people").status_code == 200
    do(app, UserAction.END_ADMIN)
    assert ada.get("/people").status_code == 403
    assert ada.get("/").status_code == 200
