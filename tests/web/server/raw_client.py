"""Raw conversations with the server: bytes in, answers out, and an app that shows what reached it."""

from __future__ import annotations

import json
import re
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from config import Config
from tests.support.live_server import connect, read_all, run_by
from web.server import wsgi_bridge
from web.server.uvicorn_server import server_for
from web.server.wsgi_bridge import WsgiBridge

QUICK = Config(head_seconds=0.3, body_seconds=0.3, send_seconds=0.5)

PATIENT = Config(head_seconds=30, body_seconds=30)
"""What hangs does so for longer than a test waits."""

HANDSHAKE = {
    "Host": "localhost",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

SHOWN = ("HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_FOR", "HTTP_X_TAG")


@dataclass(frozen=True)
class Answer:
    """``seen`` is what the app was asked, where it was asked; ``code`` is the problem's."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        seen: dict[str, Any] = json.loads(self.body)
        return seen

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["code"]
        return code


def showing_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answers with the request that reached it."""
    seen = {name: environ[name] for name in SHOWN if name in environ}
    seen |= {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"]}
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


class OpenHall:
    """A live channel that has room for everybody, and hears them until they leave."""

    def has_room_for(self, guest: Any) -> bool:
        return True

    async def serve(self, guest: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    async def close(self) -> None:
        pass


@contextmanager
def hall(app: Callable[..., Any], config: Config) -> Iterator[tuple[str, uvicorn.Server]]:
    """A server whose WebSockets say again what they hear. Whom the app leaves at the door is let in."""
    with run_by(server_for(WsgiBridge(app, config, lambda threads: OpenHall()), config)) as url_and_server:
        yield url_and_server


def letting_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Lets everybody in."""
    environ[wsgi_bridge.HANDSHAKE].subscriber = "subscriber"
    start_response("200 OK", [])
    return []


def handshake(method: str = "GET", path: str = "/live", version: str = "1.1", **headers: str | None) -> bytes:
    """``headers`` are added, and None takes one away. A name's underscores are hyphens."""
    changed = HANDSHAKE | {name.replace("_", "-"): value for name, value in headers.items()}
    return head(method, path, {name: value for name, value in changed.items() if value is not None}, version)


def frame(data: bytes, first: int) -> bytes:
    """A WebSocket frame as a client sends it, of at most 125 bytes (RFC 6455, 5.2); its mask changes nothing."""
    return bytes([first, 0x80 | len(data), 0, 0, 0, 0]) + data


def request(method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> bytes:
    """A request with a Host. A name's underscores are hyphens."""
    return (
        head(method, path, {"Host": "localhost"} | {name.replace("_", "-"): value for name, value in headers.items()})
        + body
    )


def head(method: str, path: str, headers: dict[str, str], version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """A body in chunks, and its end (RFC 9112, 7.1)."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


def talk(url: str, *parts: bytes, half_close: bool = False) -> list[Answer]:
    """All answers until the server closes. One that does not close in 10 seconds is a TimeoutError."""
    with connect(url) as made:
        for part in parts:
            made.sendall(part)
        if half_close:
            made.shutdown(socket.SHUT_WR)
        return list(answers(read_all(made)))


def flood(url: str, first: bytes, endless: bytes, bytes_max: int) -> list[Answer]:
    """Send until the server says something, and what it said. Raises AssertionError where it takes all of it."""
    with connect(url) as made:
        made.sendall(first)
        for _ in range(bytes_max // len(endless)):
            made.sendall(endless)
            if select.select([made], [], [], 0)[0]:
                return list(answers(read_all(made)))
        raise AssertionError(f"the server takes {bytes_max} bytes")


def answers(data: bytes) -> Iterator[Answer]:
    """The answers in these bytes, which have nothing else in them."""
    while data:
        before, blank, data = data.partition(b"\r\n\r\n")
        assert before.startswith(b"HTTP/1.1 "), before
        assert blank, before
        lines = before.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        found = re.match(r"HTTP/1\.1 (\d{3})", lines[0])
        assert found, lines
        assert length <= len(data), lines
        yield Answer(int(found[1]), headers, data[:length])
        data = data[length:]
