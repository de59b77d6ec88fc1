"""The `offbook` command, its plumbing; the commands themselves are in offbook.cli.commands.

Each command is a function from (book, args) to an Answer: what to say in JSON, the same in lines for people, and the
exit code. It prints nothing itself (but for `watch` and `ingest`, which have no end), and lets errors rise: __main__ is
the one place that prints, and that turns errors into sentences and exit codes.

Local commands never touch the network. Nothing here is loaded that a command does not need: requests and rich take
longer to import than `offbook list` takes to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from offbook.core.errors import NotAuthorized, OffbookError, Offline
from offbook.ingest.errors import BadAddress, Unauthorized

OK, FAILED, USAGE, OFFLINE, NOT_AUTHORIZED, PARKED = range(6)
"""Exit codes."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command has to say: to programs, and to people."""

    data: Any
    lines: Sequence[str] = ()
    code: int = OK
    raw: bytes | None = None
    """In the place of lines: a file, as it is to be written."""


class UsageError(OffbookError):
    """The command line asks for what can't be done."""

    code = "usage"


class Ambiguous(OffbookError):
    """Several are meant by what was given."""

    code = "ambiguous"


class NoBook(OffbookError):
    """There is no replica at this place."""

    code = "no_book"


class CutShort(OffbookError):
    """A part of the work was done, and stays done."""

    code = "cut_short"


CODES: tuple[tuple[type[OffbookError], int], ...] = (
    (UsageError, USAGE),
    (BadAddress, USAGE),
    (Offline, OFFLINE),
    (NotAuthorized, NOT_AUTHORIZED),
    (Unauthorized, NOT_AUTHORIZED),
)


def exit_code(error: OffbookError) -> int:
    return next((code for kind, code in CODES if isinstance(error, kind)), FAILED)
