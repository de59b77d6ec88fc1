"""Tutorial clients and an ordinary device on one book, through lost and doubled messages: in the end all show the same.

What is asked of every world: each client's rows are the server's, nothing waits in a queue, no contact is there twice,
and none is missing that nobody deleted. The exception is the client's own: its pull replaces a row that others changed
before the edit of it went out.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from storage.engines import Database
from tests.tutorial_client import Lost, TutorialClient
from tests.tutorial_house import House, Other

WORLDS = int(os.environ.get("OFFBOOK_WORLDS", "6"))
STEPS = 60


class World:
    def __init__(self, house: House, seed: int) -> None:
        self.house, self.random = house, random.Random(seed)
        self.faults = True
        self.apps = [house.client(f"app {one}", self.random.choice([0, 0, -90_000, 90_000])) for one in range(3)]
        for app in self.apps:
            self._break_network(app)
        self.laptop: Other = house.other(ahead_seconds=self.random.choice([0, -90_000, 90_000]))
        self.added: set[str] = set()
        self.deleted: set[str] = set()

    def _break_network(self, app: TutorialClient) -> None:
        """Requests get lost on the way, or their answers do, or they arrive twice."""

        def broken(send: Any) -> Any:
            def through(*request: Any) -> Any:
                fate = self.random.random() if self.faults else 1
                if fate < 0.05:
                    raise Lost
                answer = send(*request)
                if fate < 0.15:
                    raise Lost
                return send(*request) if fate < 0.2 else answer

            return through

        app.get, app.post = broken(app.get), broken(app.post)

    def step(self) -> None:
        self.random.choice([self.edit, self.edit, self.edit, self.sync, self.sync, self.elsewhere, self.forget])()

    def edit(self) -> None:
        """Someone types on a device of the tutorial."""
        app = self.random.choice(self.apps)
        rows = app.rows()
        if not rows or self.random.random() < 0.3:
            app.add(self.new_name(), self.value(), self.value())
            return
        number = self.random.choice(sorted(rows))
        if self.random.random() < 0.15:
            self.deleted.add(rows[number][0] or "")
            app.delete(number)
        else:
            app.update(number, **{self.random.choice(["email", "phone"]): self.value()})

    def sync(self) -> None:
        """A sync; now and then someone types between its two halves, or it ends there."""
        app = self.random.choice(self.apps)
        if self.random.random() < 0.6:
            app.sync()
            return
        try:
            app.pull()
            self.edit()
            if self.random.random() < 0.7:
                app.push()
        except Lost:
            pass

    def elsewhere(self) -> None:
        """Someone types on the ordinary device, which may not have synced for a while."""
        if self.random.random() < 0.5:
            self.laptop.see()
        if not self.laptop.seen or self.random.random() < 0.3:
            self.laptop.add(self.new_name(), phone=self.value())
            return
        record_id = self.random.choice(sorted(self.laptop.seen))
        if self.random.random() < 0.15:
            rows = self.house.rows()
            self.deleted.add(rows[record_id]["name"] if record_id in rows else "")
            self.laptop.delete(record_id)
        else:
            self.laptop.edit(record_id, **{self.random.choice(["email", "phone", "notes"]): self.value()})

    def forget(self) -> None:
        if self.random.random() < 0.1:
            self.house.prune()
            self.laptop.see()

    def new_name(self) -> str:
        name = f"contact {len(self.added)}"
        self.added.add(name)
        return name

    def value(self) -> str | None:
        return self.random.choice([None, "", "1", "2", "3", "4"])

    def settle(self) -> None:
        """The network holds: after so many syncs nothing is left to say."""
        self.faults = False
        for _ in range(3):
            for app in self.apps:
                assert app.sync()


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(WORLDS))
def test_all_devices_show_the_same_in_the_end(database: Database, tmp_path: Path, now: int, seed: int) -> None:
    house = House(database, tmp_path, now)
    world = World(house, seed)
    for _ in range(STEPS):
        world.step()
    world.settle()
    assert [app.contents() for app in world.apps] == [house.contents()] * 3
    assert [app.unsent() for app in world.apps] == [0, 0, 0]
    names = [name for name, _, _ in house.contents()]
    assert len(names) == len(set(names))
    assert world.added - world.deleted <= set(names)
    # A last sync has nothing to tell, so that a poll costs nothing.
    for app in world.apps:
        (since,) = app.conn.execute("SELECT value FROM sync_state").fetchone()
        assert app.get(f"/changes?since={since}")[1] == []
    house.close()
