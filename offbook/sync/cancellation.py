"""Cancelling a sync that is on its way, whatever its server does.

A request that hangs can't be taken back. So it is made in a thread of its own, and whoever waits for the answer goes
away when it is cancelled: the response is never applied, and comes again with the next sync. All else of a sync is done
in the caller's thread, so that nothing of it goes on behind its back.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, wait
from threading import Event, Thread

from offbook.core.errors import Stopped
from offbook.sync.http.transport import Response, Transport

LOOK_SECONDS = 0.05
"""How often it is looked whether to go on waiting. An answer is noticed at once."""


class CancellableTransport:
    """A transport that stops waiting for answers once ``stop`` is set."""

    def __init__(self, transport: Transport, stop: Event) -> None:
        self._transport = transport
        self._stop = stop

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self._raise_if_stopped()
        response: Future[Response] = Future()

        def send() -> None:
            try:
                response.set_result(self._transport.send(method, path, body, headers))
            except Exception as error:
                response.set_exception(error)

        Thread(target=send, name="offbook-request", daemon=True).start()
        while not wait((response,), LOOK_SECONDS).done:
            self._raise_if_stopped()
        self._raise_if_stopped()
        return response.result()

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped
