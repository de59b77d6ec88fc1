"""Worlds whose tables are drawn: any declaration, under all that can go wrong between devices and a server.

They are played by the events, the network and the server of the worlds of contacts (tests.worlds.world). What is typed
is what the declaration takes, by calls of the replica and by plain SQL: so all of it can be sent, and in the end it is
in a record, in the history or in a conflict, unless a server that was restored lost it while no device held it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import Phase, find, settings

from offbook import Invalid, Replica, SyncReport
from offbook.contacts.table import BUILT_IN
from offbook.core.cells.json_data import with_defaults
from offbook.core.merge.policies import POLICIES
from offbook.core.schema import Field, Schema, Table, Type
from services.sync.responses import changes
from storage.base import PageSize
from tests.storage.library import memory_library
from tests.support.memory_store import Shelf
from tests.support.schemas import full_schemas, schemas
from tests.worlds.devices import Device, Ledger, Version, texts_in
from tests.worlds.server import Json, Server
from tests.worlds.world import DEVICES_MAX, EVENTS, ROUNDS_MAX

IDS = tuple(f"5a5a5a5a-0000-4000-8000-{number:012x}" for number in range(6))
"""Of records without a key: so few that devices make the same ones, and that references lead somewhere."""

ENTRY_KEYS = ("k1", "k2", "k3")
TOKEN_LENGTH = 8
PLAYED = ("sync", "sync with a fault", "restart", "copy the file", "set the clock", "back up", "restore")


def drawn_schema(seed: int) -> Schema:
    """One of the schemas that Hypothesis draws, always the same for a seed: not the first, which are the simplest."""
    count = itertools.count()
    return find(
        full_schemas() if seed % 3 == 0 else schemas(1, 3),
        lambda _: next(count) > seed % 3,
        settings=settings(database=None, phases=[Phase.generate], max_examples=1000, deadline=None),
        random=Random(f"schema {seed}"),
    )


class DrawnServer(Server):
    """The server of a book with any tables."""

    def rows(self) -> dict[Any, tuple[int, Json]]:
        page = changes(self.store, self.book_id, None, PageSize(100_000))
        tables = self.store.schema
        return {
            (row["table"], row["record_id"]): (row["seq"], with_defaults(tables[row["table"]], row["data"]))
            for row in page["changes"]
            if row["table"] in tables
        }

    def rows_and_history(self) -> str:
        with self.store.reading(self.book_id) as book:
            told = [book.history(table, record_id) for table in self.store.schema for record_id in self.record_ids]
            rows = [book.records(table, self.record_ids) for table in self.store.schema]
            return str([rows, told])


class DrawnDevice(Device):
    """A device of an app with these tables."""

    schema: Schema

    def _opened(self) -> Replica:
        self.replica = Replica(
            self.path,
            tables=self.schema,
            transport=self.network,
            clock=self._clock,
            new_id=self._new_id,
            rng=self.random,
        )
        return self.replica

    def type(self) -> None:
        table = self.random.choice([table for table in self.schema.values() if table.name not in BUILT_IN])
        self._is_typing = True
        said = self.random.choices([self._put, self._update, self._update_by_sql, self._delete], [4, 4, 2, 2])[0](table)
        self._is_typing = False
        self._say(f"    {self.name}: {said}")

    # --- what its user does ---

    def _put(self, table: Table) -> str:
        values = self._row(table, [field for field in table.fields if field.is_needed or self.random.random() < 0.5])
        try:
            if table.key:
                record_id = self.replica.table(table.name).add(**values)
            else:
                record_id = self.replica.table(table.name).put(self.random.choice(IDS), **values)
        except Invalid as refused:
            assert refused.code == "exists", refused
            return f"add {table.name}: {refused}"
        return self._typed(f"put {table.name} {record_id}", values)

    def _update(self, table: Table) -> str:
        if not (record_id := self._any_id(table)):
            return self._put(table)
        others = [field for field in table.fields if field.name != table.key]
        values = self._row(table, self.random.sample(others, min(2, len(others))))
        for map_ in table.maps:
            entries = self.replica.table(table.name).get(record_id)[map_.name]
            gone = dict.fromkeys(key for key in entries if self.random.random() < 0.3)
            values[map_.name] = {**gone, **values.get(map_.name, {})}
        self.replica.table(table.name).update(record_id, **values)
        return self._typed(f"update {table.name} {record_id}", values)

    def _update_by_sql(self, table: Table) -> str:
        texts = [field for field in table.fields if field.type is Type.TEXT and field.name != table.key]
        if not texts or not (record_id := self._any_id(table)):
            return self._put(table)
        field = self.random.choice(texts)
        value = self._value(field)
        self._sql(f'UPDATE "{table.name}" SET "{field.name}" = ? WHERE id = ?', value, record_id)
        return self._typed(f"UPDATE {table.name} {record_id}", {field.name: value})

    def _delete(self, table: Table) -> str:
        if not (record_id := self._any_id(table)):
            return self._put(table)
        self._sql(f'DELETE FROM "{table.name}" WHERE id = ?', record_id)
        return f"DELETE {table.name} {record_id}"

    def _typed(self, said: str, values: Mapping[str, Any]) -> str:
        self._ledger.typed |= texts_in(values)
        return f"{said} {values}"

    def _any_id(self, table: Table) -> str:
        ids = [record_id for (record_id,) in self._sql(f'SELECT id FROM "{table.name}" ORDER BY id')]
        return self.random.choice(ids) if ids else ""

    def _sql(self, statement: str, *parameters: Any) -> list[Any]:
        return self.replica.connection.execute(statement, parameters).fetchall()

    def _row(self, table: Table, fields: list[Field]) -> dict[str, Any]:
        values: dict[str, Any] = {field.name: self._value(field) for field in fields}
        for map_ in table.maps:
            keys = self.random.sample(ENTRY_KEYS, self.random.randrange(3))
            values[map_.name] = {key: {field.name: self._value(field) for field in map_.attributes} for key in keys}
        return values

    def _value(self, field: Field) -> Any:
        """A value that this field takes; of a text with room for it, one that no other is like."""
        match field.type:
            case Type.INTEGER:
                return self.random.choice([field.least, field.most])
            case Type.NUMBER:
                return self.random.choice([0.0, 0.1, 1e300, -2.5, 3])
            case Type.FLAG:
                return self.random.choice([True, False])
            case Type.DATE:
                return self.random.choice(["1815-12-10", "--12-10"])
            case Type.TIME:
                return self.random.choice(["2020-01-02T03:04:05+06:00", "1999-12-31T23:59:59.999Z"])
            case Type.CHOICE:
                return self.random.choice(field.choices)
            case Type.JSON:
                return self.random.choice([self._ledger.new_text(), [1, 2.5], {"of": self._ledger.new_text()}])
            case Type.REF:
                return self.random.choice(IDS)
            case Type.TEXT:
                return self._ledger.new_text() if field.limit >= TOKEN_LENGTH else self.random.choice("abc")

    # --- looking ---

    def shown(self) -> dict[Any, Any]:
        return {
            (name, record["id"]): json.loads(json.dumps(record))
            for name in self.schema
            for record in self.replica.table(name).list()
        }

    def seqs(self) -> dict[Any, int]:
        rows = self._sql("SELECT table_name, record_id, seq FROM server_rows WHERE NOT deleted")
        return {(table, record_id): seq for table, record_id, seq in rows}

    def held(self) -> list[Any]:
        return [self.shown(), self._sql("SELECT * FROM change_log")]

    def kept_to_itself(self) -> set[Any]:
        return {(parked.table, parked.record_id) for parked in self.replica.parked() if parked.operation == "INSERT"}


class DrawnWorld:
    """A world of a drawn schema. ``log`` tells its steps."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.log: list[str] = []
        self.random = random = Random(f"drawn world {seed}")
        self.schema = drawn_schema(seed)
        self.policy = random.choice(list(POLICIES))
        library = memory_library(self.schema)
        page_max, changes_max = random.choice([1, 2, 5, 1000]), random.choice([1, 2, 5, 1000])
        books = library.add_book(self.policy), library.add_book(self.policy)
        self.server = DrawnServer(library.store, *books, page_max, changes_max)
        self.ledger = Ledger()
        self.devices: list[DrawnDevice] = []
        self.backup: Shelf | None = None
        self._old_requests: list[bytes] = []
        self._folder = folder
        self.log.append(f"{self.policy}, pages of {page_max}, at most {changes_max} changes: {list(self.schema)}")
        for _ in range(2):
            self.add_device()

    def say(self, line: str) -> None:
        self.log.append(line)

    def add_device(self) -> None:
        name, versions = "abcdefgh"[len(self.devices)], [Version(), Version()]
        seed = f"drawn device {self.seed} {name}"
        made = type("OfSchema", (DrawnDevice,), {"schema": self.schema})
        self.devices.append(
            made(name, self._folder, seed, self.server, self.ledger, self._old_requests, self.say, versions)
        )

    def live(self, steps: int) -> None:
        """Let things happen."""
        weights = [EVENTS[name][0] for name in PLAYED]
        for _ in range(steps):
            self.server.now += self.random.randrange(1, 2_000_000)
            device = self.random.choice(self.devices)
            if self.random.random() < 0.5:
                device.type()
                continue
            name = self.random.choices(PLAYED, weights)[0]
            self.say(f"{device.name}: {name}")
            HAPPENINGS[name](self, device)

    def restore(self, device: DrawnDevice) -> None:
        """The server goes back to its backup: what devices hold must come again."""
        if self.backup is None:
            return
        epoch = self.random.choice([None, str(UUID(int=self.random.getrandbits(128), version=4))])
        self.say(f"    back to {self.backup.book.seq}, epoch {epoch}")
        self.server.restore(self.backup, epoch)
        held = texts_in(self.server.everything(), *(one.held() for one in self.devices))
        self.ledger.excused |= self.ledger.typed - held
        self._old_requests.clear()
        for one in self.devices:
            one.network.forget()

    def come_to_rest(self) -> None:
        """The network holds, and everybody syncs until nothing moves."""
        for device in self.devices:
            device.network.calm = True
        for number in range(ROUNDS_MAX):
            self.say(f"rest {number}")
            if all(report == SyncReport() for report in [device.sync() for device in self.devices]):
                return
        raise AssertionError(f"after {ROUNDS_MAX} rounds of syncs without a fault, something still moves")

    def check(self) -> None:
        """All are equal, and nothing typed is missing."""
        truth = self.server.rows()
        for device in self.devices:
            own = device.kept_to_itself()
            shown, seqs = device.shown(), device.seqs()
            expected = {key: row for key, (_, row) in truth.items() if key not in own}
            differing = [
                (key, shown.get(key), expected.get(key))
                for key in (shown.keys() | expected.keys()) - own
                if shown.get(key) != expected.get(key)
            ]
            assert not differing, f"{device.name} is not as the server: {differing}"
            as_server = f"{device.name} is not as the server"
            known = {key: seq for key, seq in seqs.items() if key not in own}
            assert known == {key: truth[key][0] for key in expected}, f"{as_server}: {known}"
            assert device.replica.status().pending == 0, device.name
            conflicts = {one["id"] for one in device.replica.conflicts()}
            assert conflicts == self.server.waiting(), f"{as_server}: {conflicts}"
        parked = [device.replica.parked() for device in self.devices]
        missing = self.ledger.missing(texts_in(self.server.everything(), parked))
        assert not missing, f"typed and lost: {missing}"
        assert self.server.is_other_book_empty(), "something was sent to another book"

    def close(self) -> None:
        for device in self.devices:
            device.replica.close()


