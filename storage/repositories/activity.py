"""What the activity page asks: changes by day and device, totals of contacts, how far each device is.

Reading only, and a fixed number of statements however large the book: the database counts and joins, and nothing here
walks over contacts or changes. Days are UTC days, by integer arithmetic on seq, which is a time: no database's idea of
dates matters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, case, func, or_, select

from models import Base
from offbook.core.merge.retention import DAY_US
from offbook.core.schema import Schema, Table
from storage.engines.database import Database
from storage.schema.declaration import own_tables, read_declaration
from storage.schema.known_tables import database_tables
from storage.sql.queries import TOOK_EFFECT
from storage.values.activity import Company, DayCount, DeviceState, Overview, Totals

CHANGES, CONFLICTS, CONTACTS, DETAILS, DEVICES, USERS = (
    Base.metadata.tables[name] for name in ("changes", "conflicts", "contacts", "contact_details", "devices", "users")
)
C, D = CONTACTS.c, DETAILS.c

COMPANIES_MAX = 8


class Activity:
    """Figures of a book in a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overview(self, book_id: int, first_day: int, last_day: int) -> Overview:
        """All at one moment; the changes of these days, both included."""
        book = {"book": book_id}
        days = {"first": first_day * DAY_US, "end": (last_day + 1) * DAY_US}
        with self._database.read() as connection:
            schema = read_declaration(connection).schema
            totals, companies = _contacts(connection, book)
            return Overview(
                days=[DayCount(start // DAY_US, *rest) for start, *rest in connection.execute(PER_DAY, book | days)],
                totals=totals,
                companies=companies,
                deleted=connection.execute(IN_TRASH, book).scalar_one(),
                own_tables=_own_counts(connection, schema, book_id),
                devices=[_state(*row) for row in connection.execute(_device_states(schema), book)],
                conflicts=connection.execute(OPEN_CONFLICTS, book).scalar_one(),
            )


def _contacts(connection: Connection, book: Mapping[str, int]) -> tuple[Totals, list[Company]]:
    """Every line of the answer carries the totals of the whole book; there is none where the book is empty."""
    rows = connection.execute(BY_COMPANY, book).all()
    totals = Totals(*map(int, rows[0][2:])) if rows else Totals()
    return totals, [Company(name, contacts) for name, contacts, *_ in rows if name is not None][:COMPANIES_MAX]


def _own_counts(connection: Connection, schema: Schema, book_id: int) -> list[tuple[Table, int]]:
    """How many live records each table has that an app brought."""
    tables, rows = own_tables(schema), database_tables(schema)
    if not tables:
        return []
    live = (and_(rows[table.name].c.book_id == book_id, rows[table.name].c.deleted.is_(False)) for table in tables)
    counts = connection.execute(select(*(select(func.count()).where(which).scalar_subquery() for which in live))).one()
    return list(zip(tables, counts, strict=True))


def _state(
    name: str, owner: str, seen: int | None, offset: int | None, parked: str | None, cursor: int | None, *lag: int
) -> DeviceState:
    """Of each synced table, ``lag`` holds how many records came after the cursor and the seq of the first."""
    counts, firsts = lag[::2], [seq for seq in lag[1::2] if seq is not None]
    behind = None if cursor is None else sum(counts)
    return DeviceState(name, owner, seen, offset, json.loads(parked or "{}"), behind, min(firsts, default=None))


# --- statements, built once ----------------------------------------------------------------------------------------


def _per_day() -> Select[Any]:
    """What was pruned has no ``received_at`` any more, and no device: nobody can say whose it was."""
    columns = CHANGES.c
    start = columns.seq - columns.seq % DAY_US
    wanted = and_(
        columns.book_id == bindparam("book"),
        columns.seq >= bindparam("first"),
        columns.seq < bindparam("end"),
        columns.received_at.is_not(None),
        TOOK_EFFECT,
    )
    counted = select(start.label("start"), columns.device_id, func.count().label("changes")).where(wanted)
    days = counted.group_by(start, columns.device_id).subquery().c
    named = select(days.start, days.device_id, DEVICES.c.name, days.changes)
    named = named.outerjoin(DEVICES, DEVICES.c.id == days.device_id)
    return named.order_by(days.start, days.device_id)


def _by_company() -> Select[Any]:
    """One scan of the live contacts in the order of seq (see storage.repositories.contact_queries) counts by company
    and in all.
    """
    flags = (
        C.starred.is_(True),
        or_(C.email.is_not(None), _has_detail("email", D.value)),
        or_(C.phone.is_not(None), _has_detail("phone", D.value)),
        _has_detail("address", D.value, D.street, D.city, D.region, D.postcode, D.country),
        C.company.is_not(None),
    )
    sums = (func.count(), *(func.sum(case((flag, 1), else_=0)) for flag in flags))
    is_live = func.coalesce(C.deleted, False).is_(False)
    grouped = select(C.company, func.count(), *(func.sum(total).over() for total in sums))
    grouped = grouped.where(C.book_id == bindparam("book"), C.seq > 0, is_live).group_by(C.company)
    # One line more than is shown: that of contacts without a company may be among the first.
    return grouped.order_by(func.count().desc(), C.company).limit(COMPANIES_MAX + 1)


def _has_detail(kind: str, *values: ColumnElement[Any]) -> ColumnElement[bool]:
    standing = and_(D.book_id == C.book_id, D.contact_id == C.id, D.removed.is_(False), D.kind == kind)
    return select(D.entry_id).where(standing, or_(*(value.is_not(None) for value in values))).exists()


@lru_cache(maxsize=4)
def _device_states(schema: Schema) -> Select[Any]:
    """With the lag of each synced table."""
    reported = (DEVICES.c[name] for name in ("last_seen_at", "clock_offset_ms", "parked", "cursor_seq"))
    rows = database_tables(schema)
    lag = (part for name in schema for part in _lag(rows[name]))
    query = select(DEVICES.c.name, USERS.c.name, *reported, *lag).join(USERS, USERS.c.id == DEVICES.c.user_id)
    is_in_use = and_(DEVICES.c.book_id == bindparam("book"), DEVICES.c.revoked_at.is_(None))
    return query.where(is_in_use).order_by(DEVICES.c.id)


def _lag(rows: FromClause) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """How many records of this table came after a device's cursor, and when the first of them did."""
    is_later = and_(rows.c.book_id == DEVICES.c.book_id, rows.c.seq > DEVICES.c.cursor_seq)
    return select(func.count()).where(is_later).scalar_subquery(), select(func.min(rows.c.seq)).where(
        is_later
    ).scalar_subquery()


PER_DAY = _per_day()
BY_COMPANY = _by_company()

IN_TRASH = select(func.count()).select_from(CONTACTS).where(C.book_id == bindparam("book"), C.deleted.is_(True))
OPEN_CONFLICTS = (
    select(func.count())
    .select_from(CONFLICTS)
    .where(CONFLICTS.c.book_id == bindparam("book"), CONFLICTS.c.resolved_at.is_(None))
)
