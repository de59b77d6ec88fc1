"""What listeners cost that hear nothing, and what each costs when a change is told."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator

from websockets.asyncio.client import ClientConnection, connect

from bench import process_usage, sync
from bench.costs.setup import Place
from bench.statistics import Figure

BOOKS, EACH = 250, 4
IDLE_SECONDS = 60
"""Three pings of each socket, and one note that it is here."""

EARS, CHANGES = 100, 50


def all_figures(place: Place) -> Iterator[Figure]:
    yield from idle(place)
    yield from published(place)


def idle(place: Place) -> Iterator[Figure]:
    books = [place.new_book(EACH) for _ in range(BOOKS)]
    begun = [(sync.pull_all(place.connect(tokens[0])), token) for tokens in books for token in tokens]
    time.sleep(2)
    memory, nobody = process_usage.memory_mb(place.pid), used(place, IDLE_SECONDS / 2)
    opened, listening, kept = asyncio.run(listen(place, begun))
    count = len(begun)
    yield Figure("opening a live channel, server", opened / count * 1000, "ms CPU")
    yield Figure(f"an idle listener of {count:,} in {BOOKS}, memory", (kept - memory) / count * 1000, "kB")
    yield Figure("the same, server", (listening[0] - nobody[0]) / count * 1e6, "µs CPU/s")
    if listening[1]:
        yield Figure("the same, database", (listening[1] - nobody[1]) / count * 1e6, "µs CPU/s")
    yield Figure("a server without listeners", nobody[0] * 1e6, "µs CPU/s")


def used(place: Place, seconds: float) -> tuple[float, float]:
    """CPU seconds a second, of server and database."""
    server, backends = process_usage.cpu_seconds([place.pid]), place.backends()
    time.sleep(seconds)
    after = place.backends()
    return (
        (process_usage.cpu_seconds([place.pid]) - server) / seconds,
        sum(cpu - backends.get(pid, 0.0) for pid, cpu in after.items()) / seconds,
    )


async def listen(place: Place, begun: list[tuple[str, str]]) -> tuple[float, tuple[float, float], float]:
    """CPU seconds to open all, what all use while nothing happens, and the memory then in MB."""
    before = process_usage.cpu_seconds([place.pid])
    sockets = [await ear(place, cursor, token) for cursor, token in begun]
    opened = process_usage.cpu_seconds([place.pid]) - before
    listening = await asyncio.to_thread(used, place, IDLE_SECONDS)
    kept = process_usage.memory_mb(place.pid)
    await asyncio.gather(*(socket.close() for socket in sockets))
    return opened, listening, kept


async def ear(place: Place, cursor: str, token: str) -> ClientConnection:
    address = f"{place.url.replace('http', 'ws', 1)}/live?since={cursor}"
    headers = {"Authorization": f"Bearer {token}"}
    return await connect(address, additional_headers=headers, compression=None, ping_interval=None, proxy=None)


def published(place: Place) -> Iterator[Figure]:
    """The same pushes, with nobody listening and with many: the rest is theirs."""
    tokens = place.new_book(EARS)
    client = place.connect(tokens[0])
    ids = [str(uuid.uuid4()) for _ in range(CHANGES)]
    client.send("POST", "/sync", sync.body([sync.insert(record_id) for record_id in ids]))
    alone = place.of(
        CHANGES, lambda: [client.send("POST", "/sync", sync.body([sync.update(record_id)])) for record_id in ids]
    )
    cursor = sync.pull_all(client)

    async def heard() -> float:
        sockets = [await ear(place, cursor, token) for token in tokens]
        costs = [await once(sockets) for _ in range(5)]
        await asyncio.gather(*(socket.close() for socket in sockets))
        return sorted(costs)[2]

    async def once(sockets: list[ClientConnection]) -> float:
        before = process_usage.cpu_seconds([place.pid])
        for record_id in ids:
            await asyncio.to_thread(client.send, "POST", "/sync", sync.body([sync.update(record_id)]))
            await asyncio.gather(*(socket.recv() for socket in sockets))
        return (process_usage.cpu_seconds([place.pid]) - before) * 1000 / len(ids)

    with_all = asyncio.run(heard())
    yield Figure("a change to each listener that hears it, server", (with_all - alone.server) / EARS, "ms CPU")
