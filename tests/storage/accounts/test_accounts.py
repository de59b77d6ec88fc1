"""Users, passwords, the set-up link and devices, on a real database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from offbook.core.errors import Invalid, NotFound
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort, Passwords
from storage.engines.database import Database
from storage.errors import WrongPassword
from storage.repositories.accounts.devices import CURSOR_EVERY_US, SEEN_EVERY_US
from storage.values.accounts import Account, DeviceInfo

NewId = Callable[[], str]
CHEAP = Effort(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
HOME = "192.0.2.1"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, CHEAP)


@pytest.fixture
def ada(accounts: Accounts, now: int, new_id: NewId) -> Account:
    return accounts.add_user("ada", PASSWORD, False, now, new_id)


def dump(database: Database) -> str:
    """Everything that is stored, as text."""
    tables = ("users", "devices", "settings", "attempts", "books", "memberships")
    with database.read() as connection:
        return "\n".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)


# --- users -----------------------------------------------------------------------------------------------------------


def test_a_user_has_a_book_of_their_own(accounts: Accounts, ada: Account, now: int, new_id: NewId) -> None:
    bob = accounts.add_user("bob", PASSWORD, True, now, new_id)
    assert ada.book_id != bob.book_id
    assert accounts.book(ada.book_id).policy == "merge"
    assert accounts.users() == [ada, bob]
    assert (ada.admin, bob.admin) == (False, True)


def test_a_name_is_taken_once(accounts: Accounts, ada: Account, now: int, new_id: NewId) -> None:
    with pytest.raises(Invalid, match="already"):
        accounts.add_user(" ada ", PASSWORD, False, now, new_id)
    assert accounts.users() == [ada]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "a\u202eb", "\ud800"])
def test_what_can_not_be_a_name_is_refused(accounts: Accounts, now: int, new_id: NewId, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.add_user(name, PASSWORD, False, now, new_id)
    assert refused.value.code == "bad_name"
    assert accounts.is_empty()


@pytest.mark.parametrize("password", ["", "x" * 9, "x" * 1001])
def test_a_password_has_a_length(accounts: Accounts, now: int, new_id: NewId, password: str) -> None:
    with pytest.raises(Invalid, match="characters"):
        accounts.add_user("ada", password, False, now, new_id)
    assert accounts.is_empty()


def test_an_unknown_policy_is_refused(accounts: Accounts, ada: Account) -> None:
    with pytest.raises(Invalid, match="merge"):
        accounts.set_policy(ada.book_id, "whatever")
    accounts.set_policy(ada.book_id, "ask")
    assert accounts.book(ada.book_id).policy == "ask"


# --- passwords -------------------------------------------------------------------------------------------------------


def test_the_right_password_opens(accounts: Accounts, ada: Account, now: int) -> None:
    assert accounts.check_password("ada", PASSWORD, HOME, now) == ada


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("ada", ""), ("eve", PASSWORD), ("", "")])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    accounts: Accounts, ada: Account, now: int, name: str, password: str
) -> None:
    with pytest.raises(WrongPassword) as wrong:
        accounts.check_password(name, password, HOME, now)
    assert str(wrong.value) == str(WrongPassword())


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(Effort(time_cost=2, memory_kib=8192, parallelism=1))
    known = passwords.hash(PASSWORD, "ada")

    def seconds(hashed: str | None) -> float:
        started = time.process_time()
        assert not passwords.matches(hashed, "wrong")
        return time.process_time() - started

    pairs = [(seconds(None), seconds(known)) for _ in range(7)]
    assert min(unknown for unknown, _ in pairs) > min(wrong for _, wrong in pairs) / 2


def test_a_password_is_the_same_however_a_keyboard_composed_it() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.matches(passwords.hash("pässwörter", "ada"), "pa\u0308sswo\u0308rter")


def test_passwords_are_strong_by_default() -> None:
    effort = Effort()
    assert (effort.time_cost, effort.memory_kib) >= (3, 64 * 1024)


def test_a_new_password_replaces_the_old_one_and_the_stamp(accounts: Accounts, ada: Account, now: int) -> None:
    changed = accounts.set_password(ada.id, "another password", now)
    assert changed.session_version != ada.session_version
    assert accounts.check_password("ada", "another password", HOME, now) == changed
    with pytest.raises(WrongPassword):
        accounts.check_password("ada", PASSWORD, HOME, now)


def test_a_hash_of_less_effort_is_renewed_when_its_password_is_shown(
    accounts: Accounts, database: Database, ada: Account, now: int
) -> None:
    stronger = Accounts(database, Effort(time_cost=2, memory_kib=8, parallelism=1))
    renewed = stronger.check_password("ada", PASSWORD, HOME, now)
    assert renewed.session_version != ada.session_version
    assert stronger.check_password("ada", PASSWORD, HOME, now) == renewed


# --- the set-up link -------------------------------------------------------------------------------------------------


def test_the_set_up_link_makes_one_admin_and_is_closed(accounts: Accounts, now: int, new_id: NewId) -> None:
    token = accounts.open_setup()
    assert token
    assert accounts.is_setup_open(token)
    assert accounts.set_up(token, "ada", PASSWORD, now, new_id).admin
    assert not accounts.is_setup_open(token)
    assert accounts.open_setup() is None
    with pytest.raises(NotFound):
        accounts.set_up(token, "eve", PASSWORD, now, new_id)


def test_a_restart_makes_a_new_link_and_closes_the_old(accounts: Accounts) -> None:
    old, new = accounts.open_setup(), accounts.open_setup()
    assert old
    assert new
    assert (accounts.is_setup_open(old), accounts.is_setup_open(new)) == (False, True)


def test_the_link_is_closed_when_a_user_comes_in_by_the_command(accounts: Accounts, now: int, new_id: NewId) -> None:
    token = accounts.open_setup()
    assert token
    accounts.add_user("ada", PASSWORD, False, now, new_id)
    assert not accounts.is_setup_open(token)
    with pytest.raises(NotFound):
        accounts.set_up(token, "eve", PASSWORD, now, new_id)


@pytest.mark.parametrize("token", ["", "x", "\ud800"])
def test_a_guessed_link_opens_nothing(accounts: Accounts, token: str) -> None:
    assert not accounts.is_setup_open(token)
    accounts.open_setup()
    assert not accounts.is_setup_open(token)


def test_a_refused_password_leaves_the_link_open(accounts: Accounts, now: int, new_id: NewId) -> None:
    token = accounts.open_setup()
    assert token
    with pytest.raises(Invalid):
        accounts.set_up(token, "ada", "short", now, new_id)
    assert accounts.is_setup_open(token)


# --- devices ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def phone(accounts: Accounts, ada: Account, now: int, new_id: NewId) -> tuple[DeviceInfo, str]:
    return accounts.add_device(ada.book_id, ada.id, "Ada's  phone ", now, new_id)


def test_a_token_lets_its_device_in(accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str]) -> None:
    device, token = phone
    login = accounts.device_by_token(token)
    assert login
    assert login.device == device
    assert (login.user_id, login.book_id, login.admin) == (ada.id, ada.book_id, False)
    assert device.name == "Ada's phone"


def test_only_the_whole_token_opens(accounts: Accounts, phone: tuple[DeviceInfo, str]) -> None:
    token = phone[1]
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (
        "",
        "ob_",
        other,
        token[:-1],
        token + "A",
        token.upper(),
        token + "\n",
        "\ud800",
        "ob_\u0661" + token,
    ):
        assert accounts.device_by_token(wrong) is None


def test_a_revoked_device_is_out_and_stays_named(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    device, token = phone
    accounts.revoke_device(ada.id, device.uuid, now)
    assert accounts.device_by_token(token) is None
    assert accounts.devices(ada.id) == []
    with pytest.raises(NotFound):
        accounts.revoke_device(ada.id, device.uuid, now)


def test_nobody_touches_another_user_s_device(
    accounts: Accounts, phone: tuple[DeviceInfo, str], now: int, new_id: NewId
) -> None:
    device, token = phone
    eve = accounts.add_user("eve", PASSWORD, True, now, new_id)
    with pytest.raises(NotFound):
        accounts.revoke_device(eve.id, device.uuid, now)
    with pytest.raises(NotFound):
        accounts.rename_device(eve.id, device.uuid, "mine")
    assert accounts.devices(eve.id) == []
    assert accounts.device_by_token(token)


def test_a_user_who_left_the_book_takes_the_devices_along(
    accounts: Accounts, database: Database, ada: Account, phone: tuple[DeviceInfo, str]
) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM memberships"))
    assert accounts.device_by_token(phone[1]) is None


def test_a_device_is_renamed(accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str]) -> None:
    accounts.rename_device(ada.id, phone[0].uuid, "old phone")
    assert [device.name for device in accounts.devices(ada.id)] == ["old phone"]
    with pytest.raises(Invalid):
        accounts.rename_device(ada.id, phone[0].uuid, " ")


def the_device(accounts: Accounts, user: Account) -> DeviceInfo:
    (device,) = accounts.devices(user.id)
    return device


def test_a_device_is_seen_once_a_minute(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    accounts.record_seen(phone[0], now)
    accounts.record_seen(the_device(accounts, ada), now + SEEN_EVERY_US - 1)
    assert the_device(accounts, ada).last_seen_at == now
    accounts.record_seen(the_device(accounts, ada), now + SEEN_EVERY_US)
    assert the_device(accounts, ada).last_seen_at == now + SEEN_EVERY_US


@pytest.mark.parametrize(("offset", "parked"), [(9000, {}), (1000, {"bad_id": 1})])
def test_news_about_a_device_is_noted_at_once(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int, offset: int, parked: dict[str, int]
) -> None:
    accounts.record_seen(phone[0], now, 1000, {})
    accounts.record_seen(the_device(accounts, ada), now + 1, offset, parked)
    device = the_device(accounts, ada)
    assert (device.last_seen_at, device.clock_offset_ms, device.parked) == (now + 1, offset, parked)


def test_the_network_s_jitter_is_no_news(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    accounts.record_seen(phone[0], now, 1000, {})
    accounts.record_seen(the_device(accounts, ada), now + 1, 1300, {})
    assert the_device(accounts, ada).last_seen_at == now


def test_a_device_is_given_as_it_was_noted_so_that_nothing_is_noted_twice(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    noted = accounts.record_seen(phone[0], now, 1000, {"bad_id": 1})
    assert noted == the_device(accounts, ada)
    assert accounts.record_seen(noted, now, 1000, {"bad_id": 1}) is noted


@pytest.mark.parametrize(
    ("passed", "at_once", "noted"),
    [(0, True, 9), (CURSOR_EVERY_US - 1, False, 7), (CURSOR_EVERY_US, False, 9)],
)
def test_how_far_a_device_got_is_noted_soon_or_at_once(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int, passed: int, at_once: bool, noted: int
) -> None:
    accounts.record_seen(phone[0], now, cursor_seq=7)
    accounts.record_seen(the_device(accounts, ada), now + passed, cursor_seq=9, at_once=at_once)
    assert the_device(accounts, ada).cursor_seq == noted


def test_how_far_a_device_got_is_noted_with_whatever_else_is(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    accounts.record_seen(phone[0], now, cursor_seq=7)
    accounts.record_seen(the_device(accounts, ada), now + 1, parked={"bad_id": 1}, cursor_seq=9)
    assert the_device(accounts, ada).cursor_seq == 9


def test_a_device_that_got_nowhere_is_no_news(
    accounts: Accounts, ada: Account, phone: tuple[DeviceInfo, str], now: int
) -> None:
    accounts.record_seen(phone[0], now, cursor_seq=7)
    accounts.record_seen(the_device(accounts, ada), now + CURSOR_EVERY_US, cursor_seq=7, at_once=True)
    assert the_device(accounts, ada).last_seen_at == now


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_stored_or_shown(
    accounts: Accounts, database: Database, ada: Account, phone: tuple[DeviceInfo, str]
) -> None:
    token, stored = phone[1], dump(database)
    assert PASSWORD not in stored
    assert token not in stored
    assert token[-43:] not in stored
    assert not any("hash" in field.name for kind in (Account, DeviceInfo) for field in fields(kind))


def test_the_set_up_link_s_token_is_not_stored(accounts: Accounts, database: Database) -> None:
    token = accounts.open_setup()
    assert token
    assert token not in dump(database)


def test_a_failed_statement_is_told_without_its_values(database: Database, ada: Account) -> None:
    with pytest.raises(IntegrityError) as failed, database.write() as connection:
        row = {"id": ada.id, "name": "canary", "hash": "canary", "at": 0}
        columns = "id, name, password_hash, created_at"
        connection.execute(text(f"INSERT INTO users ({columns}) VALUES (:id, :name, :hash, :at)"), row)
    assert "canary" not in str(failed.value)
