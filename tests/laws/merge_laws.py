"""A small world for the laws: devices that type, push and pull, and a server that is nothing but plan().

Everything typed is a value that stands nowhere else, but for flags, so that where it ended can be told. A step is data;
play() runs a list of them on records of a table, contacts or any other, and skips what makes no sense (an edit of a
record that the device does not show).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core import BookState, Change, Conflict, Operation, Outcome, Record, RecordedVerdict, Verdict, plan_batch
from offbook.core.merge.batch import LoggedChange, Plan
from offbook.core.merge.rebase import LineState, PendingLine, visible_cells, with_bases
from offbook.core.merge.retention import RetentionLimits, prune
from offbook.core.model import Key, Scalar, Value
from offbook.core.schema import EXISTS, Table, Type
from tests.support.schemas import tables

TEN_YEARS_MS = 10 * 365 * 86_400_000
START_MS = 1_795_000_000_000
PLACES = 3
"""How many cells of a record, and as many devices, a step can be about."""


@dataclass(frozen=True)
class Cast:
    """What is typed into: a table, ``cells`` of its records, and a cell of a map's entries (none: it has no map)."""

    table: Table
    cells: tuple[str, ...]
    entry: str = ""
    inside: str = ""

    def prefix(self, place: int) -> str:
        """An entry, as its cells begin: one of two."""
        return f"{self.entry}/{'k2' if place else 'k1'}/"


CONTACTS_CAST = Cast(CONTACTS, ("name", "phone", "email"), "details", "label")


def cast_of(table: Table) -> Cast:
    """What can be typed into any table: fields of all types but flags, in which a value can't be told from another."""
    cells = tuple(field.name for field in table.fields if field.type is not Type.FLAG)[:PLACES]
    for map_ in table.maps:
        free = [cell for cell, (main, *_) in map_.cells.items() if main.type is not Type.FLAG and not main.is_needed]
        if free:
            return Cast(table, cells, map_.name, free[-1])
    return Cast(table, cells)


@st.composite
def casts(draw: st.DrawFn, has_entries: bool = False) -> Cast:
    """Contacts, or any table with a cell for each device; with a map as well where there have to be entries."""
    if draw(st.booleans()):
        return CONTACTS_CAST
    table = draw(tables(columns=st.integers(PLACES, 6), maps_max=2, targets=("contacts",)))
    cast = cast_of(replace(table, policy=""))
    assume(len(cast.cells) == PLACES and (cast.entry or not has_entries))
    return cast


def typed_value(type_: Type, number: int) -> Scalar:
    """A value of this type that no other number makes."""
    match type_:
        case Type.TEXT | Type.CHOICE:
            return f"text {number}"
        case Type.DATE:
            return date.fromordinal(700_000 + number).isoformat()
        case Type.TIME:
            return f"{date.fromordinal(700_000 + number).isoformat()}T00:00:00.000Z"
        case Type.FLAG:
            return True
        case Type.INTEGER:
            return number
        case Type.NUMBER:
            return number + 0.5
        case Type.JSON:
            return f'{{"text":{number}}}'
        case Type.REF:
            return str(UUID(int=number))


@dataclass(frozen=True)
class Step:
    """``what`` a device does: insert, edit, label (an entry), remove (an entry), delete, push or pull. Or the server:
    empty its trash.

    ``place`` says which cell, or which entry. ``clock`` is how far its clock is off at that moment, in milliseconds.
    """

    device: int
    what: str
    record: int = 0
    place: int = 1
    clock: int = 0


@dataclass
class Server:
    """A book and all that a store would keep of it."""

    policy: str
    seq: int = 0
    now: int = START_MS * 1000
    records: dict[Key, Record] = field(default_factory=dict)
    settled: dict[str, RecordedVerdict] = field(default_factory=dict)
    history: list[LoggedChange] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    pushed: list[list[Change]] = field(default_factory=list)
    plans: list[tuple[dict[Key, Record], Plan]] = field(default_factory=list)
    emptied: set[Value] = field(default_factory=set)

    def push(self, batch: Sequence[Change]) -> list[Outcome]:
        result = plan_batch(
            BookState(1, "book", self.policy, "epoch", self.seq, 0), self.records, self.settled, batch, self.now
        )
        self.plans.append((self.records, result))
        self.pushed.append(list(batch))
        self.records = {**self.records, **{key: result.records[key] for key in (*result.created, *result.written)}}
        self.settled = {
            **self.settled,
            **{
                logged.change_id: RecordedVerdict(logged.verdict, logged.seq, logged.fault) for logged in result.history
            },
        }
        self.history = self.history + result.history
        self.conflicts = self.conflicts + result.conflicts
        self.seq = result.seq
        return result.outcomes

    def empty_trash(self) -> None:
        """Prune what is deleted by now and waits for nobody. ``emptied`` takes what is gone for good."""
        waiting = {one.key for one in self.conflicts}
        before = [record for key, record in self.records.items() if key not in waiting]
        after = [prune(record, RetentionLimits(0, self.seq)) for record in before]
        self.emptied |= {value for record in before for value in record.cells.values() if record.deleted}
        self.records = {**self.records, **{record.key: record for record in after if record}}

    def shows(self) -> dict[Key, Mapping[str, Value]]:
        return {key: visible(record.cells) for key, record in self.records.items() if not record.deleted}


