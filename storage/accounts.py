"""Who may come in: users with their books and passwords, and the one-time link that makes the first user.

Passwords and the link's token are kept as hashes only. Nothing that leaves here carries one, and nothing here logs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hmac import compare_digest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

import models
from offbook.core.errors import Invalid, NotFound, OffbookError
from offbook.core.policies import POLICIES
from offbook.core.users import Rights, kept_until, require_access
from offbook.core.wire import iso_millis
from storage import throttle
from storage.closing import Closed
from storage.devices import LET_IN, RIGHTS, Devices, digest
from storage.engines import NOT_WRITTEN, Database
from storage.names import a_name
from storage.passwords import Effort, Passwords
from storage.prepared import Prepared
from storage.sessions import (
    OPEN,
    SESSION,
    Carried,
    Lifetime,
    Session,
    Sessions,
    Visit,
    carried_session,
    end_all,
    is_disowned,
    new_token,
    row_of,
    session_id,
    session_of,
    stamp_of,
)

SETUP_KEY = "setup"
SETTINGS = models.Base.metadata.tables["settings"]


class WrongPassword(OffbookError):
    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together. Check both and try again.")


@dataclass(frozen=True, slots=True)
class User:
    """A person. ``stamp`` changes with the password."""

    id: int
    name: str
    admin: bool
    created_at: int
    book_id: int
    stamp: str
    disabled_at: int | None = None
    removed_at: int | None = None
    is_purging: bool = False

    @property
    def rights(self) -> Rights:
        return Rights(self.admin, self.disabled_at, self.removed_at, self.is_purging)


@dataclass(frozen=True, slots=True)
class Book:
    id: int
    uuid: str
    name: str
    policy: str


class Accounts(Devices, Sessions):
    """Users, books and, by inheritance, devices and sessions: all about who asks, nothing about contacts."""

    def __init__(self, database: Database, effort: Effort | None = None, lifetime: Lifetime | None = None) -> None:
        Devices.__init__(self, database)
        Sessions.__init__(self, database, lifetime)
        self._passwords = Passwords(effort or Effort())
        self._spare = throttle.Spare()

    def add_user(self, name: str, password: str, admin: bool, now: int, new_id: Callable[[], str]) -> User:
        """A new user with a book of their own; raises Invalid where the name or the password can't be."""
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            return _add_user(connection, a_name(name), hashed, admin, now, new_id)

    def user(self, user_id: int) -> User | None:
        with self._database.read() as connection:
            return _one(connection, _users().where(models.User.id == user_id))

    def user_named(self, name: str) -> User:
        """Raises NotFound where there is none, or only one in the trash."""
        user = self.any_user_named(name)
        if user.removed_at is not None:
            raise NotFound(f"{name!r} is in the trash: `flask user restore` brings a user back, book and all.")
        return user

    def any_user_named(self, name: str) -> User:
        """As ``user_named``, in the trash too."""
        with self._database.read() as connection:
            user = _one(connection, _users().where(models.User.name == name))
        if user is None:
            raise NotFound(f"There is no user named {name!r}. `flask user list` shows all.")
        return user

    def users(self) -> list[User]:
        """All by name but those in the trash."""
        return self._users(models.User.removed_at.is_(None))

    def users_in_trash(self) -> list[User]:
        return self._users(models.User.removed_at.is_not(None))

    def _users(self, which: ColumnElement[bool]) -> list[User]:
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(_users().where(which).order_by(models.User.name))]

    def book(self, book_id: int) -> Book:
        columns = (models.Book.id, models.Book.uuid, models.Book.name, models.Book.policy)
        with self._database.read() as connection:
            return Book(*connection.execute(select(*columns).where(models.Book.id == book_id)).one())

    def set_policy(self, book_id: int, policy: str) -> None:
        if policy not in POLICIES:
            raise Invalid("unknown_policy", f"A book's policy is one of: {', '.join(POLICIES)}.")
        with self._database.write() as connection:
            connection.execute(update(models.Book).where(models.Book.id == book_id).values(policy=policy))

    def check_password(self, name: str, password: str, address: str, now: int) -> User:
        """The user whose name and password these are.

        Raises WrongPassword, or Throttled after too many of them; NotLetIn where the user is disabled or removed.
        """
        hashed = self._hash_for_attempt(name, address, now)
        if not self._passwords.matches(hashed, password) or hashed is None:
            raise WrongPassword
        self._spare.forgive(name, address)
        self._database.note(throttle.forgiven(name, address))
        user = self.any_user_named(name)
        require_access(user.rights)
        if self._passwords.is_outdated(hashed):
            with suppress(*NOT_WRITTEN):  # the next sign-in renews it
                return self._store_password(user.id, password, None)
        return user

    def _hash_for_attempt(self, name: str, address: str, now: int) -> str | None:
        """What the password is compared with, once the attempt is counted: in memory where it can't be stored."""
        try:
            with self._database.write() as connection:
                throttle.take_turn(connection, self._database)
                throttle.reserve(connection, name, address, now, self._spare)
                return _hash_of(connection, name)
        except Closed:
            raise
        except NOT_WRITTEN:
            with self._database.read() as connection:
                self._spare.reserve(connection, name, address, now)
                return _hash_of(connection, name)

    def set_password(self, user_id: int, password: str, now: int) -> User:
        """Give a user a new password. All sessions are over, and whoever asked for it opens a new one."""
        user = self._store_password(user_id, password, now)
        self.ended()
        return user

    def _store_password(self, user_id: int, password: str, ends_at: int | None) -> User:
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            connection.execute(update(models.User).where(models.User.id == user_id).values(password_hash=hashed))
            if ends_at is not None:
                end_all(connection, user_id, ends_at)
            user = _one(connection, _users().where(models.User.id == user_id))
        if user is None:
            raise NotFound("This user does not exist any more.")
        return user

    def open_session(self, user: User, way: str, visit: Visit, now: int) -> tuple[str, Session]:
        """Sign in a user who has just shown who they are: the token for the browser, and the session.

        Where the database takes no changes, it is to be carried. Raises WrongPassword where the password, or the user,
        is another one by now.
        """
        token = new_token()
        session = Session(session_id(token), user.id, way, now, now, visit.browser, visit.address)
        try:
            with self._database.write() as connection:
                session = _open(connection, session, user.stamp)
        except NOT_WRITTEN:
            return token, replace(session, stamp=user.stamp)
        self.forget_sessions(now)
        return token, session

    def signed_in(self, token: str, now: int) -> tuple[User, Session] | None:
        """Who shows this token, and by which session; None where there is none, or it is over."""
        rows = self._database.look_up(SIGNED_IN, {"session": session_id(token)})
        if not rows:
            return None
        session = session_of(rows[0][-len(SESSION) :])
        return None if self.is_over(session, now) else (_user(rows[0][: -len(SESSION)]), session)

    def carried_in(self, carried: Carried, visit: Visit, now: int) -> tuple[User, Session] | None:
        """As ``signed_in``, by a cookie that vouches for itself. What can be stored of it is stored now."""
        values = {"session": session_id(carried.token), "user": carried.user_id}
        rows = self._database.look_up(CARRIED, values)
        found = self._who_carries(rows, carried, visit, now)
        if found is None or found[1].is_stored:
            return found
        if self._database.note(OPEN, {**row_of(found[1]), "hash": rows[0][-len(CARRIED_MORE)]}):
            found = self._who_carries(self._database.look_up(CARRIED, values), carried, visit, now)
        return found

    def _who_carries(
        self, rows: Sequence[Sequence[Any]], carried: Carried, visit: Visit, now: int
    ) -> tuple[User, Session] | None:
        if not rows:
            return None
        user = _user(rows[0][: -len(CARRIED_MORE)])
        _, line, *stored = rows[0][-len(CARRIED_MORE) :]
        session = session_of(stored) if stored[0] else carried_session(carried, visit, now)
        if self.is_over(session, now) or (not session.is_stored and is_disowned(session, user.stamp, line)):
            return None
        return user, session

    def is_empty(self) -> bool:
        with self._database.read() as connection:
            return not _has_users(connection)

    def open_setup(self) -> str | None:
        """A fresh token for the set-up link, the only one that works from now on; None once there is a user."""
        if not self.is_empty():
            return None
        token = secrets.token_urlsafe(32)
        with self._database.write() as connection:
            if _has_users(connection):
                return None
            put = self._database.upsert(SETTINGS, ["name", "value"])
            connection.execute(put, [{"name": SETUP_KEY, "value": digest(token)}])
        return token

    def is_setup_open(self, token: str) -> bool:
        with self._database.read() as connection:
            return _is_setup_open(connection, token)

    def set_up(self, token: str, name: str, password: str, now: int, new_id: Callable[[], str]) -> User:
        """The first user, an admin. The link is closed by the same transaction."""
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            # Deleting it takes the lock on it: of two who follow the link at once, the second finds nothing to delete.
            is_open = _is_setup_open(connection, token)
            gone = connection.execute(delete(models.Setting).where(models.Setting.name == SETUP_KEY)).rowcount
            if not (is_open and gone):
                raise NotFound("This set-up link is not valid. Restart the server to see a new one, or sign in.")
            return _add_user(connection, a_name(name), hashed, True, now, new_id)


