"""The server's log, on standard error: one line for each thing, as ``name=value`` or as JSON.

The lines of requests, syncs and sockets hold numbers and routes, nothing that anyone typed (web/telemetry/events.py).
An error is logged by its type, its code and where it happened. Its own words are left out: databases quote the row that
they refuse, and libraries the bytes that they can't read. Of others' messages only the first line is kept, for the same
reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any

import orjson

from web.telemetry.events import Answered, Synced

FRAMES_MAX = 12
NUMBER_MAX = 10_000
"""An error's first argument may be its number, and systems' numbers are small: what is larger may be anything."""


WHO = {"device": "device", "person": "user"}

requests = logging.getLogger("offbook.requests")
syncs = logging.getLogger("offbook.sync")
sockets = logging.getLogger("offbook.live")


class LogSink:
    """Writes a line for each event."""

    def answered(self, request: Answered) -> None:
        note = request.note
        facts = {"method": request.method, "route": note.route, "status": request.status, "ms": millis(request.seconds)}
        facts |= {"bytes": request.bytes, "id": note.id, "device": note.device, "user": note.user}
        log_event(requests, "request", facts)

    def synced(self, sync: Synced) -> None:
        facts = {"way": sync.way, "book": sync.book, "device": sync.device, "changes": sync.changes}
        log_event(syncs, "sync", facts | dict(sync.verdicts) | {"rows": sync.rows, "id": sync.id})

    def socket_opened(self, book: int, kind: str, number: int | None) -> None:
        log_event(sockets, "connected", {"book": book, WHO[kind]: number})

    def socket_closed(self, book: int, kind: str, number: int | None, code: int | None, seconds: float) -> None:
        facts = {"book": book, WHO[kind]: number, "code": code, "seconds": round(seconds, 1)}
        log_event(sockets, "disconnected", facts)

    def page_sent(self, seconds: float) -> None:
        """Each page of each listener would be too much for a log; the meters have it."""


def log_event(log: logging.Logger, event: str, facts: Mapping[str, Any]) -> None:
    """Write a line, if anybody reads it."""
    log.info(event, extra={"facts": facts})


def millis(seconds: float) -> float:
    """Seconds as milliseconds, with two digits."""
    return round(seconds * 1000, 2)


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says. What is not known is left out."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facts = {"time": at, "level": record.levelname.lower(), "logger": record.name}
    facts["event"] = record.getMessage().partition("\n")[0]
    facts |= {name: value for name, value in getattr(record, "facts", {}).items() if value is not None}
    if record.exc_info and record.exc_info[1]:
        facts["error"] = " < ".join(describe_error(record.exc_info[1]))
    return facts


def describe_error(error: BaseException) -> Iterator[str]:
    """An error and what caused it, each with the way there, the innermost call first; without their words."""
    seen: BaseException | None = error
    while seen is not None:
        yield f"{type(seen).__name__}{code_of(seen)}"
        frames = [(frame.f_code, line) for frame, line in walk_tb(seen.__traceback__)]
        for code, line in reversed(frames[-FRAMES_MAX:]):
            yield f"{'/'.join(Path(code.co_filename).parts[-2:])}:{line} {code.co_name}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def code_of(error: BaseException) -> str:
    """The number or the name that a system or a database gave the error."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    number = error.args[0] if error.args else None
    if code is None and isinstance(number, int) and number < NUMBER_MAX:
        code = number
    return "" if code is None else f"[{code}]"


class Text(logging.Formatter):
    """A line of the log as words and `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record)
        head = f"{facts.pop('time')} {facts.pop('level')} {facts.pop('logger')} {facts.pop('event')}"
        return " ".join((head, *(f"{name}={value}" for name, value in facts.items())))


class Json(logging.Formatter):
    """A line of the log as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(facts_of(record), default=str).decode()


FORMATS: Mapping[str, type[logging.Formatter]] = {"text": Text, "json": Json}


def configure(form: str, level: str) -> None:
    """Write the log of this process like that. Of libraries, warnings alone."""
    logging.raiseExceptions = False  # a line that can't be written would be printed whole, arguments and all
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("offbook").setLevel(level.upper())
