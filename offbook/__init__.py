"""Contacts that work with no network and agree again when it comes back.

::

    from offbook import Replica

    book = Replica("contacts.db", server="http://localhost:5000", token="…")
    ada = book.contacts.add(name="Ada Lovelace", phone="555-1234")
    book.sync()

What is named here is loaded when it is asked for: the server borrows offbook.core, and is not to load the replica's
SQLite with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offbook.core.errors import (
        Busy,
        Invalid,
        NoLive,
        NotAuthorized,
        NotFound,
        NotOffbook,
        OffbookError,
        Offline,
        OtherBook,
        ProxyFault,
        Refused,
        ServerFault,
        Stopped,
        SyncError,
    )
    from offbook.core.history.entry import HistoryEntry as Past
    from offbook.database.local_changes.parked import Parked
    from offbook.database.status import Status
    from offbook.replica import Replica
    from offbook.sync.dry_run import DryRunReport as PlanReport
    from offbook.sync.http.transport import HTTP, Response, Transport
    from offbook.sync.session import SyncReport
    from offbook.verify.repair import Repair
    from offbook.verify.session import VerifyReport

__all__ = [
    "HTTP",
    "Busy",
    "Invalid",
    "NoLive",
    "NotAuthorized",
    "NotFound",
    "NotOffbook",
    "OffbookError",
    "Offline",
    "OtherBook",
    "Parked",
    "Past",
    "PlanReport",
    "ProxyFault",
    "Refused",
    "Repair",
    "Replica",
    "Response",
    "ServerFault",
    "Status",
    "Stopped",
    "SyncError",
    "SyncReport",
    "Transport",
    "VerifyReport",
]

_HOMES = {
    "HTTP": "offbook.sync.http.transport",
    "Parked": "offbook.database.local_changes.parked",
    "Past": "offbook.core.history.entry:HistoryEntry",
    "PlanReport": "offbook.sync.dry_run:DryRunReport",
    "Repair": "offbook.verify.repair",
    "Replica": "offbook.replica",
    "Response": "offbook.sync.http.transport",
    "Status": "offbook.database.status",
    "SyncReport": "offbook.sync.session",
    "Transport": "offbook.sync.http.transport",
    "VerifyReport": "offbook.verify.session",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'offbook' has no attribute {name!r}")
    module, _, symbol = _HOMES.get(name, "offbook.core.errors").partition(":")
    return getattr(import_module(module), symbol or name)
