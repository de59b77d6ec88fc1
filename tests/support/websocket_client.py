"""A listener at the live channel, as a device or a page is one: a real WebSocket to the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.browser import bearer

SECONDS = 10.0
"""How long something may take that should take no time."""


class Listener:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pages: list[dict[str, Any]] = []
        self.answers: dict[int | None, dict[str, Any]] = {}

    def page(self) -> dict[str, Any]:
        """The next page."""
        while not self.pages:
            self._take()
        return self.pages.pop(0)

    def names(self, count: int) -> list[str]:
        """The names of the next contacts that come, in their order."""
        found: list[str] = []
        while len(found) < count:
            found += [row["data"]["name"] for row in self.page()["changes"]]
        return found

    def push(self, number: int, *changes: Any, **envelope: Any) -> None:
        self.say({"push": number, "changes": list(changes), **envelope})

    def say(self, message: Any) -> None:
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def answer(self, number: int | None) -> dict[str, Any]:
        while number not in self.answers:
            self._take()
        return self.answers.pop(number)

    def problem(self, number: int | None) -> str:
        """The code of what was wrong with a push."""
        code: str = self.answer(number)["problem"]["code"]
        return code

    def close_code(self) -> int | None:
        """What the server closes with, whatever it still has to say before."""
        try:
            while True:
                self.socket.recv(timeout=SECONDS)
        except ConnectionClosed:
            return self.socket.close_code

    def _take(self) -> None:
        message = json.loads(self.socket.recv(timeout=SECONDS))
        if "push" in message:
            self.answers[message["push"]] = message
        else:
            self.pages.append(message)


@contextmanager
def listening(url: str, token: str | None = None, since: str | None = None, **headers: str) -> Iterator[Listener]:
    query = "" if since is None else f"?since={since}"
    sent = (bearer(token) if token else {}) | headers
    address = url.replace("http", "ws", 1) + "/live" + query
    # What it does not take must not keep it from hearing that the server closes.
    limits: dict[str, Any] = {"max_size": None, "max_queue": None, "ping_interval": None}
    with connect(address, additional_headers=sent, compression=None, **limits) as socket:
        yield Listener(socket)


def refusal(url: str, token: str | None = None, since: str | None = None, **headers: str) -> tuple[int, str]:
    """The status and the code with which a handshake is refused."""
    try:
        with listening(url, token, since, **headers):
            raise AssertionError("the server let it in")
    except InvalidStatus as refused:
        return refused.response.status_code, json.loads(refused.response.body or b"{}")["code"]
