"""Run a load and print what came of it. Ends with 1 where there was a fault."""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import process_usage
from bench.load import hosts, report
from bench.load.counters import Counters
from bench.load.device import Device
from bench.load.device_roles import ROLES, Shift
from bench.load.final_check import check_end
from bench.load.hosts import Hosts, MemoryWatch
from bench.load.world import BookPlan, draw_books

COME_SECONDS = 10
"""Devices come one after the other within this time."""

FILLED_AT_ONCE = 8


def main() -> None:
    args = arguments()
    raise_file_limit()
    plans, counters = draw_books(args.devices, args.seed), Counters()
    with (
        tempfile.TemporaryDirectory(prefix="offbook-load-") as folder,
        hosts.serving(Path(folder), args.database, args.hosts) as served,
    ):
        books = hosts.create_devices(served, plans, counters, args.seed)
        asyncio.run(run(served, plans, books, counters, args.minutes * 60))
    sys.exit(1 if counters.faults else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=1, help="server processes; devices are spread over them")
    parser.add_argument("--database", default="", metavar="URL", help="an empty one; without it a SQLite file is made")
    return parser.parse_args()


async def run(
    served: Hosts, plans: Sequence[BookPlan], books: Sequence[Sequence[Device]], counters: Counters, seconds: float
) -> None:
    print(f"{sum(map(len, books))} devices in {len(books)} books, {len(served.urls)} server processes", flush=True)
    await fill(plans, books)
    counters.counting, watch = True, MemoryWatch(served.pids)
    started, cpu, own = time.monotonic(), process_usage.cpu_seconds(served.pids), time.process_time()
    watching, shift = asyncio.create_task(watch.run()), Shift(seconds)
    roles = [role for plan in plans for role in plan.roles]
    devices = [device for book in books for device in book]
    await asyncio.gather(*(work(device, role, shift) for device, role in zip(devices, roles, strict=True)))
    watching.cancel()
    took, cpu, own = time.monotonic() - started, process_usage.cpu_seconds(served.pids) - cpu, time.process_time() - own
    await watching
    counters.counting = False
    await check_end(served, books, counters)
    log = served.errors.read_text().splitlines()
    counters.check(not log, "The servers' logs are not empty.")
    report.show(counters, watch, took, cpu, own, len(log), sum("database is locked" in line for line in log))
    print("\n".join(log[:20]))


async def fill(plans: Sequence[BookPlan], books: Sequence[Sequence[Device]]) -> None:
    """Each book's first contacts, by its first device."""
    slots = asyncio.Semaphore(FILLED_AT_ONCE)

    async def fill_one(plan: BookPlan, device: Device) -> None:
        async with slots:
            device.queue += [device.editor.insert() for _ in range(plan.contacts)]
            await device.sync()

    await asyncio.gather(*(fill_one(plan, devices[0]) for plan, devices in zip(plans, books, strict=True)))


async def work(device: Device, role: str, shift: Shift) -> None:
    try:
        await shift.pause(device.random.uniform(0, COME_SECONDS))
        await ROLES[role](device, shift)
    except Exception as error:
        device.counters.add_faults([f"A device of the kind {role} had to give up ({type(error).__name__}: {error})."])
    finally:
        await device.close_live()


def raise_file_limit() -> None:
    """Each device has a socket or two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
