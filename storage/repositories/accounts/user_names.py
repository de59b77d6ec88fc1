"""Names of users and devices: what may be one, which are the same but for case or form, and which user is meant.

Before names were compared so, each spelling could be another person. Those who are still there have no ``folded`` name
and sign in by the exact spelling, until they are renamed. No new user gets a name that somebody has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import normalize

from sqlalchemy import Connection, or_, select, update

from models import User
from offbook.core.accounts.users import kept_until
from offbook.core.errors import Invalid
from offbook.core.protocol.rows import iso_millis
from storage import messages

NAME_LENGTH_MAX = 100

FOLDED_LENGTH_MAX = 300
"""Some letters fold to several; a name that takes more can't be kept apart from others by an index of every engine."""

TYPED_LENGTH_MAX = 1_000
"""Of what is typed as a name no more is looked at: no name is so long."""


COLUMNS = (User.id, User.name, User.password_hash, User.removed_at)


class Named(NamedTuple):
    """A user, and what the password is compared with."""

    id: int
    name: str
    password_hash: str
    removed_at: int | None


def validate_name(text: str) -> str:
    """``text`` as a name: one space between words, nothing invisible; raises Invalid where nothing good is left."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable() or len(fold_name(name)) > FOLDED_LENGTH_MAX:
        raise Invalid.of(messages.BAD_NAME, limit=NAME_LENGTH_MAX)
    return name


def fold_name(name: str) -> str:
    """``name`` as names are compared: without case, and however a keyboard composed it (NFKC; Unicode 16, D146).

    Folding twice changes nothing. Accents stay, other than in a search (offbook.core.text).
    """
    return " ".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())


def comparable(typed: str) -> str:
    """What was typed as a name, of whatever length, as names are compared."""
    return fold_name(typed[:TYPED_LENGTH_MAX])


def fetch_sharing(connection: Connection, name: str) -> list[Named]:
    """All users whose names are the same as ``name`` but for case or form. As quick where there is nobody."""
    key = comparable(name)
    candidates = or_(User.folded == key, User.folded.is_(None))
    query = select(*COLUMNS).where(candidates).order_by(User.name)
    return [Named(*row) for row in connection.execute(query) if fold_name(row.name) == key]


def fetch_user(connection: Connection, user_id: int) -> Named | None:
    """The user with this id."""
    query = select(*COLUMNS).where(User.id == user_id)
    return next((Named(*row) for row in connection.execute(query)), None)


def choose_meant(users: Sequence[Named], name: str) -> Named | None:
    """Which of the users who share ``name`` it means: the only one, or the one who is spelled so."""
    if len(users) == 1:
        return users[0]
    spelling = " ".join(name.split())
    return next((user for user in users if user.name == spelling), None)


def require_free(connection: Connection, name: str, but: int | None = None) -> None:
    """Raise Invalid where somebody has this name, other than the user with the id ``but``."""
    for user in fetch_sharing(connection, name):
        if user.id != but:
            raise _taken_by(user)


def name_taken(connection: Connection, name: str) -> Invalid:
    """The error that says who has this name."""
    return next(map(_taken_by, fetch_sharing(connection, name)), Invalid.of(messages.NAME_TAKEN))


def _taken_by(user: Named) -> Invalid:
    if user.removed_at is None:
        return Invalid.of(messages.NAME_TAKEN_BY, name=user.name)
    until = iso_millis(kept_until(user.removed_at) // 1000)[:10]
    return Invalid.of(messages.NAME_IN_TRASH, name=user.name, until=until)


def find_clashes(connection: Connection) -> list[list[str]]:
    """The names that several users share but for case or form."""
    return [[user.name for user in users] for users in _by_folded(connection).values() if len(users) > 1]


def fold_unshared(connection: Connection) -> None:
    """Let whoever has a name alone by now be found by every spelling of it."""
    for key, users in _by_folded(connection).items():
        if len(users) == 1 and users[0].folded is None and len(key) <= FOLDED_LENGTH_MAX:
            connection.execute(update(User).where(User.id == users[0].id).values(folded=key))


class _Known(NamedTuple):
    id: int
    name: str
    folded: str | None


def _by_folded(connection: Connection) -> dict[str, list[_Known]]:
    users = defaultdict[str, list[_Known]](list)
    for row in connection.execute(select(User.id, User.name, User.folded).order_by(User.name)):
        users[fold_name(row.name)].append(_Known(*row))
    return users
