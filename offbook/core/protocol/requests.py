"""Requests, read strictly; the protocol's version and every limit.

parse_push() takes JSON that anyone may have sent. A fault of the envelope raises Malformed and nothing of the request
counts; a fault inside one change becomes that change's Rejection and the others go on. What leaves here is clean:
known tables and cells, lower-case UUIDs, text without NUL or lone surrogates, numbers that every database can hold.
The replica runs the same checks before it sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from offbook.core import messages
from offbook.core.cells.validation import STRICT, UUID_TEXT, Json, Rules, parse_cells
from offbook.core.errors import Invalid, Malformed
from offbook.core.messages import Message
from offbook.core.model import NOTHING, Change, Cursor, Key, Operation, Rejection, Value, parts_of_value
from offbook.core.protocol.rows import EPOCH
from offbook.core.protocol.view import View
from offbook.core.schema import Schema, Table

PROTOCOL = "1"
"""Sent as the header Offbook-Protocol both ways."""

SCHEMA_HEADER = "Offbook-Schema"
"""The header that holds the shape of the sender's schema, both ways."""

CHANGES_MAX = 1_000
PAGE_MAX = 1_000
BODY_BYTES_MAX = 16 * 1024 * 1024
INTEGER_MAX = 2**63 - 1
BASES_MAX = 5_000
RESOLVES_MAX = 100

MILLISECOND = timedelta(milliseconds=1)
OPERATIONS = {operation.value: operation for operation in Operation}
PUSH_KEYS = frozenset({"changes", "since", "seen", "kept", "only", "sent_at", "parked"})
CHANGE_KEYS = frozenset(
    {
        "id",
        "table",
        "record_id",
        "operation",
        "replica",
        "timestamp",
        "base",
        "bases",
        "data",
        "resolves",
        "history",
        "batch",
    }
)


@dataclass(frozen=True, slots=True)
class Push:
    """A parsed ``POST /sync``. ``asks`` is whether it had a ``since`` at all; ``sent_at_ms`` is the device's clock.

    ``seen`` is the newest seq that the device was given for a change of its own, which may be newer than ``since``;
    ``kept`` asks what the page's records were at that seq. ``view`` is what the answer shows, ``page_view``
    what its page does: None, where that is all there is. ``shape`` is that of the server's tables by which it was
    read, where these may have grown since. ``knows_tables`` is whether its sender has all tables that the server has.
    """

    batch: list[Change | Rejection]
    asks: bool
    since: Cursor | None
    sent_at_ms: int | None
    parked: Mapping[str, int]
    seen: int = 0
    kept: int | None = None
    view: View | None = None
    page_view: View | None = None
    shape: str | None = None
    knows_tables: bool = True


# --- a push --------------------------------------------------------------------------------------------------------


def parse_push(
    schema: Schema,
    envelope: Json,
    default_replica: str,
    view: View | None = None,
    shape: str | None = None,
    *,
    knows_tables: bool = True,
) -> Push:
    """Read the body of ``POST /sync``. ``default_replica`` stands for a change that names none.

    ``schema`` are the tables that may be written to, ``view`` is what the sender is shown, ``shape`` that of all tables
    of the server, where the sender may know of them; ``knows_tables`` is whether it has them all itself. Raises
    Malformed for a fault of the envelope.
    """
    if not isinstance(envelope, dict):
        raise Malformed.of(messages.PUSH_NOT_AN_OBJECT)
    if unknown := envelope.keys() - PUSH_KEYS:
        raise Malformed.of(messages.UNKNOWN_KEY, key=min(unknown)[:80])
    changes = envelope.get("changes", [])
    if not isinstance(changes, list):
        raise Malformed.of(messages.CHANGES_NOT_A_LIST)
    if len(changes) > CHANGES_MAX:
        raise Malformed.of(messages.TOO_MANY_CHANGES, limit=CHANGES_MAX)
    return Push(
        [parse_change(schema, item, default_replica) for item in changes],
        "since" in envelope,
        _since(envelope.get("since")),
        _sent_at(envelope.get("sent_at")),
        _parked(envelope.get("parked")),
        _known_seq(messages.BAD_SEEN, envelope.get("seen")) or 0,
        _known_seq(messages.BAD_KEPT, envelope.get("kept")),
        view,
        view if envelope.get("only") is None else (view or View(schema)).only_of(envelope["only"]),
        shape,
        knows_tables,
    )


