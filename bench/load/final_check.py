"""The end: all devices sync once more, and all of a book must hold the same as a fresh snapshot and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.load import hosts
from bench.load.counters import Counters
from bench.load.device import Device
from bench.load.hosts import Hosts


async def check_end(served: Hosts, books: Sequence[Sequence[Device]], counters: Counters) -> None:
    """Check every book, eight at a time; faults are counted."""
    slots = asyncio.Semaphore(8)

    async def check_one(devices: Sequence[Device]) -> None:
        async with slots:
            await check_book(served, devices, counters)

    await asyncio.gather(*map(check_one, books))


async def check_book(served: Hosts, devices: Sequence[Device], counters: Counters) -> None:
    for device in devices:  # what one still had in its queue, the others hear of
        await device.sync()
    for device in devices:
        await device.sync()
    first = devices[0]
    held = [device.rows for device in devices]
    first.reset()
    await first.sync()
    for rows in held:
        counters.check(rows == first.rows, "A device does not hold what a fresh snapshot has.")
    stored = hosts.history(served.database, first.book.id)
    counters.add_faults(first.book.expected.missing(stored, first.rows))
    for device in devices:
        device.http.close()
