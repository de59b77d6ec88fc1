"""What is kept for devices of the tutorial form: their numbers for records, and the rows that they must have.

Translation is offbook.contacts.tutorial's, and what a request does with all of it is services.contacts.tutorial's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import BindParameter, Connection, Insert, and_, bindparam, delete, func, literal, or_, select, update

from models import Base
from offbook.contacts.tutorial import CELLS, TABLE, Known, Row
from storage.engines.database import Database
from storage.sql.mapping.records import dump
from storage.sql.store import SqlReadTransaction
from storage.values.accounts import DeviceLogin

NUMBERS = Base.metadata.tables["tutorial_numbers"]
ROWS = Base.metadata.tables["tutorial_rows"]
RECORDS = Base.metadata.tables[TABLE]

ANSWER_MAX = 10_000
"""Entries of one answer. The form knows no pages, but its cursor allows them: the rest comes with the next pull."""


@dataclass(slots=True)
class MappedRow:
    """A record that a pull looks at: its number (None: the device has none yet), what is known, and how it is now."""

    number: int | None
    known: Known
    seq: int
    row: Row | None

    @property
    def is_held(self) -> bool:
        """Whether the device surely has this very row."""
        return self.known.offered_seq is None and self.known.held == self.row


@dataclass(frozen=True, slots=True)
class Puts:
    """The statements that write a device's numbers and rows."""

    numbers: Insert
    rows: Insert


class TutorialRows:
    """What is kept for these devices, in a database."""

    def __init__(self, database: Database) -> None:
        self._puts = Puts(database.upsert(NUMBERS, NUMBERS.c.keys()), database.upsert(ROWS, ROWS.c.keys()))

    def notes(self, book: SqlReadTransaction, login: DeviceLogin) -> TutorialNotes:
        """What is kept for one of them, inside a transaction that the caller has begun."""
        return TutorialNotes(book.connection, self._puts, login)


class TutorialNotes:
    """What is kept for one device, inside a transaction."""

    def __init__(self, connection: Connection, puts: Puts, login: DeviceLogin) -> None:
        self.login = login
        self._connection = connection
        self._puts = puts
        self._ids = {"device": login.device.id, "book": login.book_id}

    def known(self, number: int) -> Known | None:
        """What is noted of the record with this number, None where the device has none."""
        row = self._connection.execute(KNOWN, {**self._ids, "number": number}).first()
        return None if row is None else _known(*row)

    def keep(self, number: int, is_new: bool, known: Known) -> None:
        """Note what the device has now. ``is_new`` lets the number stand for this record, and for no other."""
        if is_new:
            self._connection.execute(self._puts.numbers, self._number_row(number, known.record_id))
        self._write_rows([known])

    def take_number_from(self, record_id: str) -> None:
        """Its number goes to another record, so that its deletion can't be served any more, and need not be."""
        self._connection.execute(LET_GO, {**self._ids, "record": record_id})

    def _number_row(self, number: int, record_id: str) -> dict[str, Any]:
        return {
            "device_id": self.login.device.id,
            "table_name": TABLE,
            "number": number,
            "record_id": record_id,
        }

    def has_nothing_after(self, since: int, pruned: int) -> bool:
        """Whether an answer to ``since`` is empty and confirms nothing."""
        queries = [CHANGED.limit(1), WAITING.limit(1)]
        if since < pruned:
            queries.append(MISSING.limit(1))
        if since == 0:
            queries.append(STARTED.limit(1))
        return not any(self._connection.execute(query, {**self._ids, "since": since}).first() for query in queries)

    def confirm(self, since: int) -> None:
        """The device has what was offered up to ``since``, or in an answer that moved its cursor back to it."""
        self._connection.execute(CONFIRM, {**self._ids, "last": since, "back": -(since + 1)})

    def start_over(self) -> None:
        """The device asks for all. If it had anything from elsewhere once, it lost its rows, or its cursor alone.

        So all that it may have is to be served, and that it is deleted, where it is.
        """
        if self._connection.execute(STARTED.limit(1), self._ids).first() is not None:
            self._connection.execute(SERVE_ALL, self._ids)

    def again(self, since: int) -> Iterator[MappedRow]:
        """What lies behind the cursor and did not arrive, and what is not there any more."""
        for query in (UNHEARD, MISSING):
            for row in self._connection.execute(query, {**self._ids, "since": since}):
                yield _mapped_row(row)

    def fresh(self, since: int) -> Iterator[MappedRow]:
        """What came after the cursor, without what the device surely has; that is noted on the way."""
        place, left = since, ANSWER_MAX
        while left > 0:
            rows = self._connection.execute(CHANGED.limit(left), {**self._ids, "since": place}).all()
            looked_at = [_mapped_row(row) for row in rows]
            held = [replace(mapped.known, held_seq=mapped.seq) for mapped in looked_at if mapped.is_held]
            self._write_rows(held)
            yield from (mapped for mapped in looked_at if not mapped.is_held)
            if len(rows) < left:
                return
            place, left = looked_at[-1].seq, len(held)

    def offer(self, served: list[tuple[MappedRow, int]]) -> None:
        """Note what is served, each with what will confirm it, and number what is new to the device."""
        new = [row for row, _ in served if row.number is None]
        if new:
            lowest = self._connection.execute(LOWEST, self._ids).scalar_one() or 0
            for number, row in enumerate(new, 1 - min(lowest, 0)):
                row.number = -number
            rows = [self._number_row(row.number or 0, row.known.record_id) for row in new]
            self._connection.execute(self._puts.numbers, rows)
        self._write_rows([row.known.offering(row.row, marker) for row, marker in served])

    def _write_rows(self, rows: list[Known]) -> None:
        if rows:
            values = [
                {
                    "device_id": self.login.device.id,
                    "table_name": TABLE,
                    "record_id": row.record_id,
                    "held": None if row.held is None else dump(row.held),
                    "held_seq": row.held_seq,
                    "offered": None if row.offered is None else dump(row.offered),
                    "offered_seq": row.offered_seq,
                    "was_served": row.was_served,
                }
                for row in rows
            ]
            self._connection.execute(self._puts.rows, values)


