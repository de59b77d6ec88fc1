"""The tutorial form: changes and rows of clients that know integer ids, whole rows and ISO times, and nothing else.

Such a client logs that it touched a row, and later sends the row as it is by then, with no base. It first pulls
``since`` the last timestamp that it was given, and replaces its rows by what comes. So the server remembers per
device and record what the client must have (``Known``): the row ``held``, last taken from it or confirmed by its
``since``, and the row ``offered``, served and not confirmed. A cell is a change where it differs from both; its base is
what came with ``held``. From there on a change is a change like any other, and the planner decides.

A timestamp is a seq as ISO time, by integer arithmetic. What an earlier answer covers already and must be served
once more (a row that lost, a record that was pruned) gets timestamps just below ``since``, and so moves the cursor back
by as much: that shows, in the next ``since``, that it arrived. Nothing here knows how anything is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from offbook.contacts.table import CONTACTS
from offbook.core import messages
from offbook.core.cells.validation import Json, parse_cells
from offbook.core.errors import Invalid, Malformed
from offbook.core.merge.retention import is_purged
from offbook.core.model import Change, Operation, Record, Rejection, Value, Verdict
from offbook.core.protocol.requests import INTEGER_MAX, OPERATIONS
from offbook.core.protocol.rows import iso_micros

TABLE = CONTACTS.name
CELLS = ("name", "email", "phone")
"""All that such a client knows of a record, besides ``id`` and ``updated_at``. Other cells stay as they are."""

Row = Mapping[str, Value]

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:Z|([-+ ])([0-9]{2}):?([0-9]{2}))?)?"
)
BEGINNING = frozenset({"", "0", "null", "None"})
"""What a client sends as ``since`` that has no timestamp yet and does not write the first second of 1970."""


@dataclass(frozen=True, slots=True)
class TutorialChange:
    """One pushed change as it came. ``data`` is None where the row was gone when it was sent."""

    change_id: str
    table: str
    number: int
    operation: Operation
    timestamp: int
    data: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Known:
    """What a device must have of a record that it calls by a number. No row at all is None.

    ``offered_seq`` says which ``since`` confirms the offered row: itself and all later ones where it is positive; where
    it is negative, only the microsecond before its amount, to which that answer moved the cursor back. 0: it was not
    served yet. None: nothing is offered.

    ``was_served`` tells whether a row was served since the device last confirmed that the record is gone. A deletion
    that it sends may then have been typed before such a row arrived, so that the row is on the device in spite of it.
    """

    record_id: str
    held: Row | None = None
    held_seq: int = 0
    offered: Row | None = None
    offered_seq: int | None = None
    was_served: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the device has no row of this record any more, so that it may call a new one by the number."""
        if self.offered_seq == 0:
            return self.held is None or self.offered is None
        return (self.held if self.offered_seq is None else self.offered) is None

    @property
    def last(self) -> Known:
        """The same with the row that came last as the one held, and nothing offered."""
        if self.offered is None or not self.offered_seq:
            return replace(self, offered=None, offered_seq=None)
        return Known(self.record_id, self.offered, abs(self.offered_seq), was_served=self.was_served)

    def offering(self, row: Row | None, seq: int) -> Known:
        """The same once this row was served, with the ``offered_seq`` that tells what confirms it."""
        return replace(self, offered=row, offered_seq=seq, was_served=self.was_served or row is not None)


@dataclass(frozen=True, slots=True)
class TutorialStep:
    """A change for the planner, and what the device has with it, where nothing else stands against it.

    It is not ``sure`` that the device has this row where it sent a deletion and a row may have come back meanwhile.
    """

    change: Change
    known: Known
    sure: bool = True


# --- times ---------------------------------------------------------------------------------------------------------


