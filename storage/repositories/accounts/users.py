"""Users with their books: found, renamed, listed; and the one-time link that makes the first user.

Passwords and the link's token are kept as hashes only. Nothing that leaves here carries one, and nothing here logs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from models import Base, Book, Membership, Setting, User
from offbook.core.errors import Invalid, NotFound
from offbook.core.merge.policies import POLICIES
from storage import messages
from storage.engines.database import Database
from storage.repositories.accounts import user_names
from storage.repositories.accounts.devices import RIGHTS, digest
from storage.repositories.accounts.sessions import end_all, session_version_of
from storage.repositories.accounts.user_names import fold_name, validate_name
from storage.repositories.phone_numbers import validate_region
from storage.values.accounts import Account, BookSettings

SETUP_KEY = "setup"
SETTINGS = Base.metadata.tables["settings"]


class Users:
    """Users and their books, in a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_user(
        self, name: str, password_hash: str, admin: bool, now_us: int, new_id: Callable[[], str]
    ) -> Account:
        """A new user with a book of their own; raises Invalid where somebody has the name."""
        with self._database.write() as connection:
            return _add_user(connection, name, password_hash, admin, now_us, new_id)

    def user(self, user_id: int) -> Account | None:
        """The user with this id, one in the trash too; None where there is none."""
        with self._database.read() as connection:
            return _account_where(connection, select_accounts().where(User.id == user_id))

    def user_named(self, name: str) -> Account:
        """The user with this name, in whatever case.

        Raises NotFound where there is none, or only one in the trash, or where only an exact spelling tells whose.
        """
        user = self.any_user_named(name)
        if user.removed_at is not None:
            raise NotFound.of(messages.USER_IN_TRASH, name=name)
        return user

    def any_user_named(self, name: str) -> Account:
        """As ``user_named``, in the trash too."""
        with self._database.read() as connection:
            sharing = user_names.fetch_sharing(connection, name)
            named = user_names.choose_meant(sharing, name)
            user = None if named is None else _account_where(connection, select_accounts().where(User.id == named.id))
        if user is not None:
            return user
        if sharing:
            spellings = ", ".join(repr(user.name) for user in sharing)
            raise NotFound.of(messages.SEVERAL_USERS, spellings=spellings)
        raise NotFound.of(messages.NO_USER_NAMED, name=name)

    def rename_user(self, user_id: int, name: str) -> Account:
        """Give a user another name; all else stays. Raises Invalid where somebody has it, or where it can be none."""
        name = validate_name(name)
        with self._database.write() as connection:
            user_names.require_free(connection, name, but=user_id)
            renamed = update(User).where(User.id == user_id).values(name=name, folded=fold_name(name))
            with _taken(connection, name):
                connection.execute(renamed)
            user_names.fold_unshared(connection)
            user = _account_where(connection, select_accounts().where(User.id == user_id))
        if user is None:
            raise NotFound.of(messages.USER_GONE)
        return user

    def users(self) -> list[Account]:
        """All by name but those in the trash."""
        return self._users(User.removed_at.is_(None))

    def users_in_trash(self) -> list[Account]:
        """Those who were removed, by name."""
        return self._users(User.removed_at.is_not(None))

    def _users(self, which: ColumnElement[bool]) -> list[Account]:
        with self._database.read() as connection:
            return [account_of(row) for row in connection.execute(select_accounts().where(which).order_by(User.name))]

    def book(self, book_id: int) -> BookSettings:
        """The book with this id, which there must be."""
        columns = (Book.id, Book.uuid, Book.name, Book.policy, Book.region)
        with self._database.read() as connection:
            return BookSettings(*connection.execute(select(*columns).where(Book.id == book_id)).one())

    def set_policy(self, book_id: int, policy: str) -> None:
        """Choose a book's policy. Raises Invalid for one that there is not."""
        if policy not in POLICIES:
            raise Invalid.of(messages.UNKNOWN_POLICY, policies=", ".join(POLICIES))
        with self._database.write() as connection:
            connection.execute(update(Book).where(Book.id == book_id).values(policy=policy))

    def set_region(self, book_id: int, code: str) -> str | None:
        """Choose where phone numbers without a country's code are from; empty: nowhere. Raises Invalid."""
        region = validate_region(code)
        with self._database.write() as connection:
            connection.execute(update(Book).where(Book.id == book_id).values(region=region))
        return region

    def replace_password(self, user_id: int, password_hash: str, ends_at: int | None) -> Account:
        """Store another hash, and end all sessions at that time, if there is one. Raises NotFound."""
        with self._database.write() as connection:
            connection.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
            if ends_at is not None:
                end_all(connection, user_id, ends_at)
            user = _account_where(connection, select_accounts().where(User.id == user_id))
        if user is None:
            raise NotFound.of(messages.USER_GONE)
        return user

    def is_empty(self) -> bool:
        """Whether there is no user yet."""
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
        """Whether this token makes the first user."""
        with self._database.read() as connection:
            return _is_setup_open(connection, token)

    def insert_first_user(
        self, token: str, name: str, password_hash: str, now_us: int, new_id: Callable[[], str]
    ) -> Account:
        """The first user, an admin. The set-up link is closed by the same transaction. Raises NotFound without one."""
        with self._database.write() as connection:
            # Deleting it takes the lock on it: of two who follow the link at once, the second finds nothing to delete.
            is_open = _is_setup_open(connection, token)
            gone = connection.execute(delete(Setting).where(Setting.name == SETUP_KEY)).rowcount
            if not (is_open and gone):
                raise NotFound.of(messages.BAD_SETUP_LINK)
            return _add_user(connection, name, password_hash, True, now_us, new_id)


