"""Plays conversations over real sockets, many at once, and tells what was wrong with what came back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest

from tests.web.server.conversations import DRIP_SECONDS, NOTHING, Conversation
from tests.web.server.websocket_messages import Message

AT_ONCE = 150
END_SECONDS = 15.0
"""How long a conversation may go on after the client's last word. Every limit of the server is a tenth of it."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FLOOD_PIECE_BYTES = 64 * 1024
FLOOD_BYTES_MAX = 8 * 1024 * 1024
UNREAD_SECONDS = 4.0
LATE_SECONDS = 1.5
"""Who took so long to say all, since the machine had other things to do, may have been too slow for a server."""

PROXIED_DRIP_SECONDS = 2.0
"""A proxy waits for each byte anew."""


@dataclass
class Transcript:
    """What was received so far; ``ended`` is how the server ended it. Saying it all took ``seconds``."""

    messages: Sequence[Message]
    seconds: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    ended: str = ""
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def statuses(self) -> list[int]:
        return [status for status, _ in self._answers()]

    @property
    def rest(self) -> bytes:
        """What follows the last whole answer. After 101 that is no HTTP, and may be anything."""
        status, rest = ([(NOTHING, bytes(self.received)), *self._answers()])[-1]
        return b"" if status == 101 else rest.removeprefix(CONTINUE)

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """The status of each whole answer, and what follows it."""
        left, messages = bytes(self.received), iter(self.messages)
        while True:
            first, blank, after = left.partition(b"\r\n\r\n")
            if not blank or not first.startswith(b"HTTP/1.1 "):
                return
            if first + blank == CONTINUE:
                left = after
                continue
            status, message = int(first[9:12]), next(messages, None)
            length = length_of(first) if message is None or message.is_answered_with_body else 0
            if length > len(after):
                return
            left = after[length:]
            yield status, left
            if status == 101:
                return


def length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def play_all(conversations: Sequence[Conversation], address: tuple[str, int], is_proxied: bool) -> list[str]:
    """What was wrong, in words."""
    room = asyncio.Semaphore(AT_ONCE)

    async def play_in_turn(conversation: Conversation) -> str:
        async with room:
            return await play(conversation, address, is_proxied)

    return [fault for fault in await asyncio.gather(*map(play_in_turn, conversations)) if fault]


async def play(conversation: Conversation, address: tuple[str, int], is_proxied: bool) -> str:
    """What was wrong, and empty where nothing was."""
    with socket.socket() as made:
        made.setblocking(False)
        if conversation.end == "read nothing":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.get_running_loop().sock_connect(made, address)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transcript = Transcript(conversation.messages)
        reading = asyncio.create_task(read(made, transcript, conversation))
        began = time.monotonic()
        with suppress(OSError, TimeoutError):  # the server ended it, or never answers
            await asyncio.wait_for(say(made, conversation, transcript, is_proxied), END_SECONDS)
        transcript.seconds = time.monotonic() - began
        patience = 0 if conversation.end == "leave" else END_SECONDS
        with suppress(TimeoutError):
            await asyncio.wait_for(reading, patience)
        if conversation.end == "leave":
            return ""
        return fault_of(conversation, transcript, is_proxied)


async def read(made: socket.socket, transcript: Transcript, conversation: Conversation) -> None:
    """Until the server ends it."""
    if conversation.end == "read nothing":
        await asyncio.sleep(UNREAD_SECONDS)
    try:
        while part := await asyncio.get_running_loop().sock_recv(made, 65536):
            transcript.received += part
            transcript.more.set()
        transcript.ended = "closed"
    except OSError:
        transcript.ended = "reset"
    transcript.more.set()


async def say(made: socket.socket, conversation: Conversation, transcript: Transcript, is_proxied: bool) -> None:
    """Raises OSError where the server ends it first."""
    send, last = asyncio.get_running_loop().sock_sendall, conversation.messages[-1]
    for packet, seconds in conversation.packets:
        await send(made, packet)
        await asyncio.sleep(seconds)
    if last.endless:
        await flood(made, last.endless, transcript)
    if last.after:
        while not is_answered(transcript):
            transcript.more.clear()
            await transcript.more.wait()
        if transcript.statuses[-1:] == [101]:
            await send(made, last.after)
    if conversation.end == "drip":
        await drip(made, conversation, transcript, PROXIED_DRIP_SECONDS if is_proxied else END_SECONDS)
    if conversation.end == "half-close" and not transcript.ended:
        made.shutdown(socket.SHUT_WR)


async def flood(made: socket.socket, endless: bytes, transcript: Transcript) -> None:
    """Over and over, until an answer comes."""
    piece = endless * (FLOOD_PIECE_BYTES // len(endless))
    for _ in range(FLOOD_BYTES_MAX // len(piece)):
        if is_answered(transcript):
            return
        await asyncio.get_running_loop().sock_sendall(made, piece)
        await asyncio.sleep(0)


def is_answered(transcript: Transcript) -> bool:
    return bool(transcript.ended) or len(transcript.statuses) == len(transcript.messages)


async def drip(made: socket.socket, conversation: Conversation, transcript: Transcript, seconds: float) -> None:
    """The rest of what was broken off, byte by byte; the last one never comes."""
    rest = conversation.messages[-1].sent[conversation.broken_at : -1]
    until = time.monotonic() + seconds
    for at in range(len(rest)):
        if transcript.ended or time.monotonic() > until:
            return
        await asyncio.get_running_loop().sock_sendall(made, rest[at : at + 1])
        await asyncio.sleep(DRIP_SECONDS)


def fault_of(conversation: Conversation, transcript: Transcript, is_proxied: bool) -> str:
    """In words."""
    wanted, got = conversation.wanted(is_proxied), transcript.statuses
    if conversation.end == "read nothing":
        is_good = set(got) <= {200} and bool(transcript.ended)
    else:
        is_good = answers_fit(wanted, got, transcript.seconds > LATE_SECONDS) and not transcript.rest
    if is_good and transcript.ended:
        return ""
    said, ended = [sorted(may) for may in wanted], transcript.ended or "still open"
    return f"{conversation}\n  wanted {said}, got {got} {transcript.rest[:200]!r}, {ended}, {transcript.seconds:.1f} s"


def answers_fit(wanted: Sequence[frozenset[int]], got: Sequence[int], is_late: bool) -> bool:
    """Whether these are the answers, in their order; for who was late, until the server had waited long enough."""
    if is_late:
        got = got[:-1] if got[-1:] == [408] else got
        wanted = wanted[: len(got)]
    pairs = zip_longest(wanted, got, fillvalue=NOTHING)
    return all(isinstance(may, frozenset) and status in may for may, status in pairs)
