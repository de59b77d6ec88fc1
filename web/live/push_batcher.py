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

from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone, Malformed, NotLetIn
from offbook.core.protocol.requests import INTEGER_MAX, Push
from services.container import Services
from services.sync.responses import sync_together
from storage.errors import TablesGrown, Unwritable
from web import schema_header
from web.api.sync import device_report
from web.bodies.compression import loads
from web.errors import ApiProblem, database_busy, problem_of
from web.live.handshake import Subscriber
from web.messages import api as messages
from web.server.thread_pool import ThreadPool
from web.telemetry.events import PushedChanges, Telemetry

TOGETHER_MAX = 500
"""Pushes in one commit."""

FAILED = ApiProblem(500, messages.OF_STATUS[500].fault())

Answer = dict[str, Json] | ApiProblem | CursorGone | TablesGrown

log = logging.getLogger("offbook.live")


class PushSender(Protocol):
    """A socket that pushes."""

    subscriber: Subscriber

    def answer(self, text: str, size: int) -> None:
        """The answer to one push, which had ``size`` bytes."""
        ...


class PendingPush(NamedTuple):
    """A push that could be read; ``number`` is the device's own name for it."""

    number: int
    push: Push


class PushBatcher:
    """Pushes by book, each with those that came while the book was busy. On the event loop."""

    def __init__(self, services: Services, telemetry: Telemetry, threads: ThreadPool[Any]) -> None:
        self._services = services
        self._telemetry = telemetry
        self._threads = threads
        self._waiting: dict[int, deque[tuple[PushSender, bytes]]] = defaultdict(deque)
        self._working: dict[int, asyncio.Task[None]] = {}

    def put(self, sender: PushSender, body: bytes) -> None:
        """Take a push, to be answered when it is committed."""
        book_id = sender.subscriber.book_id
        self._waiting[book_id].append((sender, body))
        if book_id not in self._working:
            self._working[book_id] = asyncio.create_task(self._work(book_id))

    async def _work(self, book_id: int) -> None:
        waiting = self._waiting[book_id]
        while waiting:
            pushes = [waiting.popleft() for _ in range(min(len(waiting), TOGETHER_MAX))]
            bodies = [(sender.subscriber, body) for sender, body in pushes]
            answers = await self._threads.run(partial(answer_all, self._services, self._telemetry, book_id, bodies))
            for (sender, body), text in zip(pushes, answers, strict=True):
                sender.answer(text, len(body))
        del self._waiting[book_id], self._working[book_id]


def answer_all(
    services: Services, telemetry: Telemetry, book_id: int, bodies: Sequence[tuple[Subscriber, bytes]]
) -> list[str]:
    """Apply these pushes with one commit and answer each. In a thread."""
    read = [read_push(subscriber, body) for subscriber, body in bodies]
    pushes = [(sender, push) for (sender, _), push in zip(bodies, read, strict=True) if isinstance(push, PendingPush)]
    answers = iter(apply_pushes(services, telemetry, book_id, pushes) if pushes else ())
    return [encode(push.number, next(answers)) if isinstance(push, PendingPush) else push for push in read]


def apply_pushes(
    services: Services, telemetry: Telemetry, book_id: int, pushes: Sequence[tuple[Subscriber, PendingPush]]
) -> Sequence[Answer]:
    """The answers to these pushes, in their order, when they are committed; or why they are not."""
    try:
        batch = [(subscriber.origin, pending.push) for subscriber, pending in pushes]
        answers = sync_together(services.store, book_id, batch, services.clock())
        record_reports(services, pushes)
        report_synced(telemetry, book_id, pushes, answers)
        return answers
    except (NotLetIn, Unwritable) as error:
        return [problem_of(error)] * len(pushes)
    except services.database_failures:
        log.exception("Pushes over sockets failed, since the database can't be reached or is too busy")
        return [database_busy()] * len(pushes)
    except Exception:
        log.exception("Pushes over sockets failed")
        return [FAILED] * len(pushes)


def read_push(subscriber: Subscriber, body: bytes) -> PendingPush | str:
    """The push, or the answer to what is none."""
    number = None
    try:
        envelope = loads(body)
        number = pop_number(envelope)
        if subscriber.device is None:
            raise ApiProblem(403, messages.PAGE_CANT_PUSH.fault())
        return PendingPush(number, schema_header.read_push(subscriber.sender, envelope, subscriber.device.uuid))
    except Malformed as error:
        return encode(number, problem_of(error))
    except ApiProblem as problem:
        return encode(number, problem)


def pop_number(envelope: Json) -> int:
    """Take ``push`` out of the envelope: the rest is the body of ``POST /sync``."""
    if not isinstance(envelope, dict):
        raise Malformed.of(messages.MESSAGE_NOT_AN_OBJECT)
    number = envelope.pop("push", None)
    if type(number) is not int or not 0 <= number <= INTEGER_MAX:
        raise Malformed.of(messages.BAD_PUSH)
    return number


def record_reports(services: Services, pushes: Sequence[tuple[Subscriber, PendingPush]]) -> None:
    """Note what each device reported last about itself."""
    now_us = services.clock()
    for subscriber, push in {subscriber: pending.push for subscriber, pending in pushes}.items():
        if subscriber.device is not None:
            report = device_report(push, now_us)
            subscriber.device = services.accounts.record_seen(subscriber.device, now_us, **report)


def report_synced(
    telemetry: Telemetry, book_id: int, pushes: Sequence[tuple[Subscriber, PendingPush]], answers: Sequence[Answer]
) -> None:
    """What each device's pushes of this commit came to, together."""
    if not telemetry:
        return
    results: dict[int | None, list[Any]] = defaultdict(list)
    for (subscriber, _), answer in zip(pushes, answers, strict=True):
        if isinstance(answer, dict):
            results[subscriber.origin.device_id] += answer["results"]
    for device, device_results in results.items():
        telemetry.synced(PushedChanges("live", book_id, device, device_results))


def encode(number: int | None, answer: Answer) -> str:
    """An answer as it goes over the socket."""
    if isinstance(answer, CursorGone | TablesGrown):
        answer = problem_of(answer)
    if isinstance(answer, ApiProblem):
        answer = {"problem": orjson.loads(answer.body())}
    return orjson.dumps({"push": number, **answer}).decode()
