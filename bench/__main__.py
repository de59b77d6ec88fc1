"""Print how fast offbook is on this machine, beside what it must at least be. Numbers, not verdicts: nothing fails.

Every figure is the median of some runs, since one run on a busy machine says little.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench import device, ingest, listeners, live, pages, restore, server, streams, sync, tables, verify
from bench.peers import cards, imports, last_version
from bench.statistics import Figure, median, seconds, show

CONTACTS = 10_000


LOOP = 100_000


def figures(folder: Path) -> Iterator[Figure]:
    yield this_machine()
    with server.running(folder) as running:
        ids = [str(uuid.uuid4()) for _ in range(CONTACTS)]
        yield from sync.batches(running, ids)
        yield from device.pull_figures(running, folder)
        yield from sync.requests(running, ids)
    yield this_machine()
    yield from cards.figures()
    yield from imports.figures(folder)
    yield from last_version.figures(folder)
    yield from tables.figures(folder)
    yield from device.write_figures(folder)
    yield from pages.figures(folder)
    yield from restore.figures(folder)
    yield from verify.figures(folder)
    yield from live.figures(folder)
    yield from listeners.figures(folder)
    yield from ingest.figures(folder)
    yield from streams.figures(folder)
    yield this_machine()


def this_machine() -> Figure:
    """The same work each time, none of it offbook's: what tells a slow machine, or a slow hour, from slow code."""
    took = median(seconds(lambda: sum(number & 7 for number in range(LOOP))) for _ in range(20))
    return Figure(f"plain Python on this machine now, a loop of {LOOP:,}", took * 1000, "ms")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="offbook-bench-") as folder:
        for figure in figures(Path(folder)):
            show(figure)


if __name__ == "__main__":
    main()
