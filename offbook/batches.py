"""Batches, as the server lists and undoes them for a device.

The server does it: it knows what others wrote since, and a book of a hundred thousand contacts is not fetched for it.
"""

from __future__ import annotations

from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.errors import NotFound, Pruned
from offbook.core.history.batch_codec import batch_from_json, undo_from_json
from offbook.core.history.undo import BatchSummary, UndoReport
from offbook.core.messages import Fault
from offbook.core.protocol.requests import PROTOCOL
from offbook.core.protocol.validators import require
from offbook.messages import NO_BATCH, SERVER_TOO_OLD
from offbook.sync.http.errors import json_of_answer, problem_of
from offbook.sync.http.transport import Transport

LIMIT = 100


def fetch_batches(transport: Transport) -> list[BatchSummary]:
    """The newest batches of the book, the newest first. Raises SyncError."""
    item = _ask(transport, "GET", f"/batches?limit={LIMIT}", SERVER_TOO_OLD.fault())
    require(isinstance(item, dict) and isinstance(item.get("batches"), list), "batches")
    require(len(item["batches"]) <= LIMIT, "batches")
    return [batch_from_json(batch) for batch in item["batches"]]


def undo(transport: Transport, batch: str) -> UndoReport:
    """Have the server undo a batch. Raises NotFound, Pruned, SyncError."""
    missing = NO_BATCH.fault(batch=batch)
    if UUID_TEXT.fullmatch(batch) is None:
        raise NotFound(missing)
    return undo_from_json(_ask(transport, "POST", f"/batches/{batch}/undo", missing))


def _ask(transport: Transport, method: str, path: str, missing: Fault) -> Json:
    response = transport.send(method, path, None, {"Offbook-Protocol": PROTOCOL})
    problem = problem_of(response)
    if response.status == 404 and problem is not None:
        raise NotFound(missing)
    if problem is not None and problem["code"] == Pruned.code:
        raise Pruned(problem["detail"])
    return json_of_answer(response)
