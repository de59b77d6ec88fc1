"""Changes that follow from another one, as if by who made that."""

from __future__ import annotations

from uuid import UUID, uuid5

from offbook.core.model import Cells, Change, Operation, Record


def following_change(cause: Change, record: Record, operation: Operation, cells: Cells, *name: str) -> Change:
    """The change of a record that follows from ``cause``, in its batch and at its time.

    Its id follows from both, and from what else it is called where several follow for one record.
    """
    return Change(
        id=str(uuid5(UUID(cause.id), "/".join((*record.key, *name)))),
        table=record.table,
        record_id=record.id,
        operation=operation,
        replica=cause.replica,
        timestamp=cause.timestamp,
        base=record.seq,
        cells=cells,
        batch=cause.batch,
    )
