"""Print what things cost."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.costs import asking, listening, stored, telling
from bench.costs.place import Place
from bench.figures import show
from bench.load import hosts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--database", default="", metavar="URL", help="an empty one; without it a SQLite file is made")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="offbook-costs-") as folder,
        hosts.serving(Path(folder), asked.database, 1) as served,
    ):
        place = Place(served, Path(folder))
        place.fill()
        for part in (asking, stored, telling, listening):
            for figure in part.all_figures(place):
                show(figure)


if __name__ == "__main__":
    main()