def select_accounts() -> Select[*tuple[Any, ...]]:
    """Users, as ``account_of`` takes them."""
    columns = (User.id, User.name, User.admin, User.created_at, Membership.book_id, User.password_hash)
    return select(*columns, *RIGHTS[1:]).join(Membership, Membership.user_id == User.id)


def account_of(row: Sequence[Any]) -> Account:
    """A row of ``select_accounts``."""
    user_id, name, admin, created_at, book_id, password_hash, *rights = row
    return Account(user_id, name, admin, created_at, book_id, session_version_of(password_hash), *rights)


def _account_where(connection: Connection, query: Select[*tuple[Any, ...]]) -> Account | None:
    row = connection.execute(query).first()
    return None if row is None else account_of(row)


def _add_user(
    connection: Connection, name: str, password_hash: str, admin: bool, now_us: int, new_id: Callable[[], str]
) -> Account:
    user_names.require_free(connection, name)
    row = {
        "name": name,
        "folded": fold_name(name),
        "password_hash": password_hash,
        "admin": admin,
        "created_at": now_us,
    }
    with _taken(connection, name):
        user_id = _insert(connection, User, **row)
    book = {"uuid": new_id(), "name": name, "epoch": new_id(), "seq": 0, "created_at": now_us}
    book_id = _insert(connection, Book, **book)
    connection.execute(insert(Membership).values(user_id=user_id, book_id=book_id))
    return Account(user_id, name, admin, now_us, book_id, session_version_of(password_hash))


@contextmanager
def _taken(connection: Connection, name: str) -> Iterator[None]:
    """Raises Invalid where somebody else was given this name at the same moment."""
    try:
        with connection.begin_nested():
            yield
    except IntegrityError:
        raise user_names.name_taken(connection, name) from None


def _insert(connection: Connection, model: type[Base], **values: object) -> int:
    key = connection.execute(insert(model).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _has_users(connection: Connection) -> bool:
    return bool(connection.execute(select(func.count()).select_from(User)).scalar_one())


def _is_setup_open(connection: Connection, token: str) -> bool:
    if _has_users(connection):
        return False
    stored = connection.execute(select(Setting.value).where(Setting.name == SETUP_KEY)).scalar()
    return compare_digest(stored or "", digest(token))
