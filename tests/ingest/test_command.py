"""`offbook ingest` as people and scripts run it: a process that is started, ended, killed, and has no more room."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from offbook.ingest.settings import MIB
from tests.ingest.feed_server import SECONDS_MAX, feed, gaps, rows, saying, until_closed
from tests.support.cli_runner import ROOT, Device
from tests.support.signals import heeded

pytestmark = pytest.mark.processes

TOKEN = "canary-9f86d081884c7d65"

Events = Callable[[str], dict[str, Any]]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "stream.db")


@contextmanager
def ingesting(device: Device, *words: str, **options: Any) -> Iterator[tuple[subprocess.Popen[str], Events]]:
    """The command with --json; the second is a function that waits for an event. It is killed after a minute."""
    with device.started("ingest", *words, "--json", **options) as child:
        timer = threading.Timer(60, child.kill)
        timer.start()

        def wait_for(name: str) -> dict[str, Any]:
            assert child.stdout is not None
            found = next((one for line in child.stdout if (one := json.loads(line))["event"] == name), None)
            assert found is not None, f"it ended without {name!r}"
            return dict(found)

        try:
            yield child, wait_for
        finally:
            timer.cancel()
            child.kill()


def stored(wait_for: Events, count: int = 1) -> int:
    """How many messages it stored, once it tells of at least so many."""
    while (messages := int(wait_for("status")["messages"])) < count:
        pass
    return messages


# --- its end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_end_that_is_asked_for_leaves_all_that_came_in_the_file(device: Device, ending: signal.Signals) -> None:
    payloads = [str(number) for number in range(500)]
    all_sent = threading.Event()

    def handler(connection: ServerConnection) -> None:
        for payload in payloads:
            connection.send(payload)
        all_sent.set()
        until_closed(connection)

    with feed(handler) as url, heeded(ending), ingesting(device, url) as (child, wait_for):
        wait_for("connected")
        assert all_sent.wait(SECONDS_MAX)
        child.send_signal(ending)
        assert wait_for("ended")["messages"] == 500
        assert child.wait(SECONDS_MAX) == 0
        assert child.stderr is not None
        assert child.stderr.read() == ""
    assert rows(device.file) == payloads
    assert sorted(file.name for file in device.file.parent.iterdir()) == ["stream.db"], "no log is left behind"


def test_what_was_told_as_stored_is_there_after_a_kill(device: Device) -> None:
    sent: list[str] = []

    def handler(connection: ServerConnection) -> None:
        while True:
            connection.send(str(len(sent)))
            sent.append(str(len(sent)))

    with feed(handler) as url, ingesting(device, url) as (child, wait_for):
        told = stored(wait_for)
        child.kill()
        child.wait()
    kept = rows(device.file)
    assert len(kept) >= told > 0
    assert kept == sent[: len(kept)]


def test_after_a_kill_the_next_one_takes_over_at_once_and_tells_the_gap(device: Device) -> None:
    with feed(saying("a")) as url:
        for _ in range(2):
            with ingesting(device, url) as (child, wait_for):
                stored(wait_for)
                child.kill()
                child.wait()
    assert rows(device.file) == ["a", "a"]
    assert gaps(device.file) == [("The ingest ended without a word.", 1, 1)]


def test_a_second_one_is_told_who_writes_and_changes_nothing(device: Device) -> None:
    with feed(saying("a")) as url, ingesting(device, url) as (child, wait_for):
        stored(wait_for)
        refused = device.really("ingest", url)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == f"offbook: Another process (its number is {child.pid}) writes to {device.file}.\n"
        child.terminate()
        assert wait_for("ended")["messages"] == 1


# --- room ------------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_waited_for_and_nothing_is_lost(device: Device) -> None:
    """The system lets this process write no larger files, and then it does again."""
    payloads = [f"{number} {'x' * 20_000}" for number in range(40)]

    def allow(size: int) -> None:
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with feed(saying(*payloads)) as url, ingesting(device, "-", stdin=subprocess.PIPE) as (child, wait_for):
        allow(200_000)
        assert child.stdin is not None
        child.stdin.write(f"{url}\n")
        child.stdin.close()
        assert wait_for("waiting")["reason"]
        allow(resource.RLIM_INFINITY)
        wait_for("writing")
        stored(wait_for, 40)
        child.terminate()
        assert wait_for("ended")["messages"] == 40
    assert rows(device.file) == payloads


def test_memory_holds_little_of_what_comes_fast_and_large(device: Device) -> None:
    """A hundred megabytes; a Python with nothing to do has thirty."""

    def handler(connection: ServerConnection) -> None:
        for _ in range(25):
            connection.send("x" * (4 * MIB))
        until_closed(connection)

    with feed(handler) as url, ingesting(device, url) as (child, wait_for):
        stored(wait_for, 25)
        (most,) = [line for line in Path(f"/proc/{child.pid}/status").read_text().splitlines() if "VmHWM" in line]
        assert int(most.split()[1]) / 1024 < 100
        child.terminate()
        wait_for("ended")


# --- what is told ----------------------------------------------------------------------------------------------------


def test_a_secret_that_goes_unencrypted_is_warned_of(device: Device) -> None:
    with ingesting(device, "ws://feed.test/", "--header", f"X-Key: {TOKEN}") as (child, wait_for):
        assert "to feed.test without encryption" in wait_for("ingesting")["warning"]
        child.terminate()
    with device.started("ingest", "ws://feed.test/", "--header", f"X-Key: {TOKEN}") as child:
        assert child.stdout is not None
        told = [child.stdout.readline().split("  ", 1)[1] for _ in range(2)]
        child.terminate()
        child.communicate(timeout=SECONDS_MAX)
    assert told[1].startswith("Warning: What is secret ")
    assert TOKEN not in "".join(told)


def test_people_are_told_in_sentences(device: Device) -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send("x")
        connection.close(1001, "restart\x1b[2J")

    with feed(handler) as url, device.started("ingest", url) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().split("  ", 1)[1] for _ in range(3)]
        child.terminate()
        rest = child.communicate(timeout=SECONDS_MAX)[0].splitlines()
    assert told == [
        f"Storing what {url} sends in {device.file}. Ctrl-C ends it.\n",
        "Connected.\n",
        "Away: It closed the connection with 1001: restart\\x1b[2J. It is tried again, for ever.\n",
    ]
    assert rest[-1].split("  ", 1)[1].startswith("Stored ")


def test_a_terminal_shows_one_line_that_is_kept_up_to_date(device: Device) -> None:
    own, its = pty.openpty()
    with feed(saying("a", "b")) as url, device.started("ingest", url, stdout=its) as child:
        os.close(its)
        shown = ""
        while "\r" not in shown.partition("Connected.\r\n")[2]:
            shown += os.read(own, 1000).decode()
        while "2 messages, " not in shown:
            shown += os.read(own, 1000).decode()
        child.terminate()
        child.wait(SECONDS_MAX)
        shown += os.read(own, 1000).decode()
    os.close(own)
    assert f"Stored 2 messages in {device.file}." in shown


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(HTTPStatus.NOT_FOUND, 1, "unwelcome"), (HTTPStatus.UNAUTHORIZED, 4, "not_authorized")],
)
def test_a_server_that_does_not_let_it_in_ends_it_with_a_code(
    device: Device, status: HTTPStatus, code: int, error: str
) -> None:
    def process(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(status, "no")

    with feed(saying(), process_request=process) as url:
        told = device.really("ingest", f"{url}/feed", "--json")
        *_, last = map(json.loads, told.out.splitlines())
        assert (told.code, last["event"], last["error"], told.err) == (code, "failed", error, "")
        told = device.really("ingest", f"{url}/feed")
        assert told.code == code
        assert told.err.startswith(f"offbook: {url}/feed: It answered {status.value} ")
        assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [("http://example.org",), ("example.org",), (), ("ws://x", "--header", "x"), ("ws://x", "--max-message", "0")],
)
def test_a_wrong_command_line_is_told_in_a_sentence_and_makes_no_file(device: Device, words: tuple[str, ...]) -> None:
    told = device("ingest", *words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("offbook: ")
    assert told.err.count("\n") == 1
    assert not device.file.exists()


def test_a_place_where_no_file_can_be_is_told_in_a_sentence(tmp_path: Path) -> None:
    told = Device(tmp_path / "nowhere" / "stream.db")("ingest", "ws://127.0.0.1")
    assert (told.code, told.err) == (1, f"offbook: {tmp_path}/nowhere/stream.db: No such file or directory.\n")


def test_the_book_is_never_taken_for_a_stream(tmp_path: Path) -> None:
    """Without --db it is a file in the current folder, whatever OFFBOOK_DB says."""
    environ = os.environ | {"OFFBOOK_DB": str(tmp_path / "book.db"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "offbook", "ingest", "http://example.org"]
    subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
    with feed(saying()) as url:
        command[-1] = url
        with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert "live_stream.db" in child.stdout.readline()
            child.terminate()
            child.communicate(timeout=SECONDS_MAX)
    assert [file.name for file in tmp_path.iterdir()] == ["live_stream.db"]


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_has_to_be_an_argument(device: Device, tmp_path: Path) -> None:
    (tmp_path / "headers").write_text(f"Authorization: Bearer {TOKEN}\n\nX-One: 1\n")
    (tmp_path / "hello").write_text(f"subscribe {TOKEN}\n")
    seen: list[Any] = []

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        headers = connection.request.headers
        seen.extend((headers["Authorization"], headers["X-One"], headers["X-Two"], connection.request.path))
        seen.append(connection.recv())
        connection.send("x")
        until_closed(connection)

    words = ("-", "--header", f"@{tmp_path / 'headers'}", "--send", f"@{tmp_path / 'hello'}")
    environ = os.environ | {"OFFBOOK_HEADERS": "X-Two: 2"}
    with feed(handler) as url, ingesting(device, *words, stdin=subprocess.PIPE, env=environ) as (child, wait_for):
        assert child.stdin is not None
        child.stdin.write(f"{url}/?key={TOKEN}\n")
        child.stdin.close()
        assert wait_for("ingesting")["url"] == f"{url}/?key=…"
        stored(wait_for)
        assert TOKEN.encode() not in Path(f"/proc/{child.pid}/cmdline").read_bytes()
        child.terminate()
        wait_for("ended")
    assert seen == [f"Bearer {TOKEN}", "1", "2", f"/?key={TOKEN}", f"subscribe {TOKEN}"]
    assert TOKEN.encode() not in device.file.read_bytes()


@pytest.mark.parametrize("option", ["--header", "--send"])
def test_a_file_that_is_not_text_is_told(device: Device, tmp_path: Path, option: str) -> None:
    (tmp_path / "latin-1").write_bytes(b"X-One: Zo\xeb\n")
    answer = device("ingest", "ws://x", option, f"@{tmp_path}/latin-1")
    assert (answer.code, answer.err) == (2, f"offbook: {tmp_path}/latin-1 is not UTF-8 text.\n")


def test_a_file_of_headers_that_is_not_there_is_told(device: Device) -> None:
    told = device("ingest", "ws://x", "--header", "@nowhere")
    assert (told.code, told.err) == (1, "offbook: nowhere: No such file or directory.\n")