def _since(value: Json) -> Cursor | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Malformed.of(messages.SINCE_NOT_A_CURSOR)
    return parse_cursor(value)


def parse_cursor(text: str) -> Cursor:
    """The cursor that this text is. Raises Malformed where the server can't have made it."""
    epoch, *numbers = text.split(".")
    is_epoch = 0 < len(epoch) <= 64 and epoch.isascii() and epoch.isprintable()
    if is_epoch and len(numbers) in (1, 2) and all(is_seq(number) for number in numbers):
        return Cursor(epoch, *(int(number) for number in numbers))
    raise Malformed.of(messages.BAD_CURSOR)


def is_seq(text: str) -> bool:
    """Whether a text is a number that every database can hold, written in digits and no other way."""
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= INTEGER_MAX


def _known_seq(flaw: Message, value: Json) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value <= INTEGER_MAX):
        raise Malformed.of(flaw)
    return value


def _sent_at(value: Json) -> int | None:
    try:
        return None if value is None else milliseconds("sent_at", value)
    except Invalid as invalid:
        raise Malformed(invalid.fault) from None


def _parked(value: Json) -> Mapping[str, int]:
    if value is None:
        return NOTHING
    if not isinstance(value, dict) or len(value) > 100:
        raise Malformed.of(messages.BAD_PARKED)
    for code, count in value.items():
        if len(code) > 40 or not code.isascii() or type(count) is not int or not 0 <= count <= INTEGER_MAX:
            raise Malformed.of(messages.BAD_PARKED)
    return value


# --- one change ----------------------------------------------------------------------------------------------------


def parse_change(schema: Schema, item: Json, default_replica: str, rules: Rules = STRICT) -> Change | Rejection:
    """Check one change. Whatever is wrong with it, the answer is a value: its neighbours are not to suffer."""
    if not isinstance(item, dict):
        return Rejection(None, messages.CHANGE_NOT_AN_OBJECT.fault())
    try:
        change_id = _uuid("id", item.get("id"))
    except Invalid as invalid:
        return Rejection(None, invalid.fault)
    try:
        return _change(schema, change_id, item, default_replica, rules)
    except Invalid as invalid:
        return Rejection(change_id, invalid.fault, _key(schema, item))


def build_change(
    change_id: str,
    table: Table,
    record_id: str,
    operation: Operation,
    replica: str,
    timestamp_ms: int,
    base: int = 0,
    data: Json = None,
    rules: Rules = STRICT,
    batch: str | None = None,
) -> Change | Rejection:
    """A change that is made here, of the same values and by the same checks as one that was sent.

    ``data`` are the cells that it writes, as they stand on the wire; a deletion needs none.
    """
    try:
        return Change(
            _uuid("id", change_id),
            table,
            _uuid("record_id", record_id),
            operation,
            replica,
            timestamp_ms,
            _seq("base", base),
            _cells(table, data, operation, rules),
            batch=_batch(batch),
        )
    except Invalid as invalid:
        return Rejection(change_id, invalid.fault, (table.name, record_id))


def _cells(table: Table, data: Json, operation: Operation, rules: Rules) -> dict[str, Value]:
    return {} if operation is Operation.DELETE else parse_cells(table, data, operation, rules)


def _without_later_parts(table: Table, data: Json, cells: dict[str, Value]) -> dict[str, Value]:
    """The cells of a change, without the parts that its sender is too old to know: such a cell has its first parts."""
    for map_ in table.maps:
        for cell, first in map_.first_parts.items():
            for key, entry in (data.get(map_.name) or {}).items() if cells else ():
                if entry and entry.keys() & map_.names_in[cell] == first:
                    name = f"{map_.name}/{key}/{cell}"
                    cells[name] = parts_of_value(cells[name], len(map_.cells[cell]))[: len(first)]
    return cells


