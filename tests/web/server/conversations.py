"""A conversation with the server, drawn from a seed: what is said, in which packets, and what must come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.web.server.raw_client import head
from tests.web.server.websocket_messages import BODY_BYTES_MAX, GOOD, HEAD_BYTES_MAX, LAST, Message, answered, cut

LIMITS: Mapping[str, Any] = {
    "head_bytes_max": HEAD_BYTES_MAX,
    "body_bytes_max": BODY_BYTES_MAX,
    "bodies_bytes_max": 16 * 1024 * 1024,
    "head_seconds": 3.0,
    "body_seconds": 3.0,
    "send_seconds": 3.0,
    "keep_alive_seconds": 1,
    "ping_seconds": 1.0,
    "sockets_per_guest_max": 1000,
}
"""Of the server: low enough to be met, and high enough for a machine that has more to do."""

NOTHING = 0
"""In the place of a status: it ends without an answer."""

REFUSED = answered(NOTHING, 400, 401, 405, 408, 413, 414, 431, 505)

ENDS = ("half-close", "half-close", "silent", "leave")
BROKEN_ENDS = ("half-close", "silent", "drip", "leave")
DRIP_SECONDS = 0.05
SINGLE_BYTES = 20


@dataclass(frozen=True)
class Conversation:
    """``broken_at`` is where the last message ends before its end. ``end`` is what the client does then."""

    seed: int
    messages: Sequence[Message]
    packets: Sequence[tuple[bytes, float]]
    broken_at: int | None
    end: str

    def __str__(self) -> str:
        said = " + ".join(message.name for message in self.messages)
        broken = "" if self.broken_at is None else f", broken off at {self.broken_at}"
        return f"{self.seed}: {said}{broken}, in {len(self.packets)} packets, then {self.end}"

    def wanted(self, is_proxied: bool) -> list[frozenset[int]]:
        """What the messages may be answered with, in their order."""
        statuses = [message.statuses for message in self.messages]
        last = self.messages[-1]
        if self.broken_at is not None:
            statuses[-1] = self._wanted_of_a_part(last, self.broken_at, is_proxied)
        elif is_proxied and last.is_last and min(last.statuses) >= 400:
            statuses[-1] = REFUSED  # nginx answers some of them in its own way, and some not at all
        elif len(self.messages) > 1 and "handshake" in last.name:
            statuses[-1] |= {426}  # an answer is outstanding: then it is a request like any other
        return statuses

    def _wanted_of_a_part(self, message: Message, length: int, is_proxied: bool) -> frozenset[int]:
        if is_proxied:
            return REFUSED
        if length < message.head_bytes:
            return answered(NOTHING, 408) if self.end == "drip" else answered(NOTHING)
        return answered(400 if self.end == "half-close" else 408)


def conversation(seed: int, token: str) -> Conversation:
    """A device with this token, or somebody without, says this."""
    random = Random(f"conversation {seed}")
    if random.random() < 0.03:
        return _of_one_who_reads_nothing(seed)
    messages = [random.choice(GOOD)(random, token) for _ in range(random.choice([0, 0, 0, 1, 2, 4]))]
    messages.append(random.choice(LAST)(random, token))
    last, broken_at = messages[-1], None
    if not last.is_last and random.random() < 0.4:
        broken_at = random.randrange(1, len(last.sent))
    sent = b"".join(message.sent for message in messages[:-1]) + last.sent[:broken_at]
    end = random.choice(ENDS if broken_at is None else BROKEN_ENDS)
    return Conversation(seed, messages, list(_packets(random, sent)), broken_at, end)


def _of_one_who_reads_nothing(seed: int) -> Conversation:
    large = Message("large", head("GET", "/openapi.json", {"Host": "localhost"}), answered(200))
    return Conversation(seed, [large] * 30, [(large.sent * 30, 0.0)], None, "read nothing")


def _packets(random: Random, sent: bytes) -> Iterator[tuple[bytes, float]]:
    """The same bytes, each packet with the seconds to wait after it: whole, in some pieces, or some byte by byte."""
    way = random.choice(["whole", "pieces", "bytes"])
    if way == "whole" or len(sent) < 2:
        yield sent, 0.0
    elif way == "pieces":
        for piece in cut(random, sent):
            yield piece, random.choice([0.0, 0.0, 0.01, 0.05])
    else:
        start = random.randrange(len(sent))
        end = start + SINGLE_BYTES
        packets = [sent[:start], *(sent[at : at + 1] for at in range(start, min(end, len(sent)))), sent[end:]]
        yield from ((packet, 0.0) for packet in packets if packet)
