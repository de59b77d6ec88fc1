"""Many listeners in a process of their own: each notes when a page arrives, and does as little else as can be.

Run by bench/listeners.py: the address and one token per listener on standard input, then a line per question. "wait N"
is answered with the times of the next N pages of every listener, as nanoseconds of the clock that all processes share.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from urllib.parse import urlsplit


def main() -> None:
    url, since, tokens = json.loads(sys.stdin.readline())
    sockets = [listen(url, since, token) for token in tokens]
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(arrivals(sockets, int(line.split()[1]))), flush=True)


def listen(url: str, since: str, token: str) -> socket.socket:
    split = urlsplit(url)
    connection = socket.create_connection((split.hostname, split.port), timeout=60)
    connection.sendall(
        f"GET /live?since={since} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise RuntimeError(answer.decode())
    return connection


def arrivals(sockets: list[socket.socket], pages: int) -> list[int]:
    """When each listener had each page. A page of one small change fits one packet, and the next is sent after it."""
    times: list[int] = []
    with selectors.DefaultSelector() as selector:
        for connection in sockets:
            selector.register(connection, selectors.EVENT_READ, connection)
        while len(times) < pages * len(sockets):
            for key, _ in selector.select(timeout=60):
                times.append(time.monotonic_ns())
                key.data.recv(65536)
    return times


if __name__ == "__main__":
    main()
