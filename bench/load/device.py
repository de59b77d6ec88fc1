"""A light device: rows, cursor and queue in memory, the sync of it, and a check of all that a server says to it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.load.counters import Tally
from bench.load.editor import Hand
from bench.load.expected_state import Json, Ledger, Rows
from bench.load.wire import Answer, Http
from offbook.core.model import Cursor
from offbook.core.protocol.requests import CHANGES_MAX, parse_cursor

LOST = 0.03
"""So many pushes by HTTP are sent, left before their answer comes, and sent again."""

FEW = 20


@dataclass
class Book:
    """What the devices of one book share here. ``number`` is the load's own, ``sent`` has when a value was, by whom."""

    id: int
    uuid: str
    number: int
    ledger: Ledger = field(default_factory=Ledger)
    sent: dict[str, tuple[float, str]] = field(default_factory=dict)


@dataclass
class Device:
    """One simulated device: what it holds, what it has not sent yet, and its connection."""

    book: Book
    uuid: str
    token: str
    hosts: Sequence[str]
    random: Random
    tally: Tally
    rows: Rows = field(default_factory=dict)
    cursor: str | None = None
    queue: list[Json] = field(default_factory=list)
    live: ClientConnection | None = None

    def __post_init__(self) -> None:
        self.http = Http(self.random.choice(self.hosts), self.token)
        self.hand = Hand(self.random, self.uuid)
        self._hearing: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Json]] = {}
        self._numbers = count(1)

    # --- HTTP ---

    async def sync(self, limit: int = CHANGES_MAX) -> None:
        """Until nothing is pending and no page follows."""
        while True:
            batch = self.queue[:limit]
            body = orjson.dumps({"changes": batch, "since": self.cursor, "sent_at": self.hand.time()})
            if batch and self.random.random() < LOST:
                await self.http.send_and_leave("POST", "/sync", body)
                self.tally.lost += 1
            self._note_sent(batch)
            answer = await self.ask(kind_of(batch, self.cursor), "POST", "/sync", body, expected=(200,))
            said = json.loads(answer.body)
            self._settle(batch, said["results"])
            del self.queue[: len(batch)]
            self.take(said)
            if not said["more"] and not self.queue:
                return

    async def again(self, changes: list[Json]) -> None:
        """Send what was acknowledged already."""
        body = orjson.dumps({"changes": changes})
        answer = await self.ask("the same changes again", "POST", "/sync", body, expected=(200,))
        self._settle(changes, json.loads(answer.body)["results"], new=False)

    async def ask(
        self, kind: str, method: str, path: str, body: bytes = b"", expected: Sequence[int] = (200,), **headers: str
    ) -> Answer:
        """Any request. Raises RuntimeError for a status that is not expected."""
        with self.tally.timed(kind):
            answer = await self.http.send(method, path, body, **headers)
        self.tally.statuses[answer.status] += self.tally.counting
        if answer.status not in expected:
            raise RuntimeError(
                f"{method} {path.split('?')[0]} was answered with {answer.status}: {answer.body[:300]!r}"
            )
        return answer

    def move(self) -> None:
        """To some host: what a balancer does with a device that comes back."""
        self.http.close()
        self.http.move(self.random.choice(self.hosts))

    # --- the live channel ---

    async def listen(self) -> None:
        """As a replica does: a sync by HTTP first, then the socket from there."""
        await self.sync()
        address = "ws://{}:{}/live?since=".format(*self.http.place) + str(self.cursor)
        headers = {"Authorization": f"Bearer {self.token}"}
        with self.tally.timed("opening a live channel"):
            self.live = await connect(
                address, additional_headers=headers, compression=None, max_size=None, ping_interval=None, proxy=None
            )
        self._hearing = asyncio.create_task(self._hear(self.live))

    async def _hear(self, live: ClientConnection) -> None:
        try:
            async for message in live:
                said = json.loads(message)
                if "push" in said:
                    self._asked.pop(said["push"]).set_result(said)
                else:
                    self._note_arrived(said)
                    self.take(said)
        except ConnectionClosed as closed:
            self.tally.blame([f"A live channel was closed by the server ({closed})."])
        for asked in self._asked.values():
            asked.set_exception(RuntimeError("The live channel was closed before a push was answered."))

    async def push(self, changes: list[Json]) -> None:
        """Over the live channel."""
        assert self.live is not None
        number = next(self._numbers)
        asked = self._asked[number] = asyncio.get_running_loop().create_future()
        self._note_sent(changes)
        with self.tally.timed("push of 1, live" if len(changes) == 1 else f"push of 2 to {FEW}, live"):
            await self.live.send(orjson.dumps({"push": number, "changes": changes}).decode())
            said = await asyncio.wait_for(asked, 60)
        if "problem" in said:
            raise RuntimeError(f"A push was refused: {said['problem']}")
        self._settle(changes, said["results"])

    async def leave(self) -> None:
        """Close the live channel, if it is open."""
        if self.live is not None and self._hearing is not None:
            await self.live.close()
            await self._hearing
        self.live = self._hearing = None

    # --- what it hears ---

    def take(self, page: Json) -> None:
        """Apply a page, and move the cursor."""
        check = self.tally.check
        check(page["since"] == self.cursor, "A page does not go on from the device's cursor.")
        check(page["book"] == self.book.uuid, "A page is of another book.")
        for row in page["changes"]:
            key = row["table"], row["record_id"]
            held = self.rows.get(key)
            check(held is None or held["seq"] <= row["seq"], "A row came that is older than the one that is held.")
            if row["data"] is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = {"seq": row["seq"], "data": row["data"]}
        check(is_later(self.cursor, page["cursor"]), "A cursor went back.")
        self.cursor = page["cursor"]
        self.tally.rows += len(page["changes"]) * self.tally.counting

    def forget(self) -> None:
        """As a device that was never here."""
        self.rows, self.cursor = {}, None

    def _settle(self, batch: list[Json], results: list[Json], new: bool = True) -> None:
        self.tally.check(len(batch) == len(results), "There is not one result for each change.")
        for change, result in zip(batch, results, strict=False):
            self.tally.blame(self.book.ledger.acknowledge(change, result))
            self.tally.verdicts[result["verdict"]] += new and self.tally.counting

    def _note_sent(self, changes: list[Json]) -> None:
        if len(changes) == 1:
            values = (changes[0].get("data") or {}).values()
            self.book.sent.update(dict.fromkeys(values, (time.monotonic(), self.uuid)))

    def _note_arrived(self, page: Json) -> None:
        """How long a value that another device wrote alone took to come here."""
        if len(page["changes"]) != 1 or page["changes"][0]["data"] is None:
            return
        row = page["changes"][0]
        held = self.rows.get((row["table"], row["record_id"]), {"data": {}})["data"]
        new = [value for cell, value in row["data"].items() if isinstance(value, str) and held.get(cell) != value]
        at, writer = max((self.book.sent[value] for value in new if value in self.book.sent), default=(0.0, self.uuid))
        if writer != self.uuid:
            self.tally.note("from a push of 1 to another device", time.monotonic() - at)


def kind_of(batch: list[Json], cursor: str | None) -> str:
    if not batch:
        return "a snapshot's page" if cursor is None or parse_cursor(cursor).after is not None else "a pull"
    return "push of 1, HTTP" if len(batch) == 1 else f"push of 2 to {FEW}, HTTP" if len(batch) <= FEW else "an import"


def is_later(before: str | None, after: str) -> bool:
    """Whether a cursor may follow another: of the same epoch, and not back."""
    if before is None:
        return True
    old, new = parse_cursor(before), parse_cursor(after)
    return old.epoch == new.epoch and place(old) <= place(new)


def place(cursor: Cursor) -> tuple[int, int | float]:
    """The end of a snapshot comes after all of its pages."""
    return cursor.seq, float("inf") if cursor.after is None else cursor.after
