"""What web/server/uvicorn_server.py borrows of uvicorn, httptools and websockets, which promise none of it.

After an update of one of them a test here tells what moved. Read what changed in the class, look whether what stands on
it still holds, and write down its new digest.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import NoneType
from typing import Any

import httptools
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.server import ServerProtocol

from tests.support.live_server import connect
from tests.support.polling import wait_until
from tests.web.server.raw_client import PATIENT, chunked, hall, handshake, letting_app, request
from web.server import uvicorn_server
from web.server.limited import Limited
from web.server.uvicorn_server import TimedProtocol, TimedSocket

SOURCES = {
    HttpToolsProtocol: "18fdf324b11bf160",
    RequestResponseCycle: "e67d470d435dcc1c",
    WebSocketsSansIOProtocol: "0bbcec98938432f7",
    ServerProtocol: "0f586bb7c48fea57",
}
"""The beginning of the SHA-256 of each class's source."""

HTTP_STATE = {
    "cycle": RequestResponseCycle,
    "headers": list,
    "loop": asyncio.AbstractEventLoop,
    "parser": httptools.HttpRequestParser,
    "pipeline": deque,
    "scope": dict,
    "transport": asyncio.Transport,
    "url": bytes,
}
CYCLE_STATE = {
    "keep_alive": bool,
    "message_event": asyncio.Event,
    "more_body": bool,
    "response_complete": bool,
    "scope": dict,
}
CONN_STATE = {
    "close_rcvd": NoneType,
}
SOCKET_STATE = {
    "close_sent": bool,
    "conn": ServerProtocol,
    "handshake_complete": bool,
    "handshake_initiated": bool,
    "loop": asyncio.AbstractEventLoop,
    "queue": asyncio.Queue,
    "scope": dict,
    "transport": asyncio.Transport,
    "writable": asyncio.Event,
}


@pytest.mark.parametrize("owner", SOURCES, ids=lambda owner: owner.__name__)
def test_no_class_that_is_built_on_has_changed(owner: type) -> None:
    assert sha256(inspect.getsource(owner).encode()).hexdigest()[:16] == SOURCES[owner]


@pytest.mark.parametrize(
    ("cls", "of", "state", "owner"),
    [
        (TimedProtocol, "self", HTTP_STATE, HttpToolsProtocol),
        (TimedProtocol, "super()", {}, HttpToolsProtocol),
        (TimedProtocol, "self.cycle", CYCLE_STATE, RequestResponseCycle),
        (TimedSocket, "self", SOCKET_STATE, WebSocketsSansIOProtocol),
        (TimedSocket, "super()", {}, WebSocketsSansIOProtocol),
        (TimedSocket, "self.conn", CONN_STATE, ServerProtocol),
    ],
)
def test_all_that_is_borrowed_is_there(cls: type, of: str, state: dict[str, type], owner: type) -> None:
    """Methods by their class; what else an object has is written down here, and looked at below."""
    own = {name for ours in (cls, Limited) for name in [*vars(ours), *ours.__annotations__]} if of == "self" else set()
    assert {name for name in taken(cls, of) - own if not hasattr(owner, name)} - set(state) == set()


def taken(cls: type, of: str) -> set[str]:
    """Names that the source of a class takes from ``of``."""
    nodes = (node for node in ast.walk(ast.parse(inspect.getsource(cls))) if isinstance(node, ast.Attribute))
    return {node.attr for node in nodes if ast.unparse(node.value) == of}


def test_only_this_module_borrows() -> None:
    root = Path(uvicorn_server.__file__).parent.parent.parent
    borrowing = {
        str(path.relative_to(root))
        for path in [*root.glob("*.py"), *root.glob("web/**/*.py"), *root.glob("storage/**/*.py")]
        if any(module.startswith(("uvicorn.", "httptools", "websockets")) for module in imported(path))
    }
    assert borrowing == {"web/server/uvicorn_server.py"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}."


def test_connections_have_the_state_that_is_built_on() -> None:
    with hall(letting_app, PATIENT) as (url, server), connect(url) as http, connect(url) as ws:
        http.sendall(request("POST", Content_Length="2"))
        ws.sendall(handshake())
        assert ws.recv(100).startswith(b"HTTP/1.1 101 ")
        wait_until(lambda: len(server.server_state.connections) == 2)
        by_kind: dict[str, Any] = {type(made).__name__: made for made in server.server_state.connections}
        wait_until(lambda: by_kind["TimedProtocol"].cycle is not None)
        for made, state in (
            (by_kind["TimedProtocol"], HTTP_STATE),
            (by_kind["TimedProtocol"].cycle, CYCLE_STATE),
            (by_kind["TimedSocket"], SOCKET_STATE),
            (by_kind["TimedSocket"].conn, CONN_STATE),
        ):
            assert {name: isinstance(getattr(made, name), kind) for name, kind in state.items()} == dict.fromkeys(
                state, True
            )


# --- httptools, which is compiled ---


class Told:
    """What a parser tells, in its order."""

    def __init__(self, fault: str = "") -> None:
        self.names: list[str] = []
        self.fault = fault

    def tell(self, name: str) -> None:
        self.names.append(name)
        if name == self.fault:
            raise KeyError(name)

    def on_message_begin(self) -> None:
        self.tell("begin")

    def on_url(self, url: bytes) -> None:
        self.tell(f"url {url.decode()}")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.tell(f"header {name.decode()}")

    def on_headers_complete(self) -> None:
        self.tell("head")

    def on_body(self, body: bytes) -> None:
        self.tell(f"body {body.decode()}")

    def on_chunk_header(self) -> None:
        self.tell("chunk")

    def on_message_complete(self) -> None:
        self.tell("end")


def test_the_parser_tells_trailers_between_the_last_chunk_and_the_end() -> None:
    told = Told()
    post = request("POST", Transfer_Encoding="chunked") + chunked(b"ab", trailers=b"A: b\r\n")
    httptools.HttpRequestParser(told).feed_data(post)
    assert told.names == [
        "begin",
        "url /",
        "header Host",
        "header Transfer-Encoding",
        "head",
        "chunk",
        "body ab",
        "chunk",
        "header A",
        "end",
    ]


def test_the_parser_takes_a_head_that_wishes_for_another_protocol_for_all_of_a_request() -> None:
    told, head = Told(), handshake("POST", Content_Length="4")
    parser = httptools.HttpRequestParser(told)
    with pytest.raises(httptools.HttpParserUpgrade) as pause:
        parser.feed_data(head + b"abcd")
    assert (pause.value.args[0], told.names[-2:], parser.should_upgrade()) == (len(head), ["head", "end"], True)
    assert (parser.get_method(), parser.get_http_version()) == (b"POST", "1.1")


@pytest.mark.parametrize("fault", ["header Host", "head", "end"])
def test_the_parser_stops_at_an_error_of_who_is_told_and_has_it_as_context(fault: str) -> None:
    told = Told(fault)
    with pytest.raises(httptools.HttpParserCallbackError) as stop:
        httptools.HttpRequestParser(told).feed_data(request() + request())
    assert isinstance(stop.value.__context__, KeyError)
    assert told.names[-1] == fault


def test_the_parser_reads_nothing_after_a_request_that_is_the_last() -> None:
    told = Told()
    parser = httptools.HttpRequestParser(told)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    parser.feed_data(request(Connection="close") + request())
    assert told.names.count("begin") == 1
