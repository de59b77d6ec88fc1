"""Sessions in the store: opened, used, listed, ended, and carried where nothing can be stored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue

import pytest
from sqlalchemy import delete, func, select

import models
from offbook.core.errors import NotFound
from offbook.core.merge.retention import DAY_US
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database
from storage.errors import WrongPassword
from storage.repositories.accounts.sessions import ELSEWHERE_EVERY_US, USED_EVERY_US, session_id
from storage.values.accounts import Account, CarriedSession, Session, Visit
from tests.support.polling import wait_until

CHEAP = Effort(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
HOME = Visit("Firefox on Linux", "192.0.2.1")
ROAD = Visit("Safari on iPhone", "2001:db8::7")

NewId = Callable[[], str]


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, CHEAP)


@pytest.fixture
def ada(accounts: Accounts, now: int, new_id: NewId) -> Account:
    return accounts.add_user("ada", PASSWORD, False, now, new_id)


def rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(models.SessionRow)).scalar_one()


# --- opening and using -----------------------------------------------------------------------------------------------


def test_a_token_opens_the_session_of_its_user_and_no_other(accounts: Accounts, ada: Account, now: int) -> None:
    token, session = accounts.open_session(ada, "password", HOME, now)
    assert accounts.signed_in(token, now + 1) == (ada, session)
    assert session == Session(session_id(token), ada.id, "password", now, now, *(HOME.browser, HOME.address))
    for other in (token[:-1], token + "x", "", session.id, "\ud800"):
        assert accounts.signed_in(other, now + 1) is None


def test_the_database_holds_no_token(accounts: Accounts, database: Database, ada: Account, now: int) -> None:
    token, _ = accounts.open_session(ada, "password", HOME, now)
    with database.read() as connection:
        stored = connection.execute(select(models.SessionRow.__table__)).all()
    assert token not in str(stored)


def test_a_session_rests_for_a_month_and_lasts_for_ninety_days(accounts: Accounts, ada: Account, now: int) -> None:
    token, session = accounts.open_session(ada, "password", HOME, now)
    assert accounts.signed_in(token, now + 30 * DAY_US - 1)
    assert accounts.signed_in(token, now + 30 * DAY_US) is None
    for days in (20, 40, 60, 80):
        session = accounts.record_use(session, HOME, now + days * DAY_US)
    assert accounts.signed_in(token, now + 90 * DAY_US - 1)
    assert accounts.signed_in(token, now + 90 * DAY_US) is None
    assert accounts.sessions(ada.id, now + 90 * DAY_US) == []


def test_use_is_noted_every_ten_minutes_and_sooner_when_it_comes_from_elsewhere(
    accounts: Accounts, ada: Account, now: int
) -> None:
    _, session = accounts.open_session(ada, "password", HOME, now)
    assert accounts.record_use(session, HOME, now + USED_EVERY_US - 1) is session
    later = accounts.record_use(session, HOME, now + USED_EVERY_US)
    assert accounts.sessions(ada.id, now + USED_EVERY_US) == [later]
    moved = now + USED_EVERY_US + ELSEWHERE_EVERY_US
    assert accounts.record_use(later, ROAD, moved - 1) is later
    away = accounts.record_use(later, ROAD, moved)
    assert accounts.sessions(ada.id, moved) == [away]
    assert (away.browser, away.address) == (ROAD.browser, ROAD.address)


# --- ending ----------------------------------------------------------------------------------------------------------


def test_an_ended_session_lets_nobody_in_and_is_over_for_its_sockets(
    accounts: Accounts, ada: Account, now: int
) -> None:
    token, session = accounts.open_session(ada, "password", HOME, now)
    other, second = accounts.open_session(ada, "password", ROAD, now)
    assert accounts.sign_out(session, now + 1)
    assert accounts.signed_in(token, now + 2) is None
    assert accounts.find_over([session, second], now + 2) == {session.id}
    assert accounts.signed_in(other, now + 2) == (ada, second)


def test_one_of_ones_own_sessions_is_ended_and_nobody_elses(
    accounts: Accounts, ada: Account, now: int, new_id: NewId
) -> None:
    bob = accounts.add_user("bob", PASSWORD, False, now, new_id)
    token, session = accounts.open_session(ada, "password", HOME, now)
    with pytest.raises(NotFound):
        accounts.end_session(bob.id, session.id, now + 1)
    assert accounts.signed_in(token, now + 2)
    accounts.end_session(ada.id, session.id, now + 3)
    assert accounts.signed_in(token, now + 4) is None
    with pytest.raises(NotFound):
        accounts.end_session(ada.id, session.id, now + 5)


def test_all_sessions_of_a_user_end_at_once_and_whoever_holds_sockets_hears_of_it(
    accounts: Accounts, ada: Account, now: int, new_id: NewId
) -> None:
    bob = accounts.add_user("bob", PASSWORD, False, now, new_id)
    his, _ = accounts.open_session(bob, "password", HOME, now)
    hers = [accounts.open_session(ada, "password", HOME, now) for _ in range(3)]
    carried = Session(
        "c", ada.id, "password", now, now, *(HOME.browser, HOME.address), session_version=ada.session_version
    )
    heard: list[bool] = []
    accounts.on_end = lambda: heard.append(accounts.signed_in(hers[0][0], now + 2) is None)
    assert accounts.end_sessions(ada.id, now + 1) == 3
    assert heard == [True]
    everyone = [session for _, session in hers]
    assert accounts.find_over([*everyone, carried], now + 2) == {session.id for session in everyone} | {"c"}
    assert accounts.signed_in(his, now + 2)


def test_one_session_may_go_on_when_the_others_end(accounts: Accounts, ada: Account, now: int) -> None:
    token, session = accounts.open_session(ada, "password", HOME, now)
    accounts.open_session(ada, "password", ROAD, now)
    assert accounts.end_sessions(ada.id, now + 1, but=session.id) == 1
    assert accounts.sessions(ada.id, now + 2) == [session]
    assert accounts.signed_in(token, now + 2)


def test_a_new_password_ends_all_sessions(accounts: Accounts, ada: Account, now: int) -> None:
    token, _ = accounts.open_session(ada, "password", HOME, now)
    accounts.set_password(ada.id, "another password", now + 1)
    assert accounts.signed_in(token, now + 2) is None


def test_a_session_is_not_opened_by_a_password_that_was_changed_meanwhile(
    accounts: Accounts, ada: Account, now: int
) -> None:
    accounts.set_password(ada.id, "another password", now)
    with pytest.raises(WrongPassword):
        accounts.open_session(ada, "password", HOME, now + 1)


def test_no_session_survives_a_new_password_that_is_opened_while_it_is_stored(
    accounts: Accounts, ada: Account, now: int
) -> None:
    """Whoever is signing in at that moment, or shows a session that was carried until then."""
    opened: SimpleQueue[str] = SimpleQueue()

    def sign_in(number: int) -> None:
        with suppress(WrongPassword):
            while True:
                opened.put(accounts.open_session(ada, "password", HOME, now)[0])
                carried = carried_by(ada, now, f"{number} {opened.qsize()}")
                accounts.carried_in(carried, HOME, now)
                opened.put(carried.token)

    with ThreadPoolExecutor(4) as pool:
        doing = [pool.submit(sign_in, number) for number in range(4)]
        wait_until(lambda: opened.qsize() > 20)
        accounts.set_password(ada.id, "another password", now + 1)
    assert [job.result() for job in doing] == [None] * 4
    tokens = [opened.get() for _ in range(opened.qsize())]
    assert len(tokens) > 20
    assert not [token for token in tokens if accounts.signed_in(token, now + 2)]


def test_whoever_signs_in_after_all_sessions_were_ended_by_a_clock_that_is_ahead_is_in(
    accounts: Accounts, ada: Account, now: int
) -> None:
    accounts.end_sessions(ada.id, now + 5_000_000)
    token, _ = accounts.open_session(ada, "password", HOME, now)
    assert accounts.signed_in(token, now + 1)


def test_a_user_who_is_gone_takes_the_sessions_along(
    accounts: Accounts, database: Database, ada: Account, now: int
) -> None:
    token, session = accounts.open_session(ada, "password", HOME, now)
    with database.write() as connection:
        connection.execute(delete(models.Membership).where(models.Membership.user_id == ada.id))
        connection.execute(delete(models.User).where(models.User.id == ada.id))
    assert rows(database) == 0
    assert accounts.signed_in(token, now + 1) is None
    assert accounts.find_over([session], now + 1) == {session.id}


def test_a_session_is_forgotten_when_no_cookie_of_it_can_be_valid(
    accounts: Accounts, database: Database, ada: Account, now: int
) -> None:
    _, session = accounts.open_session(ada, "password", HOME, now)
    accounts.sign_out(session, now + 1)
    accounts.open_session(ada, "password", HOME, now + 90 * DAY_US - 1)
    assert rows(database) == 2
    accounts.open_session(ada, "password", HOME, now + 90 * DAY_US)
    assert rows(database) == 2


# --- carried sessions ------------------------------------------------------------------------------------------------


def carried_by(user: Account, now: int, token: str = "t" * 43) -> CarriedSession:
    return CarriedSession(token, user.id, user.session_version, "earlier", now)


def test_a_carried_session_is_stored_once_and_then_checked_like_any(
    accounts: Accounts, database: Database, ada: Account, now: int
) -> None:
    carried = carried_by(ada, now)
    found = accounts.carried_in(carried, HOME, now + 1)
    assert found
    assert found[1].is_stored
    assert found[1].way == "earlier"
    assert accounts.signed_in(carried.token, now + 2) == found
    assert accounts.carried_in(carried, HOME, now + 3) == found
    assert rows(database) == 1


def test_what_is_left_of_a_carried_session_does_not_open_it_again(accounts: Accounts, ada: Account, now: int) -> None:
    carried = carried_by(ada, now)
    found = accounts.carried_in(carried, HOME, now + 1)
    assert found
    accounts.sign_out(found[1], now + 2)
    assert accounts.carried_in(carried, HOME, now + 3) is None


def test_ending_all_sessions_ends_those_that_nothing_was_stored_of(accounts: Accounts, ada: Account, now: int) -> None:
    accounts.end_sessions(ada.id, now + 1)
    assert accounts.carried_in(carried_by(ada, now), HOME, now + 2) is None
    assert accounts.carried_in(carried_by(ada, now + 2), HOME, now + 3)


def test_a_carried_session_of_another_password_or_of_nobody_is_none(
    accounts: Accounts, database: Database, ada: Account, now: int
) -> None:
    stranger = CarriedSession("t" * 43, ada.id + 1, ada.session_version, "earlier", now)
    assert accounts.carried_in(stranger, HOME, now) is None
    accounts.set_password(ada.id, "another password", now - 1)
    assert accounts.carried_in(carried_by(ada, now), HOME, now) is None
    assert rows(database) == 0