def _hash_of(connection: Connection, name: str) -> str | None:
    return connection.execute(select(models.User.password_hash).where(models.User.name == name)).scalar_one_or_none()


def _open(connection: Connection, session: Session, stamp: str) -> Session:
    """Store it, if this is still the stamp of the user's password. Never opened before all were ended, by any clock."""
    wanted = select(models.User.password_hash, models.User.signed_out_at).where(models.User.id == session.user_id)
    hashed, line = connection.execute(wanted).one_or_none() or ("", None)
    session = replace(session, opened_at=max(session.opened_at, (line or 0) + 1))
    if stamp_of(hashed) != stamp or connection.execute(OPEN, {**row_of(session), "hash": hashed}).rowcount != 1:
        raise WrongPassword
    return session


def _users() -> Select[*tuple[Any, ...]]:
    user, membership = models.User, models.Membership
    columns = (user.id, user.name, user.admin, user.created_at, membership.book_id, user.password_hash)
    return select(*columns, *RIGHTS[1:]).join(membership, membership.user_id == user.id)


def _user(row: Sequence[Any]) -> User:
    user_id, name, admin, created_at, book_id, password_hash, *rights = row
    return User(user_id, name, admin, created_at, book_id, stamp_of(password_hash), *rights)


def _one(connection: Connection, query: Select[*tuple[Any, ...]]) -> User | None:
    row = connection.execute(query).first()
    return None if row is None else _user(row)


