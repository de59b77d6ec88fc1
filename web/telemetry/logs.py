"""The server's log, on standard error: one line for each thing, as ``name=value`` or as JSON.

The lines of requests, syncs and sockets hold numbers and routes, nothing that anyone typed (web/telemetry/events.py).
An error is told by its type, its code and where it happened. Its own words are left out: databases quote the row that
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
    """Hears a Watch and writes a line for each thing."""

    def answered(self, told: Answered) -> None:
        note = told.note
        facts = {"method": told.method, "route": note.route, "status": told.status, "ms": millis(told.seconds)}
        facts |= {"bytes": told.bytes, "id": note.id, "device": note.device, "user": note.user}
        say(requests, "request", facts)

    def synced(self, told: Synced) -> None:
        facts = {"way": told.way, "book": told.book, "device": told.device, "changes": told.changes}
        say(syncs, "sync", facts | dict(told.verdicts) | {"rows": told.rows, "id": told.id})

    def joined(self, book: int, kind: str, number: int | None) -> None:
        say(sockets, "connected", {"book": book, WHO[kind]: number})

    def left(self, book: int, kind: str, number: int | None, code: int | None, seconds: float) -> None:
        facts = {"book": book, WHO[kind]: number, "code": code, "seconds": round(seconds, 1)}
        say(sockets, "disconnected", facts)

    def sent(self, seconds: float) -> None:
        """Each page of each listener would be too much for a log; the meters have it."""


def say(log: logging.Logger, event: str, facts: Mapping[str, Any]) -> None:
    log.info(event, extra={"facts": facts})


def millis(seconds: float) -> float:
    return round(seconds * 1000, 2)


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says. What is not known is left out."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    facts = {"time": at, "level": record.levelname.lower(), "logger": record.name}
    facts["event"] = record.getMessage().partition("\n")[0]
    facts |= {name: value for name, value in getattr(record, "facts", {}).items() if value is not None}
    if record.exc_info and record.exc_info[1]:
        facts["error"] = " < ".join(told(record.exc_info[1]))
    return facts


def told(error: BaseException) -> Iterator[str]:
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
    found = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    number = error.args[0] if error.args else None
    if found is None and isinstance(number, int) and number < NUMBER_MAX:
        found = number
    return "" if found is None else f"[{found}]"


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
    """Write the log of this process like that. Libraries tell their warnings, and never more."""
    logging.raiseExceptions = False  # a line that can't be written would be told whole, arguments and all
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("offbook").setLevel(level.upper())
