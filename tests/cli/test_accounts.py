"""Commands for admins, as they are typed; and the server as `make serve` starts it."""

from __future__ import annotations

import io
import os
import re
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from click.testing import Result

import asgi
from app import App
from cli.maintenance import check_exposure, check_secrets
from cli.users import read_password
from config import Config, kept_secret
from offbook.contacts.table import BUILT_IN
from offbook.core.errors import Invalid
from offbook.core.merge.policies import POLICIES
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from storage.errors import WrongPassword
from storage.values.accounts import Account
from tests.support.browser import PASSWORD, add_device, add_user, app_on, bearer, parts_of
from tests.support.live_server import ROOT, exchange, migrated, serving_process
from tests.support.pushes import push

TOKEN = re.compile(r"ob_[0-9a-f]{32}_[\w-]{43}")


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    app = app_on(database_url, secret_key="x" * 64, instance_path=tmp_path)
    yield app
    app.extensions["database"].close()


def run(app: App, *words: str, typed: str = "") -> Result:
    return app.test_cli_runner().invoke(args=list(words), input=typed)


# --- users -----------------------------------------------------------------------------------------------------------


def test_a_user_is_added_with_a_password_from_standard_input(app: App) -> None:
    added = run(app, "user", "add", "ada", "--password-stdin", "--admin", typed=PASSWORD + "\n")
    assert (added.exit_code, added.stdout) == (0, "Added ada.\n")
    accounts = parts_of(app).accounts
    assert accounts.check_password("ada", PASSWORD, "", parts_of(app).clock()).admin


def test_a_password_that_is_typed_is_not_shown(app: App) -> None:
    added = run(app, "user", "add", "ada", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.exit_code == 0
    assert PASSWORD not in added.output


def test_what_is_wrong_is_told_in_a_line(app: App) -> None:
    add_user(app, "ada")
    taken = run(app, "user", "add", "ada", "--password-stdin", typed=PASSWORD)
    assert taken.exit_code == 1
    assert taken.stderr.startswith("Error: There is a user named 'ada' already.")
    assert "Traceback" not in taken.output
    short = run(app, "user", "add", "bob", "--password-stdin", typed="short")
    assert short.exit_code == 1
    assert "characters" in short.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "ada", "--password-stdin"),
        ("user", "password", "ada", "--password-stdin"),
        ("user", "list"),
        ("user", "disable", "ada"),
        ("user", "remove", "ada"),
        ("user", "admin", "ada", "--off"),
        ("device", "add", "ada", "laptop"),
        ("device", "list"),
        ("device", "revoke", "x"),
        ("book", "policy", "ada", "merge"),
        ("book", "prune"),
    ],
)
def test_a_missing_schema_is_told_in_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    app = app_on(f"sqlite:///{tmp_path}/new.db")
    refused = run(app, *words, typed=PASSWORD)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [refused.stderr.strip()]
    assert "flask db upgrade" in refused.stderr
    app.extensions["database"].close()


@pytest.mark.parametrize(
    "words",
    [
        ("user", "password", "\udcff", "--password-stdin"),
        ("user", "restore", "\udcff"),
        ("user", "enable", "\udcff"),
        ("device", "add", "\udcff", "laptop"),
        ("device", "list", "\udcff"),
        ("device", "revoke", "\udcff"),
        ("book", "policy", "\udcff", "merge"),
        ("book", "prune", "\udcff"),
    ],
)
def test_an_argument_that_is_not_text_is_told_in_a_line(app: App, words: tuple[str, ...]) -> None:
    refused = run(app, *words, typed=PASSWORD)
    assert (refused.exit_code, refused.stderr[:7]) == (1, "Error: ")
    assert "not UTF-8" in refused.stderr


def test_a_password_that_nobody_could_type_again_is_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\udcff" * 12))
    with pytest.raises(Invalid, match="not UTF-8"):
        read_password(from_stdin=True)


def test_a_user_gets_a_new_password(app: App) -> None:
    add_user(app, "ada")
    assert run(app, "user", "password", "ada", "--password-stdin", typed="another password").exit_code == 0
    parts = parts_of(app)
    assert parts.accounts.check_password("ada", "another password", "", parts.clock())
    with pytest.raises(WrongPassword):
        parts.accounts.check_password("ada", PASSWORD, "", parts.clock())
    assert "no user named 'eve'" in run(app, "user", "password", "eve", "--password-stdin", typed="x").stderr


