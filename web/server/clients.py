"""Who sends a request, as far as its head tells: nothing here is checked, and nothing may be allowed by it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from offbook.core.accounts.login_throttle import network_of

Scope = dict[str, Any]


def address_of(scope: Scope, proxies: int) -> str:
    """The network that a request comes from: what one person controls, and behind proxies the one that these name.

    ``proxies`` is how many stand in front, of which each adds to X-Forwarded-For whom it heard; what stands before that
    anybody may have written. With fewer entries than proxies somebody went around one, and counts by the connection.
    """
    hops = forwarded_for(scope) if proxies else []
    client = scope.get("client") or ("",)
    return _network(hops[-proxies] if proxies and len(hops) >= proxies else client[0])


def sender_of(scope: Scope) -> bytes:
    """Whose turn a request takes: of a token, of a session, else of the address that the connection comes from."""
    cookie = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
        if name == b"cookie":
            cookie = value
    return cookie or (scope.get("client") or ("",))[0].encode()


def forwarded_for(scope: Scope) -> list[str]:
    """The addresses that proxies named, the last proxy's last."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return [address for value in values for part in value.split(",") if (address := part.strip())]


_network = lru_cache(maxsize=4096)(network_of)
