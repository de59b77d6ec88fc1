"""Deleting removed users for good, with their devices and books: in parts, so that nobody who writes waits for long.

Each part is a transaction of its own that deletes some rows. The first one marks the user, who can't be restored from
then on; the last one deletes the book and the user. A purge that was stopped in between goes on where it was, and two
at once take turns, since each part locks the user first.

Which rows are a user's is read off the foreign keys, so that a new table can't be forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, UniqueConstraint, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import aliased

from models import Book, Device, Membership, User
from storage.engines.database import Database
from storage.schema.declaration import read_declaration
from storage.schema.known_tables import all_database_tables

PART_SECONDS = 0.05
"""After this a part deletes no more, and commits: ten times as long is the most that others may have to wait."""

ROWS_AT_ONCE = 50
"""So many are deleted between two looks at the clock."""

ROWS_MAX = 1_000
"""More than a part comes to."""

PAUSE_SECONDS = 0.055
"""How long the database is left free between two parts. Another process that waits for SQLite's lock sleeps for up to
25 milliseconds between two looks in its first fifth of a second (sqliteDefaultBusyCallback)."""

Key = tuple[Any, ...]

OWNERS = ("user_id", "device_id", "book_id")
LAST = frozenset(("memberships", "devices"))
"""By these the other rows' owners are found, so they are deleted with the user."""


@dataclass(frozen=True, slots=True)
class Owned:
    """What is a user's alone. A book that somebody else is a member of is not."""

    user: int
    devices: Sequence[int]
    books: Sequence[int]

    def numbers(self, owner: Column[Any]) -> Sequence[int]:
        """What a column holds in rows of theirs."""
        return {"user_id": (self.user,), "device_id": self.devices, "book_id": self.books}[owner.name]


@dataclass(frozen=True, slots=True)
class Walk:
    """The way through the rows of one owner in a table: in the order of a key that an index finds them by.

    Other ways cost more with every part: what was deleted still lies at their beginning.
    """

    owner: Column[Any]
    rest: tuple[Column[Any], ...]

    @property
    def table(self) -> Table:
        """The table whose rows these are."""
        return self.owner.table


def owner_columns(table: Table) -> list[Column[Any]]:
    """The columns that say whose a row is. History names users and devices without a foreign key, and outlives them."""
    return [table.c[name] for name in OWNERS if name in table.c and table.c[name].foreign_keys]


def walk_by(owner: Column[Any]) -> Walk:
    """By a unique key that begins with the owner; else by the primary key."""
    table: Any = owner.table
    unique = [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    unique.sort(key=lambda constraint: str(constraint.name))
    keys = [tuple(constraint.columns) for constraint in (table.primary_key, *unique)]
    best = next((key for key in keys if key[0] is owner), keys[0])
    return Walk(owner, tuple(column for column in best if column is not owner))


def owned_tables(connection: Connection) -> list[Table]:
    """All tables, those that apps brought among them; what refers to a row comes before it."""
    return all_database_tables(read_declaration(connection).schema)[::-1]


def walks(tables: Iterable[Table]) -> Iterator[Walk]:
    """Through all of these tables but LAST."""
    for table in tables:
        if table.name not in LAST:
            yield from map(walk_by, owner_columns(table))


def purge(database: Database, user_id: int, line: int) -> bool:
    """Delete the user; False where they were not removed up to ``line``. What was begun goes on in any case."""
    owned = _begin(database, user_id, line)
    if owned is None:
        return False
    with database.read() as connection:
        tables = owned_tables(connection)
    for walk in walks(tables):
        for number in owned.numbers(walk.owner):
            _delete_in_parts(database, user_id, walk, number)
    _finish(database, user_id)
    return True


def _begin(database: Database, user_id: int, line: int) -> Owned | None:
    is_due = or_(User.is_purging.is_(True), User.removed_at <= line)
    with database.write() as connection:
        connection.execute(update(User).where(User.id == user_id, is_due).values(is_purging=True))
        return _locked(connection, user_id)


def _locked(connection: Connection, user_id: int) -> Owned | None:
    """What is theirs, with the user's lock; None where the user is not being purged, or is gone."""
    lock = select(User.id).where(User.id == user_id, User.is_purging.is_(True)).with_for_update()
    if connection.execute(lock).first() is None:
        return None
    other = aliased(Membership)
    is_shared = exists().where(other.book_id == Membership.book_id, other.user_id != user_id)
    own = select(Membership.book_id).where(Membership.user_id == user_id, ~is_shared)
    books = list(connection.execute(own).scalars())
    devices = select(Device.id).where(or_(Device.user_id == user_id, Device.book_id.in_(books)))
    return Owned(user_id, list(connection.execute(devices).scalars()), books)


def _delete_in_parts(database: Database, user_id: int, walk: Walk, number: int) -> None:
    last: Key | None = None
    while True:
        with database.write() as connection:
            if _locked(connection, user_id) is None:
                return
            keys = _keys_from(connection, walk, number, last)
            deleted = _delete_some(connection, walk, number, keys)
        if deleted == len(keys) < ROWS_MAX:
            return
        last = keys[deleted - 1]
        time.sleep(PAUSE_SECONDS)


def _keys_from(connection: Connection, walk: Walk, number: int, last: Key | None) -> list[Key]:
    """The keys of the next rows; ``last`` is the one that was deleted last."""
    query = select(*walk.rest).where(walk.owner == number).order_by(*walk.rest).limit(ROWS_MAX)
    if last is not None:
        query = query.where(walk.rest[0] >= last[0])
    return [tuple(row) for row in connection.execute(query)]


def _delete_some(connection: Connection, walk: Walk, number: int, keys: Sequence[Key]) -> int:
    """Delete these rows until the time of a part is over; how many that were.

    One by one: of many keys in one condition, a planner may make a walk through the table.
    """
    same = [column == bindparam(f"its_{column.name}") for column in walk.rest]
    statement = delete(walk.table).where(walk.owner == number, *same)
    names = [f"its_{column.name}" for column in walk.rest]
    over_at = time.monotonic() + PART_SECONDS
    for start in range(0, len(keys), ROWS_AT_ONCE):
        part = keys[start : start + ROWS_AT_ONCE]
        connection.execute(statement, [dict(zip(names, key, strict=True)) for key in part])
        if time.monotonic() >= over_at:
            return start + len(part)
    return len(keys)


def _finish(database: Database, user_id: int) -> None:
    """With what a request that was let in before the removal may have written since its part."""
    with database.write() as connection:
        owned = _locked(connection, user_id)
        if owned is None:
            return
        connection.execute(select(Book.id).where(Book.id.in_(owned.books)).order_by(Book.id).with_for_update()).all()
        for table in owned_tables(connection):
            for column in owner_columns(table):
                connection.execute(delete(table).where(column.in_(owned.numbers(column))))
        connection.execute(delete(Book).where(Book.id.in_(owned.books)))
        connection.execute(delete(User).where(User.id == user_id))
