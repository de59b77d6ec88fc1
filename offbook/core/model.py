"""The nouns: values without behaviour that the rest of the core decides about.

Times of devices are milliseconds since 1970, UTC. A seq is the book's own clock: microseconds since 1970, strictly
growing. Nothing here reads a clock, makes an id or knows how anything is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from offbook.core.messages import Fault
from offbook.core.schema import Table

Scalar = str | int | float | None

Value = Scalar | tuple[Scalar, ...]
"""What a cell holds; of JSON that is its canonical text. A tuple is a cell of several attributes (an address), in the
order of its declaration."""

Cells = Mapping[str, Value]

Key = tuple[str, str]
"""A record's table and id."""

NOTHING: Mapping[str, int] = MappingProxyType({})
NO_CELLS: Cells = MappingProxyType({})


def value_of_parts(parts: tuple[Scalar, ...]) -> Value:
    """What a cell of these attributes holds: a part that stands alone is the value, and where all are empty, None."""
    if len(parts) == 1:
        return parts[0]
    return parts if any(part is not None for part in parts) else None


def parts_of_value(value: Value, count: int) -> tuple[Scalar, ...]:
    """The parts of a cell that has so many, of which a value may hold the first alone."""
    parts = value if isinstance(value, tuple) else (value,)
    return (*parts, *(None,) * (count - len(parts)))


class Operation(StrEnum):
    """What a change does to its record."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class Verdict(StrEnum):
    """The server's answer to one change."""

    APPLIED = "applied"  # nothing was concurrent
    MERGED = "merged"  # something was, and some of the change took effect
    SUPERSEDED = "superseded"  # something was, and nothing of the change took effect
    CONFLICT = "conflict"  # a cell waits for a person
    REJECTED = "rejected"  # it can't be applied; ``code`` and ``detail`` say why


class Clock(NamedTuple):
    """Who wrote a cell last, and when. ``timestamp`` is the device's time, clamped to the server's."""

    seq: int
    timestamp: int
    change_id: str
    replica: str


NO_CLOCK = Clock(0, 0, "", "")
"""In the place of the clocks of a record or a conflict that a device holds: it is sent none."""

NO_CLOCKS: Mapping[str, Clock] = MappingProxyType({})


class Change(NamedTuple):
    """One INSERT, UPDATE or DELETE of one record by one replica: only the cells that it changes.

    ``cells`` maps a cell to its new value; an entry that the change removes is ``map/key/@exists: False``, one that it
    writes to has ``map/key/@exists: True``. ``base`` is the record's seq that the replica knew (0: none), ``bases``
    the seq per cell where it differs. ``resolves`` names the conflicts of its record that it resolves. ``history``: it
    had its effect before the server was restored, and was replaced since; it is only to be in the history. ``batch`` is
    the id that all changes of one act share (an import, a restore), None where it stands alone.
    """

    id: str
    table: Table
    record_id: str
    operation: Operation
    replica: str
    timestamp: int
    base: int
    cells: Mapping[str, Value]
    bases: Mapping[str, int] = NOTHING
    resolves: tuple[str, ...] = ()
    history: bool = False
    batch: str | None = None

    @property
    def key(self) -> Key:
        """The record that it is about."""
        return self.table.name, self.record_id

    def base_of(self, cell: str) -> int:
        """The newest seq of this cell that the change's writer had seen."""
        return self.bases.get(cell, self.base)


class Record(NamedTuple):
    """One row of a synced table as the server holds it.

    ``cells`` leaves out what is empty. Cells of a removed entry, and of a deleted record (a tombstone), are kept until
    they are pruned. ``clocks`` names only cells that were written after the record was created; ``created`` stands for
    all others. ``others`` has, per cell, the latest write by another replica than its clock's, where there was one; so
    that it is known of every replica when others last wrote the cell. An overwritten removal is not among them.
    """

    table: Table
    id: str
    seq: int
    deleted: bool
    cells: Mapping[str, Value]
    created: Clock
    clocks: Mapping[str, Clock]
    others: Mapping[str, Clock] = NO_CLOCKS

    @property
    def key(self) -> Key:
        """Its table and id."""
        return self.table.name, self.id

    def clock(self, cell: str) -> Clock:
        """The last write of a cell."""
        return self.clocks.get(cell, self.created)


@dataclass(frozen=True, slots=True)
class Rejection:
    """That a change can't be applied, and why. ``id`` is the change's, None where it did not even have a readable one.

    ``key`` names its record, where that could be read, so that the answer can have the record as it is.
    """

    id: str | None
    fault: Fault
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class DiscardedWrite:
    """A value that lost: the cell, the clock of what won over it, and the rule that decided."""

    cell: str
    value: Value
    winner: Clock
    rule: str


class Author(NamedTuple):
    """Who made a change: the user, the device where it came from one, and when by that device's clock."""

    user: str | None = None
    device: str | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two versions of one cell that wait for a person: ``ours`` is what the record holds, ``theirs`` what came.

    ``common`` is what both began with: None where there was nothing, or where that is not known any more. ``winner``
    wrote ``ours``, ``change_id`` brought ``theirs``.
    """

    id: str
    table: Table
    record_id: str
    cell: str
    ours: Value
    theirs: Value
    base: int
    winner: Clock
    change_id: str
    replica: str
    seq: int
    common: Value = None

    @property
    def key(self) -> Key:
        """The table and id of its record."""
        return self.table.name, self.record_id

    @property
    def change_ids(self) -> tuple[str, str]:
        """The changes that brought its versions: ours and theirs."""
        return self.winner.change_id, self.change_id


class Cursor(NamedTuple):
    """Where a device is in a book. On the wire an opaque string.

    While a snapshot is under way ``seq`` is the book's head at its start and ``after`` the last row taken; else
    ``after`` is None.
    """

    epoch: str
    seq: int
    after: int | None = None

    def __str__(self) -> str:
        tail = "" if self.after is None else f".{self.after}"
        return f"{self.epoch}.{self.seq}{tail}"
