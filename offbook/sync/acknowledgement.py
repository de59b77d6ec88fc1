"""How far the server had come when it answered last: by that a device notices a database that was put back by hand."""

from __future__ import annotations

from collections.abc import Iterable

from offbook.core.model import Verdict
from offbook.database import sync_state
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.sync.response import ChangeResult


def note_head(connection: Connection, results: Iterable[ChangeResult], head: int | None) -> None:
    """Note how far the book had come, where the last change that was taken does not say it (``last_acknowledged_seq``):
    the verdict on one without an effect says the seq of its record's row. An older server does not say it besides.
    """
    seqs = [result.seq or 0 for result in results if result.verdict is not Verdict.REJECTED]
    if not seqs:
        return
    newest = max(change_log.last_acknowledged_seq(connection), *seqs) if head is None else head
    if seqs[-1] != newest > sync_state.read(connection).answered:
        sync_state.write(connection, answered=newest)
