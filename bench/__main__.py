"""Print how fast offbook is on this machine, beside what it must at least be. Numbers, not verdicts: nothing fails.

Every figure is the median of some runs, since one run on a busy machine says little. A whole run is kept in
bench/runs.jsonl, and docs/performance.md and its chart are made anew of it; `python -m bench sync start` measures these
groups alone, and keeps nothing without `--keep`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from bench import (
    device,
    growth,
    ingest,
    listeners,
    live,
    pages,
    restore,
    runs,
    server,
    start,
    streams,
    sync,
    tables,
    verify,
)
from bench.peers import carddav, cards, imports, last_version
from bench.statistics import Figure, median, seconds, show

CONTACTS = 10_000
LOOP = 100_000


def requests(folder: Path) -> Iterator[Figure]:
    """A server and a device that exchange contacts."""
    with server.running(folder) as running:
        ids = [sync.new_id() for _ in range(CONTACTS)]
        yield from sync.batches(running, ids)
        yield from device.pull_figures(running, folder)
        yield from sync.requests(running, ids)
    with server.running(folder / "eight") as running:
        yield from sync.eight_devices(running)


GROUPS: Mapping[str, Callable[[Path], Iterator[Figure]]] = {
    "sync": requests,
    "start": start.figures,
    "growth": growth.figures,
    "cards": lambda _: cards.figures(),
    "carddav": carddav.figures,
    "imports": imports.figures,
    "versions": last_version.figures,
    "tables": tables.figures,
    "device": device.write_figures,
    "pages": pages.figures,
    "restore": restore.figures,
    "verify": verify.figures,
    "live": live.figures,
    "listeners": listeners.figures,
    "ingest": ingest.figures,
    "streams": streams.figures,
}
"""What is measured, by the name under which it can be asked for; each in a folder of its own."""


def this_machine() -> Figure:
    """The same work each time, none of it offbook's: what tells a slow machine, or a slow hour, from slow code."""
    took = median(seconds(lambda: sum(number & 7 for number in range(LOOP))) for _ in range(20))
    return Figure(f"plain Python on this machine now, a loop of {LOOP:,}", took * 1000, "ms")


def measured(groups: Sequence[str]) -> Iterator[Figure]:
    """The figures of these groups, each shown as soon as it is known."""
    with tempfile.TemporaryDirectory(prefix="offbook-bench-") as folder:
        for group in groups:
            path = Path(folder, group)
            path.mkdir()
            for figure in chain([this_machine()], GROUPS[group](path)):
                show(figure)
                yield figure


def main(words: Sequence[str]) -> None:
    """Measure the groups that were named, or all of them; exits with a sentence where a name is of none.

    A run of all is kept, and with ``--keep`` one of some.
    """
    groups = [word for word in words if word != "--keep"]
    if unknown := sorted(set(groups) - set(GROUPS)):
        sys.exit(f"There is no group {unknown[0]}: name some of {', '.join(GROUPS)}, or none to measure all.")
    figures = list(measured(groups or list(GROUPS)))
    if not groups or "--keep" in words:
        runs.keep(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
