"""Every error that offbook raises on purpose.

::

    OffbookError
    ├── CodedError           one of these, whose code is chosen where it is raised
    │   ├── Malformed        a request or an answer is not in the form that the wire asks for
    │   ├── Invalid          a value that may not be stored: which field, and why
    │   ├── Conflicting      the request does not fit what is stored
    │   └── NotLetIn         the user of this password or token is disabled or removed
    ├── NotFound             no such record, change or device
    ├── Pruned               it was there, and the history does not reach back to it any more (410)
    ├── CursorGone           the cursor can't be served any more: take a snapshot (410)
    └── SyncError            a sync stopped; what was typed stays on the device and is sent later
        ├── Offline          the server can't be reached
        │   └── ProxyFault   the proxy on the way can't be used: the server was not asked
        ├── NoServer         no server is set to sync with
        ├── NotAuthorized    the token, or its user, is not let in: the queue pauses, nothing is dropped
        ├── OtherBook        the token belongs to another book: nothing was sent or applied
        ├── Busy             another process or thread is syncing this replica
        ├── Stopped          the app told the sync to stop
        ├── Refused          the server refused a request whole
        ├── NoLive           the server has no live channel, or none for this device now: HTTP goes on
        └── ServerFault      the server failed, or answered what is no answer
            └── NotOffbook   what answered is no offbook server: a proxy, a sign-in page, another site

Expected outcomes (a conflict, a rejected change, a stale page) are values, not errors.
"""

from __future__ import annotations

from typing import Self

from offbook.core.codes import CODES
from offbook.core.messages import CURSOR_GONE, STOPPED, Argument, Fault, Message


class OffbookError(Exception):
    """The root. ``code`` is stable and for programs; the message is a sentence for people, which ``fault`` makes.

    What is ``said`` is a text only where it comes from elsewhere: from a server, or from an app's own transport.
    """

    code = "error"

    def __init__(self, said: Fault | str) -> None:
        fault = said if isinstance(said, Fault) else Fault(Message(self.code, said))
        super().__init__(fault.detail)
        self.code = fault.code
        self.fault = fault

    @classmethod
    def of(cls, message: Message, **arguments: Argument) -> Self:
        """Make the error with this message and these arguments."""
        return cls(Fault(message, arguments))


class CodedError(OffbookError):
    """An error whose code is chosen where it is raised."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)


class Malformed(CodedError):
    """Not in the form that the wire asks for."""

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return CODES[self.code].status or 400


class NotFound(OffbookError):
    """There is no such record, change or device."""

    code = "not_found"


class Pruned(OffbookError):
    """It was there, and the history does not reach back to it any more."""

    code = "pruned"


class Invalid(CodedError):
    """A value that may not be stored. ``code`` is the one that a rejected change carries."""

    @property
    def field(self) -> str:
        """The cell that can't hold it; empty where it is not about one."""
        return self.fault.field

    @property
    def reason(self) -> str:
        """The sentence without the cell's name in front."""
        return self.fault.reason


class Conflicting(CodedError):
    """What was asked for does not fit what is stored. Nothing was changed."""


class NotLetIn(CodedError):
    """The password or the token is right, and its user is disabled or removed. ``code`` says which."""


class CursorGone(OffbookError):
    """The cursor can't be served. ``reason`` is pruned, epoch or unknown.

    Up to seq ``kept`` the server still is what it was when it gave the cursor (0: it can't tell). ``takes_history``: it
    also takes changes that are only to be in the history.
    """

    code = "cursor_gone"

    def __init__(self, reason: str, kept: int, book: str, takes_history: bool = True) -> None:
        super().__init__(CURSOR_GONE.fault(reason=reason))
        self.reason = reason
        self.kept = kept
        self.book = book
        self.takes_history = takes_history


class SyncError(OffbookError):
    """A sync stopped. ``retry_after_seconds`` is set where the server asked for a pause."""

    code = "sync_failed"

    def __init__(self, said: Fault | str, retry_after_seconds: float | None = None) -> None:
        super().__init__(said)
        self.retry_after_seconds = retry_after_seconds


class Offline(SyncError):
    """The server can't be reached."""

    code = "offline"


class ProxyFault(Offline):
    """The proxy on the way can't be used; the server was not reached."""

    code = "proxy"


class NotAuthorized(SyncError):
    """The token or its user is not accepted. Nothing is dropped: the queue pauses."""

    code = "not_authorized"


class OtherBook(SyncError):
    """The token belongs to another book. Nothing was sent or applied."""

    code = "other_book"


class Busy(SyncError):
    """Another process or thread is syncing this replica."""

    code = "busy"


class NoServer(SyncError):
    """The replica has no server yet, or no token for it."""

    code = "no_server"


class Stopped(SyncError):
    """The sync was told to stop. What it had no answer to yet is neither applied nor lost."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__(STOPPED.fault())


class Refused(SyncError):
    """The server refused a request whole, and nothing of it was applied. ``status`` is its HTTP status."""

    code = "refused"

    def __init__(self, said: Fault | str, status: int) -> None:
        super().__init__(said)
        self.status = status


class NoLive(SyncError):
    """The server has no live channel, or none for this device now. Syncing by HTTP goes on."""

    code = "no_live"


class ServerFault(SyncError):
    """The server failed, or its response is not valid."""

    code = "server_fault"


class NotOffbook(ServerFault):
    """An answer that is not in offbook's form says nothing about the token, the book or what was sent."""

    code = "not_offbook"

    def __init__(self, said: Fault | str, status: int, retry_after_seconds: float | None = None) -> None:
        super().__init__(said, retry_after_seconds)
        self.status = status