def test_users_are_listed(app: App) -> None:
    add_user(app, "ada", admin=True)
    add_user(app, "bob")
    lines = [line.split("\t")[:2] for line in run(app, "user", "list").stdout.splitlines()]
    assert lines == [["ada", "admin"], ["bob", "member"]]


# --- devices and books -----------------------------------------------------------------------------------------------


def test_a_new_device_s_token_is_alone_on_the_last_line(app: App) -> None:
    add_user(app, "ada")
    added = run(app, "device", "add", "ada", "laptop")
    assert added.exit_code == 0
    token = added.stdout.splitlines()[-1]
    assert TOKEN.fullmatch(token)
    login = parts_of(app).accounts.device_by_token(token)
    assert login
    assert login.device.name == "laptop"


def test_devices_are_listed_and_revoked(app: App) -> None:
    add_user(app, "ada")
    add_user(app, "bob")
    device, token = add_device(app, "ada")
    listed = run(app, "device", "list").stdout
    assert listed == f"{device.uuid}\tada\tlaptop\tseen never\tclock not known yet\n"
    assert run(app, "device", "list", "bob").stdout == ""
    assert run(app, "device", "revoke", device.uuid).exit_code == 0
    assert parts_of(app).accounts.device_by_token(token) is None
    again = run(app, "device", "revoke", device.uuid)
    assert again.exit_code == 1
    assert "revoked already" in again.stderr
    assert "no such device" in run(app, "device", "revoke", "whatever").stderr


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_book_s_policy_is_chosen(app: App, policy: str) -> None:
    add_user(app, "ada")
    assert run(app, "book", "policy", "ada", policy).exit_code == 0
    accounts = parts_of(app).accounts
    assert accounts.book(accounts.user_named("ada").book_id).policy == policy


def test_an_unknown_policy_names_the_known_ones(app: App) -> None:
    add_user(app, "ada")
    refused = run(app, "book", "policy", "ada", "whatever")
    assert refused.exit_code == 1
    assert all(policy in refused.stderr for policy in POLICIES)


# --- pruning ---------------------------------------------------------------------------------------------------------

DAY_US = 86_400 * 1_000_000


def book_with_a_past(app: App, name: str) -> Account:
    """One contact that lives since long ago, and two that were deleted: 400 days ago, and 40."""
    add_user(app, name)
    owner = parts_of(app).accounts.user_named(name)
    push_at(app, owner, 500, *(("INSERT", record, {"name": f"Person {record}"}) for record in (1, 2, 3)))
    push_at(app, owner, 400, ("DELETE", 2, None))
    push_at(app, owner, 40, ("DELETE", 3, None))
    return owner


def push_at(app: App, owner: Account, days_ago: int, *typed: tuple[str, int, Any]) -> None:
    parts = parts_of(app)
    with parts.store.reading(owner.book_id) as book:
        base = book.book.seq
    batch = []
    for operation, record, data in typed:
        item: dict[str, Any] = {
            "id": parts.new_id(),
            "table": "contacts",
            "record_id": str(UUID(int=record)),
            "operation": operation,
        }
        item |= {"timestamp": "2020-11-20T17:00:00.000Z", "base": base} | ({"data": data} if data else {})
        batch.append(parse_change(BUILT_IN, item, parts.new_id()))
    push(parts.store, owner.book_id, ChangeOrigin(user_id=owner.id), batch, parts.clock() - days_ago * DAY_US)


def lives(app: App, owner: Account) -> tuple[int, int]:
    """How many contacts live in this book, and how many are in its trash."""
    contacts = parts_of(app).contacts
    return contacts.count(owner.book_id), contacts.trash(owner.book_id).total


DEFAULTS = "forgot 1 deletion, the values of 1 deleted record and the text of 4 changes"


def test_all_books_are_pruned_and_each_is_told_of_in_a_sentence(app: App) -> None:
    ada, _ = book_with_a_past(app, "ada"), add_user(app, "bob")
    pruned = run(app, "book", "prune")
    assert pruned.exit_code == 0, pruned.output
    assert pruned.stdout == f"ada's book: {DEFAULTS}.\nbob's book: nothing is old enough to be forgotten.\n"
    assert lives(app, ada) == (1, 0)
    assert run(app, "book", "prune", "ada").stdout == "ada's book: nothing is old enough to be forgotten.\n"


