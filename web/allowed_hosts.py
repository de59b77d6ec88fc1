"""Under which names the server answers, and which addresses it never sends a browser to.

A page of somebody else can let its own name point to this machine (DNS rebinding): its scripts then ask this server,
as if it were theirs, from inside the network. So a request says a name that is this server's, or is not answered
(RFC 9110, 7.4 and 15.5.20). A redirect never leaves it.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, current_app, request

from config import Config
from web.errors import ApiProblem
from web.messages import api as messages

ANY = "*"

PREFIX = re.compile(r"(?:/[\w.~-]+)*/?")
"""What a proxy may say that stands before every path: names, which are no address of another server."""

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in small letters: ``localhost`` of ``LOCALHOST:5000``."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() or name and not port else host).strip("[]").rstrip(".").lower()


def is_allowed(host: str, allowed: Iterable[str], machine: str) -> bool:
    """Whether a server on ``machine`` that is called ``allowed`` answers to this Host header.

    Its own name, loopback names and addresses need no mention: nobody else's name can stand for one of them.
    """
    name = host_name(host)
    if name in ("localhost", machine.lower(), *allowed) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return ANY in allowed
    return True


class WithoutForeignPrefix:
    """Drops an X-Forwarded-Prefix that is no path: ``//evil.example`` before a path is another server's address."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        prefixes = environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")
        if not all(PREFIX.fullmatch(prefix.strip()) for prefix in prefixes):
            del environ["HTTP_X_FORWARDED_PREFIX"]
        return self._app(environ, start_response)


def require_allowed_host() -> None:
    """Raises ApiProblem (421) where a request is for a server of another name."""
    allowed = current_app.config["ALLOWED_HOSTS"]
    if not is_allowed(request.host, allowed, current_app.config["MACHINE_NAME"]):
        raise ApiProblem(421, messages.UNKNOWN_HOST.fault(host=host_name(request.host)))


def register(app: Flask, config: Config) -> None:
    """Before all else of a request. Doubled slashes are no shorter way to a page, and redirect nowhere."""
    app.config["ALLOWED_HOSTS"] = frozenset(name.lower() for name in config.allowed_hosts)
    app.config["MACHINE_NAME"] = socket.gethostname()
    app.url_map.merge_slashes = False
    app.before_request_funcs.setdefault(None, []).insert(0, require_allowed_host)
