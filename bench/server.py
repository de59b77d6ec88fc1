"""The server to be measured: `python asgi.py` as a process of its own, with a device's token, on a fresh database."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from bench import process_usage
from offbook.core.protocol.requests import SCHEMA_HEADER

ROOT = Path(__file__).parent.parent


@dataclass
class Server:
    """A running server, with the token of a device of it."""

    url: str
    token: str
    pid: int
    folder: Path

    def connect(self) -> Client:
        split = urlsplit(self.url)
        connection = socket.create_connection((split.hostname, split.port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Client(connection, self.token)

    def memory_mb(self, what: str) -> float:
        """VmRSS (now) or VmHWM (the most so far)."""
        return process_usage.memory_mb(self.pid, what)


@dataclass
class Client:
    """A kept connection, with as little of its own as can be: what is measured is the server.

    A request is one packet where it fits one, and of an answer only status and length are read: http.client would
    take as long over its headers as the server takes to answer.
    """

    connection: socket.socket
    token: str
    shape: str = ""
    """That of the schema which the client says that it knows, where it says so."""

    def send(self, method: str, path: str, body: bytes = b"") -> bytes:
        schema = f"{SCHEMA_HEADER}: {self.shape}\r\n" if self.shape else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n{schema}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.connection.sendall(head.encode() + body)
        head_bytes, _, answer = self._until_blank_line().partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head_bytes)
        if not head_bytes.startswith(b"HTTP/1.1 200 ") or length is None:
            raise RuntimeError(f"{method} {path}: {head_bytes.decode()} {answer[:300]!r}")
        parts, missing = [answer], int(length[1]) - len(answer)
        while missing:
            parts.append(self._received())
            missing -= len(parts[-1])
        return b"".join(parts)

    def _until_blank_line(self) -> bytes:
        answer = self._received()
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        return answer

    def _received(self) -> bytes:
        part = self.connection.recv(1 << 20)
        if not part:
            raise EOFError("The server closed the connection; one that rests is closed after a while.")
        return part


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """One on SQLite, with a user and a device."""
    flask(folder, "db", "upgrade")
    flask(folder, "user", "add", "bench", "--password-stdin", text="only for the bench\n")
    token = flask(folder, "device", "add", "bench", "bench").split()[-1]
    with serving(folder) as (url, pid):
        yield Server(url, token, pid, folder)


@contextmanager
def serving(folder: Path, database_url: str = "", errors: IO[bytes] | None = None) -> Iterator[tuple[str, int]]:
    """A process on a migrated database, its address and its number. What it has to say goes to ``errors``."""
    command, environ = [sys.executable, "asgi.py"], environment(folder, database_url)
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True) as child:
        try:
            yield address_said_by(child), child.pid
        finally:
            child.terminate()


def flask(folder: Path, *words: str, database_url: str = "", text: str = "") -> str:
    """What an admin's command says."""
    command, environ = [sys.executable, "-m", "flask", *words], environment(folder, database_url)
    done = subprocess.run(command, cwd=ROOT, env=environ, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def environment(folder: Path, database_url: str) -> dict[str, str]:
    """Without a ``database_url`` it is a SQLite file in ``folder``."""
    environ = os.environ | {"INSTANCE_PATH": str(folder), "HOST": "127.0.0.1", "PORT": "0"}
    environ.pop("DATABASE_URL", None)
    return environ | ({"DATABASE_URL": database_url} if database_url else {})


def address_said_by(child: subprocess.Popen[str]) -> str:
    """Where a started server says that it is. Raises RuntimeError where it ends before it is ready."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("offbook is at "):
            return line.split()[-1]
    raise RuntimeError("the server ended before it was ready")
