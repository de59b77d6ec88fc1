"""A start: from `python asgi.py` to the first answer, on a database that is migrated and has a book."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench import server
from bench.server import Client
from bench.statistics import Figure, median

STARTS = 5


def figures(folder: Path) -> Iterator[Figure]:
    """The time of the first answer, and what the process holds then."""
    with server.running(folder) as running:
        token = running.token
    starts = [start(folder, token) for _ in range(STARTS)]
    yield Figure("start to first answer", median(took for took, _ in starts), "s", 1, at_most=True, aim=0.6)
    yield Figure("server's memory after its first answer", median(held for _, held in starts), "MB")


def start(folder: Path, token: str) -> tuple[float, float]:
    """How long until the first answer in seconds, and the memory then in MB."""
    began = time.perf_counter()
    with server.serving(folder) as (url, pid):
        running = server.Server(url, token, pid, folder)
        client: Client = running.connect()
        client.send("GET", "/changes?limit=1")
        return time.perf_counter() - began, running.memory_mb("VmRSS")
