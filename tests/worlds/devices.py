"""A device of a simulated world: a real replica on a real file, its user, its clock and its way to the server."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from offbook import Replica, SyncError, SyncReport
from offbook.contacts.names import PARTS
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.rebase import LineState
from offbook.core.model import Change
from offbook.core.schema import EXISTS
from offbook.database.connection import sqlite3
from offbook.database.local_changes import change_log
from offbook.database.local_changes.parked import Parked
from offbook.database.server_rows import change_of_line
from tests.worlds.edits import TYPED, Editor
from tests.worlds.network import Crash, Network
from tests.worlds.server import Server

Say = Callable[[str], None]


class Ledger:
    """Every text that was typed and stored. ``excused`` are those that somebody overwrote or gave up while no server
    could have had them, that no device held when one ``was_restored``, or that were pruned.

    ``hands`` are the devices at which a record was edited, ``last`` is what its last writer saw of it then, of what was
    ``known`` to their version; ``spoiled`` are records of which something could not be sent, that went to a copy of the
    device, or that were deleted and made again: then the details of before are back. ``gone`` are those that were
    deleted, as all devices knew, when a server was restored, and that nobody edited since.

    ``slow`` are those that were ever edited by a clock that is behind, ``unanswered`` those of which some line had no
    answer when a server was restored. A record that is both may lose its later edit to what another device sends again:
    that has the time at which the lost server had taken it, by the server's clock, and nothing but times tells the two
    apart there (docs/backup.md).
    """

    def __init__(self) -> None:
        self._count = 0
        self.typed: set[str] = set()
        self.excused: set[str] = set()
        self.hands: dict[str, set[str]] = {}
        self.last: dict[str, Any] = {}
        self.known: dict[str, Callable[[Any], Any]] = {}
        self.spoiled: set[str] = set()
        self.gone: set[str] = set()
        self.slow: set[str] = set()
        self.unanswered: set[str] = set()
        self.was_restored = False

    def new_text(self) -> str:
        self._count += 1
        return f"t{self._count};"

    def of_one_hand(self) -> dict[str, Any]:
        """Records that one device alone ever edited, and how they must be: no clock turns one against itself."""
        alone = {record_id for record_id, hands in self.hands.items() if len(hands) == 1}
        uncertain = self.spoiled | (self.slow & self.unanswered)
        return {record_id: self.last[record_id] for record_id in sorted(alone - uncertain)}

    def missing(self, kept: set[str]) -> list[str]:
        return sorted(self.typed - self.excused - kept)


def texts_in(*found: Any) -> set[str]:
    return set(TYPED.findall(str(found)))


def typed_texts(row: dict[str, Any] | None) -> set[str]:
    """Those in a row that somebody typed: the parts of a name follow it, and may still be those of the name before."""
    return texts_in({name: value for name, value in (row or {}).items() if name not in PARTS})


class Version:
    """What runs on a device: this version, or another that knows less (tests.support.other_versions)."""

    def __init__(self, modules: Mapping[str, Any] = sys.modules) -> None:
        self.Replica = modules["offbook.replica"].Replica
        self.schema = modules["offbook.contacts.table"].BUILT_IN
        self.table = self.schema["contacts"]
        self.log = modules["offbook.database.local_changes.change_log"]
        self._change_of_line = modules["offbook.database.server_rows"].change_of_line
        self.read_state = modules["offbook.database.sync_state"].read
        errors = modules["offbook.core.errors"]
        self.sync_errors = (SyncError, errors.SyncError)
        self.refusals = (errors.Invalid, errors.NotFound)

    def change_in(self, line: change_log.LogLine) -> Change | None:
        """The change that this version reads in a line; None where it reads none that can be sent."""
        change: Change | None = self._change_of_line(self.schema, line)
        return change

    def cannot_send(self, line: change_log.LogLine) -> bool:
        """Whether this version, or the server, which is of ours, takes a line for what can't be stored."""
        is_bad = self.change_in(line) is None or change_of_line(BUILT_IN, replace(line, typed=1)) is None
        return is_bad or line.state == LineState.PARKED

    def known(self, row: Any) -> Any:
        """What this version knows of a record."""
        if row is None:
            return None
        attributes = self.table.maps_by_name["details"].by_name
        entries = {
            key: {name: value for name, value in entry.items() if name in attributes}
            for key, entry in (row["details"] or {}).items()
        }
        names = {*self.table.by_name, "id", "created_at", "updated_at"}
        return {**{name: value for name, value in row.items() if name in names}, "details": entries}


