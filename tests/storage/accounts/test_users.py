"""What admins do to users, on a real database: who is let in after it, and that one admin always stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from offbook.core.accounts.users import Rights, UserAction, describe_act
from offbook.core.errors import Conflicting, Invalid, NotFound, NotLetIn
from services.accounts.accounts import Accounts, act_on_user
from services.accounts.passwords import Effort
from storage.engines.database import Database, open_engines
from storage.errors import WrongPassword
from storage.repositories.accounts.user_rights import UserRights
from storage.repositories.device_lag import lag_of
from storage.values.accounts import Account, CarriedSession, DeviceInfo, Visit

NewId = Callable[[], str]
CHEAP = Effort(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
HOME = "192.0.2.1"
VISIT = Visit("Firefox on Linux", HOME)
OUT = {UserAction.DISABLE: "user_disabled", UserAction.REMOVE: "user_removed"}
BACK = {UserAction.DISABLE: UserAction.ENABLE, UserAction.REMOVE: UserAction.RESTORE}


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, CHEAP)


@pytest.fixture
def people(database: Database, accounts: Accounts) -> UserRights:
    return UserRights(database, accounts)


@pytest.fixture
def ada(accounts: Accounts, now: int, new_id: NewId) -> Account:
    return accounts.add_user("ada", PASSWORD, True, now, new_id)


@pytest.fixture
def eve(accounts: Accounts, now: int, new_id: NewId) -> Account:
    return accounts.add_user("eve", PASSWORD, False, now, new_id)


@pytest.fixture
def phone(accounts: Accounts, eve: Account, now: int, new_id: NewId) -> tuple[DeviceInfo, str]:
    return accounts.add_device(eve.book_id, eve.id, "phone", now, new_id)


class Contradicted(UserRights):
    """Another admin brings a user back as soon as one was removed."""

    def act(self, user_id: int, now_us: int, *acts: UserAction) -> Rights:
        rights = super().act(user_id, now_us, *acts)
        super().act(user_id, now_us, UserAction.RESTORE)
        return rights


def test_what_is_said_of_a_user_is_what_the_act_did_whatever_another_admin_does(
    database: Database, accounts: Accounts, ada: Account, eve: Account, now: int
) -> None:
    user = act_on_user(accounts, Contradicted(database, accounts), eve.id, [UserAction.REMOVE], now)
    assert describe_act(user.name, UserAction.REMOVE, user.rights).startswith("eve is in the trash")


# --- who is let in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", OUT)
def test_whoever_is_out_does_not_come_in_and_hears_why_once_the_password_is_right(
    accounts: Accounts, people: UserRights, eve: Account, now: int, act: UserAction
) -> None:
    people.act(eve.id, now, act)
    with pytest.raises(NotLetIn) as refused:
        accounts.check_password("eve", PASSWORD, HOME, now)
    assert refused.value.code == OUT[act]
    with pytest.raises(WrongPassword):
        accounts.check_password("eve", "wrong", HOME, now)
    people.act(eve.id, now, BACK[act])
    assert accounts.check_password("eve", PASSWORD, HOME, now) == eve


@pytest.mark.parametrize("act", OUT)
def test_a_device_of_whoever_is_out_hears_why_and_comes_in_again(
    accounts: Accounts, people: UserRights, eve: Account, phone: tuple[DeviceInfo, str], now: int, act: UserAction
) -> None:
    device, token = phone
    people.act(eve.id, now, act)
    with pytest.raises(NotLetIn) as refused:
        accounts.device_by_token(token)
    assert refused.value.code == OUT[act]
    assert accounts.device_by_token(token[:-1] + ("A" if token[-1] != "A" else "B")) is None
    assert accounts.find_revoked([device.id]) == {device.id}
    people.act(eve.id, now, BACK[act])
    login = accounts.device_by_token(token)
    assert login
    assert login.device == device
    assert accounts.find_revoked([device.id]) == set()


def test_a_device_that_is_not_there_may_not_come_in(accounts: Accounts, phone: tuple[DeviceInfo, str]) -> None:
    assert accounts.find_revoked([phone[0].id, 77]) == {77}


@pytest.mark.parametrize("act", OUT)
def test_devices_that_are_not_let_in_are_not_behind(
    database: Database,
    accounts: Accounts,
    people: UserRights,
    eve: Account,
    phone: tuple[DeviceInfo, str],
    now: int,
    act: UserAction,
) -> None:
    assert lag_of(database, now).devices == 1
    people.act(eve.id, now, act)
    assert lag_of(database, now).devices == 0


@pytest.mark.parametrize("act", OUT)
def test_sessions_of_whoever_is_out_are_over_and_stay_so(
    accounts: Accounts, people: UserRights, eve: Account, now: int, act: UserAction
) -> None:
    token, session = accounts.open_session(eve, "password", VISIT, now)
    looked: list[set[str]] = []
    accounts.on_end = lambda: looked.append(accounts.find_over([session], now + 1))
    people.act(eve.id, now + 1, act)
    assert looked == [{session.id}]
    assert accounts.signed_in(token, now + 2) is None
    people.act(eve.id, now + 3, BACK[act])
    assert accounts.signed_in(token, now + 4) is None


@pytest.mark.parametrize("act", OUT)
def test_a_password_that_was_shown_before_opens_no_session_after(
    accounts: Accounts, people: UserRights, eve: Account, now: int, act: UserAction
) -> None:
    people.act(eve.id, now, act)
    with pytest.raises(WrongPassword):
        accounts.open_session(eve, "password", VISIT, now + 1)
    carried = CarriedSession("a token", eve.id, eve.session_version, "password", now + 2)
    assert accounts.carried_in(carried, VISIT, now + 3) is None
    people.act(eve.id, now + 4, BACK[act])
    token, _ = accounts.open_session(eve, "password", VISIT, now + 5)
    assert accounts.signed_in(token, now + 6)


# --- the trash -------------------------------------------------------------------------------------------------------


def test_a_removed_user_is_in_the_trash_and_restored_as_they_were(
    accounts: Accounts, people: UserRights, ada: Account, eve: Account, now: int
) -> None:
    people.act(eve.id, now, UserAction.REMOVE)
    assert accounts.users() == [ada]
    assert [(user.name, user.removed_at) for user in accounts.users_in_trash()] == [("eve", now)]
    with pytest.raises(NotFound, match="trash"):
        accounts.user_named("eve")
    assert accounts.any_user_named("eve").removed_at == now
    people.act(eve.id, now + 1, UserAction.RESTORE)
    assert accounts.users() == [ada, eve]
    assert accounts.users_in_trash() == []


def test_the_name_of_a_removed_user_stays_taken(
    accounts: Accounts, people: UserRights, eve: Account, now: int, new_id: NewId
) -> None:
    people.act(eve.id, now, UserAction.REMOVE)
    with pytest.raises(Invalid, match=r"in the trash until 2026-12-18\. Restore"):
        accounts.add_user("eve", PASSWORD, False, now, new_id)


def test_nobody_is_removed_who_is_not_there(people: UserRights, now: int) -> None:
    with pytest.raises(NotFound):
        people.act(77, now, UserAction.REMOVE)


# --- one admin stays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [UserAction.DISABLE, UserAction.REMOVE, UserAction.END_ADMIN])
def test_the_last_admin_who_may_sign_in_stays(
    accounts: Accounts, people: UserRights, ada: Account, eve: Account, now: int, act: UserAction
) -> None:
    people.act(eve.id, now, UserAction.MAKE_ADMIN)
    people.act(eve.id, now, UserAction.DISABLE)
    with pytest.raises(Conflicting) as refused:
        people.act(ada.id, now, act)
    assert refused.value.code == "last_admin"
    assert accounts.user(ada.id) == ada
    people.act(eve.id, now, UserAction.ENABLE)
    people.act(ada.id, now, act)
    with pytest.raises(Conflicting):
        people.act(eve.id, now, act)


ADMINS = 4
ROUNDS = 6


@pytest.fixture
def hands(database: Database) -> Iterator[list[UserRights]]:
    """As many servers on the one database, each with its own connections."""
    opened = [open_engines(database.engine.url) for _ in range(ADMINS)]
    yield [UserRights(each, Accounts(each, CHEAP)) for each in opened]
    for each in opened:
        each.close()


@pytest.mark.parametrize("act", [UserAction.DISABLE, UserAction.REMOVE, UserAction.END_ADMIN])
def test_of_admins_that_all_go_at_once_one_stays(
    accounts: Accounts, people: UserRights, hands: list[UserRights], now: int, new_id: NewId, act: UserAction
) -> None:
    undo = BACK.get(act, UserAction.MAKE_ADMIN)
    admins = [accounts.add_user(f"admin {number}", PASSWORD, True, now, new_id) for number in range(ADMINS)]
    together = Barrier(ADMINS)

    def go(place: int) -> str:
        together.wait(20)
        try:
            hands[place].act(admins[place].id, now, act)
        except Conflicting as error:
            return error.code
        return "gone"

    with ThreadPoolExecutor(ADMINS) as pool:
        for _ in range(ROUNDS):
            outcomes = sorted(pool.map(go, range(ADMINS)))
            assert outcomes == ["gone"] * (ADMINS - 1) + ["last_admin"]
            assert sum(user.rights.is_active_admin for user in accounts.users()) == 1
            for admin in admins:
                people.act(admin.id, now, undo)
