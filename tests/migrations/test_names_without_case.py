"""Users of an early version, to whom each spelling was a name of its own, as they are found now. On every engine."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, inspect, select, text

from models import Attempt, User
from offbook.core.errors import Invalid
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database
from storage.engines.migrations import downgrade, upgrade
from storage.errors import WrongPassword
from storage.repositories.accounts import user_names
from storage.values.accounts import Account

pytestmark = pytest.mark.versions

ZOE, ZOE_APART = "Zoë", unicodedata.normalize("NFD", "Zoë")
LONG = "\ufdfa" * 100
NAMES = ["Ada", "ada", "Bob", ZOE, ZOE_APART, "Weiß", "Grace  Hopper", LONG]
HOME = "192.0.2.1"
PASSWORDS = {name: f"1234567890{number}" for number, name in enumerate(NAMES)}
"""None of which could be chosen now."""

UNDER_THE_EARLY_VERSION = """
import json, sys, uuid

from storage.accounts import Accounts, WrongPassword
from storage.engines import open_engines
from storage.migrating import upgrade
from storage.passwords import Effort

url, people = json.load(sys.stdin)
database = open_engines(url)
upgrade(database)
accounts = Accounts(database, Effort(1, 8, 1))
for name, password in people:
    accounts.add_user(name, password, False, 0, lambda: str(uuid.uuid4()))
try:
    accounts.check_password("Bob", "wrong", "192.0.2.1", 1)
except WrongPassword:
    pass
user = accounts.user_named("Bob")
print(accounts.add_device(user.book_id, user.id, "laptop", 0, lambda: str(uuid.uuid4()))[1])
database.close()
"""


def run_early(folder: Path, script: str, *values: Any) -> str:
    """What a script prints that runs on the real code of an early version, with these values as JSON before it."""
    asked = [sys.executable, "-c", script]
    return subprocess.run(
        asked, cwd=folder, input=json.dumps(values), capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def token(empty: Database, early_version: Path) -> str:
    """Of Bob's device. The database is then as this version finds it, and not upgraded yet."""
    url = empty.engine.url.render_as_string(hide_password=False)
    empty.close()
    return run_early(early_version, UNDER_THE_EARLY_VERSION, url, list(PASSWORDS.items()))


@pytest.fixture
def accounts(empty: Database, token: str) -> Accounts:
    upgrade(empty)
    return Accounts(empty, Effort(2, 8, 1))  # more than before, so that each hash is renewed


def signs_in(accounts: Accounts, typed: str, name: str, now: int) -> Account:
    return accounts.check_password(typed, PASSWORDS[name], HOME, now)


def test_everybody_signs_in_as_before_with_the_password_of_before(
    accounts: Accounts, token: str, now: int, empty: Database
) -> None:
    for name in PASSWORDS:
        assert signs_in(accounts, name, name, now).name == " ".join(name.split())
    login = accounts.device_by_token(token)
    assert login is not None
    assert login.user_id == accounts.user_named("Bob").id
    with empty.read() as connection:
        assert connection.execute(select(func.count()).select_from(Attempt)).scalar_one() == 0


def test_whoever_has_a_name_alone_is_found_by_any_spelling(accounts: Accounts, now: int) -> None:
    for typed, name in (("bob", "Bob"), ("WEISS", "Weiß"), ("grace hopper", "Grace  Hopper")):
        assert signs_in(accounts, typed, name, now) == accounts.user_named(name)


def test_those_who_share_a_name_are_found_by_the_exact_spelling(accounts: Accounts, empty: Database, now: int) -> None:
    for typed, name in (("ADA", "Ada"), ("ada", "Ada"), ("zoë", ZOE), (ZOE, ZOE_APART)):
        with pytest.raises(WrongPassword):
            signs_in(accounts, typed, name, now)
    with empty.read() as connection:
        assert user_names.find_clashes(connection) == [["Ada", "ada"], [ZOE_APART, ZOE]]


def test_after_a_rename_both_are_found_by_any_spelling(accounts: Accounts, now: int, new_id: Callable[[], str]) -> None:
    with pytest.raises(Invalid):
        accounts.add_user("aDA", "a new password", False, now, new_id)
    accounts.rename_user(accounts.user_named("ada").id, "Ada II")
    assert signs_in(accounts, "ADA", "Ada", now).name == "Ada"
    assert signs_in(accounts, "ada ii", "ada", now).name == "Ada II"


def test_an_early_version_lets_everybody_in_after_going_back(
    accounts: Accounts, empty: Database, now: int, early_version: Path
) -> None:
    accounts.rename_user(accounts.user_named("ada").id, "Ada II")
    with pytest.raises(WrongPassword):
        accounts.check_password("Bob", "wrong", HOME, now)
    downgrade(empty, "0006")
    url = empty.engine.url.render_as_string(hide_password=False)
    empty.close()
    people = [("Ada II", PASSWORDS["ada"]), *((name, PASSWORDS[name]) for name in ("Ada", "Bob", ZOE, ZOE_APART, LONG))]
    assert run_early(early_version, SIGNING_IN, url, people) == str(len(people))
    upgrade(empty)
    assert signs_in(accounts, "ADA", "Ada", now).name == "Ada"


SIGNING_IN = """
import json, sys

from storage.accounts import Accounts
from storage.engines import open_engines
from storage.passwords import Effort

url, people = json.load(sys.stdin)
database = open_engines(url)
accounts = Accounts(database, Effort(1, 8, 1))
print(sum(accounts.check_password(name, password, "192.0.2.1", 1).name == name for name, password in people))
database.close()
"""


def test_no_two_users_have_one_folded_name(empty: Database) -> None:
    upgrade(empty)
    with empty.read() as connection:
        (index,) = [one for one in inspect(connection).get_indexes("users") if one["name"] == "ix_users_folded"]
    assert index["unique"]
    assert index["column_names"] == ["folded"]
    with empty.write() as connection:
        row = {"name": "Ada", "folded": "ada", "password_hash": "!", "admin": False, "created_at": 0}
        connection.execute(insert(User), row)
        connection.execute(insert(User), [row | {"name": name, "folded": None} for name in ("b", "B")])
        assert connection.execute(text("SELECT count(*) FROM users WHERE folded IS NULL")).scalar_one() == 2
