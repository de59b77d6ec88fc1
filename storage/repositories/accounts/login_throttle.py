"""What was tried at passwords, and by whom. In the database, so that every process and every restart counts on.

An attempt is written down before the password is looked at, and taken back when it was right; and attempts are written
down one after the other. So guesses that run side by side are all counted, in one process or in several. What becomes
of one is decided by offbook.core.accounts.login_throttle.

A database that takes no writes (its disk is full) keeps nobody out, and lets nobody guess more: what it does not take
is counted by the process (``AttemptBudget``), on top of what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, false, insert, select, true

from models import Attempt, Base
from offbook.core.accounts.login_throttle import (
    COUNTED_MAX,
    PER_GUEST,
    PER_NETWORK,
    WINDOW_US,
    AttemptAdmitted,
    AttemptDenied,
    RecentAttempts,
    TurnGranted,
    decide_attempt,
    network_of,
)
from storage.engines.database import Database
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import Throttled
from storage.failures import not_written
from storage.repositories.accounts import user_names
from storage.repositories.accounts.user_names import Named, comparable

NAME_LENGTH_MAX = 100
"""Of a name that was typed this much is compared."""

QUEUE = {"name": "sign-in", "value": ""}
"""The row of settings that whoever writes an attempt down holds until the commit."""


class Guest(NamedTuple):
    """Whose attempts count together. ``browser`` is empty for whoever the server does not know.

    A known browser is the same one at every spelling of the name and from every network: it stands for both.
    """

    name: str
    network: str
    browser: str


def guest_at(name: str, address: str, browser: str = "") -> Guest:
    """Whoever tries at a name, however it was spelled."""
    if browser:
        return Guest(browser, "", browser)
    return Guest(comparable(name)[:NAME_LENGTH_MAX], network_of(address), "")


class LoginAttempts(NamedTuple):
    """One attempt; where it was not ``tried`` yet, the turn for one."""

    guest: Guest
    at: int
    tried: bool = True


class AttemptBudget:
    """The attempts and turns that the database did not take."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._attempts: list[LoginAttempts] = []

    def since(self, line: int) -> list[LoginAttempts]:
        """Those that are newer."""
        with self._lock:
            return self._since(line)

    def reserve(self, connection: Connection, guest: Guest, now_us: int) -> int:
        """As ``reserve`` below, for a database that only reads."""
        with self._lock:
            attempt = _decided(connection, guest, now_us, self._since(now_us - WINDOW_US))
            self._attempts.append(attempt)
        return attempt.at - now_us

    def forgive(self, guest: Guest) -> None:
        """Forget the attempts of this guest."""
        with self._lock:
            self._attempts = [attempt for attempt in self._attempts if attempt.guest != guest]

    def _since(self, line: int) -> list[LoginAttempts]:
        self._attempts = [attempt for attempt in self._attempts if attempt.at > line]
        return list(self._attempts)


class Admission(NamedTuple):
    """An attempt that counts by now: whose it is, and the user at whom it is made, if there is such a user."""

    guest: Guest
    user: Named | None


