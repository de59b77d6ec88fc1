"""The `offbook` command with its standard streams closed, full or cut, and at the end of its terminal."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from tests.device.cli.test_commands import FATTEN, ask_sql
from tests.ingest.feed_server import SECONDS_MAX, feed, rows, saying, until_closed
from tests.support.cli_runner import ROOT, Device, Said
from tests.support.signals import heeded, ignored

pytestmark = pytest.mark.processes

GOES_NOWHERE = "offbook: Standard output takes nothing more: {}.\n"
CLOSED, FULL = GOES_NOWHERE.format("Bad file descriptor"), GOES_NOWHERE.format("No space left on device")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    device = Device(tmp_path / "book.db")
    assert device("init").code == 0
    assert device("add", "Ada").code == 0
    return device


def typed(device: Device, line: str) -> Said:
    """A line as it is typed into a shell; the exit code is that of its last command."""
    command = shlex.join([sys.executable, "-m", "offbook", "--db", str(device.file)])
    script = f'offbook() {{ {command} "$@"; }}\n{line}'
    ran = subprocess.run(
        ["sh", "-c", script],
        cwd=ROOT,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return Said(ran.returncode, ran.stdout, ran.stderr)


@pytest.mark.parametrize(
    ("line", "code", "err"),
    [
        ("offbook list >&-", 1, CLOSED),
        ("offbook export >&-", 1, CLOSED),
        ("offbook --help >&-", 1, CLOSED),
        ("offbook list 2>&-", 0, ""),
        ("offbook list <&- >&- 2>&-", 1, ""),
        ("offbook show nobody 2>&-", 1, ""),
        ("offbook nope 2>/dev/full", 2, ""),
        ("offbook nope --json >&-", 1, CLOSED),
        ("offbook import - <&-", 1, "offbook: There is nothing in this file."),
        ("offbook import - 0>/dev/null", 1, "offbook: Standard input: Bad file descriptor.\n"),
        ("offbook init --server http://127.0.0.1 <&-", 2, "offbook: A token is needed"),
        ("offbook init --server http://127.0.0.1 0>/dev/null", 1, "offbook: Standard input: Bad file descriptor.\n"),
        ("printf 'p\\303' | offbook init --server http://127.0.0.1", 2, "offbook: A token is needed"),
        ("offbook watch >&-", 1, CLOSED),
        ("offbook watch >/dev/full", 1, FULL),
    ],
)
def test_a_stream_that_can_t_be_used_is_told_and_never_a_traceback(
    device: Device, line: str, code: int, err: str
) -> None:
    ask_sql(device, "UPDATE sync_state SET server = 'http://127.0.0.1:1', token = 't'")
    said = typed(device, line)
    assert said.code == code
    assert said.err.startswith(err), said.err
    assert said.err.count("\n") == bool(err), said.err
    if ">" in line:
        assert said.out == "" or "2>&-" in line
    assert "nobody" not in said.out, "what is wrong is no answer"


def test_what_is_said_never_ends_in_the_book(device: Device) -> None:
    """The first file that a process opens has the number of a stream that is closed."""
    for closed in (">&- 2>&-", "<&- >&- 2>&-"):
        typed(device, f"offbook add Bob {closed}")
        typed(device, f"offbook show nobody {closed}")
    assert ask_sql(device, "PRAGMA integrity_check") == [("ok",)]
    assert [contact["name"] for contact in device("list", "--json").json] == ["Ada", "Bob", "Bob"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_takes_the_first_line_alone_is_no_error(device: Device, unbuffered: str) -> None:
    ask_sql(device, FATTEN)
    for command in ("list --json", "export"):
        said = typed(
            device, f"export PYTHONUNBUFFERED={unbuffered}; {{ offbook {command}; echo $? >&2; }} | head -1 >/dev/null"
        )
        assert (said.code, said.err) == (0, "141\n")


def test_watching_ends_when_nobody_reads_any_more(device: Device) -> None:
    ask_sql(device, "UPDATE sync_state SET server = 'http://127.0.0.1:1', token = 't'")
    with device.watching() as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        device("add", "Bob")
        assert (child.wait(60), child.stderr.read()) == (141, "")


# --- the end of a terminal -------------------------------------------------------------------------------------------


def test_a_hang_up_ends_watching_as_asked_for(device: Device) -> None:
    ask_sql(device, "UPDATE sync_state SET server = 'http://127.0.0.1:1', token = 't'")
    with heeded(signal.SIGHUP), device.watching() as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        assert (child.wait(60), child.stderr.read()) == (0, "")


def test_what_ignores_hang_ups_goes_on(device: Device) -> None:
    """As under nohup."""
    ask_sql(device, "UPDATE sync_state SET server = 'http://127.0.0.1:1', token = 't'")
    with ignored(signal.SIGHUP), device.watching("--json") as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signal.SIGHUP)
        device("add", "Bob")
        assert any('"added"' in line for line in child.stdout)
        child.terminate()
        assert child.wait(60) == 0


# --- ingest ----------------------------------------------------------------------------------------------------------


def test_an_ingest_that_can_say_nothing_names_its_output(tmp_path: Path) -> None:
    device = Device(tmp_path / "stream.db")
    with (
        feed(saying("a")) as url,
        open(os.devnull) as shut,
        device.started("ingest", url, "--json", stdout=shut) as child,
    ):
        assert child.stderr is not None
        assert (child.wait(SECONDS_MAX), child.stderr.read()) == (1, CLOSED)


def test_an_ingest_that_nobody_reads_any_more_ends_with_all_stored(tmp_path: Path) -> None:
    device, heard, sent = Device(tmp_path / "stream.db"), threading.Event(), threading.Event()

    def handler(connection: ServerConnection) -> None:
        connection.send("a")
        assert heard.wait(SECONDS_MAX)
        connection.send("b")
        sent.set()
        until_closed(connection)

    with feed(handler) as url, device.started("ingest", url, "--json") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert any('"status"' in line for line in child.stdout)
        heard.set()
        assert sent.wait(SECONDS_MAX)
        child.stdout.close()
        assert (child.wait(SECONDS_MAX), child.stderr.read()) == (141, "")
    assert rows(device.file) == ["a", "b"]
