"""A network between devices and their server, in which things go wrong on purpose.

Every connection goes through Middle. It can be cut without a word to either end, and whoever asks for the live channel
can be given something else in its place: a proxy's answer, silence, or a WebSocket of anybody's making.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from threading import Thread
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

T = TypeVar("T")
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter

TEXT, PING, PONG, CLOSE = 0x1, 0x9, 0xA, 0x8
FIN, RSV1 = 0x80, 0x40


class Ask:
    """A request for the live channel, and both ends of the connection that it came on."""

    def __init__(self, head: str, reader: Reader, writer: Writer) -> None:
        self.head = head
        self.reader = reader
        self.writer = writer

    @property
    def since(self) -> str:
        found = re.search(r"since=(\S+)", self.head)
        assert found
        return unquote(found[1])

    async def accept(self, *headers: str) -> None:
        """RFC 6455, section 4.2.2."""
        found = re.search(r"sec-websocket-key: (\S+)", self.head, re.IGNORECASE)
        assert found
        sign = b64encode(sha1(f"{found[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {sign}", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> Any:
        """The next message that a client sends, in one frame and masked. Anything else is the end."""
        return json.loads(await self._hear(TEXT))

    async def hear_ping(self) -> bytes:
        """What the next ping of a client holds. Anything else is the end."""
        return await self._hear(PING)

    async def _hear(self, kind: int) -> bytes:
        first, length = await self.reader.readexactly(2)
        if first & 0xF != kind:
            raise EOFError
        size = length & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        mask = await self.reader.readexactly(4)
        data = await self.reader.readexactly(size)
        return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await self.send(frame(json.dumps(message).encode()))


Answerer = Callable[[Ask], Awaitable[None]]
"""What answers in the place of the live channel. The connection is closed when it returns."""


def frame(data: bytes, first: int = FIN | TEXT) -> bytes:
    """A WebSocket frame as a server sends it. ``first`` is its first byte."""
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    if len(data) < 1 << 16:
        return bytes([first, 126]) + struct.pack("!H", len(data)) + data
    return bytes([first, 127]) + struct.pack("!Q", len(data)) + data


async def silence(ask: Ask) -> None:
    """Whoever gives up is let go."""
    await ask.reader.read()


def status(code: int, *headers: str, body: bytes = b"") -> Answerer:
    async def answer(ask: Ask) -> None:
        head = [f"HTTP/1.1 {code} No", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        await ask.send("\r\n".join(head).encode() + body)

    return answer


class Middle:
    """``live`` answers in the place of the live channel, where it is set; ``asked`` counts who asked for it."""

    def __init__(self, server: str) -> None:
        self.live: Answerer | None = None
        self.asked = 0
        self._server = urlsplit(server)
        self._loop = asyncio.new_event_loop()
        self._age = 0
        self._is_cut = False
        self._tasks: set[asyncio.Task[None] | None] = set()

    # --- for the test ---

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        """From now on nothing gets through, and nobody is told."""
        self._age += 1
        self._is_cut = True

    def mend(self) -> None:
        """New connections get through again. Those of before stay dead."""
        self._is_cut = False

    @contextmanager
    def running(self) -> Iterator[Middle]:
        thread = Thread(target=self._loop.run_forever, name="middle")
        thread.start()
        listening = self._wait_for(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self._wait_for(self._end(listening))
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """On the loop's own thread: in pytest's a browser may have left one running."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # --- on the loop ---

    async def _end(self, listening: asyncio.Server) -> None:
        listening.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self._tasks.add(asyncio.current_task())  # the loop itself keeps hold of none
        with suppress(OSError, EOFError, asyncio.CancelledError):
            if not self._is_cut:
                await self._answer(reader, writer)
            else:
                await reader.read()
        writer.transport.abort()
        self._tasks.discard(asyncio.current_task())

    async def _answer(self, reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /live"):
            self.asked += 1
            if self.live is not None:
                await self.live(Ask(head.decode(), reader, writer))
                return
        there, away = await asyncio.open_connection(self._server.hostname, self._server.port)
        away.write(head)
        try:
            await self._join((reader, away), (there, writer))
        finally:
            away.transport.abort()

    async def _join(self, *ways: tuple[Reader, Writer]) -> None:
        """Until either end closes."""
        pumps = [asyncio.create_task(self._pump(*way, self._age)) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: Reader, writer: Writer, age: int) -> None:
        while data := await reader.read(1 << 16):
            if age != self._age:
                await asyncio.Event().wait()
            writer.write(data)
            await writer.drain()
        if age != self._age:
            await asyncio.Event().wait()