def test_one_person_s_book_is_pruned_alone(app: App) -> None:
    ada, bob = book_with_a_past(app, "ada"), book_with_a_past(app, "bob")
    assert run(app, "book", "prune", "bob").stdout == f"bob's book: {DEFAULTS}.\n"
    assert (lives(app, ada), lives(app, bob)) == ((1, 2), (1, 0))
    assert "no user named 'eve'" in run(app, "book", "prune", "eve").stderr


def test_a_dry_run_tells_and_forgets_nothing(app: App) -> None:
    ada = book_with_a_past(app, "ada")
    printed = run(app, "book", "prune", "--dry-run").stdout
    assert printed == f"ada's book: {DEFAULTS.replace('forgot', 'would forget')}.\n"
    assert lives(app, ada) == (1, 2)
    assert run(app, "book", "prune").stdout == f"ada's book: {DEFAULTS}.\n"


def test_how_long_things_are_kept_is_chosen(app: App) -> None:
    ada = book_with_a_past(app, "ada")
    kept = run(app, "book", "prune", "--history-days", "1000", "--trash-days", "1000")
    assert "nothing is old enough" in kept.stdout
    assert run(app, "book", "prune", "--trash-days", "100", "--history-days", "450").stdout == (
        "ada's book: forgot the values of 1 deleted record and the text of 3 changes.\n"
    )
    assert lives(app, ada) == (1, 1)
    assert run(app, "book", "prune", "--trash-days", "0", "--history-days", "0").stdout == (
        "ada's book: forgot 2 deletions and the text of 2 changes.\n"
    )
    assert lives(app, ada) == (1, 0)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--history-days", "-1"), "counted back from now"),
        (("--trash-days", "-1"), "counted back from now"),
        (("--history-days", "7"), "can't be kept longer (30 days) than the history (7 days)"),
    ],
)
def test_days_that_make_no_sense_are_told_in_a_line(app: App, words: tuple[str, ...], why: str) -> None:
    ada = book_with_a_past(app, "ada")
    refused = run(app, "book", "prune", *words)
    assert refused.exit_code == 1
    assert why in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert lives(app, ada) == (1, 2)


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_where_all_is_well(app: App) -> None:
    looked = run(app, "doctor")
    assert looked.exit_code == 0, looked.output
    assert "schema is up to date" in looked.stdout
    assert "The database is whole." in looked.stdout


def test_the_doctor_finds_a_missing_migration(app: App) -> None:
    with app.extensions["database"].write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
    looked = run(app, "doctor")
    assert looked.exit_code == 1
    assert "! The schema is 0005" in looked.stdout
    assert "flask db upgrade" in looked.stdout


FAULTS = {
    "sqlite": (
        ["PRAGMA foreign_keys = OFF", "DELETE FROM users"],
        "! The database is damaged (memberships refers to what is not there)",
    ),
    "postgresql": (
        ['ALTER TABLE users ALTER name TYPE varchar(100) COLLATE "und-x-icu"'],
        "! Names are sorted otherwise than on devices: run `flask db upgrade`.",
    ),
    "mysql": (
        ["ALTER TABLE users MODIFY name VARCHAR(100) COLLATE utf8mb4_general_ci NOT NULL"],
        "! Names are sorted otherwise than on devices: run `flask db upgrade`.",
    ),
}
"""Of each engine, what makes the database unfit, and what the doctor says then."""


def test_the_doctor_finds_what_is_unfit(app: App) -> None:
    add_user(app, "ada")
    database = app.extensions["database"]
    statements, finding = FAULTS[database.name]
    with closing(database.engine.raw_connection()) as connection:
        connection.detach()
        for statement in statements:
            connection.cursor().execute(statement)
        connection.commit()
    looked = run(app, "doctor")
    assert looked.exit_code == 1
    assert finding in looked.stdout


