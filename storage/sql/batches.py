"""The batches of a book in a database: which there are, what they wrote to, and what came after them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from offbook.core.history.entry import NOBODY, HistoryStep
from offbook.core.history.undo import BatchSummary, ExistenceStep, undo_id
from offbook.core.merge.batch import BookState
from offbook.core.model import Author, Key, Operation, Verdict
from storage.sql.array_params import in_array
from storage.sql.authors import DEVICES, USERS
from storage.sql.history import STEP
from storage.sql.mapping.history import step_of_row
from storage.sql.queries import CHANGES, TOOK_EFFECT

C = CHANGES.c
IN_BATCH = and_(C.book_id == bindparam("book"), C.batch.is_not(None), TOOK_EFFECT)
"""What took effect. That there is a batch is said for the sake of the index, which has no other rows."""

IS_DELETION = and_(C.operation == Operation.DELETE.value, C.verdict != Verdict.REJECTED.value)
"""A deletion has an effect of its own where nobody else deleted the record before, and says the same where one did."""

SPAN = select(C.batch, func.min(C.seq), func.max(C.seq)).where(IN_BATCH).group_by(C.batch)
COUNTS = (
    select(C.batch, C.table_name, func.count())
    .where(IN_BATCH, in_array(C.batch, "ids"), C.table_name.is_not(None))
    .group_by(C.batch, C.table_name)
)
KNOWN = select(C.batch).where(IN_BATCH, in_array(C.batch, "ids")).distinct()
AUTHORS = (
    select(C.seq, USERS.c.name, DEVICES.c.name, C.timestamp)
    .outerjoin(USERS, USERS.c.id == C.user_id)
    .outerjoin(DEVICES, DEVICES.c.id == C.device_id)
    .where(C.book_id == bindparam("book"), in_array(C.seq, "ids"))
)
KEYS = (
    select(C.table_name, C.record_id)
    .where(IN_BATCH, C.batch == bindparam("batch"), C.record_id.is_not(None))
    .distinct()
    .order_by(C.table_name, C.record_id)
)
STEPS = (
    select(*STEP)
    .where(C.book_id == bindparam("book"), C.table_name == bindparam("table"), in_array(C.record_id, "ids"))
    .where(C.seq + 0 > bindparam("after"), C.verdict != Verdict.SUPERSEDED.value)
    .order_by(C.seq + 0)
)
"""What took effect, found by the records, as in storage.sql.history.steps_of: a condition on the seq as it stands, if
only that there is one, makes SQLite walk through all changes of the book since then, for each portion of an undo."""

OF_CHANGES = select(C.seq, C.batch).where(
    C.book_id == bindparam("book"), in_array(C.seq, "ids"), C.verdict != Verdict.SUPERSEDED.value
)
"""That there is a batch is not asked: SQLite would walk through all that have one, while it has no statistics."""

EXISTENCE = (
    select(C.record_id, C.operation, C.batch)
    .where(C.book_id == bindparam("book"), C.table_name == bindparam("table"), in_array(C.record_id, "ids"))
    .where(or_(IS_DELETION, and_(C.batch.is_not(None), TOOK_EFFECT)))
    .order_by(C.id)
)


class BatchSpan(NamedTuple):
    """A batch and the seqs of its first and its last change."""

    batch: str
    first: int
    last: int


class SqlBatches:
    """The batches of one book, as one transaction sees them (storage.base.Batches)."""

    def __init__(self, connection: Connection, book: BookState) -> None:
        self._connection = connection
        self._book = book

    def page(self, limit: int, before: int | None = None) -> list[BatchSummary]:
        last = func.max(C.seq)
        query = SPAN.where(C.seq > self._book.pruned).order_by(last.desc()).limit(limit)
        return self._summaries(query.having(last < before) if before is not None else query)

    def summary(self, batch: str) -> BatchSummary | None:
        return next(iter(self._summaries(SPAN.where(C.batch == batch))), None)

    def _summaries(self, query: Select[Any]) -> list[BatchSummary]:
        spans = [BatchSpan(*row) for row in self._connection.execute(query, {"book": self._book.id})]
        if not spans:
            return []
        ids = [span.batch for span in spans]
        counts, authors, undone = self._counts(ids), self._authors([span.last for span in spans]), self._undone(ids)
        return [
            BatchSummary(*span, authors.get(span.last, NOBODY), counts[span.batch], undone.get(span.batch))
            for span in spans
        ]

    def _counts(self, ids: Sequence[str]) -> Mapping[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for batch, table, count in self._connection.execute(COUNTS, {"book": self._book.id, "ids": ids}):
            counts[batch][table] = count
        return counts

    def _authors(self, seqs: Sequence[int]) -> Mapping[int, Author]:
        rows = self._connection.execute(AUTHORS, {"book": self._book.id, "ids": seqs})
        return {seq: Author(user, device, at) for seq, user, device, at in rows}

    def _undone(self, ids: Sequence[str]) -> Mapping[str, str]:
        undo_ids = {undo_id(batch): batch for batch in ids}
        rows = self._connection.execute(KNOWN, {"book": self._book.id, "ids": list(undo_ids)}).scalars()
        return {undo_ids[undo]: undo for undo in rows if undo is not None}

    def keys(self, batch: str) -> list[Key]:
        rows = self._connection.execute(KEYS, {"book": self._book.id, "batch": batch})
        return [(table, record_id) for table, record_id in rows]

    def steps(self, keys: Iterable[Key], after: int) -> dict[Key, list[HistoryStep]]:
        ids: dict[str, list[str]] = defaultdict(list)
        for table, record_id in sorted(keys):
            ids[table].append(record_id)
        steps: dict[Key, list[HistoryStep]] = defaultdict(list)
        for table, ids_of_table in ids.items():
            where = {"book": self._book.id, "table": table, "ids": ids_of_table, "after": after}
            for row in self._connection.execute(STEPS, where):
                step = step_of_row(*row)
                steps[step.key].append(step)
        return steps

    def of_changes(self, seqs: Collection[int]) -> Mapping[int, str]:
        rows = self._connection.execute(OF_CHANGES, {"book": self._book.id, "ids": sorted(seqs)}) if seqs else ()
        return {seq: batch for seq, batch in rows if batch is not None}

    def existence(self, table: str, ids: Iterable[str]) -> dict[str, list[ExistenceStep]]:
        steps: dict[str, list[ExistenceStep]] = defaultdict(list)
        where = {"book": self._book.id, "table": table, "ids": sorted(set(ids))}
        for record_id, operation, batch in self._connection.execute(EXISTENCE, where):
            steps[record_id].append(ExistenceStep(operation != Operation.DELETE, batch))
        return steps
