"""Bodies of requests on their way in: how long one may be, how long it may take, and who may send how much.

Memory is what they cost, and a body that never ends holds it for ``body_seconds``. So a large one is taken only of
whoever is known, which is asked by the request's head, before a byte of it is; and of all that there is, each address
has a share (web.server.quotas). Small ones are taken of anybody, from a small quota of their own, so that those who are
not known can fill only that. On the event loop; who is known is the app's to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

from config import MIB, Config
from web.bodies.uploads import open_unnamed, uploads_folder
from web.messages import api as messages
from web.server.clients import Scope, address_of
from web.server.quotas import Quota
from web.server.refusals import AnsweredEarly, ClientDisconnected, RequestRefused, WsgiResponse, busy

Receive = Callable[[], Any]

FILE_CHUNK = 256 * 1024
"""So much of a file is in memory until it is written to the disk."""

log = logging.getLogger("offbook")

CheckSender = Callable[[], Awaitable[WsgiResponse | None]]
"""Asks the app whether it knows who sends a request: None, or what else the request is answered with."""


class Bodies:
    """All that are arriving, or are being worked on."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.of_known = Quota(config.bodies_bytes_max)
        self.of_unknown = Quota(config.bodies_bytes_unknown_max)
        self.in_files = Quota(config.files_bytes_max)


class Body:
    """One body, ``content`` as far as it is here and not in a file. Whoever makes one closes it, which gives back its
    memory.

    Without ``is_known`` everybody is.
    """

    def __init__(self, bodies: Bodies, scope: Scope, is_known: CheckSender | None, takes_file: bool = False) -> None:
        self.content = bytearray()
        self._config = bodies.config
        self._bodies = bodies
        self._scope = scope
        self._is_known = is_known
        self._quota = bodies.of_known if is_known is None else bodies.of_unknown
        self._owner = ""
        self._takes_file = takes_file
        self._limit = self._config.file_bytes_max if takes_file else self._config.body_bytes_max
        self._file: BinaryIO | None = None
        self._file_bytes = 0
        self._deadline: asyncio.Timeout | None = None

    def close(self) -> None:
        """Give its memory back, and its file."""
        self._give_back_memory()
        if self._file is not None:
            self._file.close()
            self._bodies.in_files.give_back(self._owner, self._file_bytes)

    def environ(self) -> dict[str, Any]:
        """What the WSGI environ says of a body that is in a file; nothing of another."""
        if self._file is None:
            return {}
        self._file.seek(0)
        return {"wsgi.input": self._file, "CONTENT_LENGTH": str(self._file_bytes)}

    async def read(self, receive: Receive) -> None:
        """The whole body, into ``content`` or a file.

        Raises RequestRefused where it is too long, too slow, or too much with all others; AnsweredEarly where it is too
        long for whoever sends it; ClientDisconnected.
        """
        try:
            async with asyncio.timeout(self._config.body_seconds) as self._deadline:
                await self._allow(content_length(self._scope))
                while await self._read_more(receive):
                    pass
                if self._file is not None:
                    await self._write(self._file)
        except TimeoutError:
            seconds = self._config.file_seconds if self._takes_file else self._config.body_seconds
            fault = messages.BODY_TOO_SLOW.fault(seconds=seconds)
            raise RequestRefused(408, fault, (b"connection", b"close")) from None

    async def _read_more(self, receive: Receive) -> bool:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        if chunk:
            await self._allow(self._file_bytes + len(self.content) + len(chunk))
            await self._reserve(len(chunk))
            self.content += chunk
            if self._takes_file and self._is_known is None and len(self.content) > FILE_CHUNK:
                await self._write(self._file or self._open_file())
        return bool(message.get("more_body", False))

    async def _allow(self, size: int) -> None:
        """Raise where a body may not have this size, at all or of whoever sends it."""
        if size <= self._config.body_bytes_unknown_max and size <= self._limit:
            return
        if size > self._limit:
            raise self._too_long()
        if refusal := await self._check_sender():
            raise AnsweredEarly(refusal)

    async def _reserve(self, size: int) -> None:
        self._owner = self._owner or address_of(self._scope, self._config.trusted_proxies)
        if self._quota.take(self._owner, size):
            return
        if self._is_known is None or await self._check_sender() or not self._quota.take(self._owner, size):
            raise busy()

    # --- in a file ---

    def _open_file(self) -> BinaryIO:
        try:
            self._file = open_unnamed(uploads_folder(self._config))
        except OSError as error:
            raise no_room_for_files(error) from None
        return self._file

    async def _write(self, file: BinaryIO) -> None:
        """Write to the file what is here, and give its memory back."""
        if not self._bodies.in_files.take(self._owner, len(self.content)):
            raise busy()
        self._file_bytes += len(self.content)
        try:
            await asyncio.get_running_loop().run_in_executor(None, file.write, bytes(self.content))
        except OSError as error:
            raise no_room_for_files(error) from None
        self._give_back_memory()

    def _give_back_memory(self) -> None:
        if self.content:
            self._quota.give_back(self._owner, len(self.content))
            self.content = bytearray()

    # --- who sends it ---

    async def _check_sender(self) -> WsgiResponse | None:
        """None where it is known who sends this, who then has a share of the larger quota."""
        if self._is_known is None:
            return None
        refusal = await self._is_known()
        if refusal is None:
            self._move_to(self._bodies.of_known)
            if self._takes_file and self._deadline is not None:
                self._deadline.reschedule(asyncio.get_running_loop().time() + self._config.file_seconds)
        return refusal

    def _move_to(self, quota: Quota) -> None:
        self._is_known = None
        size = len(self.content)
        if size and not quota.take(self._owner, size):
            raise busy()
        if size:
            self._quota.give_back(self._owner, size)
        self._quota = quota

    def _too_long(self) -> RequestRefused:
        if self._takes_file:
            return RequestRefused(413, messages.FILE_TOO_LARGE.fault(most=self._limit // MIB))
        return RequestRefused(413, messages.BODY_TOO_LARGE.fault(limit=self._limit))


def no_room_for_files(error: OSError) -> RequestRefused:
    """That a file can't be stored, as when the disk is full."""
    log.error("A file that somebody sent can't be stored: %s", error.strerror)
    return RequestRefused(507, messages.NO_ROOM_FOR_FILE.fault())


def content_length(scope: Scope) -> int:
    """How long the head says that the body is; 0 where it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
