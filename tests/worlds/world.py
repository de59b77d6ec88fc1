"""A simulated world: a server, some devices and their users, and everything that can go wrong between them.

It has no time, ids or randomness but its own, all from one seed: the same seed is the same world, step by step, and
``log`` tells the steps. In the end the network holds, everybody syncs until nothing moves, and then all must be equal
and nothing typed may be missing. What can happen is listed in EVENTS: a new kind of event is one line there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from uuid import UUID

from offbook import SyncReport
from offbook.contacts.names import PARTS, Parts, agrees, parts_of
from offbook.core.merge.policies import POLICIES
from offbook.core.merge.retention import RetentionLimits
from tests.storage.library import Library
from tests.support.memory_store import Shelf
from tests.worlds.devices import Device, Ledger, Version, texts_in
from tests.worlds.server import Json, Server

DEVICES_MAX = 4
ROUNDS_MAX = 12
HOUR_MS = 3_600_000
YEAR_MS = 8_766 * HOUR_MS
DAY_US = 86_400_000_000


class World:
    def __init__(self, seed: int, folder: Path, library: Library, lesser: Version) -> None:
        self.seed = seed
        self.log: list[str] = []
        self.random = random = Random(f"world {seed}")
        self.policy = policy = random.choice(list(POLICIES))
        page_max = random.choice([1, 2, 3, 5, 1000])
        changes_max = random.choice([1, 2, 5, 1000, 1000])
        book_id, other_id = library.add_book(policy), library.add_book(policy)
        self.server = Server(library.store, book_id, other_id, page_max, changes_max, says_tables=seed % 3 > 0)
        self.ledger = Ledger()
        self.devices: list[Device] = []
        self.backup: Shelf | None = None
        self.versions = [Version(), lesser]
        self._old_requests: list[bytes] = []
        self._folder = folder
        self.say(f"{policy}, pages of {page_max}, at most {changes_max} changes")
        for _ in range(random.choice([2, 2, 3])):
            self.add_device()

    def say(self, line: str) -> None:
        self.log.append(line)

    def add_device(self) -> Device:
        name = "abcdefgh"[len(self.devices)]
        seed = f"device {self.seed} {name}"
        device = Device(name, self._folder, seed, self.server, self.ledger, self._old_requests, self.say, self.versions)
        self.devices.append(device)
        return device

    def forget_messages(self) -> None:
        """None of those that were under way comes any more."""
        self._old_requests.clear()
        for device in self.devices:
            device.network.forget()

    def live(self, steps: int) -> None:
        """Let things happen."""
        names = list(EVENTS)
        weights = [EVENTS[name][0] for name in names]
        for _ in range(steps):
            self.server.now += self.random.randrange(1, 2_000_000)
            name = self.random.choices(names, weights)[0]
            device = self.random.choice(self.devices)
            self.say(f"{device.name}: {name}")
            EVENTS[name][1](self, device)
            device.check()

    def come_to_rest(self) -> None:
        """The network holds, and everybody syncs until nothing moves."""
        for device in self.devices:
            device.network.calm = True
        for number in range(ROUNDS_MAX):
            self.say(f"rest {number}")
            reports = [device.sync() for device in self.devices]
            if all(report == SyncReport() for report in reports):
                return
        raise AssertionError(f"after {ROUNDS_MAX} rounds of syncs without a fault, something still moves")

    def check(self) -> None:
        """All are equal, and nothing typed is missing."""
        truth = self.server.rows()
        for device in self.devices:
            own = device.kept_to_itself()
            expected = {key: device.version.known(row) for key, (_, row) in truth.items() if key not in own}
            assert {key: row for key, row in device.shown().items() if key not in own} == expected, device.name
            seqs = {key: seq for key, seq in device.seqs().items() if key not in own}
            assert seqs == {key: truth[key][0] for key in expected}, device.name
            assert device.replica.status().pending == 0, device.name
            assert {one["id"] for one in device.replica.conflicts()} == self.server.waiting(), device.name
        for record_id, row in self._of_one_hand().items():
            known = self.ledger.known[record_id]
            now, wanted = as_typed(known(truth.get(record_id, (0, None))[1])), as_typed(known(row))
            if self.ledger.was_restored:  # what was emptied may be back, of a device that had not heard of it
                now = what_stands(wanted, now)
            assert now == wanted, f"against itself: {row}"
        torn = [row for _, row in truth.values() if row is not None and not has_its_parts(row)]
        assert not torn, f"a name and parts of two renames: {torn}"
        back = sorted(self.ledger.gone & truth.keys())
        assert not back, f"deleted and back: {back}"
        parked = [device.replica.parked() for device in self.devices]
        missing = self.ledger.missing(texts_in(self.server.everything(), parked))
        assert not missing, f"typed and lost: {missing}"
        assert self.server.is_other_book_empty(), "something was sent to another book"

    def _of_one_hand(self) -> dict[str, Json]:
        """Where a book asks, a person may have to decide between a record and what another device held of it."""
        return {} if self.ledger.was_restored and self.policy == "ask" else self.ledger.of_one_hand()

    def close(self) -> None:
        for device in self.devices:
            device.replica.close()


def as_typed(row: Json) -> Json:
    """A row without its times, and without the parts of its name, which the server derives. Empty text is no text."""
    made = {"created_at", "updated_at", *PARTS}
    return row and {name: value or None for name, value in row.items() if name not in made}


def has_its_parts(row: Json) -> bool:
    """Whether a contact's name and parts are of one rename. Nobody types parts here."""
    parts = Parts(*(row[part] for part in PARTS))
    return agrees(row["name"], parts) or parts == parts_of(row["name"], row)


