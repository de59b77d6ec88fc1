"""A call of a WSGI app (PEP 3333): the environ of a request, and what the app answers, as a value."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from web.messages.api import OF_STATUS
from web.server.clients import Scope
from web.server.refusals import (
    FileBody,
    RequestRefused,
    WsgiResponse,
)

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

log = logging.getLogger("offbook.bridge")


def environ_of(scope: Scope, body: bytearray, more: Mapping[str, Any]) -> Environ:
    """The WSGI environ of a request (PEP 3333): bytes as latin-1 text, one value per header, and ``more`` of ours."""
    client = scope.get("client") or ("", 0)
    server = scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/" + scope["http_version"],
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": SCHEMES.get(scope.get("scheme", "http"), "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileBody,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in scope["headers"]:
        add_header(environ, name, value.decode("latin-1"))
    environ.update(more)
    return environ


SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""A handshake is a request, and comes from pages of http."""

# The body is whole and its length is ours to say. A Proxy header would become HTTP_PROXY (CVE-2016-5385).
DROPPED = frozenset({b"content-length", b"transfer-encoding", b"proxy"})


def add_header(environ: Environ, name: bytes, value: str) -> None:
    """Add a header of the request; several of one name become one."""
    key = KEYS.get(name) or key_of(name)
    if key is None:
        return
    if key in environ:
        value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
    environ[key] = value


def key_of(name: bytes) -> str | None:
    """Where the WSGI environ has a header of this name; None: nowhere."""
    # X_Forwarded_For would become the same variable as X-Forwarded-For, which only a proxy may set.
    if name in DROPPED or b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else "HTTP_" + key


USUAL = (
    b"accept accept-encoding accept-language authorization connection content-type cookie host if-none-match "
    b"offbook-protocol offbook-schema origin referer user-agent x-forwarded-for x-forwarded-host x-forwarded-proto"
).split()

KEYS = {name: key_of(name) for name in USUAL}
"""Of what nearly every request has: finding it takes a third of the time of making it."""


def call(app: WsgiApp, environ: Environ) -> WsgiResponse:
    """Run the WSGI app in this thread. What it raises is answered without its reason: that goes to the log."""
    answer = WsgiResponse(500, [], b"")
    chunks: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        answer.status = int(status[:3])
        answer.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return chunks.append

    try:
        result = app(environ, start_response)
        if isinstance(result, FileBody):
            answer.file = result
            answer.headers = [header for header in answer.headers if header[0] != b"content-length"]
            answer.headers.append((b"content-length", b"%d" % result.size))
            return answer
        try:
            chunks.extend(result)
        finally:
            if hasattr(result, "close"):
                result.close()
    except Exception:
        log.exception("A request failed")
        return RequestRefused(500, OF_STATUS[500].fault()).answer()
    answer.body = b"".join(chunks)
    if answer.status not in (204, 304) and environ["REQUEST_METHOD"] != "HEAD":
        answer.headers = [header for header in answer.headers if header[0] != b"content-length"]
        answer.headers.append((b"content-length", b"%d" % len(answer.body)))
    return answer
