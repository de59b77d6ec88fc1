"""Signing in, and who is signed in: a session with its user, by one query.

What a session is: storage.repositories.accounts.sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, select

from models import SessionRow, User
from storage.errors import WrongPassword
from storage.failures import not_written
from storage.repositories.accounts.devices import LET_IN
from storage.repositories.accounts.sessions import (
    OPEN,
    SESSION,
    Sessions,
    carried_session,
    is_disowned,
    new_token,
    row_of,
    session_id,
    session_of,
    session_version_of,
)
from storage.repositories.accounts.users import account_of, select_accounts
from storage.sql.prepared import Prepared
from storage.values.accounts import Account, CarriedSession, Session, Visit


class SignIns(Sessions):
    """Sessions with their users. Safe to share between threads."""

    def open_session(self, user: Account, way: str, visit: Visit, now_us: int) -> tuple[str, Session]:
        """Sign in a user who has just shown who they are: the token for the browser, and the session.

        Where the database takes no changes, it is to be carried. Raises WrongPassword where the password, or the user,
        is another one by now.
        """
        token = new_token()
        session = Session(session_id(token), user.id, way, now_us, now_us, visit.browser, visit.address)
        try:
            with self._database.write() as connection:
                session = _open(connection, session, user.session_version)
        except not_written():
            return token, replace(session, session_version=user.session_version)
        self.forget_sessions(now_us)
        return token, session

    def signed_in(self, token: str, now_us: int) -> tuple[Account, Session] | None:
        """Who shows this token, and by which session; None where there is none, or it is over."""
        rows = self._database.fetch_one_shot(SIGNED_IN, {"session": session_id(token)})
        if not rows:
            return None
        session = session_of(rows[0][-len(SESSION) :])
        return None if self.is_over(session, now_us) else (account_of(rows[0][: -len(SESSION)]), session)

    def carried_in(self, carried: CarriedSession, visit: Visit, now_us: int) -> tuple[Account, Session] | None:
        """As ``signed_in``, by a cookie that vouches for itself. What can be stored of it is stored now."""
        values = {"session": session_id(carried.token), "user": carried.user_id}
        rows = self._database.fetch_one_shot(CARRIED, values)
        signed_in = self._who_carries(rows, carried, visit, now_us)
        if signed_in is None or signed_in[1].is_stored:
            return signed_in
        if self._database.note(OPEN, {**row_of(signed_in[1]), "hash": rows[0][-len(CARRIED_MORE)]}):
            signed_in = self._who_carries(self._database.fetch_one_shot(CARRIED, values), carried, visit, now_us)
        return signed_in

    def _who_carries(
        self, rows: Sequence[Sequence[Any]], carried: CarriedSession, visit: Visit, now_us: int
    ) -> tuple[Account, Session] | None:
        if not rows:
            return None
        user = account_of(rows[0][: -len(CARRIED_MORE)])
        _, line, *stored = rows[0][-len(CARRIED_MORE) :]
        session = session_of(stored) if stored[0] else carried_session(carried, visit, now_us)
        if self.is_over(session, now_us) or (
            not session.is_stored and is_disowned(session, user.session_version, line)
        ):
            return None
        return user, session


def _open(connection: Connection, session: Session, session_version: str) -> Session:
    """Store it, if the password is still the one of this version. Never opened before all were ended, by any clock."""
    wanted = select(User.password_hash, User.signed_out_at).where(User.id == session.user_id)
    hashed, line = connection.execute(wanted).one_or_none() or ("", None)
    session = replace(session, opened_at=max(session.opened_at, (line or 0) + 1))
    if (
        session_version_of(hashed) != session_version
        or connection.execute(OPEN, {**row_of(session), "hash": hashed}).rowcount != 1
    ):
        raise WrongPassword
    return session


SIGNED_IN = Prepared(
    select_accounts()
    .add_columns(*SESSION)
    .join(SessionRow, SessionRow.user_id == User.id)
    .where(SessionRow.id == bindparam("session"), *LET_IN)
)
"""Asked by every request with a session: the user, and behind it the session."""

CARRIED_MORE = (User.password_hash, User.signed_out_at, *SESSION)
CARRIED = Prepared(
    select_accounts()
    .add_columns(*CARRIED_MORE)
    .outerjoin(
        SessionRow,
        (SessionRow.user_id == User.id) & (SessionRow.id == bindparam("session")),
    )
    .where(User.id == bindparam("user"), *LET_IN)
)
"""The user of a session that may not be stored yet, and what there is of it."""
