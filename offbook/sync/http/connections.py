"""Connections of HTTP that obey a deadline: of a whole request, and not of each byte of it.

requests and urllib3 begin a new wait with every byte that comes, so that a server which sends one now and then holds a
request for ever. Here each wait ends at the deadline of the request that its thread makes, whatever it waits for: the
name, the connection, a proxy, TLS, sending, the head of the answer or its body.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from math import inf
from threading import Thread
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

DEADLINE: ContextVar[float] = ContextVar("deadline", default=inf)
"""When the request that this thread makes must be done, by time.monotonic()."""


class TooLate(Exception):
    """The time of a request is over."""


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Whatever this thread asks for in here must be answered in this time. Raises TooLate."""
    token = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(token)


def seconds_left() -> float:
    """How long this thread's request may still take; infinite where it has no deadline. Raises TooLate."""
    left = DEADLINE.get() - time.monotonic()
    if left <= 0:
        raise TooLate
    return left


class DeadlineReader(io.RawIOBase):
    """What a socket receives. A single wait lasts as long as the socket allows, and never beyond the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._seconds_max = sock.gettimeout() or inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = seconds_left()
        self._sock.settimeout(None if (seconds_max := min(left, self._seconds_max)) == inf else seconds_max)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            seconds_left()
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()


class ReadableSocket:
    """What http.client needs of a socket in order to read an answer from it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(DeadlineReader(self._sock))


class DeadlineResponse(http.client.HTTPResponse):
    """A response whose every read ends by the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(ReadableSocket(sock), *args, **options)  # type: ignore[arg-type]


class DeadlineConnection(HTTPConnection):
    """A connection that is made, written to and read from within the deadline."""

    response_class = DeadlineResponse

    def connect(self) -> None:
        """In a thread of its own: neither the look-up of a name nor a list of dead addresses can be interrupted."""
        connected = _run_in_thread(copy_context().run, super().connect)
        try:
            connected.result(seconds_left())
        except TimeoutError:
            if connected.done():
                raise
            connected.add_done_callback(lambda _: self.close())
            raise TooLate from None

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(None if (left := seconds_left()) == inf else left)
        try:
            super().send(data)
        except TimeoutError:
            seconds_left()
            raise


class DeadlineSecureConnection(DeadlineConnection, HTTPSConnection):
    """The same over TLS."""


def _run_in_thread(work: Callable[..., Any], *args: Any) -> Future[None]:
    done: Future[None] = Future()

    def run() -> None:
        try:
            done.set_result(work(*args))
        except Exception as error:
            done.set_exception(error)

    Thread(target=run, name="offbook-connecting", daemon=True).start()
    return done


class DeadlinePool(HTTPConnectionPool):
    """A pool of DeadlineConnection."""

    ConnectionCls = DeadlineConnection


class DeadlineSecurePool(HTTPSConnectionPool):
    """A pool of DeadlineSecureConnection."""

    ConnectionCls = DeadlineSecureConnection


class DeadlineAdapter(HTTPAdapter):
    """Makes such connections, to a server and through a proxy that speaks HTTP."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _use_deadline_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **options)
        if proxy.lower().startswith("http"):
            _use_deadline_pools(manager)
        return manager


def _use_deadline_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": DeadlinePool, "https": DeadlineSecurePool}
