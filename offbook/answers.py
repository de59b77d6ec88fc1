"""The server's answers, as values. Nothing of an answer is believed before it was checked here.

What is no answer at all raises ServerFault, and nothing of it is applied. A row that this replica can't hold (values
beyond its limits, a table that it does not know) is left out and the rest goes on; cells that it does not know are
left out of their row: a newer server may have them, and an older device must never erase them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from offbook.core.cells import Json, cells_of, value_of
from offbook.core.changes import Operation, Value, Verdict
from offbook.core.digests import MODULUS
from offbook.core.errors import CursorGone, Invalid, NotAuthorized, Refused, ServerFault, SyncError
from offbook.core.ranges import RECORDS_MAX, Sum
from offbook.core.resolving import CONFLICTS
from offbook.core.tables import EXISTS, TABLES, Table
from offbook.core.wire import UUID_TEXT, iso_micros
from offbook.local import Key, ServerRow
from offbook.transport import Response

logger = logging.getLogger("offbook")

SEQ_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999: a seq is a time, and must be one that can be written."""

ROWS_MAX = 10_000
CONFLICTS_MAX = 100_000
"""They come beside the records of a page: as many as the changes of one batch have cells, at the most."""

CURSOR_CHARACTERS_MAX = 200
CODE_CHARACTERS_MAX = 40
DETAIL_CHARACTERS_MAX = 1_000
NAME_CHARACTERS_MAX = 200
SIDES = ("ours", "theirs")
RETRY_SECONDS_MAX = 3_600.0
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})")
VERDICTS = frozenset(verdict.value for verdict in Verdict)
REASONS = ("pruned", "epoch", "unknown")
COUNT_MAX = 10_000_000
"""Far more records than any book has: what is looked for in more would not be found for years."""

NOT_SENT = object()


class Version(NamedTuple):
    """One of the two versions of a conflict, and who brought it when, as the device's clock had it."""

    value: Value
    user: str | None
    device: str | None
    at: str | None


class Waiting(NamedTuple):
    """A conflict of a page; ``ours`` is None where it is settled."""

    id: str
    seq: int
    key: Key = ("", "")
    cell: str = ""
    common: Value = None
    ours: Version | None = None
    theirs: Version | None = None


