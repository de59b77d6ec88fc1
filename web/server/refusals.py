"""Requests that end before the app works on them, and what they are answered with. On the event loop."""

from __future__ import annotations

from dataclasses import dataclass

from web.errors import problem_json


@dataclass(slots=True)
class WsgiResponse:
    """A whole answer, ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class RequestRefused(Exception):
    """A request that ends with a problem of these words."""

    def __init__(self, status: int, code: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers

    def answer(self) -> WsgiResponse:
        """The problem as a whole answer."""
        body = problem_json(self.status, self.code, self.detail)
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
        return WsgiResponse(self.status, [*headers, *self.headers], body)


class AnsweredEarly(Exception):
    """A request that the app answered by its head alone."""

    def __init__(self, answer: WsgiResponse) -> None:
        super().__init__()
        self.answer = answer


class ClientDisconnected(Exception):
    """The socket closed before the whole request was here: there is nobody to answer."""


def busy() -> RequestRefused:
    """What a request ends with when there is no room for it."""
    return RequestRefused(503, "busy", "The server is busy. Try again in a moment.", (b"retry-after", b"1"))
