"""Errors of storage that callers tell apart: a database that takes no changes, a sign-in that is refused, a stream.

An Unwritable database can be read all the same. What a driver says when it refuses a write is each engine's own
(``EngineAdapter.refusal``); storage.engines.database raises these in its place, wherever in a transaction it comes.
"""

from __future__ import annotations

from offbook.core.accounts.login_throttle import SECOND_US
from offbook.core.errors import OffbookError

RETRY_SECONDS = 30
"""When a client may ask again that was refused a write."""


class Unwritable(OffbookError):
    """Nothing was stored, and what is there stays readable.

    The message is for everybody, ``for_admins`` also names the place, which devices need not know.
    """

    code = "unwritable"

    def __init__(self, message: str, for_admins: str | None = None) -> None:
        super().__init__(message)
        self.for_admins = for_admins or message


class DatabaseDiskFull(Unwritable):
    """The disk of the database is full."""

    code = "disk_full"

    def __init__(self, place: str) -> None:
        super().__init__(
            "The disk of the server's database is full, so that nothing can be stored. Devices keep their edits and "
            "send them later. Whoever looks after the server must make room on that disk; `flask doctor` says where.",
            f"The disk of the database is full ({place}), so that nothing can be stored: make room there.",
        )


class ReadOnlyDatabase(Unwritable):
    """The database may only be read."""

    code = "read_only"

    def __init__(self, place: str) -> None:
        super().__init__(
            "The server's database may only be read, so that nothing can be stored. Devices keep their edits and send "
            "them later. Whoever looks after the server must let it write again; `flask doctor` says where.",
            f"The database may only be read ({place}), so that nothing can be stored: let it be written again.",
        )


class FolderUnwritable(Unwritable):
    """A folder that the server keeps bytes in takes none."""

    def __init__(self, place: str, is_full: bool) -> None:
        self.code = "disk_full" if is_full else "read_only"
        why = "is full" if is_full else "can't be written to"
        super().__init__(
            f"The folder of the server's photos {why}, so that no photo can be stored; all else can. Devices keep "
            "theirs and send them later. Whoever looks after the server must see to that; `flask doctor` says where.",
            f"The folder of photos {why} ({place}): see to that.",
        )


class TooBusy(OffbookError):
    """Others are writing, and the caller's time to wait was over. Nothing was stored."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("Others are writing to the database all the time. Try again in a moment.")


class DecodersBusy(OffbookError):
    """Other photos are being decoded, and the caller's time to wait was over."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("Other photos are being prepared. Try again in a moment.")


class TablesGrown(OffbookError):
    """What was to be written was read by tables that have grown since. Nothing was stored, and it may be sent again."""

    code = "tables_grown"

    def __init__(self) -> None:
        super().__init__("The tables of this server have just grown, and nothing was stored. Try again in a second.")


class WrongPassword(OffbookError):
    """Name and password don't belong together, or there is no such user: which of them is not said."""

    code = "wrong_password"

    def __init__(self) -> None:
        super().__init__("This name and password do not belong together. Check both and try again.")


class Throttled(OffbookError):
    """Too many attempts: nothing was looked at. The next one counts again in ``wait_seconds``."""

    code = "too_many_attempts"

    def __init__(self, wait_us: int) -> None:
        self.wait_seconds = -(-wait_us // SECOND_US)
        super().__init__(f"Too many passwords were tried. Wait {_wait(self.wait_seconds)}, then try again.")


class UnreadableStream(OffbookError):
    """The file can't be read just now."""

    code = "unreadable"


def _wait(seconds: int) -> str:
    number, unit = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
