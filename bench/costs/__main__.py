"""Print what things cost."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.costs import notifications, open_sockets, read_requests, storage_bytes
from bench.costs.setup import Place
from bench.load import hosts
from bench.statistics import show


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--database", default="", metavar="URL", help="an empty one; without it a SQLite file is made")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="offbook-costs-") as folder,
        hosts.serving(Path(folder), args.database, 1) as served,
    ):
        place = Place(served, Path(folder))
        place.fill()
        for part in (read_requests, storage_bytes, notifications, open_sockets):
            for figure in part.all_figures(place):
                show(figure)


if __name__ == "__main__":
    main()
