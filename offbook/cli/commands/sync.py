"""init, sync, status: this device and its server."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import asdict
from typing import Any

from offbook.cli import NOT_AUTHORIZED, OFFLINE, OK, PARKED, CommandResult, UsageError, standard_streams
from offbook.cli.output import count, moment, pairs
from offbook.cli.progress_bar import ProgressBar
from offbook.core.errors import Invalid, NotAuthorized, Offline, ProxyFault
from offbook.core.text import clock_advice, describe_clock_offset
from offbook.database.status import Status
from offbook.replica import NoServer, Replica
from offbook.server_address import check_server
from offbook.sync.http_errors import OF_THE_USER
from offbook.sync.session import SyncReport

TOKEN = "OFFBOOK_TOKEN"
NEXT = "with the next sync"


def init(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The token is never an argument: others on the machine can read those."""
    if args.server is not None:
        server = _address(args.server)
        book.set_server(server, _token(server))
        lines = [f"The book is in {book.path} and syncs with {server}.", "Next: `offbook sync`."]
    elif known := book.status().server:
        lines = _with_a_token_alone(book, known)
    else:
        lines = _without_a_server(book)
    return CommandResult(_thread_status(book), [*lines, *_warning(book.status())])


def _warning(status: Status) -> list[str]:
    return [] if status.warning is None else ["", f"Warning: {status.warning}"]


def _with_a_token_alone(book: Replica, server: str) -> list[str]:
    """Another token for the server that the book has, where one is given."""
    text = os.environ.get(TOKEN) or ("" if sys.stdin.isatty() else standard_streams.read_line())
    if not text:
        return [f"The book is in {book.path} and syncs with {server}."]
    book.set_server(token=_checked(text))
    return [f"The book is in {book.path} and syncs with {server}, with the token that was given."]


def _without_a_server(book: Replica) -> list[str]:
    """Standard input is not read: there would be nothing to read in most cases, and a script would wait for its end."""
    if os.environ.get(TOKEN):
        raise UsageError(f"{TOKEN} holds a token, and this book has no server to use it with: add --server URL.")
    lines = [f"The book is in {book.path}."]
    return [*lines, "It has no server yet: `offbook init --server URL` names one, with a token on standard input."]


def _address(server: str) -> str:
    try:
        check_server(server.strip())
    except Invalid as flaw:
        raise UsageError(str(flaw)) from None
    return server.strip().rstrip("/")


def _token(server: str) -> str:
    return _checked(os.environ.get(TOKEN) or _read_token(server))


def _checked(text: str) -> str:
    token = text.strip()
    if not re.fullmatch("[!-~]+", token):
        raise UsageError(
            f"A token is needed, on standard input or in {TOKEN}: the page “Devices” of the server makes one. "
            "A token has no spaces and no special characters."
        )
    return token


def _read_token(server: str) -> str:
    if not sys.stdin.isatty():
        return standard_streams.read_line()
    import getpass

    return getpass.getpass(f"Token for {server}: ")


def sync(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    with ProgressBar(sys.stderr) as bar:
        try:
            report = book.sync(bar.update)
        except (Offline, NotAuthorized) as error:
            return not_now(book, error)
    status = book.status()
    return CommandResult(
        {**asdict(report), "status": _thread_status(book)}, _report(report, status), PARKED if status.parked else OK
    )


def need_server(book: Replica) -> None:
    if book.status().server is None:
        raise NoServer("This device has no server yet: `offbook init --server URL` names one.")


def _report(report: SyncReport, status: Status) -> list[str]:
    told = [f"sent {count(report.pushed, 'change')}"] if report.pushed else []
    told += [f"received {count(report.pulled, 'record')}"] if report.pulled else []
    lines = [f"{' and '.join(told).capitalize()}." if told else "Nothing new on either side."]
    if report.conflicts:
        lines.append(f"{count(report.conflicts, 'conflict')}: a person must decide. See `offbook conflicts`.")
    if status.parked:
        lines.append(f"{count(status.parked, 'change')} can't be sent: see `offbook parked`.")
    return lines


def not_now(book: Replica, error: Offline | NotAuthorized) -> CommandResult:
    return _offline(book, error) if isinstance(error, Offline) else _not_authorized(book, error)


def _offline(book: Replica, error: Offline) -> CommandResult:
    """A normal state, not a failure: one line."""
    status = book.status()
    data = {"error": error.code, "detail": str(error), "status": _thread_status(book)}
    lines = [f"Offline: {waiting(status.pending)}."]
    if status.last_success is None or isinstance(error, ProxyFault):  # the address may never have been right
        lines.append(str(error))
    return CommandResult(data, lines, OFFLINE)


def _not_authorized(book: Replica, error: NotAuthorized) -> CommandResult:
    status = book.status()
    data = {"error": error.code, "detail": str(error), "status": _thread_status(book)}
    advice = f"`offbook init --server {status.server}` gives this device another token; nothing is lost until then."
    if error.code in OF_THE_USER:
        advice = "Nothing is lost. Ask an admin of the server; this device's token stays as it is."
    return CommandResult(data, [str(error), f"{waiting(status.pending).capitalize()}. {advice}"], NOT_AUTHORIZED)


def waiting(pending: int) -> str:
    if not pending:
        return "no change waits"
    return f"{count(pending, 'change waits', 'changes wait')}; {'it goes' if pending == 1 else 'they go'} out {NEXT}"


# --- status ----------------------------------------------------------------------------------------------------------


def status(book: Replica, args: argparse.Namespace) -> CommandResult:
    here, total = book.status(), book.contacts.count()
    wait = waiting(here.pending)
    rows = [
        ("Book", f"{book.path} with {count(total, 'contact')}"),
        ("Server", here.server or "none yet: `offbook init --server URL` names one"),
        ("Last sync", moment(here.last_success)),
        ("Waiting", f"{wait} (oldest: {moment(here.oldest_pending)})" if here.pending else wait),
        ("Parked", f"{here.parked:,}: see `offbook parked`" if here.parked else "none"),
        ("Conflicts", f"{here.conflicts:,}: see `offbook conflicts`" if here.conflicts else "none"),
        ("Clock", _clock(here.clock_offset_ms)),
    ]
    return CommandResult(_thread_status(book), [*pairs(rows), *_clock_advice(here.clock_offset_ms), *_warning(here)])


OF_A_THREAD = ("running", "link", "retry_seconds", "last_error")
"""What a Status says of a started replica. A command starts none, and knows nothing of those of other processes."""


def _thread_status(book: Replica) -> dict[str, Any]:
    status = {name: value for name, value in asdict(book.status()).items() if name not in OF_A_THREAD}
    return {"file": str(book.path), "contacts": book.contacts.count(), **status}


def _clock(offset_ms: int | None) -> str:
    if offset_ms is None:
        return "not compared yet"
    found = describe_clock_offset(-offset_ms)
    return found if found == "right" else f"{found.replace('ahead', 'ahead of')} the server's"


def _clock_advice(offset_ms: int | None) -> list[str]:
    """A sentence of its own about a clock that is wrong, which nobody looks for in a table."""
    advice = clock_advice(None if offset_ms is None else -offset_ms)
    return ["", f"This device's clock is {_clock(offset_ms)}. {advice}"] if advice else []
