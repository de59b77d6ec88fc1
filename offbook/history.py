"""The history of a record, asked for at the server and checked like everything that comes from there.

It is not kept on the device: a phone would fill up with what is asked for once a year. What was read is only shown, or
is what a person gives back by an ordinary change of this device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from offbook.core.errors import CursorGone, Invalid, NotFound, ServerFault
from offbook.core.history.entry import (
    AFTER,
    BEFORE,
    DiscardedValue,
    HistoryEntry,
    WinningChange,
    restored_values,
    state_after,
    with_entries,
    without_removed_entries,
)
from offbook.core.history.reconstruct import to_state, to_values
from offbook.core.model import Clock, Record, Value
from offbook.core.protocol.requests import OPERATIONS, PROTOCOL
from offbook.core.schema import CONTACTS, EXISTS, TABLES, Table
from offbook.core.validation import LENIENT, Json, value_of
from offbook.database import change_log
from offbook.database.edits import append_patch
from offbook.database.server_rows import NO_SERVER_ROW, Key, server_row, visible_record
from offbook.sync.http_errors import json_of_answer, problem_of
from offbook.sync.response import VERDICTS
from offbook.sync.transport import Response, Transport
from offbook.sync.validators import (
    CODE_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    clean_text,
    require,
    seq_of,
    time_of,
    uuid_of,
)

if TYPE_CHECKING:
    import sqlite3

PAGE = 1_000
PAGES_MAX = 100
"""A hundred thousand changes of one record: a server that tells more goes round in circles."""


def history(transport: Transport, record_id: str) -> list[HistoryEntry]:
    """Every change of a record, the newest first. Raises NotFound where the server has no such record; SyncError."""
    found: list[HistoryEntry] = []
    place: int | None = None
    for _ in range(PAGES_MAX):
        from_place = "" if place is None else f"&before={place}"
        path = f"/history/{uuid_of(record_id, 'record_id')}?limit={PAGE}{from_place}"
        response = transport.send("GET", path, None, {"Offbook-Protocol": PROTOCOL})
        if response.status == 404 and problem_of(response) is not None:
            raise NotFound("The server has no such contact (any more), and so no history of it.")
        before, (changes, place) = place, _page(_json_of(response), CONTACTS)
        found += changes
        if place is None:
            return found
        if not changes or (before is not None and place >= before):
            break
    raise ServerFault("The server's history of this contact has no end.")


def _json_of(response: Response) -> Json:
    try:
        return json_of_answer(response)
    except CursorGone:
        raise ServerFault("The server answers a question that was not asked.") from None


def _page(item: Json, table: Table) -> tuple[list[HistoryEntry], int | None]:
    require(isinstance(item, dict) and isinstance(item.get("changes"), list), "changes")
    require(len(item["changes"]) <= PAGE, "changes")
    place = item.get("next")
    return [_past(table, one) for one in item["changes"]], None if place is None else seq_of(place)


def _past(table: Table, item: Json) -> HistoryEntry:
    require(isinstance(item, dict) and item.get("verdict") in list(VERDICTS), "verdict")
    at, operation, beaten = time_of(item.get("at")), item.get("operation"), item.get("beaten")
    require(at is not None, "time")
    return HistoryEntry(
        uuid_of(item.get("id"), "id"),
        _seq(item.get("seq")),
        str(at),
        time_of(item.get("timestamp")),
        operation if operation in list(OPERATIONS) else None,
        item["verdict"],
        clean_text(item.get("user"), NAME_CHARACTERS_MAX),
        clean_text(item.get("device"), NAME_CHARACTERS_MAX),
        clean_text(item.get("replica"), NAME_CHARACTERS_MAX),
        _seq(item.get("base")),
        _bases(table, item.get("bases")),
        _cells(table, item.get("data")),
        _cells(table, item.get("before")),
        item.get("created") is True,
        tuple(lost for one in (beaten if isinstance(beaten, list) else ()) for lost in _lost(table, one)),
    )


def _seq(value: Json) -> int | None:
    return None if value is None else seq_of(value)


def _bases(table: Table, item: Json) -> Mapping[str, int]:
    given = item if isinstance(item, dict) else {}
    return {cell: seq_of(seq) for cell, seq in given.items() if table.has_cell(cell)}


def _cells(table: Table, item: Json) -> dict[str, Value]:
    """Those that this device knows and could hold."""
    cells: dict[str, Value] = {}
    for cell, value in (item if isinstance(item, dict) else {}).items():
        try:
            cells[cell] = value_of(table, cell, value, LENIENT)
        except Invalid:
            continue
    return cells


def _lost(table: Table, item: Json) -> Iterable[DiscardedValue]:
    require(isinstance(item, dict) and isinstance(item.get("winner"), dict), "beaten")
    winner: dict[str, Any] = item["winner"]
    won = WinningChange(
        uuid_of(winner.get("change_id"), "change_id"),
        clean_text(winner.get("user"), NAME_CHARACTERS_MAX),
        clean_text(winner.get("device"), NAME_CHARACTERS_MAX),
        time_of(winner.get("at")),
    )
    rule = clean_text(item.get("rule"), CODE_CHARACTERS_MAX) or ""
    return [
        DiscardedValue(cell, value, rule, won)
        for cell, value in _cells(table, {item.get("cell"): item.get("value")}).items()
    ]


# --- giving back ---------------------------------------------------------------------------------------------------


def record_of(connection: sqlite3.Connection, change_id: str) -> str:
    """The record that one of this device's own changes was about. Raises NotFound."""
    found = connection.execute("SELECT record_id FROM change_log WHERE change_id = ?", (change_id,)).fetchone()
    if found is None:
        raise NotFound("This device did not make that change: say which contact it was about.")
    return str(found[0])


