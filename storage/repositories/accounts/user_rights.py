"""What admins do to users: disable, remove, make admin, and back. Which of it may be: offbook.core.accounts.

Each act is one transaction that first locks the user and every admin: of two that would take the last two admins away
at once, the second sees what the first has done.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select, update

from models import User
from offbook.core.accounts.users import Rights, UserAction, rights_after
from offbook.core.errors import NotFound
from storage import messages
from storage.engines.database import Database
from storage.repositories.accounts import user_purge
from storage.repositories.accounts.devices import RIGHTS
from storage.repositories.accounts.sessions import Sessions, end_all


@dataclass(frozen=True, slots=True)
class LockedUser:
    """Whom an act is about, as the transaction locked them."""

    id: int
    name: str
    rights: Rights


class UserRights:
    """Safe to share between threads."""

    def __init__(self, database: Database, sessions: Sessions) -> None:
        self._database = database
        self._sessions = sessions

    def act(self, user_id: int, now_us: int, *acts: UserAction) -> Rights:
        """Do all of this to the user, or nothing; their rights after it. Whoever is not let in any more has nothing
        open after the commit, in any process.

        Raises NotFound, and Conflicting where it can't be.
        """
        with self._database.write() as connection:
            locked = _locked(connection, user_id)
            subject = locked.pop(user_id, None)
            if subject is None:
                raise NotFound.of(messages.NO_USER)
            has_other_admin = any(other.rights.is_active_admin for other in locked.values())
            rights = subject.rights
            for act in acts:
                rights = rights_after(subject.name, rights, act, now_us, has_other_admin)
            if rights != subject.rights:
                values = {"admin": rights.admin, "disabled_at": rights.disabled_at, "removed_at": rights.removed_at}
                connection.execute(update(User).where(User.id == user_id).values(values))
            if not rights.is_let_in:
                end_all(connection, user_id, now_us)
        self._sessions.notify_ended()
        return rights

    def purge(self, user_id: int, line: int) -> bool:
        """Delete the user for good, with the book; False where they were not removed up to ``line``.

        It takes as long as the book is large, and nobody who writes waits for long. A purge that was stopped goes on.
        """
        return user_purge.purge(self._database, user_id, line)


def _locked(connection: Connection, user_id: int) -> dict[int, LockedUser]:
    """The user and all admins, by id and in this order, so that two transactions never wait for each other."""
    query = select(User.id, User.name, *RIGHTS).where(or_(User.id == user_id, User.admin.is_(True)))
    rows = connection.execute(query.order_by(User.id).with_for_update())
    return {number: LockedUser(number, name, Rights(*rights)) for number, name, *rights in rows}
