"""What the command itself refuses, and the exit code of every error."""

from __future__ import annotations

from offbook.cli.result import FAILED, NOT_AUTHORIZED, OFFLINE, USAGE
from offbook.core.errors import NotAuthorized, OffbookError, Offline
from offbook.ingest.errors import BadAddress, Unauthorized


class UsageError(OffbookError):
    """The command line asks for what can't be done."""

    code = "usage"


class Ambiguous(OffbookError):
    """Several are meant by what was typed."""

    code = "ambiguous"


class NoBook(OffbookError):
    """There is no replica at this path."""

    code = "no_book"


class CutShort(OffbookError):
    """A part of the work was done, and stays done."""

    code = "cut_short"


EXIT_CODES: tuple[tuple[type[OffbookError], int], ...] = (
    (UsageError, USAGE),
    (BadAddress, USAGE),
    (Offline, OFFLINE),
    (NotAuthorized, NOT_AUTHORIZED),
    (Unauthorized, NOT_AUTHORIZED),
)


USAGE_CODES = frozenset({"bad_mapping"})
"""Of errors that a file has which the command line names."""


def exit_code(error: OffbookError) -> int:
    """The exit code of a command that ended with this error."""
    if error.code in USAGE_CODES:
        return USAGE
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), FAILED)
