"""Why a change waits on a device, in words. A device reports codes and counts, never what was typed."""

from __future__ import annotations

from offbook.contacts.table import CONTACTS
from offbook.core.codes import reason_of
from offbook.core.formatting import format_count


def waiting(device: str, code: str, changes: int) -> str:
    """``2 changes wait on Laptop: a text is too long``. A later version's code stands as it is."""
    verb = "waits" if changes == 1 else "wait"
    return f"{format_count(changes, 'change')} {verb} on {device}: {reason_of(code, CONTACTS.singular)}"