def find(past: Iterable[HistoryEntry], change_id: str) -> HistoryEntry:
    """Raises NotFound."""
    for one in past:
        if one.id == change_id:
            return one
    raise NotFound(f"The history of this contact has no change with the id {change_id!a}.")


def restore(
    connection: sqlite3.Connection,
    record_id: str,
    told: list[HistoryEntry],
    past: HistoryEntry,
    cells: Iterable[str] | None,
    to: str,
    new_id: Callable[[], str],
    now_ms: int,
) -> str | None:
    """Give cells the values from before or after a change. Returns the id of the change that does; None: all is so."""
    if to not in (BEFORE, AFTER):
        raise Invalid("bad_choice", f"to is {BEFORE} or {AFTER} the change.")
    key = (CONTACTS.name, record_id)
    values = restored_values(past, past.created, cells, to)
    with change_log.without_logging(connection):
        last = _last(connection, key, told)
        wish = to_values(_record(connection, key, last), with_entries(values, last))
        if wish is None:
            return None
        change_id = new_id()
        append_patch(connection, key, wish, change_id, now_ms)
    return change_id


def restore_version(
    connection: sqlite3.Connection,
    record_id: str,
    told: list[HistoryEntry],
    past: HistoryEntry,
    new_id: Callable[[], str],
    now_ms: int,
) -> str | None:
    """Make a record what it was right after a change."""
    if past.seq is None:
        raise Invalid("no_version", "This change altered nothing: choose the one before it.")
    key = (CONTACTS.name, record_id)
    with change_log.without_logging(connection):
        wanted = without_removed_entries(state_after(_restored_data(connection, key), told, past.seq))
        if wanted.get(EXISTS) and any(wanted.get(name) is None for name in TABLES[key[0]].required):
            raise Invalid("too_old", "The history does not reach back so far any more: choose a later change.")
        wish = to_state(_record(connection, key, _last(connection, key, told)), wanted)
        if wish is None:
            return None
        change_id = new_id()
        append_patch(connection, key, wish, change_id, now_ms)
    return change_id


def _restored_data(connection: sqlite3.Connection, key: Key) -> Record:
    """The record as the server last said it is."""
    row = server_row(connection, key) or NO_SERVER_ROW
    return Record(*key, row.seq, row.deleted, row.cells, Clock(0, 0, "", ""), {})


def _last(connection: sqlite3.Connection, key: Key, told: list[HistoryEntry]) -> dict[str, Value]:
    """The record as the history leaves it, with what was in it before it was deleted."""
    newest = max((one.seq or 0 for one in told), default=0)
    cells = state_after(_restored_data(connection, key), told, newest)
    return {cell: value for cell, value in cells.items() if cell != EXISTS}


def _record(connection: sqlite3.Connection, key: Key, last: Mapping[str, Value]) -> Record:
    """The record as it shows here; of one that does not, what the history knows of it."""
    as_told, cells = _restored_data(connection, key), visible_record(connection, key)
    have = last if cells is None else cells
    return Record(*key, as_told.seq, cells is None, have, as_told.created, {})
