"""init, sync, status: this device and its server."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import asdict
from typing import Any

from offbook.addresses import check_server
from offbook.cli import messages, standard_streams
from offbook.cli.environment import TOKEN
from offbook.cli.errors import UsageError
from offbook.cli.output import ProgressBar, format_pairs, format_time
from offbook.cli.result import NOT_AUTHORIZED, OFFLINE, OK, PARKED, CommandResult
from offbook.contacts.table import BUILT_IN
from offbook.core.errors import Invalid, NoServer, NotAuthorized, Offline, ProxyFault
from offbook.core.formatting import format_count
from offbook.core.text import clock_advice, describe_clock_offset
from offbook.database.status import Status
from offbook.replica import Replica
from offbook.sync.http.errors import USER_CODES
from offbook.sync.session import SyncReport

WITH_NEXT_SYNC = "with the next sync"

OF_A_THREAD = ("running", "link", "retry_seconds", "last_error")
"""What a Status says of a started replica. A command starts none, and knows nothing of those of other processes."""


# --- init ------------------------------------------------------------------------------------------------------------


def init(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Make the book, and name its server. The token is never an argument: others on the machine can read those."""
    if args.server is not None:
        server = _checked_address(args.server)
        book.set_server(server, _checked_token(os.environ.get(TOKEN) or _read_token(server)))
        lines = [f"The book is in {book.path} and syncs with {server}.", "Next: `offbook sync`."]
    elif present := book.status().server:
        lines = _init_with_token_alone(book, present)
    else:
        lines = _init_without_server(book)
    return CommandResult(_status_data(book), [*lines, *_warning(book.status())])


def _init_with_token_alone(book: Replica, server: str) -> list[str]:
    """Take another token for the server that the book has, where there is one."""
    text = os.environ.get(TOKEN) or ("" if sys.stdin.isatty() else standard_streams.read_line())
    if not text:
        return [f"The book is in {book.path} and syncs with {server}."]
    book.set_server(token=_checked_token(text))
    return [f"The book is in {book.path} and syncs with {server}, with the token that was given."]


def _init_without_server(book: Replica) -> list[str]:
    """Standard input is not read: there would be nothing to read in most cases, and a script would wait for its end."""
    if os.environ.get(TOKEN):
        raise UsageError.of(messages.NO_SERVER_FOR_TOKEN, variable=TOKEN)
    lines = [f"The book is in {book.path}."]
    return [*lines, "It has no server yet: `offbook init --server URL` names one, with a token on standard input."]


def _checked_address(text: str) -> str:
    try:
        check_server(text.strip())
    except Invalid as error:
        raise UsageError(str(error)) from None
    return text.strip().rstrip("/")


def _checked_token(text: str) -> str:
    token = text.strip()
    if not re.fullmatch("[!-~]+", token):
        raise UsageError.of(messages.TOKEN_NEEDED, variable=TOKEN)
    return token


def _read_token(server: str) -> str:
    if not sys.stdin.isatty():
        return standard_streams.read_line()
    import getpass

    return getpass.getpass(f"Token for {server}: ")


# --- sync ------------------------------------------------------------------------------------------------------------