@dataclass
class Device:
    """What a replica keeps: the server's rows as it knows them, its log, and where it is in the book."""

    replica: str
    rows: dict[Key, Record] = field(default_factory=dict)
    log: list[PendingLine] = field(default_factory=list)
    cursor: int = 0

    def lines(self, key: Key) -> list[PendingLine]:
        return [line for line in self.log if line.change.key == key]

    def live(self, key: Key) -> dict[str, Value] | None:
        row = self.rows.get(key)
        if row is None:
            return visible_cells({}, False, self.lines(key), 0)
        return visible_cells(row.cells, not row.deleted, self.lines(key), row.seq)

    def shows(self) -> dict[Key, Mapping[str, Value]]:
        keys = self.rows.keys() | {line.change.key for line in self.log}
        found = {key: self.live(key) for key in keys}
        return {key: visible(cells) for key, cells in found.items() if cells is not None}

    def type(self, key: Key, change: Change) -> None:
        row = self.rows.get(key)
        self.log.append(PendingLine(len(self.log), change._replace(base=row.seq if row else 0)))

    def push(self, server: Server) -> None:
        self._write_bases_down()
        pending = [line.change for line in self.log if line.state is LineState.PENDING]
        outcomes = {outcome.change_id: outcome for outcome in server.push(pending)}
        self.log = [self._answered(line, outcomes.get(line.change.id), server) for line in self.log]

    def _write_bases_down(self) -> None:
        waiting: dict[str, list[Change]] = {}
        for line in self.log:
            if line.state is LineState.PENDING:
                waiting.setdefault(line.change.record_id, []).append(line.change)
        known = {change.id: change for pending in waiting.values() for change in with_bases(pending)}
        self.log = [replace(line, change=known.get(line.change.id, line.change)) for line in self.log]

    def _answered(self, line: PendingLine, outcome: Outcome | None, server: Server) -> PendingLine:
        """The line as its answer leaves it, whose seq is that of the record which it shows."""
        if outcome is None:
            return line
        state = LineState.PARKED if outcome.verdict is Verdict.REJECTED else LineState.ACKNOWLEDGED
        shown = server.records.get(line.change.key) if outcome.shows_record else None
        return replace(line, state=state, seq=outcome.seq if shown is None else shown.seq)

    def pull(self, server: Server) -> None:
        self.rows.update({key: record for key, record in server.records.items() if record.seq > self.cursor})
        self.cursor = server.seq


def visible(cells: Mapping[str, Value]) -> dict[str, Value]:
    """Cells without what is empty and without what belongs to removed entries."""
    standing = {cell.rpartition("/")[0] for cell, value in cells.items() if value is True and cell.endswith("/@exists")}
    return {
        cell: value
        for cell, value in cells.items()
        if value is not None and ("/" not in cell or cell.rpartition("/")[0] in standing)
    }


