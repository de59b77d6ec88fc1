"""Errors of storage that callers tell apart: a database that takes no changes, a sign-in that is refused, a stream.

An Unwritable database can be read all the same. What a driver says when it refuses a write is each engine's own
(``EngineAdapter.refusal``); storage.engines.database raises these in its place, wherever in a transaction it comes.
"""

from __future__ import annotations

from offbook.core.accounts.login_throttle import SECOND_US
from offbook.core.errors import OffbookError
from offbook.core.messages import Fault
from storage import messages

RETRY_SECONDS = 30
"""When a client may ask again that was refused a write."""


class Unwritable(OffbookError):
    """Nothing was stored, and what is there stays readable.

    The message is for everybody, ``for_admins`` also names the place, which devices need not know.
    """

    code = "unwritable"

    def __init__(self, fault: Fault, for_admins: Fault | None = None) -> None:
        super().__init__(fault)
        self.admin_fault = for_admins or fault

    @property
    def for_admins(self) -> str:
        """The sentence for admins."""
        return self.admin_fault.detail


class DatabaseDiskFull(Unwritable):
    """The disk of the database is full."""

    code = "disk_full"

    def __init__(self, place: str) -> None:
        super().__init__(messages.DISK_FULL.fault(), messages.DISK_FULL_AT.fault(place=place))


class ReadOnlyDatabase(Unwritable):
    """The database may only be read."""

    code = "read_only"

    def __init__(self, place: str) -> None:
        super().__init__(messages.READ_ONLY.fault(), messages.READ_ONLY_AT.fault(place=place))


class FolderUnwritable(Unwritable):
    """A folder that the server keeps bytes in takes none."""

    def __init__(self, place: str, is_full: bool) -> None:
        if is_full:
            super().__init__(messages.FOLDER_FULL.fault(), messages.FOLDER_FULL_AT.fault(place=place))
        else:
            super().__init__(messages.FOLDER_READ_ONLY.fault(), messages.FOLDER_READ_ONLY_AT.fault(place=place))


class TooBusy(OffbookError):
    """Others are writing, and the caller's time to wait was over. Nothing was stored."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__(messages.TOO_BUSY.fault())


class DecodersBusy(OffbookError):
    """Other photos are being decoded, and the caller's time to wait was over."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__(messages.DECODERS_BUSY.fault())


class TablesGrown(OffbookError):
    """What was to be written was read by tables that have grown since. Nothing was stored, and it may be sent again."""

    code = "tables_grown"

    def __init__(self) -> None:
        super().__init__(messages.TABLES_GROWN.fault())


class WrongPassword(OffbookError):
    """Name and password don't belong together, or there is no such user: which of them is not said."""

    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__(messages.WRONG_PASSWORD.fault())


class Throttled(OffbookError):
    """Too many attempts: nothing was looked at. The next one counts again in ``wait_seconds``."""

    code = "too_many_attempts"

    def __init__(self, wait_us: int) -> None:
        self.wait_seconds = -(-wait_us // SECOND_US)
        super().__init__(messages.TOO_MANY_ATTEMPTS.fault(wait=_wait(self.wait_seconds)))


class UnreadableStream(OffbookError):
    """The file can't be read just now."""

    code = "unreadable"


def _wait(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