def parse_time_us(text: str) -> int | None:
    """An ISO time in microseconds since 1970; None where it is none.

    Without an offset it means UTC. A space for the offset's sign is a ``+`` that was not encoded in a URL.
    """
    match = MOMENT.fullmatch(text)
    if match is None:
        return None
    *digits, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime(*(int(part or 0) for part in digits))  # type: ignore[arg-type]
    except ValueError:
        return None
    offset_minutes = 60 * int(hours or 0) + int(minutes or 0)
    if int(minutes or 0) > 59 or offset_minutes >= 24 * 60:
        return None
    micros = (moment - EPOCH) // MICROSECOND + int((fraction or "").ljust(6, "0")[:6])
    return micros + (60_000_000 if sign == "-" else -60_000_000) * offset_minutes


def format_time(micros: int) -> str:
    """The time as such a client reads it: six digits and an offset."""
    return iso_micros(micros)[:-1] + "+00:00"


def parse_since(text: str) -> int | None:
    """The time that a pull asks from, in microseconds since 1970; None where the text is no such time."""
    return 0 if text in BEGINNING else parse_time_us(text)


# --- a pushed change -----------------------------------------------------------------------------------------------


def parse_item(body: Json, device: str) -> TutorialChange:
    """Read the body of a push. Raises Malformed where it is no such change: all else gets a verdict.

    The change's id is derived from its content, so that a repeated request is a repeated change.
    """
    if not isinstance(body, dict):
        raise Malformed.of(messages.NOT_ONE_CHANGE)
    table, operation = body.get("table"), body.get("operation")
    if not isinstance(table, str) or not isinstance(operation, str) or operation not in OPERATIONS:
        raise Malformed.of(messages.BAD_CHANGE, operations=", ".join(OPERATIONS))
    number, timestamp = body.get("record_id"), body.get("timestamp")
    if type(number) is not int or not -INTEGER_MAX <= number <= INTEGER_MAX:
        raise Malformed.of(messages.BAD_NUMBER)
    micros = parse_time_us(timestamp) if isinstance(timestamp, str) else None
    if micros is None:
        raise Malformed.of(messages.BAD_TUTORIAL_TIME)
    data = _data_of(body.get("data"))
    content = json.dumps([table, number, operation, timestamp, data], sort_keys=True)
    change_id = str(uuid5(UUID(device), content))
    return TutorialChange(change_id, table, number, OPERATIONS[operation], micros // 1000, data)


def _data_of(data: Json) -> dict[str, Json] | None:
    if data is None:
        return None
    if not isinstance(data, dict) or any(isinstance(value, dict | list) for value in data.values()):
        raise Malformed.of(messages.BAD_ROW)
    return {name: _text_of(data[name]) for name in (*CELLS, "updated_at") if name in data}


def _text_of(value: Json) -> Json:
    """A number as its text, for a column of such an app may hold a phone number as one; all else as it is.

    A whole number stored as a fraction (5551234.0) is its digits. A number that can only be written with an exponent
    has lost digits, and stays what it is: no text, as truth values are none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    text = str(value)
    return text.removesuffix(".0") if text.lstrip("-").replace(".", "", 1).isdigit() else value


def plan_step(item: TutorialChange, known: Known | None, device: str) -> TutorialStep | Rejection | None:
    """The change that this is; None where there is nothing to do. ``known`` is what stands behind its number."""
    if item.table != TABLE:
        return Rejection(item.change_id, messages.UNKNOWN_TABLE.fault(tables=TABLE))
    if item.operation is Operation.DELETE:
        return None if known is None else _deletion(item, known, device)
    if item.data is None:
        return None
    if known is None and item.number < 0:
        return Rejection(item.change_id, messages.UNKNOWN_NUMBER.fault())
    try:
        data = {name: value for name, value in item.data.items() if name in CELLS}
        sent = parse_cells(CONTACTS, data, Operation.INSERT if known is None else Operation.UPDATE)
    except Invalid as invalid:
        return Rejection(item.change_id, invalid.fault)
    return _insertion(item, sent, device) if known is None else _edit(item, known, sent, device)


def _deletion(item: TutorialChange, known: Known, device: str) -> TutorialStep:
    """A row may have come back since the deletion was typed: with the pull before this push, or an earlier one.

    Surely so where the deletion comes with a row. What others wrote until then its writer need not have seen.
    """
    may_be_back = known.was_served or item.data is not None
    base = as_received(known, {}).held_seq if item.data is None else 0
    left = known.last if may_be_back else Known(known.record_id, None, base)
    return TutorialStep(_change(item, known.record_id, Operation.DELETE, device, base, {}), left, sure=not may_be_back)


def _insertion(item: TutorialChange, sent: Mapping[str, Value], device: str) -> TutorialStep:
    record_id = str(uuid5(UUID(item.change_id), "record"))
    known = Known(record_id, {**dict.fromkeys(CELLS), **sent})
    return TutorialStep(_change(item, record_id, Operation.INSERT, device, 0, sent), known)


def _edit(item: TutorialChange, known: Known, sent: Mapping[str, Value], device: str) -> TutorialStep:
    """Only what differs from every row that the device can have had is new."""
    known = as_received(known, sent)
    had = [row for row in (known.held, known.offered) if row is not None]
    changed = {cell: value for cell, value in sent.items() if all(row[cell] != value for row in had)}
    row = {**dict.fromkeys(CELLS), **(had[0] if had else {}), **sent}
    change = _change(item, known.record_id, Operation.UPDATE, device, known.held_seq, changed)
    return TutorialStep(change, replace(known, held=row, offered=None, offered_seq=None))


def with_whole_row(step: TutorialStep, record: Record | None) -> TutorialStep:
    """The step, with all that the device has of the record where nothing is left of it (it was deleted and pruned)."""
    row = step.known.held
    if not step.change.cells or (record is not None and not is_purged(record)) or row is None or row["name"] is None:
        return step
    return replace(step, change=step.change._replace(operation=Operation.INSERT, cells=row))


def _change(
    item: TutorialChange, record_id: str, operation: Operation, device: str, base: int, cells: Mapping[str, Value]
) -> Change:
    return Change(item.change_id, CONTACTS, record_id, operation, device, item.timestamp, base, cells)


def as_received(known: Known, sent: Mapping[str, Value]) -> Known:
    """``known`` with what was offered as held, where the device shows that it came: nothing else has this value."""
    held, offered = known.held, known.offered
    if offered is None or not known.offered_seq:
        return known
    if held is None or any(held[cell] != offered[cell] == value for cell, value in sent.items()):
        return known.last
    return known


def visible_row(record: Record | None) -> Row | None:
    """A record as such a client sees it."""
    return None if record is None or record.deleted else {cell: record.cells.get(cell) for cell in CELLS}


def known_after(step: TutorialStep, verdict: Verdict, seq: int | None, record: Record | None) -> Known:
    """What the device must have once the step was decided; where the record is not so, that is to be served."""
    known, there = step.known, visible_row(record)
    if seq is not None and verdict is Verdict.APPLIED:
        known = replace(known, held_seq=seq)
    if step.sure and there == known.held:
        return known
    return replace(known, offered=there, offered_seq=0)


# --- a pulled list -------------------------------------------------------------------------------------------------


def repeated_stamps(since: int, count: int) -> range:
    """The timestamps of what is served again: below ``since``, as what was never served lies above."""
    return range(since - count, since) if since > count else range(since + 1, since + count + 1)


def confirming_seq(since: int, then: int) -> int:
    """``offered_seq`` for what an answer to ``since`` serves again, if ``then`` is a cursor that tells it arrived."""
    return then if then > since else -(then + 1)


def render_entry(number: int, is_new: bool, stamp: int, seq: int, row: Row | None) -> dict[str, Json]:
    """One entry of a pulled list."""
    operation = Operation.DELETE if row is None else Operation.INSERT if is_new else Operation.UPDATE
    data = None if row is None else {"id": number, **row, "updated_at": format_time(seq)}
    return {
        "table": TABLE,
        "record_id": number,
        "operation": operation.value,
        "timestamp": format_time(stamp),
        "data": data,
    }
