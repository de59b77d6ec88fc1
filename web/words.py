"""Times as people say them, for templates. Pure: now is an argument."""

from __future__ import annotations

from datetime import UTC, datetime

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

RIGHT_MS = 2_000
"""A clock that is off by less is right: the rest is the network."""


def span(seconds: int) -> str:
    """A length of time in its largest unit: 3 minutes, 1 day."""
    for size, unit in UNITS:
        count = seconds // size
        if count:
            return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"
    return "0 seconds"


def ago(at_us: int | None, now_us: int) -> str:
    """When something happened: never, just now, 5 minutes ago."""
    if at_us is None:
        return "never"
    seconds = (now_us - at_us) // 1_000_000
    return "just now" if seconds < 60 else f"{span(seconds)} ago"


def clock_offset(offset_ms: int | None) -> str:
    """What to make of a device's clock. Nothing is lost by a wrong one; it only decides between concurrent edits."""
    if offset_ms is None:
        return "not known yet"
    if abs(offset_ms) < RIGHT_MS:
        return "right"
    return f"{span(abs(offset_ms) // 1000)} {'ahead' if offset_ms > 0 else 'behind'}"


def iso(at_us: int) -> str:
    """For <time datetime>: UTC, to the second."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def date(at_us: int) -> str:
    """A date, in UTC: 20 November 2026."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment.day} {moment:%B %Y}"