def what_stands(wanted: Json, now: Json) -> Json:
    """``now``, but empty where ``wanted`` holds nothing."""
    if wanted is None or now is None:
        return now
    stands = wanted["details"] or {}
    entries = {key: entry for key, entry in (now["details"] or {}).items() if key in stands}
    return {**{name: value if wanted[name] else None for name, value in now.items()}, "details": entries or None}


# --- what can happen -----------------------------------------------------------------------------------------------


def type_(world: World, device: Device) -> None:
    device.type()


def sync(world: World, device: Device) -> None:
    device.sync()


def sync_with_a_fault(world: World, device: Device) -> None:
    device.sync_with_a_fault(world.random.choice([1, 3, 10, 30, 60, 100, 200, 400]))


def restart(world: World, device: Device) -> None:
    device.restart()


def copy_file(world: World, device: Device) -> None:
    """The file is copied to another machine, and both go on."""
    if len(world.devices) < DEVICES_MAX:
        device.copy_file(device.path.with_name(f"{'abcdefgh'[len(world.devices)]}.db"))
        world.add_device()


def set_clock(world: World, device: Device) -> None:
    years, hours = world.random.choice([(0, 0), (0, 1), (0, -1), (10, 0), (-10, 0), (0, -30)])
    device.ahead_ms = years * YEAR_MS + hours * HOUR_MS
    world.say(f"    {device.name}: {device.ahead_ms / HOUR_MS} hours ahead")


def time_passes(world: World, device: Device) -> None:
    """Days; or the server's clock is set back, but not further than its backup is old: see docs/backup.md."""
    passed = world.random.choice([DAY_US, 40 * DAY_US, -DAY_US // 24])
    if passed > 0 or not world.ledger.was_restored:
        world.server.now += passed


def prune(world: World, device: Device) -> None:
    """The server forgets what is old, or only empties the trash: some of it, or all there is. What lives stays."""
    server = world.server
    before, rows = texts_in(server.everything()), server.rows()
    places = [server.head(), *sorted(seq for seq, _ in rows.values())]
    history, trash = sorted(world.random.choice(places) for _ in range(2))
    server.prune(RetentionLimits(world.random.choice([0, history]), trash))
    assert server.rows() == rows
    world.ledger.excused |= before - texts_in(server.rows_and_history())


def back_up(world: World, device: Device) -> None:
    world.backup = world.server.backup()


def restore(world: World, device: Device) -> None:
    """The server goes back to its backup, by command or by copying the file. What devices hold must come again."""
    if world.backup is None:
        return
    server, devices = world.server, world.devices
    epoch = world.random.choice([None, str(UUID(int=world.random.getrandbits(128), version=4))])
    world.say(f"    back to {world.backup.book.seq}, epoch {epoch}")
    server.restore(world.backup, epoch)
    world.ledger.was_restored = True
    held = texts_in(server.everything(), *(one.held() for one in devices))
    world.ledger.excused |= world.ledger.typed - held
    # Who holds what another had deleted, and did not hear of it, brings it back.
    world.ledger.spoiled |= {record_id for record_id, row in world.ledger.last.items() if row is None}
    # What is sent whole by who knows less is taken to be empty in all else: the rest is in the history.
    world.ledger.spoiled |= set().union(*(one.pulled_with_less() for one in devices))
    world.ledger.unanswered |= set().union(*(one.unanswered() for one in devices))
    world.ledger.gone = set.intersection(*(one.gone() for one in devices))
    world.forget_messages()


def change_version(world: World, device: Device) -> None:
    """The app goes back to a version that knows less, or forward again."""
    device.run(world.versions[device.version is world.versions[0]])


def decide_about_parked(world: World, device: Device) -> None:
    device.decide_about_parked()


EVENTS: Mapping[str, tuple[int, Callable[[World, Device], None]]] = {
    "type": (50, type_),
    "sync": (28, sync),
    "sync with a fault": (5, sync_with_a_fault),
    "restart": (3, restart),
    "change the version": (4, change_version),
    "copy the file": (2, copy_file),
    "set the clock": (4, set_clock),
    "time passes": (2, time_passes),
    "prune": (3, prune),
    "back up": (3, back_up),
    "restore": (2, restore),
    "decide about what is parked": (4, decide_about_parked),
}
"""What can happen, and how often each does."""
