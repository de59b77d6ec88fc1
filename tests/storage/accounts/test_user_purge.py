"""A removed user goes for good: nothing of them is left, nothing of others is touched, and nobody waits for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from app import App
from models import Base, Membership
from offbook.core.accounts.users import UserAction
from offbook.core.errors import Conflicting
from offbook.core.protocol.requests import CHANGES_MAX
from offbook.formats.carddav.serving import CardForm
from storage.engines.database import Database
from storage.repositories.accounts import user_purge
from storage.repositories.accounts.user_purge import owner_columns
from storage.values.accounts import Visit
from tests.support.api_client import Caller, caller, change, contents, new_id
from tests.support.browser import add_device, add_user, parts_of
from tests.support.conflict_scenarios import every_kind, pair
from tests.support.import_jobs import begin_job
from tests.support.pictures import named, picture
from tests.support.tutorial_client import FIRST_SYNC

OF_THE_SERVER = {"attempts", "settings", "books", "users"}
"""What is nobody's, and books and users themselves."""


def fill(app: App, name: str) -> int:
    """A user with rows in every table that has any of users: the user's id."""
    user_id = add_user(app, name)
    two = pair(app, name)
    every_kind(two)
    two.laptop.synced(change(data={"name": "Gone", "details": {"k1": {"kind": "phone", "value": "1"}}}))
    two.laptop.synced(change(data={"name": "Ada", "details": {"k1": {"kind": "group", "value": "Friends"}}}))
    contact = two.laptop.add(name="Trash")
    two.laptop.ask("DELETE", f"/contacts/{contact['id']}")
    photo, content = named(picture())
    assert two.laptop.ask("PUT", photo, data=content).status_code == 201
    mapping = {"map": '{"Who": "name"}'}
    table = two.laptop.ask("POST", "/contacts/import", query_string=mapping, data="Who,Where\nBo,Here\n")
    assert table.status_code == 200
    tutorial = Caller(app, add_device(app, name, "tutorial app")[1])
    assert tutorial.get("/changes", since=FIRST_SYNC).status_code == 200
    parts = parts_of(app)
    login = parts.accounts.device_by_token(add_device(app, name, "phone")[1])
    assert login is not None
    listed = parts.carddav.changes(login, "", None, CardForm())
    assert all(parts.carddav.read(login, [entry.segment for entry in listed.changed], CardForm()))
    parts.carddav.note_program(login, "a phone")
    parts.accounts.open_session(parts.accounts.user_named(name), "password", Visit("", ""), parts.clock())
    begin_job(app, name)
    return user_id


def removed(app: App, user_id: int) -> int:
    """Remove this user; a line up to which that is."""
    parts = parts_of(app)
    parts.user_rights.act(user_id, parts.clock(), UserAction.REMOVE)
    return parts.clock() + 1


def test_every_table_is_somebody_s_or_the_server_s() -> None:
    """A new table says by a foreign key whose its rows are, or is named here."""
    nobody_s = {table.name for table in Base.metadata.sorted_tables if not owner_columns(table)}
    assert nobody_s == OF_THE_SERVER


def test_nothing_is_left_of_a_purged_user_and_nothing_else_is_touched(app: App) -> None:
    fill(app, "ada")
    before = contents(app)
    user_id = fill(app, "eve")
    filled = contents(app)
    assert all(len(filled[table]) > len(before[table]) for table in before.keys() - {"attempts", "settings"})
    assert parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    assert contents(app) == before


def test_only_who_was_removed_long_enough_ago_is_purged(app: App) -> None:
    parts, user_id = parts_of(app), add_user(app, "eve")
    assert not parts.user_rights.purge(user_id, parts.clock())
    line = removed(app, user_id)
    removed_at = parts.accounts.any_user_named("eve").removed_at
    assert removed_at is not None
    assert not parts.user_rights.purge(user_id, removed_at - 1)
    assert [user.name for user in parts.accounts.users_in_trash()] == ["eve"]
    assert parts.user_rights.purge(user_id, removed_at)
    assert not parts.user_rights.purge(user_id, line)
    assert parts.accounts.users_in_trash() == []


def test_the_name_is_free_after_a_purge(app: App) -> None:
    user_id = add_user(app, "eve")
    parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    assert add_user(app, "eve") > user_id


def test_a_book_that_somebody_else_uses_stays(app: App) -> None:
    parts, user_id = parts_of(app), add_user(app, "eve")
    device = caller(app, "eve")
    device.add(name="Shared")
    book_id, friend = parts.accounts.user_named("eve").book_id, add_user(app, "ada")
    with app.extensions["database"].write() as connection:
        connection.execute(insert(Membership).values(user_id=friend, book_id=book_id))
    before = contents(app)
    assert parts.user_rights.purge(user_id, removed(app, user_id))
    after = contents(app)
    for table in ("books", "contacts", "contact_details", "changes", "conflicts"):
        assert after[table] == before[table]
    assert (after["devices"], len(after["users"])) == ([], 1)


# --- in parts --------------------------------------------------------------------------------------------------------


class Stopped(Exception):
    """The purge's process was ended."""


@contextmanager
def stopped_after(monkeypatch: pytest.MonkeyPatch, parts: int) -> Iterator[None]:
    """The pause after so many parts never ends."""
    left = [parts]

    def stop() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Stopped

    with in_small_parts(monkeypatch, stop):
        yield


