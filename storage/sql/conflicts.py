"""The conflicts of a book in a database: opened, closed, read. What a conflict means is the core's affair.

One is open until a change names it in ``resolves``, or a later one of the same replica on the same cell takes its
place. A closed one keeps its row, under the seq that closed it, so that every device hears of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import common_of
from offbook.core.merge.batch import LoggedChange, Plan
from offbook.core.model import Clock, Conflict, Key
from storage.base import ChangeOrigin
from storage.engines.database import Transaction
from storage.sql.array_params import in_array
from storage.sql.authors import IDS_AT_ONCE
from storage.sql.history_mapping import step_of_row, value_of
from storage.sql.prepared import Prepared
from storage.sql.queries import CHANGES, CONFLICTS
from storage.sql.record_mapping import dump

C = CONFLICTS.c
OPEN = (C.book_id == bindparam("book"), C.resolved_at.is_(None))
WAITING = select(CONFLICTS).where(*OPEN).order_by(C.seq, C.cell, C.id)
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
ONE = select(CONFLICTS).where(C.book_id == bindparam("book"), C.id == bindparam("one"))
NAMED = select(C.id, C.table_name, C.record_id).where(*OPEN, in_array(C.id, "ids"))
STEPS = (
    select(CHANGES.c.table_name, CHANGES.c.record_id, CHANGES.c.seq, CHANGES.c.before)
    .where(CHANGES.c.book_id == bindparam("book"), CHANGES.c.seq > bindparam("after"))
    .where(in_array(CHANGES.c.record_id, "ids"))
    .order_by(CHANGES.c.seq)
)
CLOSED: dict[str, Any] = {"resolved_at": bindparam("at"), "resolved_by": bindparam("by"), "seq": bindparam("new_seq")}
CLOSE = update(CONFLICTS).where(*OPEN, C.id == bindparam("closed")).values(CLOSED)
REPLACE = (
    update(CONFLICTS)
    .where(*OPEN, C.table_name == bindparam("old_table"), C.record_id == bindparam("old_record"))
    .where(C.cell == bindparam("old_cell"), C.replica == bindparam("old_replica"))
    .values(CLOSED)
)


def open_conflicts(connection: Connection, book_id: int, key: Key | None = None) -> list[Conflict]:
    """The open ones, of one record or of all, oldest first."""
    query = WAITING if key is None else WAITING.where(C.table_name == key[0], C.record_id == key[1])
    return [conflict_of(row) for row in connection.execute(query, {"book": book_id})]


def count(connection: Connection, book_id: int, record_id: str | None = None) -> int:
    """How many are open, in all (what every page of a signed-in person asks) or of one record."""
    query = COUNT if record_id is None else COUNT_OF
    ((found,),) = query.rows(connection, {"book": book_id, "record": record_id})
    return int(found)


def fetch_conflict(connection: Connection, book_id: int, conflict_id: str) -> tuple[Conflict, str | None] | None:
    """One conflict, open or not, and the change that closed it."""
    row = connection.execute(ONE, {"book": book_id, "one": conflict_id}).first()
    return None if row is None else (conflict_of(row), row.resolved_by)


def conflicts_between(transaction: Transaction, book_id: int, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
    """Those with ``after < seq <= up_to``, and whether each is open. Every page asks, and mostly there are none."""
    span = {"book": book_id, "after": after, "up_to": up_to}
    if NEWEST_BETWEEN.rows(transaction, span) == [(None,)]:
        return []
    return [(conflict_of(row), row.resolved_at is None) for row in transaction.whole.execute(BETWEEN, span)]


def open_among(connection: Connection, book_id: int, conflict_ids: Iterable[str]) -> dict[str, Key]:
    """Those of these that are open, with their records."""
    ids, found = sorted(set(conflict_ids)), {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        rows = connection.execute(NAMED, {"book": book_id, "ids": ids[start : start + IDS_AT_ONCE]})
        found.update({conflict_id: (table, record_id) for conflict_id, table, record_id in rows})
    return found


def close(connection: Connection, book_id: int, closed: Mapping[str, LoggedChange], now: int) -> None:
    rows = [
        {"book": book_id, "closed": conflict_id, "at": now, "by": entry.change_id, "new_seq": entry.seq}
        for conflict_id, entry in closed.items()
    ]
    connection.execute(CLOSE, rows)


def open_new(connection: Connection, book_id: int, plan: Plan, origin: ChangeOrigin, now: int) -> None:
    """Open the plan's conflicts, whose changes are in the log by now; each closes an older one in its place."""
    conflicts = plan.open_conflicts()
    connection.execute(REPLACE, [_replacing(book_id, one, now) for one in conflicts])
    steps = _steps(connection, book_id, conflicts)
    rows = []
    for one in conflicts:
        common = common_of(one, plan.records.get(one.key), steps[one.key])
        rows.append({**conflict_row(book_id, one, origin, now), "common": dump(common)})
    connection.execute(insert(CONFLICTS), rows)


def _replacing(book_id: int, one: Conflict, now: int) -> dict[str, Any]:
    place = {"old_table": one.table, "old_record": one.record_id, "old_cell": one.cell, "old_replica": one.replica}
    return {"book": book_id, **place, "at": now, "by": one.change_id, "new_seq": one.seq}


def _steps(connection: Connection, book_id: int, conflicts: Sequence[Conflict]) -> Mapping[Key, list[HistoryStep]]:
    ids = sorted({one.record_id for one in conflicts})
    after = min(one.base for one in conflicts)
    found = connection.execute(STEPS, {"book": book_id, "after": after, "ids": ids})
    steps: dict[Key, list[HistoryStep]] = defaultdict(list)
    for table, record_id, seq, before in found:
        steps[table, record_id].append(step_of_row(table, record_id, seq, before))
    return steps


def conflict_row(book_id: int, one: Conflict, origin: ChangeOrigin, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "book_id": book_id,
        "table_name": one.table,
        "record_id": one.record_id,
        "cell": one.cell,
        "ours": dump(one.ours),
        "theirs": dump(one.theirs),
        "base": one.base,
        "winner": dump(tuple(one.winner)),
        "change_id": one.change_id,
        "replica": one.replica,
        "device_id": origin.device_id,
        "seq": one.seq,
        "created_at": now,
    }


def conflict_of(row: Row[Any]) -> Conflict:
    return Conflict(
        id=row.id,
        table=row.table_name,
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
