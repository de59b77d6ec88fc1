"""How a replica reaches its server: a Transport, which is one method, and HTTP, which is one of them.

Whoever wants another network, or none (a simulator, a test), passes its own Transport to Replica. Nothing here knows
what is said: bodies go through as bytes.
"""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from offbook.core.errors import NotAuthorized, Offline, ServerFault

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS_MAX = 10.0
SILENCE_SECONDS_MAX = 30.0
ANSWER_SECONDS_MAX = 90.0
"""A server that trickles bytes is cut off here; the lease on the replica holds longer."""

ANSWER_BYTES_MAX = 256 * 1024 * 1024
"""Unpacked. A page of 1,000 contacts is about one MiB, so that only a bomb is larger."""

PACK_BYTES_MIN = 1024
PACK_LEVEL = 1
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Names of headers have no case."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Transport(Protocol):
    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """Send a request and return whatever was answered. Raises Offline where there is no answer."""
        ...


class HTTP:
    """HTTP with a bearer token, packed both ways. One connection is kept; use one instance per thread."""

    def __init__(self, server: str, token: str) -> None:
        if not re.match("https?://[^/]", server):
            raise Offline(f"{server!a} is not the address of a server: it must begin with http:// or https://.")
        if not re.fullmatch("[!-~]+", token):
            raise NotAuthorized("The token has characters that no token has. Copy it again from the page of devices.")
        self.server = server.rstrip("/")
        self.token = token
        self._session: requests.Session | None = None

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        import requests

        headers = {"Accept-Encoding": "gzip", "User-Agent": "offbook", **headers}
        if body is not None and len(body) > PACK_BYTES_MIN:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, PACK_LEVEL, mtime=0)
        try:
            with self._open().request(
                method,
                self.server + path,
                data=body,
                headers=headers,
                timeout=(CONNECT_SECONDS_MAX, SILENCE_SECONDS_MAX),
                allow_redirects=False,
                stream=True,
            ) as answer:
                return Response(answer.status_code, dict(answer.headers), _read(answer))
        except requests.exceptions.ContentDecodingError as error:
            raise ServerFault(f"The answer of {self.server} says that it is packed, and is not.") from error
        except requests.RequestException as error:
            raise Offline(f"{self.server} can't be reached ({_reason(error)}). It is tried again later.") from error

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> requests.Session:
        """Imported late: it takes longer than all the rest of offbook, and a command that only adds needs none of it.

        The token is set through ``auth``, or the password that a netrc file has for this host would take its place.
        """
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.auth = self._authorize
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _read(answer: requests.Response) -> bytes:
    """The whole body, within bounds."""
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    chunks: list[bytes] = []
    total = 0
    for chunk in answer.iter_content(CHUNK_BYTES):
        chunks.append(chunk)
        total += len(chunk)
        if total > ANSWER_BYTES_MAX:
            raise ServerFault("The server's answer is larger than any page of contacts can be.")
        if time.monotonic() > deadline:
            raise Offline("The server's answer takes too long to arrive. It is tried again later.")
    return b"".join(chunks)


def _reason(error: Exception) -> str:
    """The innermost cause: the outer ones repeat the address and the settings of the connection pool."""
    while error.__context__ is not None and isinstance(error.__context__, Exception):
        error = error.__context__
    return f"{type(error).__name__}: {error}"[:200]