class LoginThrottle:
    """The attempts in a database, and those that it did not take. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._budget = AttemptBudget()

    def admit(self, name: str, address: str, browser_of: Callable[[int], str], now_us: int) -> Admission:
        """Count an attempt at a name, before the password is looked at. Raises Throttled."""

        def ask(connection: Connection) -> Admission:
            user = user_names.choose_meant(user_names.fetch_sharing(connection, name), name)
            return Admission(guest_at(name, address, browser_of(user.id) if user else ""), user)

        return self._admit(ask, now_us)

    def admit_user(self, user_id: int, now_us: int) -> Admission:
        """The same for a signed-in user, for whom alone it counts."""

        def ask(connection: Connection) -> Admission:
            return Admission(guest_at("", "", f"user {user_id}"), user_names.fetch_user(connection, user_id))

        return self._admit(ask, now_us)

    def _admit(self, ask: Callable[[Connection], Admission], now_us: int) -> Admission:
        """In memory where it can't be stored."""
        try:
            with self._database.write() as connection:
                # Wait for those who came before. Writing the row locks it, in every database; what it holds is nothing.
                connection.execute(self._database.upsert(Base.metadata.tables["settings"], list(QUEUE)), [QUEUE])
                admission = ask(connection)
                wait_us = reserve(connection, admission.guest, now_us, self._budget)
        except ReadOnlyMode:
            raise
        except not_written():
            with self._database.read() as connection:
                admission = ask(connection)
                wait_us = self._budget.reserve(connection, admission.guest, now_us)
        if wait_us:
            raise Throttled(wait_us)
        return admission

    def forgive(self, guest: Guest) -> None:
        """The password was right: forget the guest's attempts. Those of others, and at other names, still count."""
        self._budget.forgive(guest)
        self._database.note(delete(Attempt).where(*_of_guest(guest)))


def reserve(connection: Connection, guest: Guest, now_us: int, spare: AttemptBudget) -> int:
    """Write an attempt down, or the turn for one: how long until then, 0 where the password may be looked at now.

    Raises Throttled without writing anything (or nobody would ever get in again).
    """
    connection.execute(delete(Attempt).where(Attempt.at <= now_us - WINDOW_US))
    attempt = _decided(connection, guest, now_us, spare.since(now_us - WINDOW_US))
    name, network, browser = guest
    row = {"name": name, "address": network, "browser": browser, "tried": attempt.tried, "at": attempt.at}
    connection.execute(insert(Attempt).values(**row))
    return attempt.at - now_us


def _decided(connection: Connection, guest: Guest, now_us: int, others: Sequence[LoginAttempts]) -> LoginAttempts:
    """What is to be kept of one more attempt. Raises Throttled."""
    match decide_attempt(_past(connection, guest, now_us, others), now_us):
        case AttemptAdmitted():
            return LoginAttempts(guest, now_us)
        case TurnGranted(at_us):
            return LoginAttempts(guest, at_us, tried=False)
        case AttemptDenied(wait_us):
            raise Throttled(wait_us)


def _past(connection: Connection, guest: Guest, now_us: int, others: Sequence[LoginAttempts]) -> RecentAttempts:
    """What counts for one more attempt of ``guest``: in the database, and among ``others``."""
    mine = [attempt for attempt in others if attempt.guest == guest]
    own = [attempt.at for attempt in mine if attempt.tried]
    own += _newest(connection, now_us, PER_GUEST, *_of_guest(guest), Attempt.tried == true())
    if guest.browser:
        return RecentAttempts(own)
    strangers = [attempt for attempt in others if attempt.tried and not attempt.guest.browser]
    tried = (Attempt.browser == "", Attempt.tried == true())
    by_network = [attempt.at for attempt in strangers if attempt.guest.network == guest.network]
    by_network += _newest(connection, now_us, PER_NETWORK, Attempt.address == guest.network, *tried)
    at_name = [attempt.at for attempt in strangers if attempt.guest.name == guest.name]
    at_name += _newest(connection, now_us, COUNTED_MAX, Attempt.name == guest.name, *tried)
    turns = [attempt.at for attempt in mine if not attempt.tried]
    turns += _newest(connection, now_us, 1, *_of_guest(guest), Attempt.tried == false())
    return RecentAttempts(own, by_network, len(at_name), max(turns, default=None))


def _of_guest(guest: Guest) -> tuple[ColumnElement[bool], ...]:
    name, network, browser = guest
    return (Attempt.address == network, Attempt.name == name, Attempt.browser == browser)


def _newest(connection: Connection, now_us: int, most: int, *conditions: ColumnElement[bool]) -> list[int]:
    query = select(Attempt.at).where(*conditions, Attempt.at > now_us - WINDOW_US)
    return list(connection.execute(query.order_by(Attempt.at.desc()).limit(most)).scalars())
