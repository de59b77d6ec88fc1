"""Why a change waits on a device, in words. A device reports codes and counts, never what was typed."""

from __future__ import annotations

from offbook.core.codes import CODES
from offbook.core.formatting import format_count


def waiting(device: str, code: str, changes: int) -> str:
    """``2 changes wait on Laptop: a text is too long``. A later version's code stands as it is."""
    verb = "waits" if changes == 1 else "wait"
    reason = CODES[code].reason if code in CODES else ""
    return f"{format_count(changes, 'change')} {verb} on {device}: {reason or code}"
