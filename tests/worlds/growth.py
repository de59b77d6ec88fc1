"""Worlds in which an app's tables grow: devices and a server, each at a version of its own, up and down between syncs.

A chain is five declarations, each of which grows from the one before it. The server is the real app on a SQLite file,
the devices are real replicas; time, ids and chance come from the seed. In the end all stand at the last version, sync
until nothing moves, and then they are equal, and whatever was typed under any version is in a record, in the history,
or waits on its device with a reason.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from app import App
from offbook import Replica, Response, SyncError, SyncReport
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.rules import app_schema
from offbook.core.schema import Field, Map, Table, Type
from offbook.database.connection import sqlite3
from ops.grow import grow
from tests.support.browser import add_device, add_user, bearer

VERSIONS = 5
DEVICES = 3
ROUNDS_MAX = 8
LIMIT_MAX = 10_000
START_US = 1_795_000_000_000_000
RESTORE_US = 1_000_000
TOKEN = re.compile(r"t[0-9]+;")

Declaration = tuple[Table, ...]


# --- a chain of declarations ---------------------------------------------------------------------------------------


def chain(random: Random) -> list[Declaration]:
    """Five declarations, each with all that the one before it has, and more: in some worlds no more than longer texts
    and other choices, for which nothing is pulled again."""
    kinds = random.choice([GROWTH, GROWTH, WIDENING])
    first = Table("notes", (Field("title", required=True, limit=random.choice([10, 30])),))
    declarations: list[Declaration] = [(first,)]
    while len(declarations) < VERSIONS:
        grown = declarations[-1]
        for _ in range(random.randrange(1, 4)):
            grown = random.choice(kinds)(random, grown, len(declarations))
        declarations.append(grown)
    return declarations


def _with_table(random: Random, tables: Declaration, version: int) -> Declaration:
    name = f"table{version}_{len(tables)}"
    return (*tables, Table(name, (Field("label", required=True), *_some_fields(random, f"f{version}"))))


def _with_field(random: Random, tables: Declaration, version: int) -> Declaration:
    place, table = _one_of(random, tables)
    fields = _some_fields(random, f"v{version}_{len(table.fields)}")
    return _put(tables, place, replace(table, fields=(*table.fields, *fields)))


def _with_map(random: Random, tables: Declaration, version: int) -> Declaration:
    place, table = _one_of(random, tables)
    name = f"m{version}_{len(table.maps)}"
    map_ = Map(name, f"{table.name}_{name}", f"{table.name}_id", (Field("value", required=True),))
    return _put(tables, place, replace(table, maps=(*table.maps, map_)))


def _with_attribute(random: Random, tables: Declaration, version: int) -> Declaration:
    places = [place for place, table in enumerate(tables) if table.maps]
    if not places:
        return _with_map(random, tables, version)
    place = random.choice(places)
    table = tables[place]
    number = random.randrange(len(table.maps))
    map_ = table.maps[number]
    attribute = Field(f"a{version}_{len(map_.attributes)}", limit=100)
    maps = list(table.maps)
    maps[number] = replace(map_, attributes=(*map_.attributes, attribute))
    return _put(tables, place, replace(table, maps=tuple(maps)))


def _with_longer_text(random: Random, tables: Declaration, version: int) -> Declaration:
    place, table = _one_of(random, tables)
    number = random.choice([n for n, field in enumerate(table.fields) if field.type is Type.TEXT])
    fields = list(table.fields)
    fields[number] = replace(fields[number], limit=min(fields[number].limit * 4, LIMIT_MAX))
    return _put(tables, place, replace(table, fields=tuple(fields)))


def _with_choice(random: Random, tables: Declaration, version: int) -> Declaration:
    for place, table in enumerate(tables):
        for number, field in enumerate(table.fields):
            if field.type is Type.CHOICE:
                fields = list(table.fields)
                fields[number] = replace(field, choices=(*field.choices, f"choice{version}_{len(field.choices)}"))
                return _put(tables, place, replace(table, fields=tuple(fields)))
    place, table = _one_of(random, tables)
    choice = Field(f"c{version}_{len(table.fields)}", Type.CHOICE, choices=("low", "high"))
    return _put(tables, place, replace(table, fields=(*table.fields, choice)))


WIDENING = (_with_longer_text, _with_choice)
GROWTH = (_with_table, _with_field, _with_field, _with_map, _with_attribute, *WIDENING)


def _some_fields(random: Random, prefix: str) -> tuple[Field, ...]:
    types = random.sample(
        [Type.TEXT, Type.INTEGER, Type.NUMBER, Type.FLAG, Type.DATE, Type.JSON], random.choice([1, 2])
    )
    return tuple(
        Field(f"{prefix}_{type_.value}", type_, limit=random.choice([20, 200]) if type_ is Type.TEXT else 200)
        for type_ in types
    )


def _one_of(random: Random, tables: Declaration) -> tuple[int, Table]:
    place = random.randrange(len(tables))
    return place, tables[place]


def _put(tables: Declaration, place: int, table: Table) -> Declaration:
    return (*tables[:place], table, *tables[place + 1 :])


# --- the server ----------------------------------------------------------------------------------------------------


class GrowingServer:
    """The app on a SQLite file, at a time set by hand, with a declaration that grows, and goes back with a restore."""

    def __init__(self, app: App, path: Path, random: Random) -> None:
        self.now_us = START_US
        self._app = app
        self._path = path
        self._random = random
        self._client = app.test_client()
        self._backup: Path | None = None
        add_user(app, "ada")

    def token(self, name: str) -> str:
        _, token = add_device(self._app, "ada", name)
        return token

    def answer(self, token: str, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self.now_us += self._random.randrange(1, 2_000_000)
        answer = self._client.open(path, method=method, data=body, headers=bearer(token) | dict(headers))
        return Response(answer.status_code, dict(answer.headers), answer.data)

    def grow(self, tables: Sequence[Table]) -> None:
        self.now_us += 1
        grow(self._app.extensions["database"], app_schema(tables, BUILT_IN), self.now_us)

    # --- its backups ---

    def keep(self) -> None:
        """Make a backup of all that it holds, its declaration among it."""
        self._backup = self._path.with_suffix(".kept")
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(self._backup)) as target:
            source.backup(target)

    def restore(self) -> bool:
        """Put the backup back, in a new epoch or as if its file had been copied by hand; False where there is none.

        It takes longer than a push of many changes, each of which takes a microsecond: no two acts have the same seq.
        """
        if self._backup is None:
            return False
        self.now_us += RESTORE_US
        self._app.extensions["database"].close()
        with closing(sqlite3.connect(self._backup)) as source, closing(sqlite3.connect(self._path)) as target:
            source.backup(target)
            if self._random.random() < 0.5:
                target.execute("UPDATE books SET epoch = ?", (str(UUID(int=self._random.getrandbits(128))),))
                target.commit()
        return True

    # --- looking ---

    def everything(self) -> str:
        """All that the database holds, as one text."""
        with closing(sqlite3.connect(self._path)) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return str([connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names])


# --- a device ------------------------------------------------------------------------------------------------------


class GrowingDevice:
    """A replica of an app at one of the versions of a chain; a request of it may be lost, or its answer."""

    def __init__(
        self, name: str, folder: Path, server: GrowingServer, declarations: Sequence[Declaration], world: GrowthWorld
    ) -> None:
        self.name = name
        self.is_calm = False
        self._path = folder / f"{name}.db"
        self._server = server
        self._declarations = declarations
        self._world = world
        self._token = server.token(name)
        self.version = 0
        self.replica: Replica
        self.open_at(world.random.choice([0, 0, 0, 1, 2, VERSIONS - 1]))

    def open_at(self, version: int) -> None:
        """Let another version of the app open the file."""
        if hasattr(self, "replica"):
            self.replica.close()
        self.version = version
        self.replica = Replica(
            self._path,
            "http://127.0.0.1:5000",
            self._token,
            tables=self._declarations[version],
            transport=self,
            clock=lambda: self._server.now_us // 1000,
            new_id=self._world.new_id,
            rng=self._world.random,
        )

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        fate = (
            "arrives" if self.is_calm else self._world.random.choices(["arrives", "lost", "unanswered"], (8, 1, 1))[0]
        )
        if fate == "lost":
            raise SyncError("The request was lost.")
        response = self._server.answer(self._token, method, path, body, headers)
        self._world.say(f"    {self.name}: {method} {path} {(body or b'')[:300]!r} {fate}")
        self._world.say(f"    -> {response.status} {response.body[:300]!r}")
        if fate == "unanswered":
            raise SyncError("The answer was lost.")
        return response

    def sync(self) -> SyncReport | None:
        """None where it failed, which must never harm."""
        try:
            return self.replica.sync()
        except SyncError as error:
            self._world.say(f"    {self.name}: {type(error).__name__}: {error}")
            return None

    def type(self) -> None:
        """Add, change or delete a record, by what this version of the app knows."""
        random = self._world.random
        table = random.choice(self._declarations[self.version])
        records = self.replica.table(table.name)
        known = records.list()
        act = random.choices(["add", "update", "delete"], (3, 4, 1))[0]
        if act == "add" or not known:
            values = self._values(table, [field for field in table.fields if field.required or random.random() < 0.5])
            record_id = records.add(**values, **self._entries(table))
        else:
            record_id = random.choice(known)["id"]
            if act == "delete":
                records.delete(record_id)
                self._world.say(f"    {self.name}: delete {table.name} {record_id}")
                return
            values = self._values(table, random.sample(table.fields, min(len(table.fields), random.choice([1, 1, 2]))))
            records.update(record_id, **values, **(self._entries(table) if random.random() < 0.5 else {}))
        self._world.say(f"    {self.name}: {act} {table.name} {record_id} {values}")

    def _values(self, table: Table, fields: Sequence[Field]) -> dict[str, Any]:
        return {field.name: self._world.new_value(field) for field in fields}

    def _entries(self, table: Table) -> dict[str, Any]:
        random = self._world.random
        return {
            map_.name: {
                self._world.new_id()[:8]: {field.name: self._world.new_value(field) for field in map_.attributes}
            }
            for map_ in table.maps
            if random.random() < 0.5
        }

    # --- looking ---

    def shown(self) -> dict[str, list[Any]]:
        """Every record of every table of the last version, by table."""
        return {
            table.name: sorted(self.replica.table(table.name).list(), key=lambda record: str(record["id"]))
            for table in self._declarations[-1]
        }

    def waiting(self) -> str:
        """What this device has not been able to send, and what waits for a person there."""
        lines = self.replica.connection.execute("SELECT data FROM change_log WHERE synced <> 1").fetchall()
        return str([lines, self.replica.parked(), self.replica.conflicts()])


# --- the world -----------------------------------------------------------------------------------------------------


class GrowthWorld:
    """A server and its devices, each at a version of its own."""

    def __init__(self, seed: int, app: App, database_path: Path, folder: Path) -> None:
        self.random = Random(f"growth {seed}")
        self.log: list[str] = []
        self.typed: list[str] = []
        self.declarations = chain(self.random)
        self.server = GrowingServer(app, database_path, self.random)
        self.server_version = -1
        self.devices = [GrowingDevice(name, folder, self.server, self.declarations, self) for name in "abc"[:DEVICES]]

    def say(self, line: str) -> None:
        self.log.append(line)

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def new_value(self, field: Field) -> Any:
        """A value that this version of the app may type; of a text, one that no other is like."""
        match field.type:
            case Type.INTEGER:
                return self.random.choice([0, 1, -(2**31), 2**40])
            case Type.NUMBER:
                return self.random.choice([0.0, 0.1, 1e300, -2.5, 3.0])
            case Type.FLAG:
                return self.random.choice([True, False])
            case Type.DATE:
                return self.random.choice(["1815-12-10", "--12-10"])
            case Type.CHOICE:
                return self.random.choice(field.choices)
            case Type.JSON:
                return {"of": self._new_text(), "list": [1, 2.5, None, True]}
            case _:
                text = self._new_text()
                return text + "x" * (field.limit - len(text) if self.random.random() < 0.2 else 0)

    def _new_text(self) -> str:
        text = f"t{len(self.typed)};"
        self.typed.append(text)
        return text

    def live(self, steps: int) -> None:
        """Let things happen."""
        for _ in range(steps):
            device = self.random.choice(self.devices)
            name = self.random.choices(list(EVENTS), [weight for weight, _ in EVENTS.values()])[0]
            self.say(f"{device.name} at {device.version}, server at {self.server_version}: {name}")
            EVENTS[name][1](self, device)

    def come_to_rest(self) -> None:
        """All are at the last version, the network holds, and everybody syncs until nothing moves."""
        self.server.grow(self.declarations[-1])
        for device in self.devices:
            device.is_calm = True
            device.open_at(VERSIONS - 1)
        for number in range(ROUNDS_MAX):
            self.say(f"rest {number}")
            reports = [device.sync() for device in self.devices]
            self.say(f"    {reports}")
            if all(report == SyncReport() for report in reports):
                return
        raise AssertionError(f"after {ROUNDS_MAX} rounds of syncs without a fault, something still moves")

    def check(self) -> None:
        """All are equal, and nothing typed is missing."""
        first, *others = [device.shown() for device in self.devices]
        for device, shown in zip(self.devices[1:], others, strict=True):
            assert shown == first, f"{device.name} is not as {self.devices[0].name}: {shown} instead of {first}"
        for device in self.devices:
            status = device.replica.status()
            assert (status.pending, status.parked, status.held) == (0, 0, 0), f"{device.name}: {status}"
            assert device.replica.verify().repaired == (), device.name
        kept = set(TOKEN.findall(self.server.everything() + "".join(device.waiting() for device in self.devices)))
        missing = [text for text in self.typed if text not in kept]
        assert not missing, f"typed and lost: {missing}"

    def close(self) -> None:
        for device in self.devices:
            device.replica.close()


def _type(_: GrowthWorld, device: GrowingDevice) -> None:
    device.type()


def _sync(_: GrowthWorld, device: GrowingDevice) -> None:
    device.sync()


def _upgrade_app(world: GrowthWorld, device: GrowingDevice) -> None:
    device.open_at(min(device.version + world.random.choice([1, 1, 2]), VERSIONS - 1))


def _downgrade_app(world: GrowthWorld, device: GrowingDevice) -> None:
    device.open_at(world.random.randrange(device.version + 1))


def _grow_server(world: GrowthWorld, _: GrowingDevice) -> None:
    world.server_version = min(world.server_version + world.random.choice([1, 1, 2]), VERSIONS - 1)
    world.server.grow(world.declarations[world.server_version])


def _keep_backup(world: GrowthWorld, _: GrowingDevice) -> None:
    world.server.keep()


def _restore_server(world: GrowthWorld, _: GrowingDevice) -> None:
    world.say(f"    {'restored' if world.server.restore() else 'there is no backup'}")


EVENTS = {
    "type": (12, _type),
    "sync": (12, _sync),
    "upgrade the app": (1, _upgrade_app),
    "downgrade the app": (1, _downgrade_app),
    "grow the server": (3, _grow_server),
    "make a backup": (1, _keep_backup),
    "restore the backup": (1, _restore_server),
}


@contextmanager
def at_world_time(app: App, world_clock: Any) -> Iterator[None]:
    """The app's time is the world's."""
    services = app.extensions["offbook"]
    app.extensions["offbook"] = replace(services, clock=world_clock)
    try:
        yield
    finally:
        app.extensions["offbook"] = services


def play(seed: int, app: App, database_path: Path, folder: Path) -> GrowthWorld:
    """Play one world to its end. Raises AssertionError with all that happened in it."""
    world: GrowthWorld | None = None
    try:
        with at_world_time(app, lambda: world.server.now_us if world else START_US):
            world = GrowthWorld(seed, app, database_path, folder)
            world.live(Random(f"steps {seed}").choice([10, 30, 60]))
            world.come_to_rest()
            world.check()
            return world
    except Exception as fault:
        log = world.log if world else []
        command = f"OFFBOOK_GROWTH={seed} .venv/bin/pytest tests/worlds/test_growth.py"
        text = "\n".join([f"{type(fault).__name__}: {fault}", *log, f"To play this world again: {command}"])
        raise AssertionError(text) from fault
    finally:
        if world is not None:
            world.close()
        shutil.rmtree(database_path.with_name("backups"), ignore_errors=True)  # else a world could not be played twice
