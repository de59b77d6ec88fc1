"""The server of fake_server.py behind real HTTP on 127.0.0.1, for what only a network shows."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.device.fake_server import Server

TOKEN = "ob_0123_abc"
NOT_YOU = b'{"status": 401, "code": "not_authorized", "detail": "The server does not know this token."}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: House

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(dict(self.headers) | {"path": self.path})
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.reply(401, {}, NOT_YOU)
            return
        with self.server.lock:
            answer = self.server.book.answer(body)
        packed = gzip.compress(answer.body)
        self.reply(self.server.status or answer.status, {"Content-Encoding": "gzip"} | self.server.headers, packed)

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body or body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class House(ThreadingHTTPServer):
    """``headers``, ``body`` and ``status`` take the place of what the server would say."""

    daemon_threads = True

    def __init__(self, book: Server) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.book = book
        self.lock = threading.Lock()
        self.seen: list[dict[str, str]] = []
        self.headers: dict[str, str] = {}
        self.body = b""
        self.status = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none. To print a traceback here disturbed who was at ``ast`` in another thread."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(book: Server) -> Iterator[House]:
    house = House(book)
    thread = threading.Thread(target=house.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield house
    finally:
        house.shutdown()
        thread.join()
        house.server_close()