def _add_user(connection: Connection, name: str, hashed: str, admin: bool, now: int, new_id: Callable[[], str]) -> User:
    try:
        with connection.begin_nested():
            user_id = _insert(connection, models.User, name=name, password_hash=hashed, admin=admin, created_at=now)
    except IntegrityError:
        raise Invalid("name_taken", _why_taken(connection, name)) from None
    book = {"uuid": new_id(), "name": name, "epoch": new_id(), "seq": 0, "created_at": now}
    book_id = _insert(connection, models.Book, **book)
    connection.execute(insert(models.Membership).values(user_id=user_id, book_id=book_id))
    return User(user_id, name, admin, now, book_id, stamp_of(hashed))


def _why_taken(connection: Connection, name: str) -> str:
    """What is said of a name that somebody has."""
    removed_at = connection.execute(select(models.User.removed_at).where(models.User.name == name)).scalar()
    if removed_at is None:
        return f"There is a user named {name!r} already. Choose another name."
    until = iso_millis(kept_until(removed_at) // 1000)[:10]
    return f"A user named {name!r} is in the trash until {until}. Restore this user, or choose another name."


def _insert(connection: Connection, model: type[models.Base], **values: object) -> int:
    key = connection.execute(insert(model).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _has_users(connection: Connection) -> bool:
    return bool(connection.execute(select(func.count()).select_from(models.User)).scalar_one())


def _is_setup_open(connection: Connection, token: str) -> bool:
    if _has_users(connection):
        return False
    stored = connection.execute(select(models.Setting.value).where(models.Setting.name == SETUP_KEY)).scalar()
    return compare_digest(stored or "", digest(token))


SIGNED_IN = Prepared(
    _users()
    .add_columns(*SESSION)
    .join(models.SessionRow, models.SessionRow.user_id == models.User.id)
    .where(models.SessionRow.id == bindparam("session"), *LET_IN)
)
"""Asked by every request with a session: the user, and behind it the session."""

CARRIED_MORE = (models.User.password_hash, models.User.signed_out_at, *SESSION)
CARRIED = Prepared(
    _users()
    .add_columns(*CARRIED_MORE)
    .outerjoin(
        models.SessionRow,
        (models.SessionRow.user_id == models.User.id) & (models.SessionRow.id == bindparam("session")),
    )
    .where(models.User.id == bindparam("user"), *LET_IN)
)
"""The user of a session that may not be stored yet, and what there is of it."""
