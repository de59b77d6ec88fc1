"""Who may come in: users with their books and passwords, and the one-time link that makes the first user.

Passwords and the link's token are kept as hashes only. Nothing that leaves here carries one, and nothing here logs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from hmac import compare_digest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

import models
from offbook.core.errors import Invalid, NotFound
from offbook.core.merge.policies import POLICIES
from offbook.core.users import require_access
from storage.engines.database import NOT_WRITTEN, Database
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import Throttled, WrongPassword
from storage.repositories import login_throttle, same_names
from storage.repositories.devices import LET_IN, RIGHTS, Devices, digest
from storage.repositories.login_throttle import Guest, guest_at
from storage.repositories.name_validation import folded, validate_name
from storage.repositories.passwords import Effort, Passwords
from storage.repositories.same_names import Named
from storage.repositories.sessions import (
    OPEN,
    SESSION,
    Lifetime,
    Sessions,
    carried_session,
    end_all,
    is_disowned,
    new_token,
    row_of,
    session_id,
    session_of,
    stamp_of,
)
from storage.sql.prepared import Prepared
from storage.values import Book, CarriedSession, Session, User, Visit

SETUP_KEY = "setup"
SETTINGS = models.Base.metadata.tables["settings"]


def no_browser(_: int) -> str:
    """Nobody was signed in before with what asks."""
    return ""


class Accounts(Devices, Sessions):
    """Users, books and, by inheritance, devices and sessions: all about who asks, nothing about contacts."""

    def __init__(self, database: Database, effort: Effort | None = None, lifetime: Lifetime | None = None) -> None:
        Devices.__init__(self, database)
        Sessions.__init__(self, database, lifetime)
        self._passwords = Passwords(effort or Effort())
        self._spare = login_throttle.AttemptBudget()

    def add_user(self, name: str, password: str, admin: bool, now: int, new_id: Callable[[], str]) -> User:
        """A new user with a book of their own; raises Invalid where the name or the password can't be."""
        name = validate_name(name)
        hashed = self._passwords.hash(password, name)
        with self._database.write() as connection:
            return _add_user(connection, name, hashed, admin, now, new_id)

    def user(self, user_id: int) -> User | None:
        with self._database.read() as connection:
            return _user_where(connection, _users().where(models.User.id == user_id))

    def user_named(self, name: str) -> User:
        """The user with this name, in whatever case.

        Raises NotFound where there is none, or only one in the trash, or where only an exact spelling tells whose.
        """
        user = self.any_user_named(name)
        if user.removed_at is not None:
            raise NotFound(f"{name!r} is in the trash: `flask user restore` brings a user back, book and all.")
        return user

    def any_user_named(self, name: str) -> User:
        """As ``user_named``, in the trash too."""
        with self._database.read() as connection:
            sharing = same_names.sharing(connection, name)
            named = same_names.meant(sharing, name)
            user = None if named is None else _user_where(connection, _users().where(models.User.id == named.id))
        if user is not None:
            return user
        if sharing:
            spellings = ", ".join(repr(user.name) for user in sharing)
            raise NotFound(f"There are several users with this name: say which, {spellings}.")
        raise NotFound(f"There is no user named {name!r}. `flask user list` shows all.")

    def rename_user(self, user_id: int, name: str) -> User:
        """Give a user another name; all else stays. Raises Invalid where somebody has it, or where it can be none."""
        name = validate_name(name)
        with self._database.write() as connection:
            same_names.require_free(connection, name, but=user_id)
            renamed = update(models.User).where(models.User.id == user_id).values(name=name, folded=folded(name))
            with _taken(connection, name):
                connection.execute(renamed)
            same_names.settle(connection)
            user = _user_where(connection, _users().where(models.User.id == user_id))
        if user is None:
            raise NotFound("This user does not exist any more.")
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

    def check_password(
        self, name: str, password: str, address: str, now: int, browser_of: Callable[[int], str] = no_browser
    ) -> User:
        """The user whose name and password these are.

        Raises WrongPassword, or Throttled after too many of them, or NotLetIn where the user is disabled or removed.
        ``browser_of`` names the browser that asks, where the user with this number was signed in with it before: what
        others tried keeps it out no more.
        """

        def ask(connection: Connection) -> tuple[Guest, Named | None]:
            user = same_names.meant(same_names.sharing(connection, name), name)
            return guest_at(name, address, browser_of(user.id) if user else ""), user

        return self._checked(ask, password, now)

    def change_password(self, user_id: int, old: str, new: str, now: int) -> User:
        """Give a signed-in user a new password; raises WrongPassword, Throttled or Invalid.

        Wrong ones count for this user alone, and at no door: strangers neither see nor use up what is left here.
        """

        def ask(connection: Connection) -> tuple[Guest, Named | None]:
            return guest_at("", "", f"user {user_id}"), same_names.numbered(connection, user_id)

        self._checked(ask, old, now)
        return self.set_password(user_id, new, now)

    def _checked(self, ask: Callable[[Connection], tuple[Guest, Named | None]], password: str, now: int) -> User:
        """The user that ``ask`` finds, whose password this is. The attempt counts for the guest that it finds."""
        guest, found = self._admitted(ask, now)
        if not self._passwords.matches(found and found.password_hash, password) or found is None:
            raise WrongPassword
        self._spare.forgive(guest)
        self._database.note(login_throttle.forgiven(guest))
        if self._passwords.is_outdated(found.password_hash):
            with suppress(*NOT_WRITTEN):  # the next sign-in renews it
                self._replace(found.id, self._passwords.renewed(password), None)
        user = self.user(found.id)
        if user is None:
            raise WrongPassword
        require_access(user.rights)
        return user

    def _admitted(
        self, ask: Callable[[Connection], tuple[Guest, Named | None]], now: int
    ) -> tuple[Guest, Named | None]:
        """Count an attempt, before the password is looked at: in memory where it can't be stored. Raises Throttled."""
        try:
            with self._database.write() as connection:
                login_throttle.queue_up(connection, self._database)
                guest, user = ask(connection)
                wait_us = login_throttle.reserve(connection, guest, now, self._spare)
        except ReadOnlyMode:
            raise
        except NOT_WRITTEN:
            with self._database.read() as connection:
                guest, user = ask(connection)
                wait_us = self._spare.reserve(connection, guest, now)
        if wait_us:
            raise Throttled(wait_us)
        return guest, user

    def set_password(self, user_id: int, password: str, now: int) -> User:
        """Give a user a new password; raises Invalid. All sessions are over: whoever asked for it opens a new one."""
        user = self.user(user_id)
        changed = self._replace(user_id, self._passwords.hash(password, user.name if user else ""), now)
        self.ended()
        return changed

    def _replace(self, user_id: int, hashed: str, ends_at: int | None) -> User:
        with self._database.write() as connection:
            connection.execute(update(models.User).where(models.User.id == user_id).values(password_hash=hashed))
            if ends_at is not None:
                end_all(connection, user_id, ends_at)
            user = _user_where(connection, _users().where(models.User.id == user_id))
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

    def carried_in(self, carried: CarriedSession, visit: Visit, now: int) -> tuple[User, Session] | None:
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
        self, rows: Sequence[Sequence[Any]], carried: CarriedSession, visit: Visit, now: int
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
        name = validate_name(name)
        hashed = self._passwords.hash(password, name)
        with self._database.write() as connection:
            # Deleting it takes the lock on it: of two who follow the link at once, the second finds nothing to delete.
            is_open = _is_setup_open(connection, token)
            gone = connection.execute(delete(models.Setting).where(models.Setting.name == SETUP_KEY)).rowcount
            if not (is_open and gone):
                raise NotFound("This set-up link is not valid. Restart the server to see a new one, or sign in.")
            return _add_user(connection, name, hashed, True, now, new_id)


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


def _user_where(connection: Connection, query: Select[*tuple[Any, ...]]) -> User | None:
    row = connection.execute(query).first()
    return None if row is None else _user(row)


def _add_user(connection: Connection, name: str, hashed: str, admin: bool, now: int, new_id: Callable[[], str]) -> User:
    same_names.require_free(connection, name)
    row = {"name": name, "folded": folded(name), "password_hash": hashed, "admin": admin, "created_at": now}
    with _taken(connection, name):
        user_id = _insert(connection, models.User, **row)
    book = {"uuid": new_id(), "name": name, "epoch": new_id(), "seq": 0, "created_at": now}
    book_id = _insert(connection, models.Book, **book)
    connection.execute(insert(models.Membership).values(user_id=user_id, book_id=book_id))
    return User(user_id, name, admin, now, book_id, stamp_of(hashed))


@contextmanager
def _taken(connection: Connection, name: str) -> Iterator[None]:
    """Raises Invalid where somebody else was given this name at the same moment."""
    try:
        with connection.begin_nested():
            yield
    except IntegrityError:
        raise same_names.name_taken(connection, name) from None


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
