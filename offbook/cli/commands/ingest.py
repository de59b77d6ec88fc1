"""ingest: store the messages of a WebSocket, and tell how that goes until someone ends it.

What is secret never needs to be an argument: headers and texts come from files (``@FILE``) or the environment as well,
and the URL from standard input.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from offbook.cli import OK, CommandResult, UsageError, exit_code, standard_streams
from offbook.cli.commands.watch import as_line, ended_by_signal, with_time
from offbook.cli.output import count
from offbook.core.errors import OffbookError

if TYPE_CHECKING:
    from offbook.ingest.receiver import Stream

HEADERS = "OFFBOOK_HEADERS"
FROM_FILE = "@"
STANDARD = "-"

Event = dict[str, Any]


def ingest(path: Path, args: argparse.Namespace) -> CommandResult:
    telling = StatusPrinter(sys.stdout, args.json, path)
    try:
        stored = _store(path, _stream(args), args.moved, telling)
    except OffbookError as error:
        if not args.json:
            raise
        telling({"event": "failed", "error": error.code, "detail": str(error)})
        return CommandResult(None, code=exit_code(error))
    finally:
        telling.close()
    telling({"event": "ended", "messages": stored})
    return CommandResult(None, code=OK)


def _store(path: Path, stream: Stream, moved: bool, telling: StatusPrinter) -> int:
    import asyncio
    from random import SystemRandom

    from offbook.ingest.receiver import ingest
    from offbook.ingest.stream_file import StreamWriter

    end = threading.Event()
    with ended_by_signal(end.set), closing(StreamWriter(path, stream.address.shown, _now_us(), moved)) as file:
        address = stream.address
        telling({"event": "ingesting", "url": address.shown, "file": str(path), "warning": address.warning})
        return asyncio.run(ingest(stream, file, _now_us, SystemRandom(), telling, end))


def _stream(args: argparse.Namespace) -> Stream:
    from offbook.ingest.receiver import Stream
    from offbook.ingest.settings import MIB, IngestSettings
    from offbook.ingest.url import address_of

    url = standard_streams.read_line().strip() if args.url == STANDARD else args.url
    lines = [line for one in args.header for line in _given(one).splitlines()]
    lines += os.environ.get(HEADERS, "").splitlines()
    settings = IngestSettings(message_bytes_max=args.max_message * MIB, unpack=args.compress)
    address = address_of(url, [line for line in lines if line.strip()])
    return Stream(address, settings, tuple(_given(text) for text in args.send))


def _given(text: str) -> str:
    """The text, or what is in the file that it names."""
    if not text.startswith(FROM_FILE):
        return text
    file = Path(text.removeprefix(FROM_FILE)).expanduser()
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text.") from None


def _now_us() -> int:
    return time.time_ns() // 1000


# --- telling ---------------------------------------------------------------------------------------------------------


class StatusPrinter:
    """Events as they come: lines of JSON; or sentences, and at a terminal below them a line that is kept up to date."""

    def __init__(self, stream: TextIO, as_json: bool, path: Path) -> None:
        self._stream = stream
        self._as_json = as_json
        self._path = path
        self._reason: str | None = None
        self._messages = 0
        self._shown = 0

    def __call__(self, event: Event) -> None:
        if event["event"] == "status":
            self._status(event)
        elif self._as_json:
            self._print(as_line(event))
        else:
            for sentence in self._sentences(event):
                self._print(with_time(sentence))

    def close(self) -> None:
        """Leave the last state of the line behind."""
        if self._shown:
            self._shown = 0
            with standard_streams.writing():
                self._stream.write("\n")

    def _status(self, event: Event) -> None:
        if self._as_json:
            if event["messages"] != self._messages:
                self._print(as_line(event))
        elif self._stream.isatty():
            away = f"  {self._reason}" if self._reason else ""
            line = with_time(f"{count(event['messages'], 'message')}, {event['rate']:,} a second{away}")
            self._write(line[: shutil.get_terminal_size().columns - 1])
        self._messages = event["messages"]

    def _sentences(self, event: Event) -> Iterator[str]:
        match event["event"]:
            case "ingesting":
                yield f"Storing what {event['url']} sends in {event['file']}. Ctrl-C ends it."
                if event["warning"]:
                    yield f"Warning: {event['warning']}"
            case "connected":
                self._reason = None
                yield "Connected."
            case "away":
                if event["reason"] != self._reason:  # once, however often it is tried in vain
                    yield f"Away: {event['reason']} It is tried again, for ever."
                self._reason = event["reason"]
            case "waiting":
                yield f"{self._path} can't be written to ({event['reason']}). Nothing is read until it can."
            case "writing":
                yield f"{self._path} can be written to again."
            case _:
                yield f"Stored {count(event['messages'], 'message')} in {self._path}."

    def _print(self, line: str) -> None:
        """Now: whoever reads this may be a program at the other end of a pipe."""
        if self._shown:
            self._write("")
            self._shown = 0
            line = f"\r{line}"
        with standard_streams.writing():
            print(line, file=self._stream, flush=True)

    def _write(self, line: str) -> None:
        """In the place of what the line showed before."""
        with standard_streams.writing():
            self._stream.write(f"\r{line.ljust(self._shown)}")
            self._stream.flush()
        self._shown = len(line)
