"""The server's answers, as values. Nothing of an answer is believed before it was checked here.

What is no answer at all raises ServerFault, and nothing of it is applied. No row is left out, save those of a table
that this version does not know: cells that it does not know are left out of their row, and so are, with a warning,
those whose value is of the wrong type. Limits, choices and needs are for what a person types
(offbook.core.cells.lenient_validation): a newer server may have others, and an older device must never lose what it
says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from offbook import messages
from offbook.core.cells.lenient_validation import read_row
from offbook.core.cells.validation import Json
from offbook.core.conflicts.codec import CONFLICTS, ReceivedConflict, conflict_from_json
from offbook.core.errors import Invalid, OtherBook, ServerFault
from offbook.core.model import Key, Verdict
from offbook.core.protocol.requests import CHANGES_MAX, milliseconds
from offbook.core.protocol.rows import iso_micros
from offbook.core.protocol.validators import (
    CODE_CHARACTERS_MAX,
    DETAIL_CHARACTERS_MAX,
    clean_text,
    cursor_of,
    object_of,
    require,
    seq_of,
    time_of,
    uuid_of,
)
from offbook.core.schema import Schema, Table
from offbook.database.server_rows import ServerRow

logger = logging.getLogger("offbook")

ROWS_MAX = 10_000
CONFLICTS_MAX = 100_000
"""They come beside the records of a page: as many as the changes of one batch have cells, at the most."""

NOT_SENT = object()


class PageRow(NamedTuple):
    """A record of a page. ``data`` is None for a tombstone; ``left_out`` names what of it can't be held here.

    From a server that was restored: ``then`` is what it was there, ``deleted_ms`` when it was deleted since. ``batch``
    is that of the change which deleted it, as far as the server tells.
    """

    key: Key
    server: ServerRow
    data: Mapping[str, Json] | None
    then: ServerRow | None = None
    deleted_ms: int = 0
    left_out: tuple[str, ...] = ()
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The verdict on one change. ``record`` is what the answer shows of its record, or NOT_SENT."""

    change_id: str
    verdict: Verdict
    seq: int | None
    record: Any
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class SyncResponse:
    """The checked response to `POST /sync`: results, a page and the cursor after it.

    ``only`` are the tables that the page is of, None where it is of all. ``head`` is the book's seq when the changes
    were answered, None from a server that does not say it.
    """

    book: str
    results: list[ChangeResult]
    since: str | None
    rows: list[PageRow]
    conflicts: list[ReceivedConflict]
    cursor: str
    more: bool
    size: int = 0
    """How many changes the page has, those included that this replica can't hold."""
    only: tuple[str, ...] | None = None
    head: int | None = None


# --- a whole answer ------------------------------------------------------------------------------------------------


def check_book(own_book: str | None, book: str) -> None:
    """Raise OtherBook where the server speaks of another book than the one that this replica holds."""
    if own_book is not None and own_book != book:
        raise OtherBook.of(messages.OTHER_BOOK)


def book_of(body: Any) -> str:
    """Whose book an answer that is JSON already speaks of. Raises ServerFault."""
    return uuid_of(object_of(body).get("book"), "book")


def parse_response(schema: Schema, body: Any) -> SyncResponse:
    """Check an answer that is JSON already. Raises ServerFault."""
    item = object_of(body)
    changes: Json = item.get("changes")
    since: Json = item.get("since")
    require(isinstance(changes, list) and len(changes) <= CONFLICTS_MAX, "changes")
    cursor = cursor_of(item.get("cursor"))
    require(since is None or isinstance(since, str), "since")
    require(type(item.get("more")) is bool, "more")
    conflicts = [item for item in changes if _is_conflict(item)]
    records = [item for item in changes if not _is_conflict(item)] if conflicts else changes
    require(len(records) <= ROWS_MAX, "changes")
    results = [] if item.get("results") is None else results_of(item["results"])
    return SyncResponse(
        book_of(item),
        results,
        since,
        _newest(schema, records),
        [conflict for item in conflicts if (conflict := _conflict(schema, item)) is not None],
        cursor,
        item["more"],
        len(changes),
        _only(item.get("only")),
        head_of(item),
    )


def head_of(item: Mapping[str, Json]) -> int | None:
    """The book's seq when the changes of this answer had been taken; None where it does not say. Raises ServerFault."""
    return None if item.get("head") is None else seq_of(item["head"])


