"""Sessions: who is signed in, with which browsers, and how that ends.

A browser shows a token of 256 random bits, and the session's id is what is kept of it: its hash, in the form of a UUID.
So a copy of the database lets nobody in, the id may be shown, and to check a session is one row by its key.

A session ends by itself when it was not used for a month, and after 90 days in any case (``Lifetime``). An ended one
stays in the table as long: nothing that is left of it, no copy of a cookie and no part of a move, opens it again.

A database that takes no changes keeps nobody out and nobody in. Who signs in then *carries* the session: the signed
cookie says what the row would (``CarriedSession``), and becomes a row as soon as one can be written. It is the same
with the cookies of versions without this table. What is ended then is noted by the process until it can be stored.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Select,
    String,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from models import SessionRow, User
from offbook.core.errors import NotFound
from offbook.core.merge.retention import DAY_US
from storage import messages
from storage.engines.database import Database
from storage.repositories.accounts.devices import LET_IN, digest
from storage.sql.array_params import in_array
from storage.values.accounts import CarriedSession, Session, Visit

USED_EVERY_US = 10 * 60 * 1_000_000
"""When a session was used is noted this seldom: a page asks for many things, and nobody needs it to the minute."""

ELSEWHERE_EVERY_US = 60 * 1_000_000
"""The same where the browser or the address is another one: a browser may have two, and use them in turn."""

SESSION: tuple[Any, ...] = (
    SessionRow.id,
    SessionRow.user_id,
    SessionRow.way,
    SessionRow.opened_at,
    SessionRow.last_used_at,
    SessionRow.browser,
    SessionRow.address,
    SessionRow.ended_at,
)
"""The columns of a Session, in its order."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session may rest, and how long it lasts however often it is used."""

    rest_us: int = 30 * DAY_US
    whole_us: int = 90 * DAY_US


_ID = bindparam("session", type_=String())
_OPENED = bindparam("opened_at", type_=BigInteger())


def _row_unless_there(*conditions: ColumnElement[bool]) -> Insert:
    """A row, of a user for whom these hold. The user's row is locked: whoever is changing the password has done so
    before, or waits and ends this session with the others."""
    values = (
        _ID,
        User.id,
        bindparam("way", type_=String()),
        _OPENED,
        bindparam("last_used_at", type_=BigInteger()),
        bindparam("browser", type_=String()),
        bindparam("address", type_=String()),
        bindparam("ended_at", type_=BigInteger()),
    )
    is_of_user = User.id == bindparam("user", type_=BigInteger())
    wanted = select(*values).where(is_of_user, ~exists().where(SessionRow.id == _ID), *conditions)
    names = [column.key for column in SESSION]
    made = insert(SessionRow).from_select(names, wanted.with_for_update())
    return made.execution_options(preserve_rowcount=True)


OPEN = _row_unless_there(
    User.password_hash == bindparam("hash", type_=String()),
    or_(User.signed_out_at.is_(None), User.signed_out_at < _OPENED),
    *LET_IN,
)
"""If the password is still the one that it was opened with, not all were ended since, and the user is let in."""

BURY = _row_unless_there()
"""Of a session that ended before it was stored."""

END = update(SessionRow).where(SessionRow.id == _ID, SessionRow.ended_at.is_(None)).values(ended_at=bindparam("now"))
USED = (
    update(SessionRow)
    .where(SessionRow.id == _ID, SessionRow.last_used_at < bindparam("now"))
    .values(last_used_at=bindparam("now"), browser=bindparam("by"), address=bindparam("at"))
)
STATES = select(*SESSION).where(in_array(SessionRow.__table__.c.id, "ids"))


def session_id(token: str) -> str:
    """What is kept of a token. 122 bits of its hash can't be turned back, nor met by chance."""
    return str(UUID(bytes=hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()[:16], version=4))


def new_token() -> str:
    """A token for a browser: 256 random bits as text."""
    return secrets.token_urlsafe(32)


def session_version_of(password_hash: str) -> str:
    """Differs from one password of a user to the next, and says nothing about either."""
    return digest(password_hash)[:32]


def session_of(row: Sequence[Any]) -> Session:
    """A row of SESSION as a value."""
    return Session(*row)


def carried_session(carried: CarriedSession, visit: Visit, now_us: int) -> Session:
    """What a row of it would say. It is in use, or its cookie would not be here."""
    place = visit.browser, visit.address
    id = session_id(carried.token)
    return Session(
        id, carried.user_id, carried.way, carried.opened_at, now_us, *place, session_version=carried.session_version
    )


def open_sessions_of(user_id: int) -> Select[Any]:
    """A user's sessions that were not ended, the one used last before the others."""
    mine = select(*SESSION).where(SessionRow.user_id == user_id, SessionRow.ended_at.is_(None))
    return mine.order_by(SessionRow.last_used_at.desc(), SessionRow.id)


def end_all(connection: Connection, user_id: int, now_us: int, but: str | None = None) -> int:
    """End all sessions of a user, those of which nothing is stored too, inside a transaction; how many were stored.

    ``but`` is the id of one that goes on. Call ``Sessions.notify_ended`` after the commit.
    """
    connection.execute(update(User).where(User.id == user_id).values(signed_out_at=now_us))
    mine = (SessionRow.user_id == user_id) & SessionRow.ended_at.is_(None) & (SessionRow.id != (but or ""))
    return connection.execute(update(SessionRow).where(mine).values(ended_at=now_us)).rowcount


def forget_all(connection: Connection, now_us: int) -> None:
    """End every session of everybody, also in what an older database knows of them, inside a transaction."""
    connection.execute(delete(SessionRow))
    connection.execute(update(User).values(signed_out_at=now_us))


