"""From ASGI to WSGI: a request is read whole on the event loop, answered in a thread, and sent from the loop again.

A WebSocket's handshake is such a request too; what goes over it then is not this module's.

A request reaches a thread when its body is here, and the thread is free before the first byte of the answer leaves. So
however slow or many the clients are, threads only ever work. Nothing here knows contacts, or parses a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from flask import Flask

from config import Config
from web.bodies.uploads import MARK as TAKES_FILE
from web.errors import ApiProblem
from web.messages import api as messages
from web.server.bodies import Bodies, Body, Receive
from web.server.clients import Scope, address_of, sender_of
from web.server.fair_queue import FairQueue
from web.server.pools import MarkedViews, Pools
from web.server.quotas import Quota
from web.server.refusals import (
    AnsweredEarly,
    ClientDisconnected,
    FileBody,
    RequestRefused,
    WsgiResponse,
    answer_to,
    busy,
)
from web.server.thread_pool import ThreadPool
from web.server.wsgi_call import WsgiApp, call, environ_of
from web.telemetry.events import NOTE, Answered, RequestContext, Telemetry

Message = dict[str, Any]
Send = Callable[[Message], Any]

HANDSHAKE = "offbook.handshake"
"""Where the WSGI environ of a WebSocket's handshake has its Handshake."""

REFUSED = "offbook.refused"
"""Where the scope of a request that can't be read as HTTP has its RequestRefused: it is answered in its turn."""

HEAD_ONLY = "offbook.head_only"
"""Where the WSGI environ has a HeadOnly, when only the head of the request counts."""

CROWD = "offbook.crowd"
"""Where the WSGI environ has a function that says how many requests are worked on or wait at this moment."""

KEPT_BY_ACCEPTANCE = (b"offbook-schema",)
"""What of the answer to a handshake the client of a socket is told."""

SWITCHING = 101
"""What a handshake ends with when the subscriber is let in."""

SLICE_BYTES = 256 * 1024
"""How much of an answer is handed to the socket at once: what a slow client must take in ``send_seconds``."""

FILES_MAX = 16
"""Answers in files that nobody has taken yet; one address alone gets half of what is left. They take room on the disk,
and no memory."""

TAKE_FIRST = RequestRefused(503, messages.ANSWERS_WAIT.fault(), (b"retry-after", b"1"))


@dataclass(slots=True)
class Handshake:
    """Where the WSGI app leaves the subscriber whose WebSocket it lets in: an answer can't hold an object."""

    subscriber: Any = None


@dataclass(slots=True)
class HeadOnly:
    """A request that the WSGI app is to say something about, and not to work on.

    With a ``refusal``, that is what it answers. Without, it sets ``is_known`` where it knows who sends the request;
    where it does not, its answer is the request's.
    """

    refusal: ApiProblem | None = None
    is_known: bool = False


class LiveChannel(Protocol):
    """What serves a socket once its handshake is done."""

    def has_room_for(self, subscriber: Any) -> bool:
        """Whether one more socket of this subscriber may open."""
        ...

    async def serve(self, subscriber: Any, receive: Receive, send: Send) -> None:
        """Serve an accepted socket until its end."""
        ...

    async def close(self) -> None:
        """End all sockets."""
        ...


OpenLive = Callable[[ThreadPool[Any]], LiveChannel]
"""Called when the loop runs, with the threads that are there for requests."""

RunApp = Callable[[], AbstractContextManager[object]]
"""What an app does beside requests, from the start of a server to its end."""


