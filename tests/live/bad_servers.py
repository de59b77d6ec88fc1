"""Live channels that lie, break every rule, or say nothing: what may stand in the place of a server's own."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

from offbook import NoLive, Offline, OtherBook, ServerFault
from tests.support.api_client import new_id
from tests.support.fault_proxy import CLOSE, FIN, PING, PONG, RSV1, TEXT, Answerer, Ask, frame, silence

BINARY, CONTINUATION, UNKNOWN = 0x2, 0x0, 0x3
HUGE = 64 * 1024 * 1024


def frames(*raw: bytes) -> Answerer:
    """A WebSocket that sends these bytes, and then nothing."""

    async def answer(ask: Ask) -> None:
        await ask.accept()
        for one in raw:
            await ask.send(one)
        await silence(ask)

    return answer


def saying(*make: Callable[[Ask], Any]) -> Answerer:
    """A WebSocket that says these messages, and then nothing."""

    async def answer(ask: Ask) -> None:
        await ask.accept()
        await ask.say(*[one(ask) for one in make])
        await silence(ask)

    return answer


def answering(make: Callable[[dict[str, Any], str], Any], book: str) -> Answerer:
    """A WebSocket that has no pages, and answers each push with this."""

    async def answer(ask: Ask) -> None:
        await ask.accept()
        while True:
            await ask.say(make(await ask.hear(), book))

    return answer


async def deaf(ask: Ask) -> None:
    """A channel that takes nothing."""
    await ask.accept()
    await asyncio.Event().wait()


async def huge(ask: Ask) -> None:
    await ask.accept()
    await ask.send(frame(b"x" * HUGE))
    await silence(ask)


async def endless(ask: Ask) -> None:
    await ask.accept()
    await ask.send(frame(b"x" * 60_000, TEXT))
    while True:
        await ask.send(frame(b"x" * 60_000, CONTINUATION))


async def trickling(ask: Ask) -> None:
    """One message in ever more pieces, from a server that answers every ping."""
    await ask.accept()
    await ask.send(frame(b"[", TEXT))

    async def answer_pings() -> None:
        while True:
            await ask.send(frame(await ask.hear_ping(), FIN | PONG))

    async def trickle() -> None:
        while True:
            await ask.send(frame(b" ", CONTINUATION))
            await asyncio.sleep(0.02)

    await asyncio.gather(answer_pings(), trickle())


async def crumbling(ask: Ask) -> None:
    """A message without end in pieces of nothing."""
    await ask.accept()
    await ask.send(frame(b"[", TEXT))
    while True:
        await ask.send(frame(b"", CONTINUATION) * 1_000)


def bomb() -> bytes:
    return frame(zlib.compress(bytes(HUGE), wbits=-15), FIN | RSV1 | TEXT)


async def bombing(ask: Ask) -> None:
    await ask.accept()
    await ask.send(bomb())
    await silence(ask)


async def packed(ask: Ask) -> None:
    await ask.accept("Sec-WebSocket-Extensions: permessage-deflate")
    await ask.send(bomb())
    await silence(ask)


def page(ask: Ask, **more: Any) -> dict[str, Any]:
    """A page for whoever asks, of a book that is not theirs unless ``more`` says so."""
    return {"book": new_id(), "since": ask.since, "changes": [], "cursor": ask.since, "more": False} | more


BREAKS: dict[str, tuple[Answerer, type[Exception]]] = {
    "64 MiB in a message": (huge, Offline),
    "a message without end": (endless, Offline),
    "a message that trickles": (trickling, Offline),
    "a message of crumbs": (crumbling, Offline),
    "a bomb": (bombing, Offline),
    "compression that was not asked for": (packed, NoLive),
    "an unknown kind of frame": (frames(frame(b"x", FIN | UNKNOWN)), Offline),
    "a masked frame": (frames(b"\x81\x81\0\0\0\0x"), Offline),
    "the middle of a message first": (frames(frame(b"x", FIN | CONTINUATION)), Offline),
    "text that is none": (frames(frame(b"\xff")), Offline),
    "a ping that is too long": (frames(frame(b"x" * 126, FIN | PING)), Offline),
    "a code that can't be": (frames(frame(b"\0\1", FIN | CLOSE)), Offline),
    "half a frame": (frames(b"\x81\x7e"), Offline),
    "bytes": (frames(frame(b"\0\1\2", FIN | BINARY)), ServerFault),
    "what is not JSON": (frames(frame(b"<html>")), ServerFault),
    "nesting without end": (frames(frame(b"[" * 100_000)), ServerFault),
    "a list": (saying(lambda ask: []), ServerFault),
    "a page without a cursor": (saying(lambda ask: page(ask, cursor=None)), ServerFault),
    "a page of another book": (saying(page), OtherBook),
}
"""Each with what is told of it."""

ANSWERS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "no verdict": lambda push, book: {"push": push["push"], "book": book, "results": []},
    "the answer to another push": lambda push, book: {"push": push["push"] + 1, "book": book, "results": []},
    "another book": lambda push, book: {"push": push["push"], "book": new_id(), "results": []},
    "no book": lambda push, book: {"push": push["push"], "results": []},
    "results that are none": lambda push, book: {"push": push["push"], "book": book, "results": "all of them"},
    "a problem": lambda push, book: {"push": push["push"], "problem": {"status": 400, "code": "odd", "detail": "Odd."}},
    "a problem of no push": lambda push, book: {"push": None, "problem": {"status": 400, "code": "not_json"}},
    "a problem that is none": lambda push, book: {"push": push["push"], "problem": 5},
    "a cursor that is gone": lambda push, book: {
        "push": push["push"],
        "problem": {"status": 410, "code": "cursor_gone"},
    },
}