def _key(schema: Schema, item: dict[str, Json]) -> Key | None:
    """The record that a faulty change is about; None where it does not say."""
    try:
        return _table(schema, item.get("table")).name, _uuid("record_id", item.get("record_id"))
    except Invalid:
        return None


def _change(schema: Schema, change_id: str, item: dict[str, Json], default_replica: str, rules: Rules) -> Change:
    if not item.keys() <= CHANGE_KEYS:
        raise Invalid.of(messages.UNKNOWN_KEY_OF_CHANGE, key=min(item.keys() - CHANGE_KEYS)[:80])
    table = _table(schema, item.get("table"))
    operation = _operation(item.get("operation"))
    replica = item.get("replica")
    return Change(
        change_id,
        table,
        _uuid("record_id", item.get("record_id")),
        operation,
        default_replica if replica is None else _uuid("replica", replica),
        milliseconds("timestamp", item.get("timestamp")),
        _base(item.get("base"), operation),
        _without_later_parts(table, item.get("data"), _cells(table, item.get("data"), operation, rules)),
        _bases(table, item.get("bases")),
        _resolves(item.get("resolves")),
        _history(item.get("history")),
        _batch(item.get("batch")),
    )


def _table(schema: Schema, name: Json) -> Table:
    table = schema.get(name) if isinstance(name, str) else None
    if table is None:
        raise Invalid.of(messages.UNKNOWN_TABLE, tables=", ".join(schema))
    return table


def _operation(name: Json) -> Operation:
    operation = OPERATIONS.get(name) if isinstance(name, str) else None
    if operation is None:
        raise Invalid.of(messages.UNKNOWN_OPERATION, operations=", ".join(OPERATIONS))
    return operation


def _base(value: Json, operation: Operation) -> int:
    if value is None and operation is Operation.INSERT:
        return 0
    if value is None:
        raise Invalid.of(messages.BASE_MISSING, operation=operation)
    return _seq("base", value)


def _seq(name: str, value: Json) -> int:
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise Invalid.of(messages.BAD_BASE, field=name, most=INTEGER_MAX)
    return value


def _bases(table: Table, value: Json) -> Mapping[str, int]:
    if value is None:
        return NOTHING
    if not isinstance(value, dict) or len(value) > BASES_MAX:
        raise Invalid.of(messages.BAD_BASES)
    for cell, seq in value.items():
        if not table.has_cell(cell):
            raise Invalid.of(messages.UNKNOWN_CELL_OF_BASES, name=cell[:80], table=table.name)
        _seq(f"bases[{cell!a}]", seq)
    return value


def _resolves(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > RESOLVES_MAX:
        raise Invalid.of(messages.BAD_RESOLVES, limit=RESOLVES_MAX)
    return tuple(_uuid("resolves", conflict_id) for conflict_id in value)


def _history(value: Json) -> bool:
    if value is not None and type(value) is not bool:
        raise Invalid.of(messages.BAD_HISTORY)
    return bool(value)


def _batch(value: Json) -> str | None:
    return None if value is None else _uuid("batch", value)


def _uuid(name: str, value: Json) -> str:
    if isinstance(value, str) and UUID_TEXT.fullmatch(value):
        return value.lower()
    raise Invalid.of(messages.BAD_ID, field=name)


def milliseconds(name: str, value: Json) -> int:
    """An ISO time with an offset in milliseconds since 1970. Raises Invalid, which calls it ``name``."""
    try:
        return (_parse_time(value) - EPOCH) // MILLISECOND
    except (TypeError, ValueError, OverflowError):
        raise Invalid.of(messages.BAD_TIME, field=name) from None


def _parse_time(value: Json) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset may mean any of 24 hours")
    return moment.astimezone(UTC)
