"""Users who are not let in, and those in the trash, through a backup: what it knows of them is so again after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import App
from offbook.core.accounts.users import Rights, UserAction
from tests.ops.test_backup import backed_up, restored
from tests.storage.accounts.test_user_purge import Stopped, fill, removed, stopped_after
from tests.support.api_client import caller, contents
from tests.support.browser import add_user, parts_of


def rights(app: App) -> dict[str, Rights]:
    accounts = parts_of(app).accounts
    return {user.name: user.rights for user in (*accounts.users(), *accounts.users_in_trash())}


def test_a_restored_server_lets_in_whom_the_backup_let_in(app: App, file: Path) -> None:
    parts = parts_of(app)
    ids = {name: add_user(app, name, admin=name == "ada") for name in ("ada", "bob", "dan", "eve")}
    parts.user_rights.act(ids["bob"], parts.clock(), UserAction.DISABLE)
    parts.user_rights.act(ids["dan"], parts.clock(), UserAction.MAKE_ADMIN, UserAction.REMOVE)
    before = rights(app)
    backed_up(app, file)
    parts.user_rights.act(ids["bob"], parts.clock(), UserAction.ENABLE)
    parts.user_rights.act(ids["dan"], parts.clock(), UserAction.RESTORE)
    parts.user_rights.act(ids["eve"], parts.clock(), UserAction.REMOVE)
    restored(app, file)
    assert rights(app) == before


def test_a_backup_brings_back_who_was_purged_since_with_book_and_devices(app: App, file: Path) -> None:
    device = caller(app, "eve")
    device.add(name="Ada")
    user_id = parts_of(app).accounts.user_named("eve").id
    backed_up(app, file)
    assert parts_of(app).user_rights.purge(user_id, removed(app, user_id))
    assert device.get("/contacts").status_code == 401
    restored(app, file)
    assert [row["name"] for row in device.get("/contacts").get_json()["contacts"]] == ["Ada"]


def test_a_purge_that_a_backup_caught_half_way_goes_on_after_it(
    app: App,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user_id = fill(app, "eve")
    line = removed(app, user_id)
    with pytest.raises(Stopped), stopped_after(monkeypatch, 3):
        parts_of(app).user_rights.purge(user_id, line)
    half = contents(app, "books", "users", "sessions")
    backed_up(app, file)
    assert parts_of(app).user_rights.purge(user_id, line)
    restored(app, file)
    assert contents(app, "books", "users", "sessions") == half
    assert rights(app)["eve"].is_purging
    assert parts_of(app).user_rights.purge(user_id, line)
    assert not any(contents(app, "settings", "attempts").values())
