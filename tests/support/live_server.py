"""The real server for tests: on 127.0.0.1, on a free port, in a thread or as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from config import Config
from storage.engines.database import Database, open_engines
from storage.engines.migrations import upgrade
from tests.support.databases import empty_file
from web.server.process import address_of, listen, server_of

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(app: Callable[..., Iterable[bytes]], config: Config | None = None, port: int = 0) -> Iterator[str]:
    """Serve a WSGI app from a thread; gives the URL. The socket listens from the start, nothing has to be awaited."""
    with running(app, config, port) as (url, _):
        yield url


@contextmanager
def running(
    app: Callable[..., Iterable[bytes]], config: Config | None = None, port: int = 0
) -> Iterator[tuple[str, uvicorn.Server]]:
    """The same, for tests that look inside the server."""
    with run_by(server_of(app, config or Config()), port) as url_and_server:
        yield url_and_server


@contextmanager
def run_by(server: uvicorn.Server, port: int = 0) -> Iterator[tuple[str, uvicorn.Server]]:
    """The same, of a server that the test made."""
    bound = listen("127.0.0.1", port)

    def run() -> None:
        try:
            server.run([bound])
        finally:
            bound.close()

    thread = Thread(target=run, name="server", daemon=True)
    thread.start()
    try:
        yield address_of(bound), server
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"


@dataclass
class Process:
    """`python asgi.py`, running: what it printed until it was ready (``greeting``) and then until its end (``log``)."""

    url: str
    greeting: list[str]
    child: subprocess.Popen[str]
    log: str = ""


def migrated(instance: Path) -> Database:
    """The database that a server with this instance folder uses."""
    database = open_engines(Config.from_environment({"INSTANCE_PATH": str(instance)}).database_url)
    path = Path(database.engine.url.database or "")
    if path.exists():
        upgrade(database)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(empty_file())
    return database


@contextmanager
def serving_process(instance: Path, *, program: Sequence[str] = ("asgi.py",), **settings: str) -> Iterator[Process]:
    """What `make serve` starts, on the migrated database in ``instance``, or on the one that DATABASE_URL names."""
    here = {"INSTANCE_PATH": str(instance), "HOST": "127.0.0.1", "PORT": "0", "DATABASE_URL": "", "LIVE_URL": ""}
    environ = os.environ | here | settings
    if "DATABASE_URL" not in settings:
        migrated(instance).close()
    child = subprocess.Popen(
        [sys.executable, *program], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        greeting = list(read_greeting(child))
        process = Process(greeting[-1].split()[-1], greeting, child)
        yield process
        child.terminate()
        process.log = child.communicate(timeout=20)[0]
    finally:
        child.kill()
        child.communicate()


def read_greeting(child: subprocess.Popen[str]) -> Iterator[str]:
    assert child.stdout is not None
    for line in child.stdout:
        yield line
        if line.startswith("offbook is at "):
            return
    raise AssertionError("the server ended before it was ready")


@contextmanager
def silent() -> Iterator[tuple[str, Event]]:
    """A server that takes every request and never answers: its URL, and whether it was asked by now."""
    asked = Event()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        kept: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):  # the socket was closed
                while True:
                    kept.append(bound.accept()[0])
                    asked.set()

        thread = Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}", asked
        bound.shutdown(socket.SHUT_RDWR)
        thread.join(20)
        for one in kept:
            one.close()


def connect(url: str, receives_bytes: int = 0) -> socket.socket:
    """A bare connection, for what no well-behaved client sends. The system receives ``receives_bytes`` for it ahead."""
    split = urlsplit(url)
    made = socket.socket()
    if receives_bytes:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives_bytes)
    made.settimeout(10)
    made.connect((split.hostname, split.port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def exchange(url: str, request: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    with connect(url) as made:
        made.sendall(request)
        return read_all(made)


def read_all(made: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := made.recv(65536):
        parts.append(part)
    return b"".join(parts)


def echo_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The smallest WSGI app that shows what reached it."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [environ["PATH_INFO"].encode("latin-1"), b" ", str(len(body)).encode()]
