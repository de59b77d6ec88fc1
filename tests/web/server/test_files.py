"""Answers in files: sent whole from the disk, a slice at a time, and closed when that is done."""

from __future__ import annotations

import http.client
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import requests

from config import Config
from tests.support.live_server import connect, serving
from tests.support.polling import wait_until
from web.server import wsgi_bridge
from web.server.refusals import FileBody
from web.server.wsgi_bridge import SLICE_BYTES

CONTENT = os.urandom(2 * SLICE_BYTES + 7)


class FileApp:
    """An app that answers with a file, which it remembers."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.files: list[BinaryIO] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115  the server closes it
        file.write(self.content)
        self.files.append(file)
        start_response("200 OK", [("Content-Type", "application/zip"), ("Content-Length", "1")])
        body: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return body

    def are_closed(self) -> bool:
        return all(file.closed for file in self.files)


@pytest.mark.parametrize("content", [CONTENT, b"x", b""], ids=["slices", "a byte", "nothing"])
def test_a_file_arrives_whole_and_is_closed(content: bytes) -> None:
    app = FileApp(content)
    with serving(app) as url:
        answer = requests.get(url, timeout=10)
        assert (answer.content, answer.headers["Content-Length"]) == (content, str(len(content)))
        wait_until(app.are_closed)


def test_a_file_may_be_gone_through_as_any_other_body(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    with open(tmp_path / "file", "rb") as file:
        assert b"".join(FileBody(file)) == CONTENT


def test_one_address_holds_no_more_files_than_are_left_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi_bridge, "FILES_MAX", 2)
    app = FileApp(os.urandom(40 * SLICE_BYTES))
    with serving(app, Config(send_seconds=5)) as url, connect(url) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(12) == b"HTTP/1.1 200"
        refused = requests.get(url, timeout=10)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert refused.headers["Retry-After"] == "1"
        slow.close()
        wait_until(app.are_closed)
        assert requests.get(url, timeout=10).status_code == 200


def test_a_file_that_became_shorter_is_not_taken_for_the_whole() -> None:
    app = FileApp()

    def shortened(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = app(environ, start_response)
        app.files[-1].truncate(SLICE_BYTES + 5)
        return body

    with serving(shortened) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()
        wait_until(app.are_closed)
