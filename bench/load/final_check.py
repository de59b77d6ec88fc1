"""The end: all devices sync once more, and all of a book must hold the same as a fresh snapshot and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.load import hosts
from bench.load.counters import Tally
from bench.load.device import Device
from bench.load.hosts import Hosts


async def agree(served: Hosts, books: Sequence[Sequence[Device]], tally: Tally) -> None:
    room = asyncio.Semaphore(8)

    async def one(devices: Sequence[Device]) -> None:
        async with room:
            await of_book(served, devices, tally)

    await asyncio.gather(*map(one, books))


async def of_book(served: Hosts, devices: Sequence[Device], tally: Tally) -> None:
    for device in devices:  # what one still had in its queue, the others hear of
        await device.sync()
    for device in devices:
        await device.sync()
    first = devices[0]
    held = [device.rows for device in devices]
    first.forget()
    await first.sync()
    for rows in held:
        tally.check(rows == first.rows, "A device does not hold what a fresh snapshot has.")
    found = hosts.history(served.database, first.book.id)
    tally.blame(first.book.ledger.missing(found, first.rows))
    for device in devices:
        device.http.close()
