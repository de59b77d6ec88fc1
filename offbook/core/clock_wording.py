"""A clock that is off, in words: the same on a device and on the server's pages.

No clock can lose anything, and none stops a sync. A wrong one only makes edits count as older or newer than they are
where two are truly concurrent; so its owner is told, and nothing else is done about it.
"""

from __future__ import annotations

UNITS = ((31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

RIGHT_MS = 2_000
"""A clock that is off by less is right: the rest is the network, and the whole seconds of an answer's date."""

WRONG_MS = 60_000
"""From here on somebody should set it right."""


def span(seconds: int) -> str:
    """A length of time in its largest unit: 3 minutes, 1 day, 10 years."""
    for size, unit in UNITS:
        count = seconds // size
        if count:
            return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"
    return "0 seconds"


def offset(ahead_ms: int) -> str:
    """Where a clock is that goes so far ahead: right, 3 hours behind."""
    off_ms = abs(ahead_ms)
    if off_ms < RIGHT_MS:
        return "right"
    if off_ms >= WRONG_MS:
        off_ms += RIGHT_MS  # an hour, measured as a moment less, is not 59 minutes
    return f"{span(off_ms // 1000)} {'ahead' if ahead_ms > 0 else 'behind'}"


def advice(ahead_ms: int | None) -> str:
    """What to make of a clock that is wrong; empty for one that is not, or not known."""
    if ahead_ms is None or abs(ahead_ms) < WRONG_MS:
        return ""
    seems = "newer" if ahead_ms > 0 else "older"
    return f"Nothing is lost by that; set it right, so that this device's edits do not count as {seems} than they are."
