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

from bench.load.counters import Counters
from bench.load.editor import Editor
from bench.load.expected_state import ExpectedState, Json, Rows
from bench.load.wire import Http, HttpResponse
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
    expected: ExpectedState = field(default_factory=ExpectedState)
    sent: dict[str, tuple[float, str]] = field(default_factory=dict)


@dataclass
class Device:
    """One simulated device: what it holds, what it has not sent yet, and its connection."""

    book: Book
    uuid: str
    token: str
    hosts: Sequence[str]
    random: Random
    counters: Counters
    rows: Rows = field(default_factory=dict)
    cursor: str | None = None
    queue: list[Json] = field(default_factory=list)
    live: ClientConnection | None = None

    def __post_init__(self) -> None:
        self.http = Http(self.random.choice(self.hosts), self.token)
        self.editor = Editor(self.random, self.uuid)
        self._receiver: asyncio.Task[None] | None = None
        self._pushes: dict[int, asyncio.Future[Json]] = {}
        self._numbers = count(1)

    # --- HTTP ---

    async def sync(self, limit: int = CHANGES_MAX) -> None:
        """Until nothing is pending and no page follows."""
        while True:
            batch = self.queue[:limit]
            body = orjson.dumps({"changes": batch, "since": self.cursor, "sent_at": self.editor.time()})
            if batch and self.random.random() < LOST:
                await self.http.send_and_leave("POST", "/sync", body)
                self.counters.lost += 1
            self._note_sent(batch)
            answer = await self.request(kind_of(batch, self.cursor), "POST", "/sync", body, expected=(200,))
            message = json.loads(answer.body)
            self._record_results(batch, message["results"])
            del self.queue[: len(batch)]
            self.apply_page(message)
            if not message["more"] and not self.queue:
                return

    async def resend(self, changes: list[Json]) -> None:
        """Send what was acknowledged already."""
        body = orjson.dumps({"changes": changes})
        answer = await self.request("the same changes again", "POST", "/sync", body, expected=(200,))
        self._record_results(changes, json.loads(answer.body)["results"], new=False)

    async def request(
        self, kind: str, method: str, path: str, body: bytes = b"", expected: Sequence[int] = (200,), **headers: str
    ) -> HttpResponse:
        """Any request. Raises RuntimeError for a status that is not expected."""
        with self.counters.timed(kind):
            answer = await self.http.send(method, path, body, **headers)
        self.counters.statuses[answer.status] += self.counters.counting
        if answer.status not in expected:
            raise RuntimeError(
                f"{method} {path.split('?')[0]} was answered with {answer.status}: {answer.body[:300]!r}"
            )
        return answer

    def switch_host(self) -> None:
        """To some host: what a balancer does with a device that comes back."""
        self.http.close()
        self.http.use_host(self.random.choice(self.hosts))

    # --- the live channel ---

    async def listen(self) -> None:
        """As a replica does: a sync by HTTP first, then the socket from there."""
        await self.sync()
        address = "ws://{}:{}/live?since=".format(*self.http.address) + str(self.cursor)
        headers = {"Authorization": f"Bearer {self.token}"}
        with self.counters.timed("opening a live channel"):
            self.live = await connect(
                address, additional_headers=headers, compression=None, max_size=None, ping_interval=None, proxy=None
            )
        self._receiver = asyncio.create_task(self._receive(self.live))

    async def _receive(self, live: ClientConnection) -> None:
        try:
            async for text in live:
                message = json.loads(text)
                if "push" in message:
                    self._pushes.pop(message["push"]).set_result(message)
                else:
                    self._note_arrived(message)
                    self.apply_page(message)
        except ConnectionClosed as closed:
            self.counters.add_faults([f"A live channel was closed by the server ({closed})."])
        for push in self._pushes.values():
            push.set_exception(RuntimeError("The live channel was closed before a push was answered."))

    async def push(self, changes: list[Json]) -> None:
        """Over the live channel."""
        assert self.live is not None
        number = next(self._numbers)
        pending = self._pushes[number] = asyncio.get_running_loop().create_future()
        self._note_sent(changes)
        with self.counters.timed("push of 1, live" if len(changes) == 1 else f"push of 2 to {FEW}, live"):
            await self.live.send(orjson.dumps({"push": number, "changes": changes}).decode())
            message = await asyncio.wait_for(pending, 60)
        if "problem" in message:
            raise RuntimeError(f"A push was refused: {message['problem']}")
        self._record_results(changes, message["results"])

    async def close_live(self) -> None:
        """Close the live channel, if it is open."""
        if self.live is not None and self._receiver is not None:
            await self.live.close()
            await self._receiver
        self.live = self._receiver = None

    # --- what it hears ---

    def apply_page(self, page: Json) -> None:
        """Apply a page, and move the cursor."""
        check = self.counters.check
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
        self.counters.rows += len(page["changes"]) * self.counters.counting

    def reset(self) -> None:
        """As a device that was never here."""
        self.rows, self.cursor = {}, None

    def _record_results(self, batch: list[Json], results: list[Json], new: bool = True) -> None:
        self.counters.check(len(batch) == len(results), "There is not one result for each change.")
        for change, result in zip(batch, results, strict=False):
            self.counters.add_faults(self.book.expected.acknowledge(change, result))
            self.counters.verdicts[result["verdict"]] += new and self.counters.counting

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
            self.counters.record("from a push of 1 to another device", time.monotonic() - at)


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
