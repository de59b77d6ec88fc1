"""The server to be measured: `python asgi.py` as a process of its own, with a device's token, on a fresh database."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent


@dataclass
class Server:
    url: str
    token: str
    pid: int

    def connect(self) -> Client:
        split = urlsplit(self.url)
        return Client(http.client.HTTPConnection(split.hostname or "", split.port, timeout=60), self.token)

    def memory_mb(self, what: str) -> float:
        """VmRSS (now) or VmHWM (the most so far), where the system has /proc."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / 1024
        raise LookupError(what)


@dataclass
class Client:
    """A kept connection, with as little of its own as can be: what is measured is the server."""

    connection: http.client.HTTPConnection
    token: str

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:300]!r}")
        return answer

    def json(self, method: str, path: str, body: bytes | None = None) -> Any:
        return json.loads(self.send(method, path, body))


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    environ = os.environ | {"INSTANCE_PATH": str(folder), "HOST": "127.0.0.1", "PORT": "0"}
    environ.pop("DATABASE_URL", None)

    def flask(*words: str, text: str = "") -> str:
        command = [sys.executable, "-m", "flask", *words]
        done = subprocess.run(command, cwd=ROOT, env=environ, input=text, capture_output=True, text=True, check=True)
        return done.stdout

    flask("db", "upgrade")
    flask("user", "add", "bench", "--password-stdin", text="only for the bench\n")
    token = flask("device", "add", "bench", "bench").split()[-1]
    command = [sys.executable, "asgi.py"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield Server(_url(child), token, child.pid)
        finally:
            child.terminate()


def _url(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("offbook is at "):
            return line.split()[-1]
    raise RuntimeError("the server ended before it was ready")
