"""Print how fast offbook is on this machine, beside what it must at least be. Numbers, not verdicts: nothing fails.

Every figure is the median of some runs, since one run on a busy machine says little.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench import device, pages, server, sync, verify
from bench.figures import Figure, show

CONTACTS = 10_000


def figures(folder: Path) -> Iterator[Figure]:
    with server.running(folder) as running:
        ids = [str(uuid.uuid4()) for _ in range(CONTACTS)]
        yield from sync.batches(running, ids)
        yield from device.pull_figures(running, folder)
        yield from sync.requests(running, ids)
    yield from device.write_figures(folder)
    yield from pages.figures(folder)
    yield from verify.figures(folder)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="offbook-bench-") as folder:
        for figure in figures(Path(folder)):
            show(figure)


if __name__ == "__main__":
    main()
