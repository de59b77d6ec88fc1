"""The live channel from device to device: from a commit on one to the commit on another, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from bench import server
from bench.server import ROOT, Server
from bench.statistics import Figure

COMMITS = 300
NAME = "from a commit on one device to the commit on another"


def figures(folder: Path) -> Iterator[Figure]:
    with (
        server.running(folder / "pair") as running,
        device(running, folder / "one.db") as writer,
        device(running, folder / "other.db") as reader,
    ):
        delays = measure("add", writer, reader)
        yield Figure(f"{NAME}, p50", delays[49], "ms", 10, at_most=True)
        yield Figure(f"{NAME}, p99", delays[98], "ms")
        yield Figure("the same by plain SQL of another process, p50", measure("insert", writer, reader)[49], "ms")


@contextmanager
def device(running: Server, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A started device, live."""
    command = [sys.executable, "-m", "bench.server_client_pair", str(path), running.url, running.token]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
        child.stdin.close()


def measure(how: str, writer: subprocess.Popen[str], reader: subprocess.Popen[str]) -> list[float]:
    """The percentiles of so many commits, in milliseconds."""
    for child, order in ((reader, "wait"), (writer, how)):
        assert child.stdin is not None
        print(order, COMMITS, file=child.stdin, flush=True)
    committed, arrived = (read_times(child) for child in (writer, reader))
    return quantiles([(arrived[id] - at) / 1e6 for id, at in committed.items()], n=100)


def read_times(child: subprocess.Popen[str]) -> dict[str, int]:
    """When each contact was committed there, in nanoseconds, by id."""
    assert child.stdout is not None
    times: dict[str, int] = json.loads(child.stdout.readline())
    return times
