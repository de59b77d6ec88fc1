"""A device's connection: HTTP that is kept alive for a while, as little of it as can be. No rule of sync is here."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

KEPT_SECONDS = 20
"""The server closes what rests for 30."""

ANSWER_SECONDS = 60


class HttpResponse(NamedTuple):
    """A whole HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """One connection to one host at a time. ``cookies`` are kept as a browser keeps them."""

    def __init__(self, url: str, token: str = "") -> None:
        self.use_host(url)
        self._token = token
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0
        self._cookies: dict[str, str] = {}

    def use_host(self, url: str) -> None:
        """The next connection is to this host."""
        split = urlsplit(url)
        self.address = split.hostname or "", split.port or 80
        self._open = None

    async def send(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> HttpResponse:
        """Raises OSError, TimeoutError or EOFError where there is no answer."""
        reader, _ = await self._write(method, path, body, headers)
        answer = await asyncio.wait_for(_read(reader), ANSWER_SECONDS)
        self._used = time.monotonic()
        for name, _, value in (cookie.partition("=") for cookie in answer.headers.get("set-cookie", "").split(";")[:1]):
            self._cookies[name] = value
        return answer

    async def send_and_leave(self, method: str, path: str, body: bytes) -> None:
        """Send, and be gone before the answer comes."""
        await self._write(method, path, body, {})
        self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
        self._open = None

    async def _write(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is not None and time.monotonic() - self._used > KEPT_SECONDS:
            self.close()
        if self._open is None:
            self._open = await asyncio.open_connection(*self.address)
        self._open[1].write(self._head(method, path, len(body), headers) + body)
        await self._open[1].drain()
        self._used = time.monotonic()
        return self._open

    def _head(self, method: str, path: str, length: int, headers: Mapping[str, str]) -> bytes:
        fields = {"Host": "localhost", "Accept-Encoding": "gzip", "Content-Length": str(length)}
        fields |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        fields |= {"Cookie": "; ".join(map("=".join, self._cookies.items()))} if self._cookies else {}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        return "\r\n".join(lines).encode()


async def _read(reader: asyncio.StreamReader) -> HttpResponse:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    status = int(first.split()[1])
    body = await reader.readexactly(0 if status in (204, 304) else int(headers.get("content-length", 0)))
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return HttpResponse(status, headers, body)
