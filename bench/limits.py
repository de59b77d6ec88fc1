"""What this machine does at most of what offbook does: bare answers, bare commits, plain rows, an echo.

Each is measured in the same run as the figure beside which it stands, so that a slow machine, or a slow hour, is told
from slow code.
"""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench import server
from bench.process_usage import memory_mb
from bench.server import ROOT, Server
from bench.statistics import Limit, median, seconds
from offbook.core.protocol.json import dumps
from offbook.database.connection import connect

WRITTEN = ("contacts", "contact_details", "labels", "changes", "change_log")
"""The tables in which a push or an import writes rows."""

ANSWERS, COMMITS, ECHOES = 300, 200, 500


@contextmanager
def bare_server(kind: str) -> Iterator[Server]:
    """A server that only answers: ``asgi`` or ``flask``."""
    command = [sys.executable, "-m", "bench.bare_server", kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield Server(server.address_said_by(child), "none", child.pid, ROOT)
        finally:
            child.terminate()


def bare_answer(kind: str) -> Limit:
    """How long an answer takes that says nothing, in milliseconds."""
    with bare_server(kind) as running:
        client = running.connect()
        took = median(seconds(lambda: client.send("POST", "/", b'{"changes":[]}')) for _ in range(ANSWERS))
    return Limit({"asgi": "a bare ASGI answer", "flask": "a bare Flask view"}[kind], took * 1000)


def bare_process() -> Limit:
    """The memory of a process with Flask and SQLAlchemy that has answered, in MB."""
    command = [sys.executable, "-c", BARE_PROCESS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        held = memory_mb(child.pid)
        child.communicate()
    return Limit("a bare Flask and SQLAlchemy process", held)


BARE_PROCESS = """
import sys, flask, sqlalchemy
app = flask.Flask("bare")
app.add_url_rule("/", view_func=lambda: "")
app.test_client().get("/")
engine = sqlalchemy.create_engine("sqlite://")
with engine.connect() as connection:
    connection.execute(sqlalchemy.text("SELECT 1"))
print("ready", flush=True)
sys.stdin.read()
"""


def bare_commit(folder: Path) -> float:
    """What one durable commit takes here in seconds, with as many pages as a change touches: nothing can be faster."""
    with closing(connect(folder / "bare.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for number in range(9):
            connection.execute(f"CREATE TABLE t{number} (text)")

        def commit() -> None:
            connection.execute("BEGIN IMMEDIATE")
            for number in range(9):
                connection.execute(f"INSERT INTO t{number} VALUES ('some text of a contact')")
            connection.execute("COMMIT")

        return median(seconds(commit) for _ in range(COMMITS))


def echo() -> list[float]:
    """How long a packet takes to another process and back, in milliseconds, each time."""
    command = [sys.executable, "-c", ECHO]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        with socket.create_connection(("127.0.0.1", int(child.stdout.readline()))) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def round_trip() -> None:
                connection.sendall(b"x" * 300)
                connection.recv(300)

            return [seconds(round_trip) * 1000 for _ in range(ECHOES)]


ECHO = """
import socket
bound = socket.create_server(("127.0.0.1", 0))
print(bound.getsockname()[1], flush=True)
connection, _ = bound.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while data := connection.recv(300):
    connection.sendall(data)
"""


def plain_write(file: Path, copy: Path, clock: Callable[[], float], batch: int | None = None) -> float:
    """How long plain SQLite takes to write the rows of a file into a new one with the same tables and indexes.

    They are written by executemany(), without triggers, in one transaction or so many rows of each table in one.
    """
    with closing(sqlite3.connect(file)) as source, closing(connect(copy)) as target:
        made = "SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC"
        for (sql,) in source.execute(made):
            if "sqlite_sequence" not in sql:
                target.execute(sql)
        names = {name for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in WRITTEN if name in names}
        longest = max(map(len, tables.values()))
        began = clock()
        for start in range(0, longest, batch or longest):
            target.execute("BEGIN IMMEDIATE")
            for name, rows in tables.items():
                if part := rows[start : start + (batch or longest)]:
                    target.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(part[0]))})", part)
            target.execute("COMMIT")
        return clock() - began


def plain_read(file: Path, tables: tuple[str, ...] = ("contacts", "contact_details")) -> float:
    """How long it takes to read all rows of these tables and to write them as JSON, in seconds."""
    with closing(sqlite3.connect(file)) as source:
        began = time.perf_counter()
        for name in tables:
            dumps(source.execute(f"SELECT * FROM {name}").fetchall())
        return time.perf_counter() - began
