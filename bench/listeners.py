"""The live channel's part of the server: how soon a change is with many listeners, and what they cost everyone else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from threading import Event

from websockets.sync.client import connect

from bench import server, sync
from bench.limits import echo
from bench.server import ROOT, Client, Server
from bench.statistics import Figure, Limit
from config import Config
from services.accounts.accounts import Accounts
from storage.engines.database import open_engines

CHANGES = 50
GOALS = {1: ((2, 1.2), (3, 1.5)), 200: ((8, 6), (12, 8)), 1_000: ((None, None), (None, None))}
"""By the number of listeners: the goal and the aim of the median, and those of the 99th percentile, in milliseconds."""
SINGLES = 5_000
SOCKETS_EACH = Config.sockets_per_guest_max


def figures(folder: Path) -> Iterator[Figure]:
    for listeners in GOALS:
        with server.running(folder / f"heard-by-{listeners}") as running:
            yield from heard(running, listeners)
    with server.running(folder / "pushed") as running:
        yield from pushed(running)


def heard(running: Server, listeners: int) -> Iterator[Figure]:
    """One change after the other, each when all have heard of the last."""
    client = running.connect()
    tokens = devices(running, -(-listeners // SOCKETS_EACH)) * SOCKETS_EACH
    with audience(running.url, sync.pull_all(client), tokens[:listeners]) as ears, ThreadPoolExecutor(1) as pool:
        done = Event()
        requests = pool.submit(latencies, running.connect(), done)
        delays: list[float] = []
        for _ in range(CHANGES):
            delays += delays_of_one(client, ears)
        done.set()
        name = "a change is with " + ("one listener" if listeners == 1 else f"each of {listeners:,} listeners")
        round_trips = echo()
        for which, words, (goal, aim) in zip((50, 99), (" from request to page", ""), GOALS[listeners], strict=True):
            limit = Limit("socket echo", percentile(round_trips, which))
            delay = percentile(delays, which)
            yield Figure(f"{name}, p{which}{words}", delay, "ms", goal, at_most=True, aim=aim, limit=limit)
        yield Figure("HTTP meanwhile, p99 of GET /changes", percentile(requests.result(), 99), "ms", 20, at_most=True)
        yield Figure("server's memory meanwhile", running.memory_mb("VmHWM"), "MB", 200, at_most=True)


def delays_of_one(client: Client, ears: subprocess.Popen[str]) -> list[float]:
    assert ears.stdin is not None
    assert ears.stdout is not None
    print("wait 1", file=ears.stdin, flush=True)
    began = time.monotonic_ns()
    client.send("POST", "/sync", sync.body([sync.insert(str(uuid.uuid4()))]))
    return [(at - began) / 1e6 for at in json.loads(ears.stdout.readline())]


def latencies(client: Client, done: Event) -> list[float]:
    took: list[float] = []
    while not done.wait(0.005):
        began = time.monotonic_ns()
        client.send("GET", "/changes?limit=1")
        took.append((time.monotonic_ns() - began) / 1e6)
    return took


def devices(running: Server, count: int) -> list[str]:
    """New devices of the book; as an admin's command would make them, which takes a second for each."""
    database = open_engines(f"sqlite:///{running.folder / 'offbook.db'}")
    accounts, now_us = Accounts(database), time.time_ns() // 1000
    user = accounts.user_named("bench")
    names = (f"ear {number}" for number in range(count))
    tokens = [accounts.add_device(user.book_id, user.id, name, now_us, lambda: str(uuid.uuid4()))[1] for name in names]
    database.close()
    return tokens


def audience(url: str, since: str, tokens: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.websocket_clients"]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    print(json.dumps([url, since, tokens]), file=child.stdin, flush=True)
    if child.stdout.readline() != "ready\n":
        raise RuntimeError("the listeners could not all connect")
    return child


def pushed(running: Server) -> Iterator[Figure]:
    """Single changes over one socket, sent without waiting for each answer: every answer is after the commit."""
    address = running.url.replace("http", "ws", 1) + f"/live?since={sync.pull_all(running.connect())}"
    bodies = [json.dumps({"push": number, "changes": [sync.insert(str(uuid.uuid4()))]}) for number in range(SINGLES)]
    headers = {"Authorization": f"Bearer {running.token}"}
    with (
        connect(address, additional_headers=headers, compression=None, max_queue=None) as socket,
        ThreadPoolExecutor(1) as pool,
    ):
        began = time.perf_counter()
        sending = pool.submit(lambda: deque(map(socket.send, bodies), maxlen=0))
        answers = 0
        while answers < SINGLES:
            answers += str(socket.recv(timeout=60)).startswith('{"push"')
        took = time.perf_counter() - began
        sending.result()
    yield Figure("single changes over one socket, each durable", SINGLES / took, "changes/s", 2_000)


def percentile(values: list[float], which: int) -> float:
    return quantiles(values, n=100)[which - 1]
