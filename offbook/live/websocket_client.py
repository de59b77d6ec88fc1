"""How offbook opens a WebSocket: for the live channel and for a stream.

It follows no redirect, so that a header with a token reaches no other host. It goes through the proxy that the
environment names. A line that is dead is noticed within twice the time between two pings.

What a failure means is for the caller to say: a live channel has HTTP beside it, a stream has nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from websockets.asyncio.client import connect
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from offbook.addresses import host_of, is_this_machine


class NoRedirectConnect(connect):
    """A connection of the library that takes a redirect for a failure."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def websocket_to(
    address: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    *,
    proxy: str | None,
    ping_seconds: float,
    logger: logging.Logger,
    **options: Any,
) -> connect:
    """A connection to be awaited, or entered; ``options`` are websockets' own. Opening raises what websockets does."""
    return NoRedirectConnect(
        address,
        additional_headers=headers,
        user_agent_header="offbook",
        proxy=proxy,
        ping_interval=ping_seconds,
        ping_timeout=ping_seconds,
        logger=logger,
        **options,
    )


def proxy_of(address: str) -> str | None:
    """The proxy that the environment names for a WebSocket; to this machine there is none.

    Raises what websockets raises for an address that is none.
    """
    return None if is_this_machine(host_of(address)) else get_proxy(parse_uri(address))