class Row(NamedTuple):
    """A record of a page. ``data`` is None for a tombstone."""

    key: Key
    server: ServerRow
    data: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one change. ``record`` is what the answer shows of its record, or NOT_SENT."""

    change_id: str
    verdict: Verdict
    seq: int | None
    record: Any
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    book: str
    results: list[Result]
    since: str | None
    rows: list[Row]
    conflicts: list[Waiting]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What ranges of records hold, and at which cursor. ``records`` are the digests of those that were told."""

    book: str
    cursor: str
    shape: int
    sums: list[Sum]
    records: list[Mapping[str, int] | None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The rows that were asked for, by id. None where this replica can't hold one."""

    book: str
    cursor: str
    rows: Mapping[str, Row | None]


# --- a whole answer ------------------------------------------------------------------------------------------------


def answer_of(response: Response) -> Answer:
    """What the server answered to ``POST /sync``. Raises CursorGone or what it refused the request with."""
    if response.status != 200:
        raise error_of(response)
    return parse(json_of(response.body))


def parse(item: Any) -> Answer:
    """Check an answer that is JSON already. Raises ServerFault."""
    if not isinstance(item, dict):
        raise ServerFault("The server's answer is not an object.")
    changes: Json = item.get("changes")
    since: Json = item.get("since")
    need(isinstance(changes, list) and len(changes) <= CONFLICTS_MAX, "changes")
    cursor = _cursor(item.get("cursor"))
    need(since is None or isinstance(since, str), "since")
    need(type(item.get("more")) is bool, "more")
    records = [one for one in changes if not _is_conflict(one)]
    need(len(records) <= ROWS_MAX, "changes")
    found = [] if item.get("results") is None else results_of(item["results"])
    return Answer(
        uuid_of(item.get("book"), "book"),
        found,
        since,
        _newest(records),
        [conflict for one in changes if _is_conflict(one) and (conflict := _conflict(one)) is not None],
        cursor,
        item["more"],
    )


def _newest(records: list[Json]) -> list[Row]:
    """The rows of a page, each record once."""
    newest: dict[Key, Row] = {}
    for one in records:
        row = _row(one)
        if row is None:
            continue
        if row.key not in newest or newest[row.key].server.seq < row.server.seq:
            newest[row.key] = row
    return list(newest.values())


def json_of(body: str | bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ServerFault("The server's answer is not JSON. Is this the address of an offbook server?") from None


def need(holds: bool, name: str) -> None:
    if not holds:
        raise ServerFault(f"The server's answer has no {name} that can be understood.")


def uuid_of(value: Json, name: str) -> str:
    need(isinstance(value, str) and UUID_TEXT.fullmatch(value) is not None, name)
    return str(value).lower()


def seq_of(value: Json) -> int:
    need(type(value) is int and 0 <= value <= SEQ_MAX, "seq")
    return int(value)


def words(value: Json, characters_max: int) -> str | None:
    """Text that is only shown: cut, and without what no database takes."""
    if not isinstance(value, str):
        return None
    return value[:characters_max].replace("\0", "").encode("utf-8", "replace").decode()


def results_of(item: Json) -> list[Result]:
    """The verdicts on what was sent. Raises ServerFault."""
    need(isinstance(item, list), "results")
    return [_result(one) for one in item]


def _result(item: Json) -> Result:
    need(isinstance(item, dict), "results")
    verdict = item.get("verdict")
    need(isinstance(verdict, str) and verdict in VERDICTS, "verdict")
    record = item.get("record", NOT_SENT)
    need(record is NOT_SENT or record is None or isinstance(record, dict), "record")
    seq = None if item.get("seq") is None and record is NOT_SENT else seq_of(item.get("seq"))
    change_id = item.get("id")
    return Result(
        change_id.lower() if isinstance(change_id, str) else "",
        Verdict(verdict),
        seq,
        record,
        words(item.get("code"), CODE_CHARACTERS_MAX),
        words(item.get("detail"), DETAIL_CHARACTERS_MAX),
    )


# --- what is compared ----------------------------------------------------------------------------------------------


def compared_of(response: Response, asked: int) -> Compared:
    """What the server answered to ``POST /verify`` about so many ranges. Raises what it refused, or ServerFault."""
    item = _good(response)
    found: Json = item.get("ranges")
    need(isinstance(found, list) and len(found) == asked and all(isinstance(one, dict) for one in found), "ranges")
    sums = [Sum(_number(one.get("count"), COUNT_MAX), _number(one.get("digest"), MODULUS - 1)) for one in found]
    records = [_digests(one.get("records"), told.count) for one, told in zip(found, sums, strict=True)]
    shape = _number(item.get("shape"), MODULUS - 1)
    return Compared(uuid_of(item.get("book"), "book"), _cursor(item.get("cursor")), shape, sums, records)


def _digests(item: Json, count: int) -> Mapping[str, int] | None:
    if item is None:
        return None
    need(isinstance(item, dict) and len(item) == count <= RECORDS_MAX, "records")
    return {uuid_of(record_id, "records"): _number(one, MODULUS - 1) for record_id, one in item.items()}


def fetched_of(response: Response, table: Table, ids: Sequence[str]) -> Fetched:
    """What the server answered to ``POST /rows``: each id once and no other. Raises what it refused, or ServerFault."""
    item = _good(response)
    found: Json = item.get("rows")
    need(isinstance(found, list) and len(found) == len(ids), "rows")
    rows: dict[str, Row | None] = {}
    for one in found:
        row = _row(one)
        rows[uuid_of(one["record_id"], "rows")] = row if row is None or row.key[0] == table.name else None
    need(rows.keys() == set(ids), "rows")
    return Fetched(uuid_of(item.get("book"), "book"), _cursor(item.get("cursor")), rows)


def _good(response: Response) -> dict[str, Json]:
    if response.status != 200:
        raise error_of(response)
    item = json_of(response.body)
    if not isinstance(item, dict):
        raise ServerFault("The server's answer is not an object.")
    return item


def _number(value: Json, most: int) -> int:
    need(type(value) is int and 0 <= value <= most, "number")
    return int(value)


def _cursor(value: Json) -> str:
    need(isinstance(value, str) and 0 < len(value) <= CURSOR_CHARACTERS_MAX and value.isprintable(), "cursor")
    return str(value)


# --- a row ---------------------------------------------------------------------------------------------------------


def _row(item: Json) -> Row | None:
    need(isinstance(item, dict), "changes")
    table = item.get("table")
    need(isinstance(table, str), "table")
    record_id = uuid_of(item.get("record_id"), "record_id")
    seq = seq_of(item.get("seq"))
    return row_of(TABLES[table], record_id, seq, item.get("data")) if table in TABLES else None


def row_of(table: Table, record_id: str, seq: int, data: Json) -> Row | None:
    """A record as the server says it is; None where this replica can't hold it."""
    key = (table.name, record_id)
    if data is None:
        return Row(key, ServerRow(seq, True, {}), None)
    if isinstance(data, dict):  # most of a row is empty, and checking nothing takes as long as checking something
        data = {name: value for name, value in data.items() if value or (value == 0 and value is not False)}
    try:
        cells = cells_of(table, data, Operation.INSERT)
    except Invalid as fault:
        if fault.code == "unknown_cell":
            return row_of(table, record_id, seq, _known(table, data))
        logger.warning("The server's %s %s can't be held here and is left out: %s", table.name, record_id, fault)
        return None
    if not _is_whole(table, data):
        logger.warning("The server's %s %s has an entry that is not whole, and is left out", table.name, record_id)
        return None
    created_at = data.get("created_at")
    if not (isinstance(created_at, str) and TIME.fullmatch(created_at)):
        created_at = iso_micros(seq)
    shown = {**data, "created_at": created_at, "updated_at": iso_micros(seq)}
    return Row(key, ServerRow(seq, False, cells, created_at), shown)


def _is_whole(table: Table, data: Mapping[str, Json]) -> bool:
    for map_ in table.maps:
        entries = data.get(map_.name)
        if entries and not all(entry and entry.get(name) for entry in entries.values() for name in map_.required):
            return False
    return True


def _known(table: Table, data: Mapping[str, Json]) -> dict[str, Json]:
    """``data`` without the cells that this replica does not know."""
    known = {name: data[name] for name in (*table.by_name, "created_at") if name in data}
    for map_ in table.maps:
        entries = data.get(map_.name)
        known[map_.name] = dict(_known_entries(entries, map_.by_name)) if isinstance(entries, dict) else entries
    return known


def _known_entries(entries: Mapping[str, Json], attributes: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    for key, entry in entries.items():
        if isinstance(entry, dict):
            entry = {name: value for name, value in entry.items() if name in attributes}
        yield key, entry


# --- a conflict ----------------------------------------------------------------------------------------------------


def _is_conflict(item: Json) -> bool:
    return isinstance(item, dict) and item.get("table") == CONFLICTS


def _conflict(item: dict[str, Json]) -> Waiting | None:
    """A conflict as the server tells it; None where this replica can't hold it."""
    conflict_id, seq, data = uuid_of(item.get("record_id"), "record_id"), seq_of(item.get("seq")), item.get("data")
    if data is None:
        return Waiting(conflict_id, seq)
    try:
        return _waiting(conflict_id, seq, data)
    except (Invalid, ServerFault) as fault:
        logger.warning("The server's conflict %s can't be held here and is left out: %s", conflict_id, fault)
        return None


def _waiting(conflict_id: str, seq: int, data: Json) -> Waiting:
    need(isinstance(data, dict) and data.get("table") in list(TABLES), "conflicts")
    table, cell = TABLES[data["table"]], data.get("cell")
    need(isinstance(cell, str), "cell")
    key = (table.name, uuid_of(data.get("record_id"), "record_id"))
    common, *versions = (value_of(table, cell, data.get(name)) for name in ("common", "ours", "theirs"))
    if cell.rpartition("/")[2] == EXISTS:
        versions = [bool(value) for value in versions]
    ours, theirs = (Version(value, *_by(data.get(f"{name}_by"))) for name, value in zip(SIDES, versions, strict=True))
    return Waiting(conflict_id, seq, key, cell, common, ours, theirs)


def _by(author: Json) -> tuple[str | None, str | None, str | None]:
    """Who and when, which is only shown."""
    given = author if isinstance(author, dict) else {}
    return (
        words(given.get("user"), NAME_CHARACTERS_MAX),
        words(given.get("device"), NAME_CHARACTERS_MAX),
        time_of(given.get("at")),
    )


def time_of(value: Json) -> str | None:
    return value if isinstance(value, str) and TIME.fullmatch(value) else None


# --- refusals ------------------------------------------------------------------------------------------------------


def error_of(response: Response) -> SyncError | CursorGone:
    """What a status other than 200 means."""
    status, problem = response.status, _problem(response)
    said = problem.get("detail") or "No reason was given."
    retry = retry_after_seconds(response)
    match status:
        case 401 | 403:
            return NotAuthorized(f"The server does not accept this device's token: {said}", retry)
        case 410 if problem.get("code") == CursorGone.code:
            return _cursor_gone(problem)
        case 408 | 429 | 503:
            return SyncError(f"The server is busy: {said}", retry)
        case _ if 400 <= status < 500:
            refused = Refused(said, status)
            refused.code = problem.get("code") or f"http_{status}"
            return refused
        case _ if 300 <= status < 400:
            return ServerFault("The server sends elsewhere: give its new address to this replica.", retry)
    return ServerFault(f"The server failed (status {status}): {said}", retry)


def _cursor_gone(problem: Mapping[str, Json]) -> CursorGone:
    reason, kept = problem.get("reason"), problem.get("kept")
    need(reason in REASONS, "reason")
    return CursorGone(str(reason), seq_of(kept), uuid_of(problem.get("book"), "book"))


def _problem(response: Response) -> dict[str, Json]:
    try:
        problem = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(problem, dict):
        return {}
    texts = {"detail": DETAIL_CHARACTERS_MAX, "code": CODE_CHARACTERS_MAX}
    return problem | {name: words(problem.get(name), most) for name, most in texts.items()}


def retry_after_seconds(response: Response) -> float | None:
    """``Retry-After`` in seconds, within reason. Its other form, a date, is measured by the server's own clock."""
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), RETRY_SECONDS_MAX)
    then, now = date_ms(value), date_ms(response.header("Date"))
    return None if then is None or now is None else min(max((then - now) / 1000, 0.0), RETRY_SECONDS_MAX)


def date_ms(value: str | None) -> int | None:
    """An HTTP date in milliseconds since 1970."""
    try:
        return int(parsedate_to_datetime(value or "").timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None
