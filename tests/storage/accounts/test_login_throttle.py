"""Guessing passwords, on a real database: who is kept out by whose attempts, and who never is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from models import Attempt
from offbook.core.accounts.login_throttle import (
    COUNTED_MAX,
    PER_GUEST,
    PER_NAME,
    PER_NETWORK,
    STEP,
    WAIT_US_MAX,
    WAIT_US_MIN,
    WINDOW_US,
    RecentAttempts,
    TurnGranted,
    decide_attempt,
)
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database
from storage.errors import Throttled, WrongPassword
from storage.repositories.accounts.login_throttle import guest_at
from storage.values.accounts import Account

NewId = Callable[[], str]
Attack = Callable[[str, int, int], None]
CHEAP = Effort(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
HOME = "192.0.2.1"
SECOND = 1_000_000


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, CHEAP)


@pytest.fixture
def ada(accounts: Accounts, now: int, new_id: NewId) -> Account:
    return accounts.add_user("Ada", PASSWORD, False, now, new_id)


def laptop(user_id: int) -> str:
    """A browser that every user was signed in with before."""
    return f"the laptop of {user_id}"


def fail(accounts: Accounts, name: str, address: str, now: int, **known: Callable[[int], str]) -> None:
    with pytest.raises(WrongPassword):
        accounts.check_password(name, "wrong", address, now, **known)


def always(browser: str) -> Callable[[int], str]:
    return lambda user_id: browser


@pytest.fixture
def attack(database: Database) -> Attack:
    """What is stored of one attempt at a name from each of many networks, each in its turn. They are hundreds: one
    test makes them one by one.
    """

    def made(name: str, times: int, now: int) -> None:
        with database.write() as connection:
            before = connection.execute(select(func.count()).where(Attempt.name == name, Attempt.tried)).scalar_one()
            rows: list[dict[str, Any]] = []
            for number in range(times):
                guest = guest_at(name, f"2001:db8:{number:x}::1")
                row = {"name": guest.name, "address": guest.network, "browser": "", "tried": True, "at": now}
                decided = decide_attempt(RecentAttempts(at_name=min(before + number, COUNTED_MAX)), now)
                if isinstance(decided, TurnGranted):
                    rows += [row | {"tried": False, "at": decided.at_us}, row | {"at": decided.at_us}]
                else:
                    rows.append(row)
            connection.execute(insert(Attempt), rows)

    return made


# --- whoever the server does not know --------------------------------------------------------------------------------


def test_a_name_can_be_guessed_ten_times_from_one_network(accounts: Accounts, ada: Account, now: int) -> None:
    for second in range(PER_GUEST):
        fail(accounts, "ada", HOME, now + second * SECOND)
    with pytest.raises(Throttled) as throttled:
        accounts.check_password("ada", PASSWORD, HOME, now + 60 * SECOND)
    assert throttled.value.wait_seconds == WINDOW_US // SECOND - 60
    assert "14 minutes" in str(throttled.value)


@pytest.mark.parametrize("name", ["Ada", "ada", "ADA", " ａｄａ "])
def test_another_spelling_of_the_name_is_no_other_name(accounts: Accounts, ada: Account, now: int, name: str) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", HOME, now)
    with pytest.raises(Throttled):
        accounts.check_password(name, PASSWORD, HOME, now)


def test_after_the_wait_one_may_try_again(accounts: Accounts, ada: Account, now: int) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", HOME, now)
    assert accounts.check_password("ada", PASSWORD, HOME, now + WINDOW_US) == ada


def test_what_one_network_tried_keeps_nobody_else_out(accounts: Accounts, ada: Account, now: int) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", "198.51.100.7", now)
    assert accounts.check_password("ada", PASSWORD, HOME, now) == ada
    assert accounts.check_password("ada", PASSWORD, "198.51.100.8", now) == ada


def test_a_network_can_guess_thirty_times_over_all_names(accounts: Accounts, ada: Account, now: int) -> None:
    for number in range(PER_NETWORK):
        fail(accounts, f"name {number}", HOME, now)
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, HOME, now)
    assert accounts.check_password("ada", PASSWORD, "198.51.100.7", now) == ada


def test_a_success_forgets_the_failures_of_this_name_from_there(accounts: Accounts, ada: Account, now: int) -> None:
    for _ in range(3):
        for _ in range(PER_GUEST - 1):
            fail(accounts, "ada", HOME, now)
        assert accounts.check_password("ada", PASSWORD, HOME, now) == ada


def test_one_s_own_success_buys_no_guesses_at_others(accounts: Accounts, ada: Account, now: int, new_id: NewId) -> None:
    accounts.add_user("eve", PASSWORD, False, now, new_id)
    for _ in range(PER_GUEST):
        fail(accounts, "ada", HOME, now)
        accounts.check_password("eve", PASSWORD, HOME, now)
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, HOME, now)


def test_the_throttle_holds_across_processes(accounts: Accounts, database: Database, ada: Account, now: int) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", HOME, now)
    with pytest.raises(Throttled):
        Accounts(database, CHEAP).check_password("ada", PASSWORD, HOME, now)


def test_guesses_side_by_side_are_all_counted(accounts: Accounts, ada: Account, now: int) -> None:
    def guess(_: int) -> str:
        try:
            accounts.check_password("ada", "wrong", HOME, now)
        except (WrongPassword, Throttled) as error:
            return error.code
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(40)))
    assert codes.count("wrong_password") == PER_GUEST


# --- many networks, one name -----------------------------------------------------------------------------------------


def test_an_attack_from_many_networks_slows_down_and_keeps_nobody_out(
    accounts: Accounts, attack: Attack, ada: Account, now: int
) -> None:
    for number in range(PER_NAME + 2 * STEP):
        address = f"2001:db8:{number:x}::1"
        try:
            accounts.check_password("ada", "wrong", address, now)
        except WrongPassword:
            continue
        except Throttled as told:
            fail(accounts, "ada", address, now + told.wait_seconds * SECOND)
    with pytest.raises(Throttled) as throttled:
        accounts.check_password("ada", PASSWORD, HOME, now)
    wait = throttled.value.wait_seconds
    assert wait == 4 * WAIT_US_MIN // SECOND
    assert f"Wait {wait} seconds" in str(throttled.value)
    with pytest.raises(Throttled) as again:
        accounts.check_password("ada", PASSWORD, HOME, now + SECOND)
    assert again.value.wait_seconds == wait - 1
    assert accounts.check_password("ada", PASSWORD, HOME, now + wait * SECOND) == ada


def test_a_turn_stays_while_the_attack_goes_on(accounts: Accounts, attack: Attack, ada: Account, now: int) -> None:
    attack("ada", PER_NAME, now)
    with pytest.raises(Throttled) as throttled:
        accounts.check_password("ada", PASSWORD, HOME, now)
    attack("ada", PER_NAME + 9 * STEP, now)
    due = now + throttled.value.wait_seconds * SECOND
    assert accounts.check_password("ada", PASSWORD, HOME, due) == ada


def test_a_turn_is_good_for_one_attempt(accounts: Accounts, attack: Attack, ada: Account, now: int) -> None:
    attack("ada", PER_NAME + 9 * STEP, now)
    for _ in range(2):
        with pytest.raises(Throttled) as throttled:
            accounts.check_password("ada", "wrong", HOME, now)
        assert throttled.value.wait_seconds == WAIT_US_MAX // SECOND
        now += WAIT_US_MAX
        fail(accounts, "ada", HOME, now)


def test_other_names_are_not_slowed_down(
    accounts: Accounts, attack: Attack, ada: Account, now: int, new_id: NewId
) -> None:
    bob = accounts.add_user("bob", PASSWORD, False, now, new_id)
    attack("ada", PER_NAME + STEP, now)
    assert accounts.check_password("bob", PASSWORD, HOME, now) == bob


def test_a_name_that_nobody_has_is_slowed_down_alike(accounts: Accounts, attack: Attack, now: int) -> None:
    attack("nobody", PER_NAME, now)
    with pytest.raises(Throttled) as throttled:
        accounts.check_password("nobody", "x", HOME, now)
    assert throttled.value.wait_seconds == WAIT_US_MIN // SECOND


def test_what_was_tried_is_forgotten_after_a_quarter_of_an_hour(
    accounts: Accounts, attack: Attack, database: Database, ada: Account, now: int
) -> None:
    attack("ada", PER_NAME + STEP, now)
    later = now + WINDOW_US + WAIT_US_MAX
    assert accounts.check_password("ada", PASSWORD, HOME, later) == ada
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(Attempt)).scalar_one() == 0


# --- browsers that are known -----------------------------------------------------------------------------------------


def test_a_known_browser_is_let_in_whatever_others_try(
    accounts: Accounts, attack: Attack, ada: Account, now: int
) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", "198.51.100.7", now)
    for number in range(PER_NETWORK):
        fail(accounts, f"name {number}", HOME, now)
    attack("ada", PER_NAME + STEP, now)
    for address in (HOME, "198.51.100.7", "203.0.113.5"):
        with pytest.raises(Throttled):
            accounts.check_password("ada", PASSWORD, address, now)
    assert accounts.check_password("ada", PASSWORD, HOME, now, laptop) == ada
    assert accounts.check_password("ada", PASSWORD, "198.51.100.7", now, laptop) == ada


def test_a_known_browser_has_ten_guesses_of_its_own_from_wherever(accounts: Accounts, ada: Account, now: int) -> None:
    for number in range(PER_GUEST):
        fail(accounts, "ada", f"192.0.2.{number}", now, browser_of=laptop)
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, HOME, now, laptop)
    assert accounts.check_password("ada", PASSWORD, HOME, now, lambda user_id: "her phone") == ada
    assert accounts.check_password("ada", PASSWORD, HOME, now) == ada


def test_what_a_known_browser_tried_slows_nobody_down(accounts: Accounts, ada: Account, now: int) -> None:
    for number in range(PER_NAME):
        fail(accounts, "ada", HOME, now, browser_of=always(f"browser {number}"))
    assert accounts.check_password("ada", PASSWORD, HOME, now) == ada


def test_a_known_browser_s_success_forgets_its_own_failures_alone(accounts: Accounts, ada: Account, now: int) -> None:
    for _ in range(PER_GUEST):
        fail(accounts, "ada", HOME, now)
    for _ in range(2):
        for _ in range(PER_GUEST - 1):
            fail(accounts, "ada", HOME, now, browser_of=laptop)
        assert accounts.check_password("ada", PASSWORD, HOME, now, laptop) == ada
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, HOME, now)


def test_a_browser_is_asked_for_only_where_there_is_a_user(accounts: Accounts, ada: Account, now: int) -> None:
    asked: list[int] = []

    def browser_of(user_id: int) -> str:
        asked.append(user_id)
        return ""

    fail(accounts, "eve", HOME, now, browser_of=browser_of)
    fail(accounts, "ADA", HOME, now, browser_of=browser_of)
    assert asked == [ada.id]


# --- a signed-in person ----------------------------------------------------------------------------------------------


def test_a_signed_in_person_changes_the_password_whatever_others_try(
    accounts: Accounts, attack: Attack, ada: Account, now: int
) -> None:
    attack("ada", PER_NAME + STEP, now)
    for number in range(PER_NETWORK):
        fail(accounts, f"name {number}", "", now)
    changed = accounts.change_password(ada.id, PASSWORD, "a new password", now)
    assert changed.session_version != ada.session_version
    assert accounts.check_password("ada", "a new password", "203.0.113.5", now, laptop) == changed


def test_whoever_finds_a_session_open_has_ten_guesses(accounts: Accounts, ada: Account, now: int) -> None:
    for _ in range(PER_GUEST):
        with pytest.raises(WrongPassword):
            accounts.change_password(ada.id, "wrong", "a new password", now)
    with pytest.raises(Throttled):
        accounts.change_password(ada.id, PASSWORD, "a new password", now)
    assert accounts.check_password("ada", PASSWORD, HOME, now) == ada, "at the door they count for nothing"
    assert accounts.change_password(ada.id, PASSWORD, "a new password", now + WINDOW_US).id == ada.id


def test_one_person_s_guesses_at_a_session_are_not_another_s(
    accounts: Accounts, ada: Account, now: int, new_id: NewId
) -> None:
    bob = accounts.add_user("bob", PASSWORD, False, now, new_id)
    for _ in range(PER_GUEST):
        with pytest.raises(WrongPassword):
            accounts.change_password(bob.id, "wrong", "a new password", now)
    assert accounts.change_password(ada.id, PASSWORD, "a new password", now).id == ada.id


def test_nobody_s_password_is_changed_who_is_gone(accounts: Accounts, ada: Account, now: int) -> None:
    with pytest.raises(WrongPassword):
        accounts.change_password(ada.id + 1, PASSWORD, "a new password", now)
