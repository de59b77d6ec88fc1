"""The conflicts of a book in a database: opened, closed, read. What a conflict means is the core's affair.

One is open until a change names it in ``resolves``, or a later one of the same replica on the same cell takes its
place. A closed one keeps its row, under the seq that closed it, so that every device hears of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import common_of
from offbook.core.merge.batch import LoggedChange, Plan
from offbook.core.model import Clock, Conflict, Key
from offbook.core.schema import Schema
from storage.base import ChangeOrigin
from storage.engines.database import Transaction
from storage.sql.array_params import in_array
from storage.sql.authors import IDS_AT_ONCE
from storage.sql.history import STEP
from storage.sql.mapping.history import step_of_row, value_of
from storage.sql.mapping.records import dump
from storage.sql.prepared import Prepared
from storage.sql.queries import CHANGES, CONFLICTS

C = CONFLICTS.c
OPEN = (C.book_id == bindparam("book"), C.resolved_at.is_(None))
ALL_OPEN = select(CONFLICTS).where(*OPEN).order_by(C.seq, C.cell, C.id)
NEWEST_BETWEEN = Prepared(
    select(func.max(C.seq)).where(
        C.book_id == bindparam("book"), C.seq > bindparam("after"), C.seq <= bindparam("up_to")
    )
)
BETWEEN = (
    select(CONFLICTS)
    .where(C.book_id == bindparam("book"), C.seq > bindparam("after"), C.seq <= bindparam("up_to"))
    .order_by(C.seq, C.cell, C.id)
)
COUNT = Prepared(select(func.count()).select_from(CONFLICTS).where(*OPEN))
COUNT_OF = Prepared(select(func.count()).select_from(CONFLICTS).where(*OPEN, C.record_id == bindparam("record")))
BY_ID = select(CONFLICTS).where(C.book_id == bindparam("book"), C.id == bindparam("conflict"))
OPEN_KEYS = select(C.id, C.table_name, C.record_id).where(*OPEN, in_array(C.id, "ids"))
STEPS = (
    select(*STEP)
    .where(CHANGES.c.book_id == bindparam("book"), CHANGES.c.seq + 0 > bindparam("after"))
    .where(in_array(CHANGES.c.record_id, "ids"))
    .order_by(CHANGES.c.id)
)
"""Found by the records, as in storage.sql.history.steps_of."""

CLOSED: dict[str, Any] = {"resolved_at": bindparam("at"), "resolved_by": bindparam("by"), "seq": bindparam("new_seq")}
CLOSE = update(CONFLICTS).where(*OPEN, C.id == bindparam("closed")).values(CLOSED)
REPLACE = (
    update(CONFLICTS)
    .where(*OPEN, C.table_name == bindparam("old_table"), C.record_id == bindparam("old_record"))
    .where(C.cell == bindparam("old_cell"), C.replica == bindparam("old_replica"))
    .values(CLOSED)
)


def open_conflicts(connection: Connection, schema: Schema, book_id: int, key: Key | None = None) -> list[Conflict]:
    """The open ones, of one record or of all, oldest first."""
    query = ALL_OPEN if key is None else ALL_OPEN.where(C.table_name == key[0], C.record_id == key[1])
    return [conflict_of_row(schema, row) for row in connection.execute(query, {"book": book_id})]


def count(connection: Connection, book_id: int, record_id: str | None = None) -> int:
    """How many are open, in all (which every page of a signed-in person shows) or of one record."""
    query = COUNT if record_id is None else COUNT_OF
    ((rows,),) = query.rows(connection, {"book": book_id, "record": record_id})
    return int(rows)


def fetch_conflict(
    connection: Connection, schema: Schema, book_id: int, conflict_id: str
) -> tuple[Conflict, str | None] | None:
    """One conflict, open or not, and the id of the change that closed it."""
    row = connection.execute(BY_ID, {"book": book_id, "conflict": conflict_id}).first()
    return None if row is None else (conflict_of_row(schema, row), row.resolved_by)


def conflicts_between(
    transaction: Transaction, schema: Schema, book_id: int, after: int, up_to: int
) -> list[tuple[Conflict, bool]]:
    """Those with ``after < seq <= up_to``, and whether each is open. Every page asks, and mostly there are none."""
    span = {"book": book_id, "after": after, "up_to": up_to}
    if NEWEST_BETWEEN.rows(transaction, span) == [(None,)]:
        return []
    rows = transaction.sqlalchemy.execute(BETWEEN, span)
    return [(conflict_of_row(schema, row), row.resolved_at is None) for row in rows]


def open_keys(connection: Connection, book_id: int, conflict_ids: Iterable[str]) -> dict[str, Key]:
    """The records of those of these that are open, by the conflicts' ids."""
    ids, keys = sorted(set(conflict_ids)), {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        rows = connection.execute(OPEN_KEYS, {"book": book_id, "ids": ids[start : start + IDS_AT_ONCE]})
        keys.update({conflict_id: (table, record_id) for conflict_id, table, record_id in rows})
    return keys


def close(connection: Connection, book_id: int, closed: Mapping[str, LoggedChange], now_us: int) -> None:
    """Close these conflicts, by their ids, each under the seq of the change that resolved it."""
    rows = [
        {"book": book_id, "closed": conflict_id, "at": now_us, "by": entry.change_id, "new_seq": entry.seq}
        for conflict_id, entry in closed.items()
    ]
    connection.execute(CLOSE, rows)


def open_new(connection: Connection, book_id: int, plan: Plan, origin: ChangeOrigin, now_us: int) -> None:
    """Open the plan's conflicts, whose changes are in the log by now; each closes an older one in its place."""
    conflicts = plan.open_conflicts()
    replaced = [
        {
            "book": book_id,
            "old_table": conflict.table.name,
            "old_record": conflict.record_id,
            "old_cell": conflict.cell,
            "old_replica": conflict.replica,
            "at": now_us,
            "by": conflict.change_id,
            "new_seq": conflict.seq,
        }
        for conflict in conflicts
    ]
    connection.execute(REPLACE, replaced)
    steps = _steps(connection, book_id, conflicts)
    rows = []
    for conflict in conflicts:
        common = common_of(conflict, plan.records.get(conflict.key), steps[conflict.key])
        rows.append(row_of_conflict(book_id, replace(conflict, common=common), origin, now_us))
    connection.execute(insert(CONFLICTS), rows)


def _steps(connection: Connection, book_id: int, conflicts: Sequence[Conflict]) -> Mapping[Key, list[HistoryStep]]:
    """What was written to the conflicts' records since both writers of the oldest of them began."""
    ids = sorted({conflict.record_id for conflict in conflicts})
    after = min(conflict.base for conflict in conflicts)
    steps: dict[Key, list[HistoryStep]] = defaultdict(list)
    for row in connection.execute(STEPS, {"book": book_id, "after": after, "ids": ids}):
        step = step_of_row(*row)
        steps[step.key].append(step)
    return steps


def row_of_conflict(book_id: int, conflict: Conflict, origin: ChangeOrigin, now_us: int) -> dict[str, Any]:
    """An open conflict as a row of its table."""
    return {
        "id": conflict.id,
        "book_id": book_id,
        "table_name": conflict.table.name,
        "record_id": conflict.record_id,
        "cell": conflict.cell,
        "common": dump(conflict.common),
        "ours": dump(conflict.ours),
        "theirs": dump(conflict.theirs),
        "base": conflict.base,
        "winner": dump(tuple(conflict.winner)),
        "change_id": conflict.change_id,
        "replica": conflict.replica,
        "device_id": origin.device_id,
        "seq": conflict.seq,
        "created_at": now_us,
    }


def conflict_of_row(schema: Schema, row: Row[Any]) -> Conflict:
    """A row as a conflict, of one of the schema's tables."""
    return Conflict(
        id=row.id,
        table=schema[row.table_name],
        record_id=row.record_id,
        cell=row.cell,
        ours=value_of(orjson.loads(row.ours)),
        theirs=value_of(orjson.loads(row.theirs)),
        base=row.base,
        winner=Clock(*orjson.loads(row.winner)),
        change_id=row.change_id,
        replica=row.replica,
        seq=row.seq,
        common=value_of(orjson.loads(row.common or "null")),
    )