def _copy_file(world: DrawnWorld, device: DrawnDevice) -> None:
    if len(world.devices) < DEVICES_MAX:
        device.copy_file(device.path.with_name(f"{'abcdefgh'[len(world.devices)]}.db"))
        world.add_device()


def _set_clock(world: DrawnWorld, device: DrawnDevice) -> None:
    device.ahead_ms = world.random.choice([0, 3_600_000, -3_600_000, 315_000_000_000])


def _back_up(world: DrawnWorld, device: DrawnDevice) -> None:
    world.backup = world.server.backup()


HAPPENINGS: Mapping[str, Callable[[DrawnWorld, DrawnDevice], object]] = {
    "sync": lambda world, device: device.sync(),
    "sync with a fault": lambda world, device: device.sync_with_a_fault(
        world.random.choice([1, 3, 10, 30, 60, 100, 200, 400])
    ),
    "restart": lambda world, device: device.restart(),
    "copy the file": _copy_file,
    "set the clock": _set_clock,
    "back up": _back_up,
    "restore": DrawnWorld.restore,
}


def play(seed: int, folder: Path) -> DrawnWorld:
    """Play one world to its end. Raises AssertionError with all that happened in it."""
    world = DrawnWorld(seed, folder)
    try:
        world.live(Random(f"steps {seed}").choice([10, 20, 40]))
        world.come_to_rest()
        world.check()
        return world
    except Exception as fault:
        command = f"OFFBOOK_WORLD={seed} .venv/bin/pytest tests/worlds/test_drawn.py"
        text = "\n".join([f"{type(fault).__name__}: {fault}", *world.log, f"To play this world again: {command}"])
        raise AssertionError(text) from fault
    finally:
        world.close()
