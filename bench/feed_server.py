"""A WebSocket server that sends numbered messages of 200 bytes: ``python -m bench.feed_server RATE SECONDS``; prints
its URL.

A RATE of 0 is as fast as it is taken. Frames are made here and go to the socket as they are: the library would take
longer to send than the ingest takes to store, and what is measured is the ingest.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time

from websockets.asyncio.server import ServerConnection, serve

SIZE = 200
TICK_SECONDS = 0.005
CHUNK = 200
HEAD = struct.pack("!BBH", 0x81, 126, SIZE)
"""A whole text message without a mask, RFC 6455, section 5.2."""


def message() -> bytes:
    """It says when it was sent, in microseconds since 1970."""
    return b'{"sent_us":%d,"text":"' % (time.time_ns() // 1000)


def frames(count: int) -> bytes:
    head = message()
    return (HEAD + head + b"x" * (SIZE - len(head) - 2) + b'"}') * count


async def send(connection: ServerConnection, rate: int, seconds: float) -> None:
    sent, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        due = round(passed * rate) - sent if rate else CHUNK
        if due > 0:
            connection.transport.write(frames(due))
            sent += due
        await connection.drain()
        await asyncio.sleep(TICK_SECONDS if rate else 0)
    await connection.close(1000, str(sent))


async def main() -> None:
    rate, seconds = int(sys.argv[1]), float(sys.argv[2])

    async def handler(connection: ServerConnection) -> None:
        await send(connection, rate, seconds)

    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
