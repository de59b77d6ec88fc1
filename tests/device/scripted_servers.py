"""Servers on 127.0.0.1 that say byte by byte whatever a test wants: trickles, floods, pages of others, proxies."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

TRICKLE_SECONDS = 0.01
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Talk = Callable[["Visitor"], None]


class Visitor:
    """One connection to such a server."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self._connection = connection
        self._over = over

    def request(self) -> bytes:
        """The head of the next request; its body, as far as it says how long that is, is read and dropped."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = self._connection.recv(65_536)
            if not part:
                raise ConnectionError
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        left = content_length(head) - len(body)
        while left > 0:
            left -= len(self._connection.recv(65_536))
        return head

    def say(self, data: bytes) -> None:
        self._connection.sendall(data)

    def trickle(self, data: bytes) -> None:
        """The same byte for byte, over and over, until the other end has had enough."""
        while True:
            for byte in data:
                self.say(bytes([byte]))
                if self._over.wait(TRICKLE_SECONDS):
                    return

    def wait(self) -> None:
        """Neither read nor say anything."""
        self._over.wait()


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(status: str, body: bytes, *headers: str) -> Talk:
    """To every request the same."""

    def talk(visitor: Visitor) -> None:
        visitor.request()
        visitor.say(answer(status, body, *headers))

    return talk


@contextmanager
def odd_server(talk: Talk) -> Iterator[tuple[str, list[str]]]:
    """Its address, and whatever it was asked so far: the first lines of requests that ``talk`` read."""
    over, asked, threads = threading.Event(), list[str](), list[threading.Thread]()

    def serve(connection: socket.socket) -> None:
        visitor = Noted(connection, over, asked)
        with connection, suppress(OSError):
            talk(visitor)

    def accept(listening: socket.socket) -> None:
        while True:
            connection, _ = listening.accept()
            if over.is_set():
                connection.close()
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, args=(listening,))
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        finally:
            over.set()
            with socket.socket() as waking:
                waking.connect(listening.getsockname())
            accepting.join()
            for thread in threads:
                thread.join()


class Noted(Visitor):
    def __init__(self, connection: socket.socket, over: threading.Event, asked: list[str]) -> None:
        super().__init__(connection, over)
        self._asked = asked

    def request(self) -> bytes:
        head = super().request()
        self._asked.append(head.partition(b"\r\n")[0].decode())
        return head