def _only(names: Json) -> tuple[str, ...] | None:
    if names is None:
        return None
    require(isinstance(names, list) and all(isinstance(name, str) for name in names), "only")
    return tuple(names)


def _newest(schema: Schema, records: list[Json]) -> list[PageRow]:
    """The rows of a page, each record once."""
    newest: dict[Key, PageRow] = {}
    for item in records:
        row = page_row(schema, item)
        if row is None:
            continue
        if row.key not in newest or newest[row.key].server.seq < row.server.seq:
            newest[row.key] = row
    return list(newest.values())


def results_of(item: Json) -> list[ChangeResult]:
    """The verdicts on what was sent. Raises ServerFault."""
    require(isinstance(item, list) and len(item) <= CHANGES_MAX, "results")
    return [_result(result) for result in item]


def _result(item: Json) -> ChangeResult:
    require(isinstance(item, dict), "results")
    verdict = item.get("verdict")
    require(verdict in list(Verdict), "verdict")
    record = item.get("record", NOT_SENT)
    require(record is NOT_SENT or record is None or isinstance(record, dict), "record")
    seq = None if item.get("seq") is None and record is NOT_SENT else seq_of(item.get("seq"))
    change_id = item.get("id")
    return ChangeResult(
        change_id.lower() if isinstance(change_id, str) else "",
        Verdict(verdict),
        seq,
        record,
        clean_text(item.get("code"), CODE_CHARACTERS_MAX),
        clean_text(item.get("detail"), DETAIL_CHARACTERS_MAX),
    )


# --- a row ---------------------------------------------------------------------------------------------------------


def page_row(schema: Schema, item: Json) -> PageRow | None:
    """A row of a page; None where it is of a table that this version does not know."""
    require(isinstance(item, dict), "changes")
    name = item.get("table")
    require(isinstance(name, str), "table")
    record_id = uuid_of(item.get("record_id"), "record_id")
    seq = seq_of(item.get("seq"))
    table = schema.get(name)
    if table is None:
        return None
    row = row_of(table, record_id, seq, item.get("data"))
    if item.get("batch") is not None:
        row = row._replace(batch=uuid_of(item["batch"], "batch"))
    if "then" not in item:
        return row
    then = row_of(table, record_id, seq, item["then"])
    return row._replace(then=then.server, deleted_ms=_millis(item.get("deleted_at")))


def _millis(time: Json) -> int:
    try:
        return milliseconds("deleted_at", time) if time_of(time) else 0
    except Invalid:
        return 0


def row_of(table: Table, record_id: str, seq: int, data: Json) -> PageRow:
    """A record as the server says it is."""
    key = (table.name, record_id)
    if data is None:
        return PageRow(key, ServerRow(seq, True, {}), None)
    require(isinstance(data, dict), "data")
    # Most of a row is empty, and checking nothing takes as long as checking something.
    data = {name: value for name, value in data.items() if value or _is_value(table, name, value)}
    cells, held, left_out = read_row(table, data)
    if left_out:
        names = ", ".join(left_out)[:200]
        logger.warning("The server's %s %s comes without what can't be held here: %a", table.name, record_id, names)
    created_at = time_of(data.get("created_at")) or iso_micros(seq)
    shown = {**held, "created_at": created_at, "updated_at": iso_micros(seq)}
    return PageRow(key, ServerRow(seq, False, cells, created_at), shown, left_out=left_out)


def _is_value(table: Table, name: str, value: Json) -> bool:
    """Whether what Python takes for false is more than nothing: zero is, and so is all of JSON but null."""
    return value is not None and (name in table.json_names or (value is not False and value == 0))


# --- a conflict ----------------------------------------------------------------------------------------------------


def _is_conflict(item: Json) -> bool:
    return isinstance(item, dict) and item.get("table") == CONFLICTS


def _conflict(schema: Schema, item: dict[str, Json]) -> ReceivedConflict | None:
    """A conflict as the server sent it; None where this replica can't hold it, or does not know its table."""
    conflict_id, seq, data = uuid_of(item.get("record_id"), "record_id"), seq_of(item.get("seq")), item.get("data")
    if data is None:
        return ReceivedConflict(conflict_id, seq)
    if isinstance(data, dict) and isinstance(data.get("table"), str) and data["table"] not in schema:
        return None
    try:
        return ReceivedConflict(conflict_id, seq, conflict_from_json(schema, conflict_id, seq, data))
    except (Invalid, ServerFault) as fault:
        logger.warning("The server's conflict %s can't be held here and is left out: %s", conflict_id, fault)
        return None
