"""Why a stream is away, in a sentence; and whether another try could help.

The sentences are ours: what a library says of a failure may hold the whole URL. Of the server's own words only the
reason for which it closed is repeated, without what is secret.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    ProxyError,
)
from websockets.frames import CloseCode

from offbook.addresses import display_address
from offbook.core.text import status_phrase
from offbook.ingest import messages
from offbook.ingest.errors import StreamRefused, Unauthorized
from offbook.ingest.settings import MIB, IngestSettings
from offbook.ingest.url import Address

TEMPORARY_STATUSES = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
"""Of the answers from 400 to 499 those that the same request may not get again."""

TOKEN_STATUSES = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
WAIT_SECONDS_MAX = 3600.0


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why there is no connection. ``final`` is what a first connection fails with where another try can't help.

    Later the same is waited out: a server that is being replaced answers 404 for a while.
    """

    reason: str
    final: type[StreamRefused] | None = None
    wait_seconds: float = 0.0
    """How long the server asks to be left alone."""

    deaf_seconds: float = 0.0
    """For how long nothing was surely heard before it was noticed."""


def describe_open_failure(error: Exception, settings: IngestSettings, proxy: str | None = None) -> Disconnect:
    """Of what connecting raised. Through a proxy, a connection that can't be made is one to the proxy."""
    match error:
        case InvalidProxyStatus() if proxy is not None:
            status = error.response.status_code
            return Disconnect(
                messages.PROXY_REFUSES.sentence(
                    proxy=display_address(proxy), status=status, phrase=status_phrase(status)
                )
            )
        case InvalidProxy() | ProxyError() | ImportError() if proxy is not None:
            return Disconnect(messages.PROXY_UNUSABLE.sentence(proxy=display_address(proxy)))
        case InvalidStatus():
            return _describe_status(error.response.status_code, error.response.headers.get("Retry-After", ""))
        case ssl.SSLCertVerificationError():
            return Disconnect(messages.NOT_TRUSTED.sentence(reason=error.verify_message), StreamRefused)
        case ssl.SSLError():
            return Disconnect(messages.NO_TLS.sentence(), StreamRefused)
        case InvalidHandshake():
            return Disconnect(messages.NO_WEBSOCKET.sentence(), StreamRefused)
        case TimeoutError() if proxy is not None:
            return Disconnect(
                messages.PROXY_SILENT.sentence(proxy=display_address(proxy), seconds=settings.open_seconds)
            )
        case socket.gaierror() | ConnectionRefusedError() if proxy is not None:
            return Disconnect(messages.PROXY_NOT_REACHED.sentence(proxy=display_address(proxy)))
        case TimeoutError():
            return Disconnect(messages.SILENT.sentence(seconds=settings.open_seconds))
        case socket.gaierror():
            return Disconnect(messages.UNKNOWN_HOST.sentence())
        case ConnectionError() if not error.errno:
            return Disconnect(messages.BROKE_OFF_EARLY.sentence())
        case OSError():
            return Disconnect(messages.NOT_REACHED.sentence(reason=_describe_os_error(error)))
        case _:
            return Disconnect(messages.FAILED.sentence(kind=type(error).__name__))


def describe_close(error: ConnectionClosed, address: Address, settings: IngestSettings) -> Disconnect:
    """Of a connection that was open."""
    if error.sent is not None and not error.rcvd_then_sent:
        match error.sent.code:
            case CloseCode.MESSAGE_TOO_BIG:
                return Disconnect(messages.MESSAGE_TOO_LARGE.sentence(most=settings.message_bytes_max / MIB))
            case CloseCode.INVALID_DATA:
                return Disconnect(messages.NOT_UTF8.sentence())
            case CloseCode.PROTOCOL_ERROR:
                return Disconnect(messages.RULES_BROKEN.sentence())
            case CloseCode.INTERNAL_ERROR if "ping" in error.sent.reason:
                reason = messages.NO_PING.sentence(seconds=settings.ping_seconds)
                return Disconnect(reason, deaf_seconds=2 * settings.ping_seconds)
    if error.rcvd is None:
        return Disconnect(messages.BROKE_OFF.sentence())
    reason = address.scrubbed(error.rcvd.reason)
    return Disconnect(messages.CLOSED.sentence(code=error.rcvd.code, reason=reason and ": " + reason))


def _describe_status(status: int, retry_after: str) -> Disconnect:
    phrase = status_phrase(status)
    if 300 <= status < 400:
        return Disconnect(messages.MOVED.sentence(status=status, phrase=phrase), StreamRefused)
    if status in TOKEN_STATUSES:
        return Disconnect(messages.TOKEN_WANTED.sentence(status=status, phrase=phrase), Unauthorized)
    if status >= 500 or status in TEMPORARY_STATUSES:
        return Disconnect(
            messages.ANSWERED_SO.sentence(status=status, phrase=phrase), None, _retry_seconds(retry_after)
        )
    return Disconnect(messages.CHECK_URL.sentence(status=status, phrase=phrase), StreamRefused)


def _retry_seconds(retry_after: str) -> float:
    """As many seconds as the server asks for; a date is not read, our own backoff will do."""
    value = retry_after.strip()
    return min(float(value), WAIT_SECONDS_MAX) if value.isascii() and value.isdigit() else 0.0


def _describe_os_error(error: OSError) -> str:
    """asyncio says more than the system does, addresses too; where several failed, it gives no number."""
    return os.strerror(error.errno) if error.errno else "no address of its host answers"