class Device:
    def __init__(
        self,
        name: str,
        folder: Path,
        seed: str,
        server: Server,
        ledger: Ledger,
        old: list[bytes],
        say: Say,
        versions: Sequence[Version],
    ) -> None:
        """``versions`` are all that there are, the one that knows least last."""
        self.name = name
        self.random = Random(seed)
        self.version = self.random.choices(versions, (4, 1))[0]
        self._least = versions[-1]
        self.path = folder / f"{name}.db"
        self.ahead_ms = 0
        self._is_typing = False
        self._say = say
        self._server = server
        self._ledger = ledger
        self.network = Network(server, self.random, old, self.type, self._has_book, say)
        self.replica = self._opened()

    def _opened(self) -> Replica:
        self.replica = self.version.Replica(
            self.path, transport=self.network, clock=self._clock, new_id=self._new_id, rng=self.random
        )
        return self.replica

    def _clock(self) -> int:
        return self._server.now // 1000 + self.ahead_ms

    def _new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _has_book(self) -> bool:
        return self.replica.status().book is not None

    # --- what happens to it ---

    def restart(self) -> None:
        """As another process: one that died while it was syncing holds no lease any more."""
        self.replica.connection.execute("UPDATE sync_state SET lease_holder = NULL")
        self.replica.close()
        self._opened()

    def run(self, version: Version) -> None:
        """Go on with another version of the app, which opens the same file."""
        self.version = version
        self.restart()

    def copy_file(self, to: Path) -> None:
        self._ledger.spoiled |= {record_id for record_id, hands in self._ledger.hands.items() if self.name in hands}
        self.replica.close()
        shutil.copyfile(self.path, to)
        self._opened()

    def sync(self) -> SyncReport | None:
        """None where it failed, which must never harm."""
        try:
            report = SyncReport(**asdict(self.replica.sync()))
            self._say(f"    {self.name}: {report}")
            return report
        except self.version.sync_errors as error:
            self._say(f"    {self.name}: {type(error).__name__}: {error}")
        except Crash:
            self._say(f"    {self.name}: crashed")
            self.restart()
        return None

    def sync_with_a_fault(self, after: int) -> None:
        """SQLite fails in the middle of some statement, as it does on a full disk or when the process is killed."""
        left = [after]

        def step() -> bool:
            left[0] -= not self._is_typing
            return left[0] == 0 and not self._is_typing

        self.replica.connection.set_progress_handler(step, 25)
        try:
            self.sync()
        except sqlite3.OperationalError as error:
            self._say(f"    {self.name}: {error}")
        self.replica.connection.set_progress_handler(None, 0)
        self.restart()

    # --- what its user does ---

    def type(self) -> None:
        editor = Editor(self.replica, self.version.table, self.random, self._ledger.new_text)
        self._is_typing = True
        with self._noting():
            self._say(f"    {self.name}: {editor.edit()}")
        self._is_typing = False

    def decide_about_parked(self) -> None:
        parked = self.replica.parked()
        if not parked:
            return self.type()
        one = self.random.choice(parked)
        with self._noting(one):
            if self.random.random() < 0.4:
                self.replica.drop(one.change_id)
                self._say(f"    {self.name}: drop {one.operation} {one.record_id} ({one.code})")
                return None
            try:
                again = self.replica.retry(one.change_id, **self._corrections(one))
                self._say(f"    {self.name}: retry {one.operation} {one.record_id} ({one.code}) as {again}")
            except self.version.refusals as error:  # not found: its record was deleted since
                self._say(f"    {self.name}: can't retry {one.record_id}: {error}")
        return None

    def _corrections(self, one: Parked) -> dict[str, Any]:
        data = one.data or {}
        given: dict[str, Any] = {name: self._ledger.new_text() for name in ("name", "phone", "notes") if name in data}
        return given | ({"birthday": None} if "birthday" in data else {})

    # --- looking ---

    def shown(self) -> dict[str, Any]:
        return {contact["id"]: contact for contact in self.replica.contacts.list()}

    def seqs(self) -> dict[str, int]:
        """What the server's rows of contacts are, as this device knows it."""
        found = self.replica.connection.execute(
            "SELECT record_id, seq FROM server_rows WHERE table_name = 'contacts' AND NOT deleted"
        )
        return dict(found.fetchall())

    def held(self) -> list[Any]:
        """All that can be sent again to a server that lost it: what shows, and every line of the log.

        Where a version that knew less has pulled, no more counts than that knew: nobody knows how old the rest is.
        """
        shown = self.shown()
        for record_id in shown.keys() & self.pulled_with_less():
            shown[record_id] = self._least.known(shown[record_id])
        columns = self.version.log.columns(self.replica.connection)
        log = self.replica.connection.execute(f"SELECT {columns} FROM change_log ORDER BY id")
        return [shown, log.fetchall()]

    def gone(self) -> set[str]:
        """Records that were deleted, as this device knows, and of which nothing waits here, nor for a person."""
        rows = self.replica.connection.execute("SELECT record_id FROM server_rows WHERE deleted AND stale = 0")
        alive = {line.record_id for line in self._unsettled() if line.operation != "DELETE"}
        contested = {conflict["record_id"] for conflict in self.replica.conflicts() if conflict["cell"] == EXISTS}
        return {record_id for (record_id,) in rows} - alive - contested - self.shown().keys()

    def unanswered(self) -> set[str]:
        """Records of which a line waits for its first answer: a server may have taken it, and the answer was lost."""
        return {line.record_id for line in self._pending() if line.seq is None}

    def check(self) -> None:
        """Whatever a user typed last shows, from the first moment on, until the server has answered to it."""
        if self._is_behind():
            return  # what a version that knew less has left out comes with the next sync
        shown, own = self.shown(), self.kept_to_itself()
        last: dict[str, dict[str, Any] | None] = {}
        for line in self._pending():
            if line.table != self.version.table.name:  # labels, which the contacts that name them bring along
                continue
            if line.seq is not None:  # a server that was restored has lost it: others may have written over it
                last.pop(line.record_id, None)
                continue
            change = self.version.change_in(line)
            if line.operation == "DELETE":
                last[line.record_id] = None
            elif change is None or self.version.cannot_send(line):
                last.pop(line.record_id, None)
            else:
                cells = {name: value for name, value in change.cells.items() if "/" not in name and name not in PARTS}
                last[line.record_id] = {**(last.get(line.record_id) or {}), **cells}
        for record_id in last.keys() - own - self._unknown_rows():
            typed = last[record_id]
            row = shown.get(record_id)
            seen = row and {name: row[name] or None for name in typed or ()}
            assert seen == typed or not row and not typed, f"{self.name} typed {typed} and sees {seen} of {record_id}"

    def _unknown_rows(self) -> set[str]:
        """Deleted records of which nothing is left here. A parked edit of such a record can be tried again, and can not
        show, as it lacks what the record must have: the server will refuse it, and it is parked once more.
        """
        rows = self.replica.connection.execute(
            "SELECT record_id FROM server_rows AS known WHERE deleted AND data IS NULL AND NOT EXISTS (SELECT 1 FROM"
            " change_log AS line WHERE line.record_id = known.record_id AND operation = 'INSERT'"
            " AND (synced <> 1 OR line.seq > known.seq))"
        )
        return {record_id for (record_id,) in rows}

    def _is_behind(self) -> bool:
        """Whether a version that knew less has pulled: what it left out comes with the next sync."""
        state = self.version.read_state(self.replica.connection)
        return bool(state.repulls or state.is_behind(self.version.schema))

    def pulled_with_less(self) -> set[str]:
        """Records that are here as a version that knew less may have pulled them: all, or those yet to come anew."""
        if self.version is self._least or self._is_behind():
            return set(self.shown())
        rows = self.replica.connection.execute("SELECT record_id FROM server_rows WHERE stale > 0")
        return {record_id for (record_id,) in rows}

    def kept_to_itself(self) -> set[str]:
        """Records whose INSERT is parked: their rows exist here only."""
        return {one.record_id for one in self.replica.parked() if one.operation == "INSERT"}

    def _pending(self) -> list[change_log.LogLine]:
        found: list[change_log.LogLine] = self.version.log.pending_lines(self.replica.connection)
        return found

    def _unsettled(self) -> list[change_log.LogLine]:
        return [*self._pending(), *self.version.log.parked_lines(self.replica.connection)]

    def _unsendable(self) -> dict[str, set[str]]:
        """Records that began with an INSERT that can't be sent, and what the log says of them.

        What is written to such a record joins the INSERT, over what it said; and whoever deletes it gives it up.
        """
        lines = self._unsettled()
        inserts = [line for line in lines if line.operation == "INSERT" and self.version.cannot_send(line)]
        return {
            insert.record_id: texts_in([line.data for line in lines if line.record_id == insert.record_id])
            for insert in inserts
        }

    @contextmanager
    def _noting(self, given_up: Parked | None = None) -> Iterator[None]:
        """Enter in the ledger what is typed in here: what of it shows when it is done."""
        before, unsendable, with_less = self.shown(), self._unsendable(), self.pulled_with_less()
        if given_up:
            behind = unsendable.get(given_up.record_id, set()) if given_up.operation == "INSERT" else set()
            unsendable[given_up.record_id] = texts_in(given_up.data) | behind  # with an INSERT goes what joins it
        yield
        after, lines = self.shown(), self._unsettled()
        deleted = {line.record_id for line in lines if (line.state, line.operation) == (LineState.PENDING, "DELETE")}
        self._ledger.typed |= texts_in(after) - texts_in(before)
        self._note_hands(before, after, lines, with_less)
        for record_id, said in unsendable.items():
            shown = texts_in(before.get(record_id))
            if self.version is self._least:
                shown |= said  # with an entry goes what this version does not show of it
            if given_up or record_id not in after or record_id in deleted:
                shown |= said
            self._ledger.excused |= shown - typed_texts(after.get(record_id))

    def _note_hands(
        self, before: dict[str, Any], after: dict[str, Any], lines: list[change_log.LogLine], with_less: set[str]
    ) -> None:
        for record_id in before.keys() | after.keys():
            if before.get(record_id) != after.get(record_id):
                if record_id not in before and record_id in self._ledger.hands:
                    self._ledger.spoiled.add(record_id)
                self._ledger.hands.setdefault(record_id, set()).add(self.name)
                self._ledger.gone.discard(record_id)
                if self.ahead_ms < 0:
                    self._ledger.slow.add(record_id)
                self._ledger.last[record_id] = after.get(record_id)
                self._ledger.known[record_id] = (self._least if record_id in with_less else self.version).known
        self._ledger.spoiled |= {line.record_id for line in lines if self.version.cannot_send(line)}
        self._ledger.spoiled |= {line.record_id for line in lines if line.operation == "DELETE"} & after.keys()
