"""Moving a whole server from one database to another, of any engine.

First the source is closed (storage.engines.read_only_mode), and stays so: nothing is acknowledged there that the target
never sees, during the move and after it. The target is closed as well until all of it is there. Both marks name the
move, so that one that was stopped is known and goes on, and no other is mistaken for it.

::

    source                target
    open                  empty
    closed, to target     empty                 1. begin: from here on the source takes no changes
    closed, to target     closed, unfinished    2. rows are copied, as often as it takes (ops.move.copy_rows)
    closed, to target     open, arrived         3. finish: when both are alike (ops.move.verify_copy)

``cancel_move`` is the way back. Nothing here deletes a row that anybody typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alembic.util import CommandError
from sqlalchemy import Connection, Table, delete, inspect, literal, select
from sqlalchemy.exc import ArgumentError

from offbook.core.errors import OffbookError
from ops import messages
from ops.move.closed_marker import RESTORES, SETTINGS, ClosedMarker, mark_in, set_mark, value_of
from ops.move.copy_rows import ARRIVED, moved, tables_of
from storage.engines.database import Database, open_engines
from storage.engines.migrations import upgrade
from storage.engines.read_only_mode import CLOSED
from storage.schema.missing_tables import make_missing

ALEMBIC = "alembic_version"
NAMES_TOLD_MAX = 3


class Unmovable(OffbookError):
    """A move that can't be; says why, and what to do."""

    code = "unmovable"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database is to a move. ``arrived`` is the move that it came by, ``foreign`` are tables of others."""

    mark: ClosedMarker | None = None
    arrived: str | None = None
    has_rows: bool = False
    foreign: tuple[str, ...] = ()


def open_target(url: str) -> Database:
    """The database to move to. Raises Unmovable for what is no URL of one that stays."""
    try:
        target = open_engines(url)
    except (ArgumentError, ValueError):
        raise Unmovable.of(messages.NOT_A_URL) from None
    if target.in_memory:
        raise Unmovable.of(messages.NOT_A_URL)
    return target


def decide(source: DatabaseState, there: DatabaseState, to: str) -> str | None:
    """The move that goes on, None for a new one. ``to`` is the target's place. Raises Unmovable."""
    if source.mark in RESTORES or there.mark in RESTORES:
        raise Unmovable.of(messages.RESTORE_UNFINISHED_THERE)
    if source.mark is not None and not source.mark.to:
        raise Unmovable.of(messages.MOVE_UNFINISHED_HERE)
    if source.mark is not None and source.mark.to != to:
        raise Unmovable.of(messages.MOVED_ELSEWHERE, place=source.mark.to)
    if there.foreign:
        names = ", ".join(there.foreign[:NAMES_TOLD_MAX])
        raise Unmovable.of(messages.FOREIGN_TABLES, names=names)
    if there.mark is not None and there.mark.to:
        raise Unmovable.of(messages.TARGET_MOVED)
    move = None if source.mark is None else source.mark.move
    if there.mark is not None:
        if there.mark.move != move:
            raise Unmovable.of(messages.OTHER_MOVE)
        return move
    if there.arrived is not None and there.arrived == move:
        raise Unmovable.of(messages.MOVE_FINISHED)
    if there.has_rows:
        raise Unmovable.of(messages.TARGET_IN_USE)
    return move


def begin(source: Database, target: Database, new_id: Callable[[], str]) -> str:
    """Make the target ready and close both; gives the move's id. Raises Unmovable where that can't be."""
    to = target.place
    if source.place == to:
        raise Unmovable.of(messages.SAME_DATABASE)
    tables = tables_of(source)
    with source.read() as source_connection, target.read() as target_connection:
        decide(inspect_database(source_connection, tables), inspect_database(target_connection, tables), to)
    try:
        upgrade(target)
    except CommandError as error:
        raise Unmovable.of(messages.TARGET_NOT_READY, reason=str(error)) from None
    with target.read() as target_connection:
        ready = inspect_database(target_connection, tables)
    with source.exclusive() as source_connection:
        # Only settings may be read here (MariaDB), and marks are all that counts of the source.
        move = decide(DatabaseState(mark=mark_in(source_connection)), ready, to) or new_id()
        set_mark(source_connection, ClosedMarker(move, to))
    with target.exclusive() as target_connection:
        if mark_in(target_connection) not in (None, ClosedMarker(move)):
            raise Unmovable.of(messages.TARGET_IN_MOVE)
        set_mark(target_connection, ClosedMarker(move))
    with target.migrate() as target_connection:  # from here on the source's tables can't grow
        make_missing(target_connection, tables_of(source))
    return move


def finish(source: Database, target: Database, move: str) -> None:
    """Open the target. Raises Unmovable where the source took changes meanwhile: those are not in the target."""
    with source.exclusive() as source_connection:
        mark = mark_in(source_connection)
        if mark is None or mark.move != move:
            raise Unmovable.of(messages.OPENED_AGAIN)
        with target.exclusive() as target_connection:
            target_connection.execute(delete(SETTINGS).where(SETTINGS.c.name.in_((CLOSED, ARRIVED))))
            target_connection.execute(SETTINGS.insert(), {"name": ARRIVED, "value": move})


def cancel_move(source: Database) -> str:
    """Let a database that moved take changes again; gives the place where it moved to. Raises Unmovable."""
    with source.exclusive() as source_connection:
        mark = mark_in(source_connection)
        if mark is None:
            raise Unmovable.of(messages.NOT_MOVED)
        if mark in RESTORES:
            raise Unmovable.of(messages.RESTORE_UNFINISHED)
        if not mark.to:
            raise Unmovable.of(messages.MOVE_INTO_UNFINISHED)
        source_connection.execute(delete(SETTINGS).where(SETTINGS.c.name == CLOSED))
    return mark.to


def inspect_database(connection: Connection, tables: Sequence[Table]) -> DatabaseState:
    """What is in a database, which need not be migrated yet: of these tables, and of others."""
    names = set(inspect(connection).get_table_names())
    foreign = tuple(sorted(names - {table.name for table in tables} - {ALEMBIC}))
    has_rows = any(has_row(connection, table) for table in tables if table.name in names)
    if SETTINGS.name not in names:
        return DatabaseState(has_rows=has_rows, foreign=foreign)
    return DatabaseState(mark_in(connection), value_of(connection, ARRIVED), has_rows, foreign)


def has_row(connection: Connection, table: Table) -> bool:
    """Whether there is a row that would be copied."""
    return connection.execute(moved(table, select(literal(1)).select_from(table)).limit(1)).first() is not None