@contextmanager
def in_small_parts(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> Iterator[None]:
    """Of two rows each, and what happens between them."""
    with monkeypatch.context() as patch:
        patch.setattr(user_purge, "ROWS_AT_ONCE", 2)
        patch.setattr(user_purge, "PART_SECONDS", 0)
        patch.setattr(time, "sleep", lambda _: meanwhile())
        yield


def test_a_purge_that_was_stopped_anywhere_goes_on_and_nobody_comes_back_meanwhile(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, clock = parts_of(app).user_rights, parts_of(app).clock
    fill(app, "ada")
    before = contents(app)
    user_id, stops = fill(app, "eve"), 0
    line = removed(app, user_id)
    while True:
        try:
            with stopped_after(monkeypatch, 3):
                assert people.purge(user_id, line)
            break
        except Stopped:
            stops += 1
            with pytest.raises(Conflicting) as refused:
                people.act(user_id, clock(), UserAction.RESTORE)
            assert refused.value.code == "purged"
    assert stops > 5
    assert contents(app) == before


def grow(app: App, name: str, contacts: int) -> None:
    details = {f"k{number}": {"kind": "phone", "value": str(number)} for number in range(3)}
    device, batch = caller(app, name), [change(data={"name": "Somebody", "details": details}) for _ in range(contacts)]
    for start in range(0, contacts, CHANGES_MAX):
        device.synced(*batch[start : start + CHANGES_MAX])


@contextmanager
def measured(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """How long each transaction that writes holds what it locked, its commit included."""
    seconds: list[float] = []
    write = database.write

    @contextmanager
    def timed() -> Iterator[Connection]:
        began = 0.0
        with write() as connection:
            began = time.monotonic()
            yield connection
        seconds.append(time.monotonic() - began)

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", timed)
        yield seconds


@pytest.mark.large
def test_no_transaction_of_a_purge_lasts_longer_than_half_a_second(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(app, "eve", contacts=2 * CHANGES_MAX)
    user_id = parts_of(app).accounts.user_named("eve").id
    line = removed(app, user_id)
    with measured(app.extensions["database"], monkeypatch) as seconds:
        assert parts_of(app).user_rights.purge(user_id, line)
    assert len(seconds) > 10
    assert sorted(seconds)[len(seconds) * 4 // 5] < 0.5, "some may meet a disk or a processor that others keep busy"


def test_a_transaction_of_a_purge_ends_when_its_time_is_over(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that is 20 ms later whenever somebody looks: after the third look at it a part has had its 50 ms."""
    database, clock = app.extensions["database"], count()
    grow(app, "eve", contacts=300)
    user_id = parts_of(app).accounts.user_named("eve").id
    line = removed(app, user_id)
    monkeypatch.setattr(user_purge, "time", SimpleNamespace(monotonic=lambda: next(clock) / 50, sleep=lambda _: None))
    with rows_deleted(database) as rows:
        assert parts_of(app).user_rights.purge(user_id, line)
    assert sum(rows) > 1_500
    assert max(rows) == 3 * user_purge.ROWS_AT_ONCE


@contextmanager
def rows_deleted(database: Database) -> Iterator[list[int]]:
    """How many rows each transaction deletes."""
    rows = [0]

    def hear(connection: object, cursor: Any, statement: str, *rest: object) -> None:
        if statement.startswith("DELETE"):
            rows[-1] += cursor.rowcount

    def end(connection: object) -> None:
        rows.append(0)

    event.listen(database.engine, "after_cursor_execute", hear)
    event.listen(database.engine, "commit", end)
    yield rows
    event.remove(database.engine, "after_cursor_execute", hear)
    event.remove(database.engine, "commit", end)


def test_others_write_between_the_parts(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(app, "eve", contacts=5)
    ada, user_id = caller(app, "ada"), parts_of(app).accounts.user_named("eve").id
    names: list[str] = []

    def meanwhile() -> None:
        names.append(ada.add(name=f"Friend {len(names)}")["name"])

    with in_small_parts(monkeypatch, meanwhile):
        assert parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    assert len(names) > 3
    assert sorted(row["name"] for row in ada.get("/contacts").get_json()["contacts"]) == sorted(names)


# --- what was on its way ---------------------------------------------------------------------------------------------


def test_what_was_on_its_way_when_the_book_went_is_told_so(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that was let in before the removal, and gets to the book after the purge."""
    device, user_id = caller(app, "eve"), parts_of(app).accounts.user_named("eve").id
    login = parts_of(app).accounts.device_by_token(device.token)
    parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    with monkeypatch.context() as patch:
        patch.setattr(type(parts_of(app).accounts), "device_by_token", lambda *_: login)
        for answer in (device.sync(change()), device.get("/changes"), device.get("/history/" + new_id())):
            assert (answer.status_code, answer.get_json()["code"]) == (403, "user_removed")


def test_what_was_written_while_the_purge_ran_goes_too(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(app, "eve", contacts=5)
    device, user_id = caller(app, "eve"), parts_of(app).accounts.user_named("eve").id
    login = parts_of(app).accounts.device_by_token(device.token)
    verdicts: list[str] = []

    def meanwhile() -> None:
        verdicts.extend(device.verdicts(change()))

    with in_small_parts(monkeypatch, meanwhile), monkeypatch.context() as patch:
        patch.setattr(type(parts_of(app).accounts), "device_by_token", lambda *_: login)
        assert parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    assert verdicts
    assert set(verdicts) == {"applied"}
    assert {name for name, rows in contents(app).items() if rows} <= {"settings"}