class WsgiBridge:
    """The ASGI app: reads a request on the loop, lets the WSGI app answer it in a thread, sends the answer."""

    def __init__(
        self,
        app: WsgiApp,
        config: Config,
        live: OpenLive | None = None,
        telemetry: Telemetry | None = None,
        pools: Pools | None = None,
        run_app: RunApp = nullcontext,
    ) -> None:
        """``pools`` are those of an app of ours, which also answers a HEAD_ONLY; ``run_app`` is entered for as long as
        the server runs."""
        self.app = app
        self.telemetry = telemetry or Telemetry()
        self.config = config
        self.threads: ThreadPool[Any] = ThreadPool(config.threads)
        self.queue = FairQueue(config.threads, max(config.threads // 2, 1))
        self.waiting = Quota(config.waiting_max)
        self.bodies = Bodies(config)
        self.untaken = Quota(config.answers_bytes_max)
        self.untaken_files = Quota(FILES_MAX)
        self.pools = pools
        self.run_app = run_app
        self.files = MarkedViews(app, TAKES_FILE) if isinstance(app, Flask) else None
        self.open_live = live
        self.live: LiveChannel | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.handle_handshake(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.run_lifespan(receive, send)

    async def run_lifespan(self, receive: Receive, send: Send) -> None:
        """Open the live channel when the server starts, and close all when it ends (ASGI lifespan)."""
        await receive()
        with self.run_app():
            self.live = self.open_live(self.threads) if self.open_live else None
            await send({"type": "lifespan.startup.complete"})
            await receive()
            if self.live is not None:
                await self.live.close()
            self.threads.close()
            if self.pools is not None:
                self.pools.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def handle_handshake(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket begins as a request, which the WSGI app answers; whom it lets in it leaves in the Handshake."""
        await receive()
        handshake, note, began = Handshake(), self.telemetry.note(), perf_counter()
        try:
            if self.live is None:
                raise RequestRefused(501, messages.NO_LIVE_CHANNEL.fault())
            answer = await self.run({**scope, "method": "GET"}, bytearray(), {HANDSHAKE: handshake, NOTE: note})
            if handshake.subscriber is not None and not self.live.has_room_for(handshake.subscriber):
                raise RequestRefused(429, messages.TOO_MANY_SOCKETS.fault())
        except RequestRefused as refusal:
            handshake.subscriber, answer = None, refusal.answer()
        if handshake.subscriber is not None:
            answer.status = SWITCHING
        self.report_answered(note, "GET", answer, perf_counter() - began)
        if handshake.subscriber is None or self.live is None:
            await refuse(answer, receive, send)
        else:
            kept = [header for header in answer.headers if header[0] in KEPT_BY_ACCEPTANCE]
            await send({"type": "websocket.accept", "headers": kept})
            await self.live.serve(handshake.subscriber, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a request whole, let it be answered, and send the answer."""
        note, began = self.telemetry.note(), perf_counter()
        is_known = partial(self.check_sender, scope, note) if self.pools else None
        takes_file = self.files is not None and bool(self.files.mark_of(scope))
        body = Body(self.bodies, scope, is_known, takes_file)
        try:
            await body.read(receive)
            if REFUSED in scope:
                raise scope.pop(REFUSED)  # or scope and traceback would have each other
            began = perf_counter()
            answer = await self.work(scope, body, note)
        except RequestRefused as refusal:
            answer = await self.refuse_file(scope, refusal, note) if takes_file else answer_to(self.app, scope, refusal)
        except AnsweredEarly as early:
            answer = early.answer
        except ClientDisconnected:
            return
        finally:
            body.close()
        seconds = perf_counter() - began
        address = address_of(scope, self.config.trusted_proxies)
        untaken, held = (self.untaken, len(answer.body)) if answer.file is None else (self.untaken_files, 1)
        file = answer.file
        if not untaken.take(address, held):
            answer, held = TAKE_FIRST.answer(), 0
        try:
            await send_response(answer, send, note)
        finally:
            if file is not None:
                file.close()
            untaken.give_back(address, held)
            self.report_answered(note, scope["method"], answer, seconds)

    def report_answered(self, note: RequestContext | None, method: str, answer: WsgiResponse, seconds: float) -> None:
        """Report that a request is answered: after the answer, which shall not wait for that."""
        if note is not None:
            size = answer.file.size if answer.file else len(answer.body)
            self.telemetry.answered(Answered(note, method, answer.status, seconds, size))

    async def check_sender(self, scope: Scope, note: RequestContext | None) -> WsgiResponse | None:
        """None where the app knows who sends this, else what it answers."""
        head = HeadOnly()
        answer = await self.run(scope, bytearray(), {NOTE: note, HEAD_ONLY: head})
        return None if head.is_known else answer

    async def refuse_file(self, scope: Scope, refusal: RequestRefused, note: RequestContext | None) -> WsgiResponse:
        """The app's words for a file that is refused: a page for whoever sent it from one."""
        if refusal.status not in (408, 413, 507):
            return refusal.answer()
        problem = ApiProblem(refusal.status, refusal.fault)
        return await self.run(scope, bytearray(), {NOTE: note, HEAD_ONLY: HeadOnly(problem)})

    async def work(self, scope: Scope, body: Body, note: RequestContext | None) -> WsgiResponse:
        """The app's answer to a whole request, by the workers that it is for."""
        workers, more = self.pools.of(scope) if self.pools else None, {NOTE: note, **body.environ()}
        if workers is None:
            return await self.run(scope, body.content, more)
        address = address_of(scope, self.config.trusted_proxies)
        if not workers.places.take(address, 1):
            return await self.run(scope, bytearray(), {NOTE: note, HEAD_ONLY: HeadOnly(workers.are_busy())})
        try:
            answer: WsgiResponse = await workers.threads.run(
                partial(call, self.app, environ_of(scope, body.content, more))
            )
            return answer
        finally:
            workers.places.give_back(address, 1)

    async def run(self, scope: Scope, body: bytearray, more: Mapping[str, Any]) -> WsgiResponse:
        """The app's answer, by the threads that are there for all, when it is the sender's turn."""
        sender = sender_of(scope)
        if not self.waiting.take(sender, 1):
            raise busy()
        try:
            await self.queue.enter(sender)
            try:
                environ = environ_of(scope, body, {**more, CROWD: self.queue.size})
                answer: WsgiResponse = await self.threads.run(partial(call, self.app, environ))
                return answer
            finally:
                self.queue.leave(sender)
        finally:
            self.waiting.give_back(sender, 1)


async def send_response(answer: WsgiResponse, send: Send, note: RequestContext | None) -> None:
    """Send an answer, a slice at a time; with the request's id where there is a sink of events."""
    if note is not None:
        answer.headers.append((b"x-request-id", note.id.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    if answer.file is not None:
        await send_file(answer.file, send)
        return
    body = answer.body
    for start in range(0, max(len(body), 1), SLICE_BYTES):
        end = start + SLICE_BYTES
        await send({"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)})


async def send_file(file: FileBody, send: Send) -> None:
    """Send what is in a file; the disk is read beside the loop."""
    sent = 0
    while sent < file.size:
        part = await asyncio.to_thread(file.read, min(SLICE_BYTES, file.size - sent))
        if not part:  # the connection is closed in the middle, so that nobody takes it for the whole
            raise OSError("A file that was to be sent has become shorter.")
        sent += len(part)
        await send({"type": "http.response.body", "body": part, "more_body": sent < file.size})
    if not file.size:
        await send({"type": "http.response.body", "body": b""})


async def refuse(answer: WsgiResponse, receive: Receive, send: Send) -> None:
    """Answer a handshake with no. uvicorn calls it an error to return before the connection is gone."""
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
    for _ in ("the answer was sent", "the connection was closed"):
        await receive()
