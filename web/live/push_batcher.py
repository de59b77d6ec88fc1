"""What devices push over their sockets: what has arrived by the time that a book is free goes into one commit.

Each push is answered by itself, as ``POST /sync`` answers, after the commit that holds it: so a device that sends many
small ones without waiting for each answer pays for few commits. One thread at a time works for a book.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import orjson

from offbook.core.errors import CursorGone, Malformed, NotLetIn
from offbook.core.protocol.requests import INTEGER_MAX, Push, push_of
from offbook.core.validation import Json
from services.container import Services
from services.sync.responses import sync_together
from storage.errors import Unwritable
from web.api.sync import device_report
from web.bodies import loads
from web.errors import CODES, ApiProblem, database_busy, problem_of
from web.live.handshake import Subscriber
from web.server.thread_pool import ThreadPool
from web.telemetry.events import PushedChanges, Telemetry

TOGETHER_MAX = 500
"""Pushes in one commit."""

FAILED = ApiProblem(500, *CODES[500])

Answer = dict[str, Json] | ApiProblem | CursorGone

log = logging.getLogger("offbook.live")


class Sender(Protocol):
    """A socket that pushes."""

    guest: Subscriber

    def answer(self, text: str, size: int) -> None:
        """The answer to one push, which had ``size`` bytes."""
        ...


class PendingPush(NamedTuple):
    """A push that could be read; ``number`` is the device's own name for it."""

    number: int
    push: Push


class PushBatcher:
    """On the event loop."""

    def __init__(self, parts: Services, telemetry: Telemetry, threads: ThreadPool[Any]) -> None:
        self._parts = parts
        self._telemetry = telemetry
        self._threads = threads
        self._waiting: dict[int, deque[tuple[Sender, bytes]]] = defaultdict(deque)
        self._at_work: dict[int, asyncio.Task[None]] = {}

    def put(self, sender: Sender, body: bytes) -> None:
        book_id = sender.guest.book_id
        self._waiting[book_id].append((sender, body))
        if book_id not in self._at_work:
            self._at_work[book_id] = asyncio.create_task(self._work(book_id))

    async def _work(self, book_id: int) -> None:
        waiting = self._waiting[book_id]
        while waiting:
            taken = [waiting.popleft() for _ in range(min(len(waiting), TOGETHER_MAX))]
            asked = [(sender.guest, body) for sender, body in taken]
            answers = await self._threads.run(partial(answer_all, self._parts, self._telemetry, book_id, asked))
            for (sender, body), text in zip(taken, answers, strict=True):
                sender.answer(text, len(body))
        del self._waiting[book_id], self._at_work[book_id]


def answer_all(
    parts: Services, telemetry: Telemetry, book_id: int, asked: Sequence[tuple[Subscriber, bytes]]
) -> list[str]:
    """Apply these pushes with one commit and answer each. In a thread."""
    read = [read_push(guest, body) for guest, body in asked]
    good = [(guest, one) for (guest, _), one in zip(asked, read, strict=True) if isinstance(one, PendingPush)]
    answers = iter(apply(parts, telemetry, book_id, good) if good else ())
    return [dump(one.number, next(answers)) if isinstance(one, PendingPush) else one for one in read]


def apply(
    parts: Services, telemetry: Telemetry, book_id: int, good: Sequence[tuple[Subscriber, PendingPush]]
) -> Sequence[Answer]:
    try:
        answers = sync_together(parts.store, book_id, [(guest.origin, one.push) for guest, one in good], parts.clock())
        note(parts, good)
        tell(telemetry, book_id, good, answers)
        return answers
    except (NotLetIn, Unwritable) as error:
        return [problem_of(error)] * len(good)
    except parts.database_failures:
        log.exception("Pushes over sockets failed, since the database can't be reached or is too busy")
        return [database_busy()] * len(good)
    except Exception:
        log.exception("Pushes over sockets failed")
        return [FAILED] * len(good)


def read_push(guest: Subscriber, body: bytes) -> PendingPush | str:
    """The push, or the answer to what is none."""
    number = None
    try:
        envelope = loads(body)
        number = number_of(envelope)
        if guest.device is None:
            raise ApiProblem(403, "forbidden", "A page may listen, and changes things by its forms.")
        return PendingPush(number, push_of(envelope, guest.device.uuid))
    except Malformed as error:
        return dump(number, problem_of(error))
    except ApiProblem as problem:
        return dump(number, problem)


def number_of(envelope: Json) -> int:
    """Takes ``push`` out of the envelope: the rest is the body of ``POST /sync``."""
    if not isinstance(envelope, dict):
        raise Malformed("not_an_object", 'A message must be an object like {"push": 1, "changes": […], "since": …}.')
    number = envelope.pop("push", None)
    if type(number) is not int or not 0 <= number <= INTEGER_MAX:
        raise Malformed("bad_push", '"push" must be a whole number of yours, by which you know the answer.')
    return number


def note(parts: Services, good: Sequence[tuple[Subscriber, PendingPush]]) -> None:
    """Keep what each told last about itself."""
    now = parts.clock()
    for guest, push in {guest: one.push for guest, one in good}.items():
        if guest.device is not None:
            guest.device = parts.accounts.seen(guest.device, now, **device_report(push, now))


def tell(
    telemetry: Telemetry, book_id: int, good: Sequence[tuple[Subscriber, PendingPush]], answers: Sequence[Answer]
) -> None:
    """What each device's pushes of this commit came to, together."""
    if not telemetry:
        return
    results: dict[int | None, list[Any]] = defaultdict(list)
    for (guest, _), answer in zip(good, answers, strict=True):
        if isinstance(answer, dict):
            results[guest.origin.device_id] += answer["results"]
    for device, found in results.items():
        telemetry.synced(PushedChanges("live", book_id, device, found))


def dump(number: int | None, answer: Answer) -> str:
    if isinstance(answer, CursorGone):
        answer = problem_of(answer)
    if isinstance(answer, ApiProblem):
        answer = {"problem": orjson.loads(answer.body())}
    return orjson.dumps({"push": number, **answer}).decode()
