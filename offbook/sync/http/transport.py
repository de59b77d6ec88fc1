"""How a replica reaches its server: a Transport, which is one method, and HTTP, which is one of them.

Who needs another network, or none (a simulator, a test), passes its own Transport to Replica. Nothing here knows
what is said: bodies go through as bytes.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from offbook import addresses, messages
from offbook.core.errors import NotAuthorized, Offline, ProxyFault, ServerFault

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS_MAX = 10.0
"""For each address of a host."""

SILENCE_SECONDS_MAX = 30.0
REQUEST_SECONDS_MAX = 90.0
"""From the look-up of the host's name to the last byte of the answer; the lease on the replica holds longer."""

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Unpacked. A page of 1,000 records is about one MiB, and 25 where each of them has notes as long as can be."""

ACCEPT = "application/json, application/problem+json"
"""Said, so that a server answers in this form where it has no such address too, and not with a page for people."""

PACK_BYTES_MIN = 1024
PACK_LEVEL = 1
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Response:
    """``source`` names for people where it came from, without passwords and queries."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source: str = "The server"

    def header(self, name: str) -> str | None:
        """Names of headers have no case."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


class Transport(Protocol):
    """What carries a request to the server: HTTP, or a fake in a test."""

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """Send a request and return whatever was answered. Raises Offline where there is no answer."""
        ...


class HTTP:
    """HTTP with a bearer token, packed both ways. One connection is kept; use one instance per thread."""

    def __init__(self, server: str, token: str) -> None:
        if not re.match("https?://[^/]", server):
            shown = addresses.display_address(server)
            raise Offline.of(messages.NOT_A_SERVER, address=shown)
        if not re.fullmatch("[!-~]+", token):
            raise NotAuthorized.of(messages.BAD_TOKEN)
        self.server = server.rstrip("/")
        self.token = token
        self._session: requests.Session | None = None

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        import requests
        import urllib3

        from offbook.sync.http.connections import TooLate, deadline_in

        address = self.server + path
        proxy = addresses.proxy_of(address)
        source = _source(address, proxy)
        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip", "User-Agent": "offbook", **headers}
        if body is not None and len(body) > PACK_BYTES_MIN:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, PACK_LEVEL, mtime=0)
        try:
            with (
                deadline_in(REQUEST_SECONDS_MAX),
                self._open().request(
                    method,
                    address,
                    data=body,
                    headers=headers,
                    timeout=(CONNECT_SECONDS_MAX, SILENCE_SECONDS_MAX),
                    allow_redirects=False,
                    stream=True,
                    proxies={} if proxy is None else {"all": proxy},
                    verify=ca_bundle() or True,
                ) as response,
            ):
                return Response(response.status_code, dict(response.headers), _read(response, source), source)
        except requests.exceptions.ContentDecodingError as error:
            raise ServerFault.of(messages.NOT_PACKED, source=source) from error
        except TooLate:
            raise Offline.of(
                messages.ANSWER_TOO_SLOW, source=_source(self.server, proxy), seconds=REQUEST_SECONDS_MAX
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:  # not all of them are wrapped
            raise _unreachable(error, self.server, proxy) from error

    def close(self) -> None:
        """Close the connection that is kept; the next request opens another."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _open(self) -> requests.Session:
        """Imported late: it takes longer than all the rest of offbook, and a command that only adds needs none of it.

        The token is set through ``auth``, or the password that stands in the address would take its place. What the
        environment says of proxies and certificates is read for each request, and its netrc file never.
        """
        import requests

        from offbook.sync.http.connections import DeadlineAdapter

        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
            self._session.auth = self._authorize
            for scheme in ("http://", "https://"):
                self._session.mount(scheme, DeadlineAdapter())
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def ca_bundle() -> str | None:
    """The file of certificates that the environment names; None where those count that come with requests."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")


def _read(response: requests.Response, source: str) -> bytes:
    """The whole body, within bounds."""
    chunks: list[bytes] = []
    total = 0
    for chunk in response.iter_content(CHUNK_BYTES):
        chunks.append(chunk)
        total += len(chunk)
        if total > ANSWER_BYTES_MAX:
            raise ServerFault.of(messages.ANSWER_TOO_LARGE, source=source, most=ANSWER_BYTES_MAX >> 20)
    return b"".join(chunks)


# --- what is said of it ----------------------------------------------------------------------------------------------


def _source(address: str, proxy: str | None) -> str:
    through = "" if proxy is None else f" (through the proxy {addresses.display_address(proxy)})"
    return f"{addresses.display_address(address)}{through}"


def _unreachable(error: Exception, server: str, proxy: str | None) -> Offline:
    """A failure before there was an answer. Where a proxy is in between, a connection is one to the proxy."""
    from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, ProxyError

    if proxy is not None and isinstance(error, ProxyError | InvalidProxyURL | InvalidSchema | ConnectTimeout):
        return ProxyFault.of(
            messages.BAD_PROXY,
            proxy=addresses.display_address(proxy),
            server=addresses.display_address(server),
            reason=_reason(error),
        )
    return Offline.of(messages.NOT_REACHED, source=_source(server, proxy), reason=_reason(error))


def _reason(error: Exception) -> str:
    """The innermost cause: the outer ones repeat the address and the settings of the connection pool."""
    while error.__context__ is not None and isinstance(error.__context__, Exception):
        error = error.__context__
    return addresses.without_passwords(f"{type(error).__name__}: {error}")[:200]
