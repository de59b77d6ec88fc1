"""What stands between a client and the app: the event loop alone, or nginx with the configuration of deploy/, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.process_usage import memory_mb
from tests.hosts.balancer import balancing
from tests.support.browser import add_device, add_user, app_beside
from tests.support.live_server import Process, serving_process

QUICK = {
    "client_header_timeout 10s": "client_header_timeout 3s",
    "client_body_timeout 30s": "client_body_timeout 3s",
    "send_timeout 30s": "send_timeout 3s",
    "keepalive_timeout 20s": "keepalive_timeout 500ms",
    "    keepalive_timeout 30s": "    keepalive_timeout 1s",
    "ssl;": "; lingering_timeout 1s; lingering_time 2s;",
}
"""The same times in nginx as LIMITS has, and no TLS, so that a client can send what it likes."""


@dataclass(frozen=True)
class Front:
    """``pids`` are of all processes that a client may burden, and ``server`` is the app's own."""

    address: tuple[str, int]
    token: str
    pids: tuple[int, ...]
    server: Process

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def memory_mb(self, what: str) -> float:
        return sum(memory_mb(pid, what) for pid in self.pids)

    def sockets(self) -> int:
        """Open files that are sockets."""
        return sum(is_socket(file) for pid in self.pids for file in Path(f"/proc/{pid}/fd").iterdir())


def is_socket(file: Path) -> bool:
    try:
        return os.readlink(file).startswith("socket:")
    except FileNotFoundError:  # closed by now
        return False


@contextmanager
def alone(folder: Path) -> Iterator[Front]:
    """The event loop."""
    with app_beside(folder) as app:
        add_user(app, "ada")
        _, token = add_device(app, "ada", "laptop")
    with serving_process(folder, program=("-m", "tests.web.server.quick_server"), TRUSTED_PROXIES="1") as process:
        yield Front(address_of(process.url), token, (process.child.pid,), process)


@contextmanager
def behind_nginx(folder: Path, **changes: str) -> Iterator[Front]:
    """nginx, and the event loop behind it. ``changes`` is made in nginx's configuration."""
    with alone(folder) as front:
        port = front.address[1]
        with balancing(folder, port, port, changes=QUICK | changes) as balancer:
            yield Front(address_of(balancer.url), front.token, (*front.pids, *balancer.pids()), front.server)


def address_of(url: str) -> tuple[str, int]:
    split = urlsplit(url)
    assert split.port is not None
    return "127.0.0.1", split.port


FRONTS = {"alone": alone, "behind nginx": behind_nginx}
