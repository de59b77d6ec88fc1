"""Bodies of requests on their way in: how long one may be, how long it may take, and who may send how much.

Memory is what they cost, and a body that never ends holds it for ``body_seconds``. So a large one is taken only of
whoever is known, which is asked by the request's head, before a byte of it is; and of all that there is, each address
has a share (web.server.quotas). Small ones are taken of anybody, from a small quota of their own, so that those who are
not known can fill only that. On the event loop; who is known is the app's to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from config import Config
from web.server.clients import Scope, address_of
from web.server.quotas import Quota
from web.server.refusals import AnsweredEarly, ClientDisconnected, RequestRefused, WsgiResponse, busy

Receive = Callable[[], Any]

CheckSender = Callable[[], Awaitable[WsgiResponse | None]]
"""Asks the app whether it knows who sends a request: None, or what else the request is answered with."""


class Bodies:
    """All that are arriving, or are being worked on."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.of_known = Quota(config.bodies_bytes_max)
        self.of_unknown = Quota(config.bodies_bytes_unknown_max)


class Body:
    """One body, ``content`` as far as it is here. Whoever makes one closes it, which gives back its memory.

    Without ``is_known`` everybody is.
    """

    def __init__(self, bodies: Bodies, scope: Scope, is_known: CheckSender | None) -> None:
        self.content = bytearray()
        self._config = bodies.config
        self._bodies = bodies
        self._scope = scope
        self._is_known = is_known
        self._quota = bodies.of_known if is_known is None else bodies.of_unknown
        self._owner = ""

    def close(self) -> None:
        """Give its memory back."""
        if self.content:
            self._quota.give_back(self._owner, len(self.content))

    async def read(self, receive: Receive) -> None:
        """The whole body, into ``content``.

        Raises RequestRefused where it is too long, too slow, or too much with all others; AnsweredEarly where it is too
        long for whoever sends it; ClientDisconnected.
        """
        try:
            async with asyncio.timeout(self._config.body_seconds):
                await self._allow(content_length(self._scope))
                while await self._read_more(receive):
                    pass
        except TimeoutError:
            raise RequestRefused(
                408,
                "request_timeout",
                f"The request's body was not here after {self._config.body_seconds:g} seconds. Send it again.",
                (b"connection", b"close"),
            ) from None

    async def _read_more(self, receive: Receive) -> bool:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        if chunk:
            await self._allow(len(self.content) + len(chunk))
            await self._reserve(len(chunk))
            self.content += chunk
        return bool(message.get("more_body", False))

    async def _allow(self, size: int) -> None:
        """Raise where a body may not have this size, at all or of whoever sends it."""
        if size <= self._config.body_bytes_unknown_max and size <= self._config.body_bytes_max:
            return
        if size > self._config.body_bytes_max:
            raise self._too_long()
        if refusal := await self._check_sender():
            raise AnsweredEarly(refusal)

    async def _reserve(self, size: int) -> None:
        self._owner = self._owner or address_of(self._scope, self._config.trusted_proxies)
        if self._quota.take(self._owner, size):
            return
        if self._is_known is None or await self._check_sender() or not self._quota.take(self._owner, size):
            raise busy()

    async def _check_sender(self) -> WsgiResponse | None:
        """None where it is known who sends this, who then has a share of the larger quota."""
        if self._is_known is None:
            return None
        refusal = await self._is_known()
        if refusal is None:
            self._move_to(self._bodies.of_known)
        return refusal

    def _move_to(self, quota: Quota) -> None:
        self._is_known = None
        size = len(self.content)
        if size and not quota.take(self._owner, size):
            raise busy()
        self.close()
        self._quota = quota

    def _too_long(self) -> RequestRefused:
        limit = self._config.body_bytes_max
        return RequestRefused(413, "body_too_large", f"A body may have at most {limit:,} bytes. Send less at a time.")


def content_length(scope: Scope) -> int:
    """How long the head says that the body is; 0 where it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