class Unstored:
    """Sessions that were ended when the database took no changes, by id."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended: dict[str, Session] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._ended

    def all(self) -> list[Session]:
        """All of them."""
        with self._lock:
            return list(self._ended.values())

    def add(self, session: Session) -> None:
        """Keep one."""
        with self._lock:
            self._ended[session.id] = session

    def drop(self, session: Session) -> None:
        """Keep one no longer."""
        with self._lock:
            self._ended.pop(session.id, None)


class Sessions:
    """``on_end`` is called, in whatever thread ended sessions, when that is stored: sockets are then looked at."""

    on_end: Callable[[], object] | None = None

    def __init__(self, database: Database, lifetime: Lifetime | None = None) -> None:
        self._database = database
        self._lifetime = lifetime or Lifetime()
        self._unstored = Unstored()

    # --- using ---

    def record_use(self, session: Session, visit: Visit, now_us: int) -> Session:
        """Note that the session is in use: every ten minutes, or every one if it comes from elsewhere. As it is then.

        Nothing is where the database takes no changes: whoever asks is answered all the same.
        """
        is_here = (session.browser, session.address) == (visit.browser, visit.address)
        if not session.is_stored or now_us - session.last_used_at < (USED_EVERY_US if is_here else ELSEWHERE_EVERY_US):
            return session
        values = {"session": session.id, "now": now_us, "by": visit.browser, "at": visit.address}
        noted = replace(session, last_used_at=now_us, browser=visit.browser, address=visit.address)
        return noted if self._database.note(USED, values) else session

    def is_over(self, session: Session, now_us: int) -> bool:
        """Whether it was ended, rested too long or lasted too long."""
        rested, lasted = now_us - session.last_used_at, now_us - session.opened_at
        is_ended = session.ended_at is not None or session.id in self._unstored
        return is_ended or rested >= self._lifetime.rest_us or lasted >= self._lifetime.whole_us

    def find_over(self, sessions: Iterable[Session], now_us: int) -> set[str]:
        """The ids of those of these sessions, all open when they were read, that are over by now."""
        by_id = {session.id: session for session in sessions}
        with self._database.read() as connection:
            stored = {row.id: session_of(row) for row in connection.execute(STATES, {"ids": list(by_id)})}
            carried = [session for session in by_id.values() if not session.is_stored and session.id not in stored]
            lines = _lines(connection, {session.user_id for session in carried})
        gone = {id for id, session in by_id.items() if session.is_stored and id not in stored}
        ended = {id for id, session in stored.items() if self.is_over(session, now_us)}
        for session in carried:
            if is_disowned(session, *lines.get(session.user_id, ("", None))) or self.is_over(session, now_us):
                ended.add(session.id)
        return gone | ended

    def sessions(self, user_id: int, now_us: int) -> list[Session]:
        """A user's sessions that are not over, the one used last before the others."""
        with self._database.read() as connection:
            stored = [session_of(row) for row in connection.execute(open_sessions_of(user_id))]
        return [session for session in stored if not self.is_over(session, now_us)]

    # --- ending ---

    def sign_out(self, session: Session, now_us: int) -> bool:
        """End this session; whether that is stored. If not, this process knows it, and stores it when it can."""
        self._unstored.add(replace(session, ended_at=now_us))
        self.store_ended()
        self.notify_ended()
        return session.id not in self._unstored

    def store_ended(self) -> None:
        """Store what could not be stored so far, if there is any. Waits no longer than a note does."""
        for session in self._unstored.all():
            if not self._is_end_stored(session):
                return
            self._unstored.drop(session)

    def _is_end_stored(self, session: Session) -> bool:
        is_noted = self._database.note(END, {"session": session.id, "now": session.ended_at})
        return is_noted and (session.is_stored or self._database.note(BURY, row_of(session)))

    def end_session(self, user_id: int, id: str, now_us: int) -> None:
        """End one of a user's sessions. Raises NotFound where there is none of this id, or it has ended."""
        mine = (SessionRow.user_id == user_id) & (SessionRow.id == id) & SessionRow.ended_at.is_(None)
        with self._database.write() as connection:
            if connection.execute(update(SessionRow).where(mine).values(ended_at=now_us)).rowcount != 1:
                raise NotFound.of(messages.NO_SESSION)
        self.notify_ended()

    def end_sessions(self, user_id: int, now_us: int, but: str | None = None) -> int:
        """End all sessions of a user, but for the one with this id; how many of them were stored."""
        with self._database.write() as connection:
            count = end_all(connection, user_id, now_us, but)
        self.notify_ended()
        return count

    def notify_ended(self) -> None:
        """Have the sockets of this process looked at now. Other processes look every half second."""
        if self.on_end is not None:
            self.on_end()

    def forget_sessions(self, now_us: int) -> None:
        """Forget those of which no cookie can be valid any more."""
        self._database.note(delete(SessionRow).where(SessionRow.opened_at <= now_us - self._lifetime.whole_us))


def _lines(connection: Connection, user_ids: Iterable[int]) -> dict[int, tuple[str, int | None]]:
    """of each of these users the session version, and when all of their sessions were ended."""
    query = select(User.id, User.password_hash, User.signed_out_at).where(User.id.in_(list(user_ids)))
    return {row.id: (session_version_of(row.password_hash), row.signed_out_at) for row in connection.execute(query)}


def is_disowned(session: Session, session_version: str, line: int | None) -> bool:
    """Of a carried session: whether its user has another password by now, or has ended all sessions since."""
    return session.session_version != session_version or session.opened_at <= (line or 0)


def row_of(session: Session) -> dict[str, Any]:
    """What OPEN and BURY take. OPEN also takes ``hash``, of the password."""
    values = {column.key: getattr(session, column.key) for column in SESSION}
    return {**values, "session": values.pop("id"), "user": values.pop("user_id")}