def _known(
    record_id: str,
    held: str | None,
    held_seq: int | None,
    offered: str | None,
    offered_seq: int | None,
    was_served: bool | None,
) -> Known:
    """A record that nothing is kept of has None in place of all that would be kept."""
    rows = orjson.loads(held or "null"), orjson.loads(offered or "null")
    return Known(record_id, rows[0], held_seq or 0, rows[1], offered_seq, bool(was_served))


def _mapped_row(row: Sequence[Any]) -> MappedRow:
    number, seq, deleted, *cells = row[: 3 + len(CELLS)]
    is_there = deleted is not None and not deleted
    return MappedRow(
        number,
        _known(*row[3 + len(CELLS) :]),
        seq or 0,
        dict(zip(CELLS, cells, strict=True)) if is_there else None,
    )


# --- statements, built once ----------------------------------------------------------------------------------------

SINCE: BindParameter[int] = bindparam("since")
OURS = and_(NUMBERS.c.device_id == bindparam("device"), NUMBERS.c.table_name == TABLE)
MINE = and_(ROWS.c.device_id == bindparam("device"), ROWS.c.table_name == TABLE)
HELD = ROWS.c.held.is_not(None)
STATE = (ROWS.c.held, ROWS.c.held_seq, ROWS.c.offered, ROWS.c.offered_seq, ROWS.c.was_served)
RECORD = (RECORDS.c.seq, RECORDS.c.deleted, *(RECORDS.c[cell] for cell in CELLS))

NUMBER_OF_RECORD = and_(OURS, NUMBERS.c.record_id == RECORDS.c.id)
NUMBER_OF_ROW = and_(
    NUMBERS.c.device_id == ROWS.c.device_id,
    NUMBERS.c.table_name == ROWS.c.table_name,
    NUMBERS.c.record_id == ROWS.c.record_id,
)
RECORD_OF_ROW = and_(RECORDS.c.book_id == bindparam("book"), RECORDS.c.id == ROWS.c.record_id)

KNOWN = (
    select(NUMBERS.c.record_id, *STATE)
    .select_from(NUMBERS.outerjoin(ROWS, NUMBER_OF_ROW))
    .where(OURS, NUMBERS.c.number == bindparam("number"))
)

CHANGED = (
    select(NUMBERS.c.number, *RECORD, RECORDS.c.id, *STATE)
    .select_from(
        RECORDS.outerjoin(NUMBERS, NUMBER_OF_RECORD).outerjoin(ROWS, and_(MINE, ROWS.c.record_id == RECORDS.c.id))
    )
    .where(
        RECORDS.c.book_id == bindparam("book"),
        RECORDS.c.seq > SINCE,
        or_(
            ROWS.c.offered_seq.is_not(None),
            and_(RECORDS.c.deleted.is_(True), HELD),
            and_(RECORDS.c.deleted.is_(False), or_(ROWS.c.held.is_(None), ROWS.c.held_seq != RECORDS.c.seq)),
        ),
    )
    .order_by(RECORDS.c.seq)
)
"""Records after the cursor, without those that the device has as they are, and the deleted that it does not have."""

UNHEARD = (
    select(NUMBERS.c.number, *RECORD, ROWS.c.record_id, *STATE)
    .select_from(ROWS.join(NUMBERS, NUMBER_OF_ROW).join(RECORDS, RECORD_OF_ROW))
    .where(MINE, ROWS.c.offered_seq.is_not(None), RECORDS.c.seq <= SINCE)
    .order_by(RECORDS.c.seq)
)

MISSING = (
    select(NUMBERS.c.number, *RECORD, ROWS.c.record_id, *STATE)
    .select_from(ROWS.join(NUMBERS, NUMBER_OF_ROW).outerjoin(RECORDS, RECORD_OF_ROW))
    .where(MINE, RECORDS.c.id.is_(None), or_(HELD, ROWS.c.offered_seq.is_not(None)))
    .order_by(NUMBERS.c.number)
)
"""Records that were pruned, of which the device may still have a row."""

STARTED = (
    select(literal(1)).select_from(ROWS.join(NUMBERS, NUMBER_OF_ROW)).where(MINE, OURS, NUMBERS.c.number < 0, HELD)
)
"""Rows from elsewhere that the device has: it can't have them without having had a cursor."""

SERVE_ALL = update(ROWS).where(MINE, HELD).values(offered=None, offered_seq=0)

LET_GO = delete(ROWS).where(MINE, ROWS.c.record_id == bindparam("record"), ROWS.c.offered.is_(None))

WAITING = select(literal(1)).where(MINE, ROWS.c.offered_seq.is_not(None))

CONFIRM = (
    update(ROWS)
    .where(MINE, or_(ROWS.c.offered_seq.between(1, bindparam("last")), ROWS.c.offered_seq == bindparam("back")))
    .ordered_values(
        (ROWS.c.was_served, ROWS.c.offered.is_not(None)),
        (ROWS.c.held, ROWS.c.offered),
        (ROWS.c.held_seq, func.abs(ROWS.c.offered_seq)),
        (ROWS.c.offered, None),
        (ROWS.c.offered_seq, None),
    )
)
"""In this order, since MariaDB reads a column that the same statement has set as it is by then."""

LOWEST = select(func.min(NUMBERS.c.number)).where(OURS)
