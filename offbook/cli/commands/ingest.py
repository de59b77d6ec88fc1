"""ingest: store the messages of a WebSocket, and print how that goes until someone ends it.

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
from typing import TYPE_CHECKING, TextIO

from offbook.cli import messages, standard_streams
from offbook.cli.environment import HEADERS
from offbook.cli.errors import UsageError, exit_code
from offbook.cli.output import Event, event_as_json, with_time
from offbook.cli.result import OK, CommandResult
from offbook.cli.stop_signals import ended_by_signal
from offbook.core.errors import OffbookError
from offbook.core.formatting import format_count

if TYPE_CHECKING:
    from offbook.ingest.receiver import Stream

FROM_FILE = "@"


def ingest(path: Path, args: argparse.Namespace) -> CommandResult:
    """Store messages in the file until a signal comes. Prints its events itself; so the result has no lines."""
    printer = EventPrinter(sys.stdout, args.json, path)
    try:
        stored = _store(path, _stream_of(args), args.moved, printer)
    except OffbookError as error:
        if not args.json:
            raise
        printer({"event": "failed", "error": error.code, "detail": str(error)})
        return CommandResult(None, code=exit_code(error))
    finally:
        printer.close()
    printer({"event": "ended", "messages": stored})
    return CommandResult(None, code=OK)


def _store(path: Path, stream: Stream, moved: bool, printer: EventPrinter) -> int:
    """How many messages were stored."""
    import asyncio
    from random import SystemRandom

    from offbook.ingest.receiver import ingest
    from offbook.ingest.stream_file import StreamWriter

    end, address = threading.Event(), stream.address
    with ended_by_signal(end.set), closing(StreamWriter(path, address.shown, now_us(), moved)) as file:
        printer({"event": "ingesting", "url": address.shown, "file": str(path), "warning": address.warning})
        return asyncio.run(ingest(stream, file, now_us, SystemRandom(), printer, end))


def _stream_of(args: argparse.Namespace) -> Stream:
    from offbook.ingest.receiver import Stream
    from offbook.ingest.settings import MIB, IngestSettings
    from offbook.ingest.url import address_of

    url = standard_streams.read_line().strip() if args.url == standard_streams.STANDARD else args.url
    lines = [line for header in args.header for line in _text_or_file(header).splitlines()]
    lines += os.environ.get(HEADERS, "").splitlines()
    settings = IngestSettings(message_bytes_max=args.max_message * MIB, unpack=args.compress)
    address = address_of(url, [line for line in lines if line.strip()])
    return Stream(address, settings, tuple(_text_or_file(text) for text in args.send))


def _text_or_file(text: str) -> str:
    """The text, or what is in the file that it names."""
    if not text.startswith(FROM_FILE):
        return text
    file = Path(text.removeprefix(FROM_FILE)).expanduser()
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError.of(messages.FILE_NOT_UTF8, file=file) from None


def now_us() -> int:
    """The time in microseconds since 1970."""
    return time.time_ns() // 1000


class EventPrinter:
    """Prints events as they come: lines of JSON, or sentences.

    At a terminal there is a line below the sentences that is kept up to date.
    """

    def __init__(self, stream: TextIO, as_json: bool, path: Path) -> None:
        self._stream = stream
        self._as_json = as_json
        self._path = path
        self._reason: str | None = None
        self._messages = 0
        self._line_length = 0

    def __call__(self, event: Event) -> None:
        if event["event"] == "status":
            self._update_status(event)
        elif self._as_json:
            self._print(event_as_json(event))
        else:
            for sentence in self._sentences(event):
                self._print(with_time(sentence))

    def close(self) -> None:
        """Leave the last state of the status line behind."""
        if self._line_length:
            self._line_length = 0
            with standard_streams.writing():
                self._stream.write("\n")

    def _update_status(self, event: Event) -> None:
        if self._as_json:
            if event["messages"] != self._messages:
                self._print(event_as_json(event))
        elif self._stream.isatty():
            away = f"  {self._reason}" if self._reason else ""
            line = with_time(f"{format_count(event['messages'], 'message')}, {event['rate']:,} a second{away}")
            self._replace_line(line[: shutil.get_terminal_size().columns - 1])
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
                yield f"Stored {format_count(event['messages'], 'message')} in {self._path}."

    def _print(self, line: str) -> None:
        """Print it at once: whoever reads this may be a program at the other end of a pipe."""
        if self._line_length:
            self._replace_line("")
            self._line_length = 0
            line = f"\r{line}"
        with standard_streams.writing():
            print(line, file=self._stream, flush=True)

    def _replace_line(self, line: str) -> None:
        with standard_streams.writing():
            self._stream.write(f"\r{line.ljust(self._line_length)}")
            self._stream.flush()
        self._line_length = len(line)