@dataclass
class World:
    """A book, its devices, and what was typed on them: (change id, cell, value)."""

    server: Server
    devices: list[Device]
    cast: Cast = CONTACTS_CAST
    typed: list[tuple[str, str, Value]] = field(default_factory=list)
    changes: int = 0

    def quiet(self) -> None:
        """Everybody sends what waits, then takes what there is."""
        for device in self.devices:
            device.push(self.server)
        for device in self.devices:
            device.pull(self.server)

    def take(self, step: Step) -> None:
        self.server.now += 1_000_000
        device = self.devices[step.device]
        if step.what == "push":
            device.push(self.server)
        elif step.what == "pull":
            device.pull(self.server)
        elif step.what == "empty":
            self.server.empty_trash()
        else:
            self._type(device, step)

    def _type(self, device: Device, step: Step) -> None:
        table = self.cast.table
        key = (table.name, str(UUID(int=1000 + step.record)))
        cells = self._cells(step, device.live(key))
        if cells is None:
            return
        change_id = str(UUID(int=self.changes + 1))
        own = {cell: self._value(cell) for cell in cells if not cell.endswith(EXISTS)}
        self.typed += [(change_id, cell, value) for cell, value in own.items() if cells[cell] == value is not True]
        self.changes += 1
        operation = {"insert": Operation.INSERT, "delete": Operation.DELETE}.get(step.what, Operation.UPDATE)
        at = self.server.now // 1000 + step.clock
        device.type(key, Change(change_id, table, key[1], operation, device.replica, at, 0, cells))

    def _cells(self, step: Step, shown: Mapping[str, Value] | None) -> dict[str, Value] | None:
        """The cells that a step writes, or None where it makes no sense."""
        cast = self.cast
        if (shown is None) != (step.what == "insert"):
            return None
        match step.what:
            case "insert":
                return {cell: self._value(cell) for cell in (*cast.table.required, cast.cells[0], cast.cells[1])}
            case "delete":
                return {}
            case "edit":
                return {cast.cells[step.place]: self._value(cast.cells[step.place])}
            case "remove" if cast.entry:
                return {f"{cast.prefix(step.place)}@exists": False}
            case "label" if cast.entry:
                return self._entry(cast.prefix(step.place))
            case _:
                return None

    def _entry(self, prefix: str) -> dict[str, Value]:
        """An entry as it is typed whole: what it must have is the same every time, and its flags are set."""
        map_ = self.cast.table.maps_by_name[self.cast.entry]
        needed = {prefix + name: typed_value(map_.by_name[name].type, 0) for name in map_.required}
        flags = {prefix + cell: True for cell, (main, *_) in map_.cells.items() if main.type is Type.FLAG}
        typed = prefix + self.cast.inside
        return {f"{prefix}@exists": True, **needed, **flags, typed: self._value(typed)}

    def _value(self, cell: str) -> Value:
        """What the next change types into a cell."""
        parts = self.cast.table.fields_of(cell)
        place = list(self.cast.table.by_name).index(cell) if "/" not in cell else 0
        value = typed_value(parts[0].type, 100 * (self.changes + 1) + place)
        return (value, *(None for _ in parts[1:])) if len(parts) > 1 else value


def play(policy: str, steps: Iterable[Step], cast: Cast = CONTACTS_CAST) -> World:
    """A world in which one record is known to all, after these steps."""
    world = World(Server(policy), [Device(str(UUID(int=number + 1))) for number in range(PLACES)], cast)
    world.take(Step(0, "insert", clock=-TEN_YEARS_MS))
    world.quiet()
    for step in steps:
        world.take(step)
    return world


def ends(world: World, cell: str) -> Iterator[Value]:
    """Every place where a value of this cell may have ended: a row, the history, a conflict."""
    for record in world.server.records.values():
        yield record.cells.get(cell)
    for entry in world.server.history:
        yield entry.before.get(cell)
        yield from (write.value for write in entry.discarded if write.cell == cell)
    yield from (one.theirs for one in world.server.conflicts if one.cell == cell)


CLOCKS = st.sampled_from([0, -3_600_000, 3_600_000, -TEN_YEARS_MS, TEN_YEARS_MS]) | st.integers(-5_000, 5_000)
TYPING = ("edit", "edit", "edit", "label", "label", "remove", "delete", "insert")


def steps(
    what: Sequence[str] = (*TYPING, "push", "pull", "push", "pull", "empty"), records: int = 2
) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        device=st.integers(0, 2),
        what=st.sampled_from(what),
        record=st.integers(0, records - 1),
        place=st.integers(0, PLACES - 1),
        clock=CLOCKS,
    )


DELETED_AND_EMPTIED = [Step(0, "delete"), Step(0, "push"), Step(0, "empty")]


def histories(**kinds: Any) -> st.SearchStrategy[list[Step]]:
    """Any steps; and such as begin with what others type while the record is deleted, and its values pruned."""
    some = st.lists(steps(**kinds), max_size=25)
    unsent = st.lists(steps(what=TYPING, records=1).filter(lambda step: step.device > 0), max_size=4)
    return some | st.tuples(unsent, some).map(lambda pair: [*pair[0], *DELETED_AND_EMPTIED, *pair[1]])
