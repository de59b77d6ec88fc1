"""Counts, sizes and times as people read them, on pages and in terminals. Pure: now is an argument, times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from offbook.core.text import describe_duration


def format_count(number: int, singular: str, plural: str = "") -> str:
    """``1 record``, ``1,200 records``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def format_ago(at_us: int | None, now_us: int) -> str:
    """When something happened: never, just now, 5 minutes ago."""
    if at_us is None:
        return "never"
    seconds = (now_us - at_us) // 1_000_000
    return "just now" if seconds < 60 else f"{describe_duration(seconds)} ago"


def format_iso(at_us: int) -> str:
    """For <time datetime>: UTC, to the second."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_date(at_us: int) -> str:
    """A date, in UTC: 20 November 2026."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{moment.day} {moment:%B %Y}"


def format_moment(at_us: int) -> str:
    """A date and a time of day, in UTC: 20 November 2026, 17:00 UTC."""
    return f"{format_date(at_us)}, {datetime.fromtimestamp(at_us // 1_000_000, UTC):%H:%M} UTC"


def format_time(at_us: int) -> str:
    """A time of day, in UTC: 17:00:05."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%H:%M:%S")


def format_size(bytes: int) -> str:
    """How much room something takes: ``512 bytes``, ``16.8 MB``. By thousands, as disks are sold."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if bytes >= 10**power:
            return f"{bytes / 10**power:,.1f} {unit}"
    return format_count(bytes, "byte")


def format_rate(per_second: float) -> str:
    """``20,013/s``; what is slow with a digit more: ``0.3/s``."""
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{round(per_second, 1):g}/s"
