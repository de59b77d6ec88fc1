"""WebSocket servers for tests: a well-behaved one, and sockets that do what a test wants; and an ingest beside it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from random import Random
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection, serve

from offbook.database.connection import connect
from offbook.ingest.batch_writer import Event
from offbook.ingest.receiver import Stream, ingest
from offbook.ingest.settings import IngestSettings
from offbook.ingest.stream_file import StreamWriter
from offbook.ingest.url import address_of

SECONDS_MAX = 20.0

QUICK = IngestSettings(
    batch_seconds=0.005,
    open_seconds=5.0,
    close_seconds=1.0,
    retry_seconds=0.01,
    end_seconds=0.2,
    backoff_seconds_min=0.02,
    backoff_seconds_max=0.05,
)
"""As an ingest does it, without the long waits."""

Handler = Callable[[ServerConnection], None]


def until_closed(connection: ServerConnection) -> None:
    """Say nothing more, until the other side leaves."""
    for _ in connection:
        pass


def saying(*messages: str | bytes) -> Handler:
    """Sends these to each who comes."""

    def handler(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message)
        until_closed(connection)

    return handler


@contextmanager
def feed(handler: Handler, port: int = 0, **options: Any) -> Iterator[str]:
    """A server on 127.0.0.1; gives its URL. At the end it breaks off whatever is still open, without a goodbye."""
    open_ones: set[ServerConnection] = set()

    def remembered(connection: ServerConnection) -> None:
        open_ones.add(connection)
        with suppress(ConnectionClosed, OSError):
            handler(connection)
        open_ones.discard(connection)

    with serve(remembered, "127.0.0.1", port, **{"compression": None, "ping_interval": None} | options) as server:
        thread = threading.Thread(target=server.serve_forever, name="feed")
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.socket.shutdown(socket.SHUT_RDWR)
            for connection in list(open_ones):
                cut(connection)
            server.shutdown()
            thread.join(SECONDS_MAX)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def cut(connection: ServerConnection) -> None:
    """As a server that is killed: no word more."""
    with suppress(OSError):  # the other side may have been faster
        connection.socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def raw_feed(handler: Callable[[socket.socket], object]) -> Iterator[str]:
    """Bare sockets: each that comes is given to the handler, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken, suppress(OSError):  # who came may be gone already
                    handler(taken)

        thread = threading.Thread(target=run, name="raw feed", daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(SECONDS_MAX)
            assert not thread.is_alive()


def welcome(taken: socket.socket) -> None:
    """Shake hands as WebSocket wants it; what follows is up to the test."""
    protocol = ServerProtocol()
    while not (events := protocol.events_received()):
        if not (part := taken.recv(65536)):
            raise ConnectionResetError("it left before it had asked")
        protocol.receive_data(part)
    (request,) = events
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    taken.sendall(b"".join(protocol.data_to_send()))


def until_gone(taken: socket.socket) -> bytes:
    """All that the other side still says."""
    said = b""
    while part := taken.recv(65536):
        said += part
    return said


@dataclass
class Ingesting:
    """An ingest in a thread of its own, whose events are waited for."""

    url: str
    path: Path
    settings: IngestSettings = QUICK
    headers: tuple[str, ...] = ()
    greetings: tuple[str, ...] = ()
    events: list[Event] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.stored = 0
        self._end = threading.Event()
        self._told: Queue[Event] = Queue()
        self._thread = threading.Thread(target=self._run, name="ingest")

    def __enter__(self) -> Ingesting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            address = address_of(self.url, self.headers)
            with closing(StreamWriter(self.path, address.shown, now_us())) as file:
                stream = Stream(address, self.settings, self.greetings)
                self.stored = asyncio.run(ingest(stream, file, now_us, Random(1), self._tell, self._end))
        except Exception as error:
            self.error = error
        finally:
            self._tell({"event": "gone"})

    def _tell(self, event: Event) -> None:
        self.events.append(event)
        self._told.put(event)

    def wait_for(self, name: str) -> Event:
        """The next event of this name."""
        deadline = time.monotonic() + SECONDS_MAX
        while (event := self._told.get(timeout=deadline - time.monotonic()))["event"] != name:
            assert event["event"] != "gone", f"the ingest ended: {self.error!r}"
        return event

    def stop_by_itself(self) -> None:
        """Wait for an end that nobody asked for."""
        self._thread.join(SECONDS_MAX)
        assert not self._thread.is_alive(), "the ingest goes on"

    def stop(self, having: int = 0) -> int:
        """End it once the file holds so many messages; how many it stored. All that was sent until then is among them.

        A server's handler runs in a thread of its own: that a connection stands does not say that it has sent anything.
        """
        if having:
            wait_until(lambda: rows(self.path, "SELECT count(*) FROM stream_data")[0] >= having)
        self._end.set()
        self._thread.join(SECONDS_MAX)
        assert not self._thread.is_alive(), "the ingest did not end"
        return self.stored


def now_us() -> int:
    return time.time_ns() // 1000


def rows(path: Path, sql: str = "SELECT payload FROM stream_data ORDER BY id") -> list[Any]:
    """What the file holds; of a single column its values."""
    with closing(connect(path)) as connection:
        found = connection.execute(sql).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def gaps(path: Path) -> list[Any]:
    return rows(path, "SELECT reason, after_id, ended_at IS NOT NULL FROM stream_gaps ORDER BY id")


def wait_until(holds: Callable[[], bool]) -> None:
    """For what happens in another process, or in the file."""
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.005)
