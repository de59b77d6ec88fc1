"""Who may come in: users with their books and passwords, and the one-time link that makes the first user.

Passwords and the link's token are kept as hashes only. Nothing that leaves here carries one, and nothing here logs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

import models
from offbook.core.errors import Invalid, NotFound, OffbookError
from offbook.core.policies import POLICIES
from offbook.core.users import Rights, kept_until, require_access
from offbook.core.wire import iso_millis
from storage import throttle
from storage.closing import Closed
from storage.devices import RIGHTS, Devices, digest
from storage.engines import NOT_WRITTEN, Database
from storage.names import a_name
from storage.passwords import Effort, Passwords

SETUP_KEY = "setup"
SETTINGS = models.Base.metadata.tables["settings"]


class WrongPassword(OffbookError):
    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together. Check both and try again.")


@dataclass(frozen=True, slots=True)
class User:
    """A person. ``stamp`` changes with the password: a session that carries another one is over."""

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


class Accounts(Devices):
    """Users, books and, by inheritance, devices: all about who asks, nothing about contacts."""

    def __init__(self, database: Database, effort: Effort | None = None) -> None:
        super().__init__(database)
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

    def stamps(self, user_ids: Iterable[int]) -> dict[int | None, str]:
        """The stamp of each of these users who is let in."""
        here = models.User.id.in_(list(user_ids)), models.User.disabled_at.is_(None), models.User.removed_at.is_(None)
        with self._database.read() as connection:
            rows = connection.execute(_users().where(*here)).all()
        return {user.id: user.stamp for user in map(_user, rows)}

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
                return self.set_password(user.id, password)
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

    def set_password(self, user_id: int, password: str) -> User:
        """Give a user a new password. Every session that was opened with the old one is over."""
        hashed = self._passwords.hash(password)
        with self._database.write() as connection:
            connection.execute(update(models.User).where(models.User.id == user_id).values(password_hash=hashed))
            user = _one(connection, _users().where(models.User.id == user_id))
        if user is None:
            raise NotFound("This user does not exist any more.")
        return user

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


def _users() -> Select[*tuple[Any, ...]]:
    user, membership = models.User, models.Membership
    columns = (user.id, user.name, user.admin, user.created_at, membership.book_id, user.password_hash)
    return select(*columns, *RIGHTS[1:]).join(membership, membership.user_id == user.id)


def _user(row: Sequence[Any]) -> User:
    user_id, name, admin, created_at, book_id, password_hash, *rights = row
    return User(user_id, name, admin, created_at, book_id, digest(password_hash)[:32], *rights)


def _one(connection: Connection, query: Select[*tuple[Any, ...]]) -> User | None:
    row = connection.execute(query).first()
    return None if row is None else _user(row)


def _add_user(connection: Connection, name: str, hashed: str, admin: bool, now: int, new_id: Callable[[], str]) -> User:
    try:
        with connection.begin_nested():
            user_id = _insert(connection, models.User, name=name, password_hash=hashed, admin=admin, created_at=now)
    except IntegrityError:
        raise Invalid("name_taken", _taken(connection, name)) from None
    book = {"uuid": new_id(), "name": name, "epoch": new_id(), "seq": 0, "created_at": now}
    book_id = _insert(connection, models.Book, **book)
    connection.execute(insert(models.Membership).values(user_id=user_id, book_id=book_id))
    return User(user_id, name, admin, now, book_id, digest(hashed)[:32])


def _taken(connection: Connection, name: str) -> str:
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
