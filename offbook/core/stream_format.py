"""Times, and the lease of the writer, in the file of a stream: the same for who writes it and for who reads along.

A time in the file is ISO text in UTC with microseconds, ``2026-11-20T17:00:00.123456Z``. That is what programs that
read ``stream_data(id, timestamp, payload)`` expect: the table is well known from a tutorial, with timestamp TEXT. All
have the same length, so that text sorts like time, and SQLite's own date functions read them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum

VERSION = 1
"""Of the tables beside stream_data. A reader that knows no later one leaves the file alone."""

SECOND_US = 1_000_000

LEASE_US = 30 * SECOND_US
"""A writer signs its file every ten seconds, if not with a message. One that has not for so long is gone."""


class StreamState(Enum):
    """Where a stream is just now."""

    RECEIVING = "receiving"
    AWAY = "away"
    STOPPED = "stopped"
    LOST = "lost"
    """Its writer went without a word: killed, or its machine is off."""


def timestamp_text(at_us: int) -> str:
    """A time in microseconds since 1970 as the file has it."""
    second, rest = divmod(at_us, SECOND_US)
    return f"{up_to_the_second(second)}{rest:06d}Z"


def up_to_the_second(second: int) -> str:
    """What the stamps of all moments of one second begin with."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}."


def moment(text: object) -> int | None:
    """A timestamp in microseconds; None where it is none. Other programs' text without an offset is taken as UTC."""
    try:
        at = datetime.fromisoformat(str(text))
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return round(at.replace(microsecond=0).timestamp()) * SECOND_US + at.microsecond


def is_held(holder: str | None, alive_at: str, now_us: int) -> bool:
    """Whether someone writes. A sign of life from the future counts as none: the clock was set back since."""
    at = moment(alive_at)
    return holder is not None and at is not None and abs(now_us - at) < LEASE_US


def state_of(holder: str | None, alive_at: str, is_away: bool, now_us: int) -> StreamState:
    """Where a stream is, by its writer's name, its last sign of life and whether it waits to connect again."""
    if holder is None:
        return StreamState.STOPPED
    if not is_held(holder, alive_at, now_us):
        return StreamState.LOST
    return StreamState.AWAY if is_away else StreamState.RECEIVING