def test_the_doctor_finds_unsafe_settings(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    config = Config(host="0.0.0.0", secret_key="short", instance_path=tmp_path)
    assert [finding.bad for finding in (*check_exposure(config), *check_secrets(config))] == [True, True, True]
    proxied = Config(host="0.0.0.0", trusted_proxies=1, secret_key="x" * 64, instance_path=tmp_path / "none")
    assert not any(finding.bad for finding in (*check_exposure(proxied), *check_secrets(proxied)))


def test_flask_db_upgrade_makes_the_schema(tmp_path: Path) -> None:
    app = app_on(f"sqlite:///{tmp_path}/new.db")
    assert run(app, "db", "upgrade").exit_code == 0
    assert "schema is up to date" in run(app, "doctor").stdout
    app.extensions["database"].close()


# --- settings --------------------------------------------------------------------------------------------------------


def test_the_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    secret = kept_secret(path)
    assert len(secret) >= 64
    assert kept_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_a_secret_that_can_t_be_made_leaves_nothing_behind_and_is_told(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(ValueError, match="secret_key can't be made: File too large"):
            kept_secret(tmp_path / "secret_key")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    """As a crash of the machine left it, in earlier versions."""
    (tmp_path / "secret_key").touch()
    with pytest.raises(ValueError, match="secret_key is empty: delete it"):
        kept_secret(tmp_path / "secret_key")


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    settings = {"HOST": "::1", "PORT": "7000", "TRUSTED_PROXIES": "2", "SECRET_KEY": "s", "DATABASE_URL": "sqlite:///x"}
    config = Config.from_environment({"INSTANCE_PATH": str(tmp_path / "new"), **settings})
    assert (config.host, config.port, config.trusted_proxies) == ("::1", 7000, 2)
    assert (config.secret_key, config.database_url) == ("s", "sqlite:///x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert Config.from_environment({"INSTANCE_PATH": str(tmp_path)}).database_url == f"sqlite:///{tmp_path}/offbook.db"


# --- the server itself -----------------------------------------------------------------------------------------------


@pytest.mark.processes
def test_a_first_start_prints_a_set_up_link_and_a_later_one_does_not(tmp_path: Path) -> None:
    with serving_process(tmp_path) as first:
        assert requests.get(first.url + "/healthz", timeout=10).json() == {"status": "ok", "writable": True}
        link = next(line for line in first.greeting if "/setup/" in line).split()[-1]
        page = requests.get(link, timeout=10)
        assert page.status_code == 200
    app = app_on(Config.from_environment({"INSTANCE_PATH": str(tmp_path)}).database_url)
    add_user(app, "ada")
    app.extensions["database"].close()
    with serving_process(tmp_path) as second:
        assert not any("/setup/" in line for line in second.greeting)


@pytest.mark.processes
def test_the_server_s_log_holds_no_secret(tmp_path: Path) -> None:
    app = app_on(Config.from_environment({"INSTANCE_PATH": str(tmp_path)}).database_url)
    migrated(tmp_path).close()
    with serving_process(tmp_path) as server:
        link = next(line for line in server.greeting if "/setup/" in line).split()[-1]
        assert requests.get(link, timeout=10).status_code == 200
        add_user(app, "ada")
        _, token = add_device(app)
        answer = requests.get(server.url + "/changes", auth=("device", token), timeout=10)
        assert answer.status_code == 200
        requests.post(server.url + "/sync", data=b"{", headers=bearer(token), timeout=10)
        requests.get(server.url + "/nothing/" + token, timeout=10)
        exchange(server.url, f"nonsense {token}\r\n\r\n".encode())
    assert token not in server.log
    assert token[-43:] not in server.log
    assert link.rsplit("/", 1)[1] not in server.log
    assert "X-Request-Id" not in answer.headers
    assert server.log == "", "by default only what is wrong here is written: nonsense is wrong at its sender's"
    app.extensions["database"].close()


SETTINGS_THAT_CAN_NOT_BE = [
    ("PORT", "five thousand"),
    ("PORT", "65536"),
    ("DATABASE_URL", "oracle://somewhere"),
    ("LIVE_URL", "carrier://pigeon"),
    ("LOG_FORMAT", "xml"),
    ("LOG_LEVEL", "debug"),
]


@pytest.mark.parametrize(("name", "value"), SETTINGS_THAT_CAN_NOT_BE)
def test_a_setting_that_can_not_be_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for setting, text in {"INSTANCE_PATH": str(tmp_path), "PORT": "0", name: value}.items():
        monkeypatch.setenv(setting, text)
    with pytest.raises(SystemExit) as ended:
        asgi.main()
    assert isinstance(ended.value.code, str), "Python writes it to stderr, and ends with 1"
    assert ended.value.code.startswith(f"{name} ")
    assert len(ended.value.code.splitlines()) == 1


@pytest.mark.processes
def test_a_server_without_its_schema_says_what_to_do(tmp_path: Path) -> None:
    environ = os.environ | {"INSTANCE_PATH": str(tmp_path), "PORT": "0"}
    environ.pop("DATABASE_URL", None)
    started = subprocess.run(
        [sys.executable, "asgi.py"], cwd=ROOT, env=environ, text=True, capture_output=True, timeout=60, check=False
    )
    assert started.returncode == 1
    assert "flask db upgrade" in started.stderr
    assert "Traceback" not in started.stderr
