"""Requests that end before the app works on them, and what they are answered with. On the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from flask import Flask

from offbook.core.messages import Fault
from web.errors import ApiProblem, problem_json, renderer_of
from web.messages.api import OF_STATUS
from web.server.clients import Scope


class FileBody:
    """The body of an answer that is in a file, from its beginning on: PEP 3333's wsgi.file_wrapper.

    The bridge reads the file by itself; whoever stands between it and the app may go through it as any other body.
    """

    def __init__(self, file: BinaryIO, block_bytes: int = 8192) -> None:
        self._block_bytes = block_bytes
        self.size = file.seek(0, 2)
        file.seek(0)
        self.read = file.read
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        while part := self.read(self._block_bytes):
            yield part


@dataclass(slots=True)
class WsgiResponse:
    """A whole answer, ready to be sent: its body, or a file that has it and is closed when it was sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    file: FileBody | None = None


class RequestRefused(Exception):
    """A request that ends with a problem."""

    def __init__(self, status: int, fault: Fault, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(fault.detail)
        self.status = status
        self.fault = fault
        self.headers = headers

    def answer(self) -> WsgiResponse:
        """The problem as a whole answer."""
        body = problem_json(self.status, self.fault)
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
        return WsgiResponse(self.status, [*headers, *self.headers], body)


def answer_to(app: object, scope: Scope, refusal: RequestRefused) -> WsgiResponse:
    """What a refused request is answered with: in the form of the part of the app that it is for, else as JSON."""
    segment = str(scope["path"]).partition("/")[2].partition("/")[0]
    renderer = renderer_of(app, segment) if isinstance(app, Flask) else None
    if renderer is None:
        return refusal.answer()
    response = renderer(ApiProblem(refusal.status, refusal.fault))
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    return WsgiResponse(refusal.status, [*headers, *refusal.headers], response.get_data())


class AnsweredEarly(Exception):
    """A request that the app answered by its head alone."""

    def __init__(self, answer: WsgiResponse) -> None:
        super().__init__()
        self.answer = answer


class ClientDisconnected(Exception):
    """The socket closed before the whole request was here: there is nobody to answer."""


def busy() -> RequestRefused:
    """What a request ends with when there is no room for it."""
    return RequestRefused(503, OF_STATUS[503].fault(), (b"retry-after", b"1"))
