"""The history of a record, read at the server, and what a device restores from it by an ordinary change of its own.

It is not kept on the device: a phone would fill up with what is read once a year.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from offbook import messages
from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid, NotFound, ServerFault
from offbook.core.history.codec import entry_from_json
from offbook.core.history.entry import AFTER, BEFORE, HistoryEntry, restored_values
from offbook.core.history.reconstruct import (
    Patch,
    state_after,
    to_state,
    to_values,
    with_entries,
    without_removed_entries,
)
from offbook.core.model import Key, Record, Value
from offbook.core.protocol.requests import PROTOCOL
from offbook.core.protocol.validators import require, seq_of, uuid_of
from offbook.core.schema import EXISTS, Table
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.edits import append_patch
from offbook.database.server_rows import NO_SERVER_ROW, server_row
from offbook.database.visible_rows import visible_record
from offbook.sync.http.errors import json_of_answer, problem_of
from offbook.sync.http.transport import Transport

PAGE = 1_000
PAGES_MAX = 100
"""A hundred thousand changes of one record: a server that has more of them goes round in circles."""


def fetch_history(transport: Transport, table: Table, record_id: str) -> list[HistoryEntry]:
    """Every change of a record, the newest first. Raises NotFound where the server has no such record; SyncError."""
    record_id = uuid_of(record_id, "record_id")
    # A server of before would not understand which table.
    of_table = "" if table.name in FIRST_SCHEMA else f"&table={table.name}"
    entries: list[HistoryEntry] = []
    place: int | None = None
    for _ in range(PAGES_MAX):
        path = f"/history/{record_id}?limit={PAGE}{of_table}" + ("" if place is None else f"&before={place}")
        response = transport.send("GET", path, None, {"Offbook-Protocol": PROTOCOL})
        if response.status == 404 and problem_of(response) is not None:
            raise NotFound.of(messages.NO_RECORD_ON_SERVER, noun=table.singular)
        before, (page, place) = place, _page(table, record_id, json_of_answer(response))
        entries += page
        if place is None:
            return entries
        if not page or (before is not None and place >= before):
            break
    raise ServerFault.of(messages.ENDLESS_HISTORY, noun=table.singular)


def _page(table: Table, record_id: str, item: Json) -> tuple[list[HistoryEntry], int | None]:
    require(isinstance(item, dict) and isinstance(item.get("changes"), list), "changes")
    require(len(item["changes"]) <= PAGE, "changes")
    entries = [entry_from_json(table, record_id, change) for change in item["changes"]]
    place = item.get("next")
    return entries, None if place is None else seq_of(place)


# --- restoring -----------------------------------------------------------------------------------------------------


def record_of(connection: Connection, change_id: str) -> Key:
    """The record that one of this device's own changes was about. Raises NotFound."""
    sql = "SELECT table_name, record_id FROM change_log WHERE change_id = ?"
    key: Key | None = connection.execute(sql, (change_id,)).fetchone()
    if key is None:
        raise NotFound.of(messages.CHANGE_OF_OTHERS)
    return key


def find_entry(history: Iterable[HistoryEntry], change_id: str) -> HistoryEntry:
    """The entry of this change. Raises NotFound."""
    for entry in history:
        if entry.id == change_id:
            return entry
    raise NotFound.of(messages.NO_CHANGE, id=change_id)


def restore(
    connection: Connection,
    history: list[HistoryEntry],
    entry: HistoryEntry,
    cells: Iterable[str] | None,
    to: str,
    new_id: Callable[[], str],
    now_ms: int,
) -> str | None:
    """Give cells the values from before or after a change of the record whose history this is.

    Returns the id of the change that does it, None where all is so already. Raises Invalid.
    """
    if to not in (BEFORE, AFTER):
        raise Invalid.of(messages.BAD_SIDE, before=BEFORE, after=AFTER)
    values = restored_values(entry, cells, to, connection.schema[entry.key[0]].composite_cells)
    with change_log.without_logging(connection):
        sent = _sent_record(connection, entry.key)
        last = _last_cells(sent, history)
        patch = to_values(_visible(connection, sent, last), with_entries(values, last))
        return _append(connection, entry.key, patch, new_id, now_ms)


def restore_version(
    connection: Connection,
    history: list[HistoryEntry],
    entry: HistoryEntry,
    new_id: Callable[[], str],
    now_ms: int,
) -> str | None:
    """Make a record what it was right after a change. Returns as restore() does. Raises Invalid."""
    if entry.seq is None:
        raise Invalid.of(messages.CHANGED_NOTHING)
    key = entry.key
    with change_log.without_logging(connection):
        sent = _sent_record(connection, key)
        wanted = without_removed_entries(state_after(sent, history, entry.seq))
        if wanted.get(EXISTS) and any(wanted.get(name) is None for name in sent.table.required):
            raise Invalid.of(messages.CHANGE_TOO_OLD)
        patch = to_state(_visible(connection, sent, _last_cells(sent, history)), wanted)
        return _append(connection, key, patch, new_id, now_ms)


def _sent_record(connection: Connection, key: Key) -> Record:
    """The record as the server last sent it."""
    return (server_row(connection, key) or NO_SERVER_ROW).as_record(connection.schema[key[0]], key[1])


def _append(
    connection: Connection, key: Key, patch: Patch | None, new_id: Callable[[], str], now_ms: int
) -> str | None:
    if patch is None:
        return None
    change_id = new_id()
    append_patch(connection, key, patch, change_id, now_ms)
    return change_id


def _last_cells(sent: Record, history: list[HistoryEntry]) -> dict[str, Value]:
    """The record's cells as the history leaves them, with what was in it before it was deleted."""
    newest = max((entry.seq or 0 for entry in history), default=0)
    return {cell: value for cell, value in state_after(sent, history, newest).items() if cell != EXISTS}


def _visible(connection: Connection, sent: Record, last: Mapping[str, Value]) -> Record:
    """The record as it shows here; of one that does not, what the history has of it."""
    cells = visible_record(connection, sent.key)
    return sent._replace(deleted=cells is None, cells=last if cells is None else cells)
