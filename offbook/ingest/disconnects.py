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
                f"{_describe_proxy(proxy)} answered {status}{status_phrase(status)}, and lets nothing through."
            )
        case InvalidProxy() | ProxyError() | ImportError() if proxy is not None:
            return Disconnect(f"{_describe_proxy(proxy)} can't be used.")
        case InvalidStatus():
            return _describe_status(error.response.status_code, error.response.headers.get("Retry-After", ""))
        case ssl.SSLCertVerificationError():
            return Disconnect(f"Its certificate is not trusted: {error.verify_message}.", StreamRefused)
        case ssl.SSLError():
            return Disconnect("It does not speak TLS as wss:// needs it.", StreamRefused)
        case InvalidHandshake():
            return Disconnect("What answers there is no WebSocket.", StreamRefused)
        case TimeoutError() if proxy is not None:
            return Disconnect(f"{_describe_proxy(proxy)} gave no answer within {settings.open_seconds:g} seconds.")
        case socket.gaierror() | ConnectionRefusedError() if proxy is not None:
            return Disconnect(f"{_describe_proxy(proxy)} can't be reached.")
        case TimeoutError():
            return Disconnect(f"No answer within {settings.open_seconds:g} seconds.")
        case socket.gaierror():
            return Disconnect("The host is not known, or this machine is offline.")
        case ConnectionError() if not error.errno:
            return Disconnect("It broke the connection off before it had answered.")
        case OSError():
            return Disconnect(f"It can't be reached: {_describe_os_error(error)}.")
        case _:
            return Disconnect(f"It can't be reached ({type(error).__name__}).")


def describe_close(error: ConnectionClosed, address: Address, settings: IngestSettings) -> Disconnect:
    """Of a connection that was open."""
    if error.sent is not None and not error.rcvd_then_sent:
        match error.sent.code:
            case CloseCode.MESSAGE_TOO_BIG:
                return Disconnect(
                    f"It sent a message of more than {settings.message_bytes_max / MIB:g} MiB, which was refused."
                )
            case CloseCode.INVALID_DATA:
                return Disconnect("It sent a text that is not UTF-8.")
            case CloseCode.PROTOCOL_ERROR:
                return Disconnect("It broke the rules of WebSocket.")
            case CloseCode.INTERNAL_ERROR if "ping" in error.sent.reason:
                reason = f"It answered no ping for {settings.ping_seconds:g} seconds."
                return Disconnect(reason, deaf_seconds=2 * settings.ping_seconds)
    if error.rcvd is None:
        return Disconnect("The connection broke off.")
    reason = address.scrubbed(error.rcvd.reason)
    return Disconnect(f"It closed the connection with {error.rcvd.code}{f': {reason}' if reason else ''}.")


def _describe_status(status: int, retry_after: str) -> Disconnect:
    text = f"It answered {status}{status_phrase(status)}"
    if 300 <= status < 400:
        return Disconnect(
            f"{text}: the stream is at another address now. None is followed, so that no token goes astray.",
            StreamRefused,
        )
    if status in TOKEN_STATUSES:
        return Disconnect(f"{text}: it wants a token, or another one. See --header.", Unauthorized)
    if status >= 500 or status in TEMPORARY_STATUSES:
        return Disconnect(f"{text}.", None, _retry_seconds(retry_after))
    return Disconnect(f"{text}: check the URL.", StreamRefused)


def _describe_proxy(proxy: str) -> str:
    return f"The proxy {display_address(proxy)}, which the environment names,"


def _retry_seconds(retry_after: str) -> float:
    """As many seconds as the server asks for; a date is not read, our own backoff will do."""
    value = retry_after.strip()
    return min(float(value), WAIT_SECONDS_MAX) if value.isascii() and value.isdigit() else 0.0


def _describe_os_error(error: OSError) -> str:
    """asyncio says more than the system does, addresses too; where several failed, it gives no number."""
    return os.strerror(error.errno) if error.errno else "no address of its host answers"