def sync(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Send what waits and fetch what is new. The exit code is PARKED where a change can't be sent."""
    require_server(book)
    with ProgressBar(sys.stderr) as bar:
        try:
            report = book.sync(bar.update)
        except (Offline, NotAuthorized) as error:
            return report_unreachable(book, error)
    status = book.status()
    data = {**asdict(report), "status": _status_data(book)}
    return CommandResult(data, _report_lines(report, status), PARKED if status.parked else OK)


def require_server(book: Replica) -> None:
    """Raise NoServer where the book has none."""
    if book.status().server is None:
        raise NoServer.of(messages.NO_SERVER)


def _report_lines(report: SyncReport, status: Status) -> list[str]:
    parts = [f"sent {format_count(report.pushed, 'change')}"] if report.pushed else []
    parts += [f"received {format_count(report.pulled, 'record')}"] if report.pulled else []
    lines = [f"{' and '.join(parts).capitalize()}." if parts else "Nothing new on either side."]
    if report.conflicts:
        lines.append(f"{format_count(report.conflicts, 'conflict')}: a person must decide. See `offbook conflicts`.")
    if status.parked:
        lines.append(f"{format_count(status.parked, 'change')} can't be sent: see `offbook parked`.")
    return [*lines, *_held_lines(status)]


def _held_lines(status: Status) -> list[str]:
    """A sentence about what waits for the server to know what this device knows."""
    if not status.held:
        return []
    edits = format_count(status.held, "edit waits", "edits wait")
    return [f"{edits} for the server to be upgraded ({', '.join(status.held_cells)})."]


def report_unreachable(book: Replica, error: Offline | NotAuthorized) -> CommandResult:
    """The answer of a command that the server could not be asked for, or that it did not let in.

    To be offline is a normal state, not a failure: one line.
    """
    status = book.status()
    data = {"error": error.code, "detail": str(error), "status": _status_data(book)}
    waits = _pending_text(status.pending)
    if isinstance(error, Offline):
        may_be_wrong = status.last_success is None or isinstance(error, ProxyFault)  # the address, or the proxy's
        return CommandResult(data, [f"Offline: {waits}.", *([str(error)] if may_be_wrong else [])], OFFLINE)
    advice = f"`offbook init --server {status.server}` gives this device another token; nothing is lost until then."
    if error.code in USER_CODES:
        advice = "Nothing is lost. Ask an admin of the server; this device's token stays as it is."
    return CommandResult(data, [str(error), f"{waits.capitalize()}. {advice}"], NOT_AUTHORIZED)


def _pending_text(pending: int) -> str:
    if not pending:
        return "no change waits"
    changes = format_count(pending, "change waits", "changes wait")
    return f"{changes}; {'it goes' if pending == 1 else 'they go'} out {WITH_NEXT_SYNC}"


# --- status ----------------------------------------------------------------------------------------------------------


def status(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Where this device stands: its book, its server, what waits, its clock."""
    status = book.status()
    waits = _pending_text(status.pending)
    rows = [
        ("Book", f"{book.path} with {_contents(book)}"),
        ("Server", status.server or "none yet: `offbook init --server URL` names one"),
        ("Last sync", format_time(status.last_success)),
        ("Waiting", f"{waits} (oldest: {format_time(status.oldest_pending)})" if status.pending else waits),
        ("Parked", f"{status.parked:,}: see `offbook parked`" if status.parked else "none"),
        ("Conflicts", f"{status.conflicts:,}: see `offbook conflicts`" if status.conflicts else "none"),
        ("Clock", _clock_text(status.clock_offset_ms)),
    ]
    lines = [*format_pairs(rows), *_clock_advice(status.clock_offset_ms), *_warning(status)]
    if status.held:
        lines += ["", *_held_lines(status)]
    return CommandResult(_status_data(book), lines)


def _status_data(book: Replica) -> dict[str, Any]:
    status = {name: value for name, value in asdict(book.status()).items() if name not in OF_A_THREAD}
    return {"file": str(book.path), "contacts": book.contacts.count(), "records": _counts(book), **status}


def _counts(book: Replica) -> dict[str, int]:
    """How many records each table of an app has."""
    return {name: book.table(name).count() for name in book.tables if name not in BUILT_IN}


def _contents(book: Replica) -> str:
    """How much a book holds: its contacts, where there are any or nothing else may be, and each table's records."""
    counts, contacts = _counts(book), book.contacts.count()
    parts = [f"{count:,} in {name}" for name, count in counts.items()]
    return ", ".join([format_count(contacts, "contact"), *parts] if contacts or not parts else parts)


def _warning(status: Status) -> list[str]:
    return [] if status.warning is None else ["", f"Warning: {status.warning}"]


def _clock_text(offset_ms: int | None) -> str:
    if offset_ms is None:
        return "not compared yet"
    text = describe_clock_offset(-offset_ms)
    return text if text == "right" else f"{text.replace('ahead', 'ahead of')} the server's"


def _clock_advice(offset_ms: int | None) -> list[str]:
    """A sentence of its own about a clock that is wrong, which nobody looks for in a table."""
    advice = clock_advice(None if offset_ms is None else -offset_ms)
    return ["", f"This device's clock is {_clock_text(offset_ms)}. {advice}"] if advice else []
