"""What a page asks of a stream's file: where it stands, its rate over time, its latest messages.

Only reading, and a few statements that stay fast whatever the file holds: sums are read from stream_rate, which has a
row per second, and messages by their id. The file is another program's, and may be gone, locked, or something else by
now: that raises UnreadableStream, with a sentence for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offbook.core.messages import Fault
from offbook.core.stream_format import SECOND_US, VERSION, moment, state_of
from storage.engines.sqlite import driver
from storage.errors import UnreadableStream
from storage.messages import (
    HOLDS_NO_STREAM,
    NEWER_STREAM,
    NO_FILE,
    NOT_A_DATABASE,
    NOT_A_FILE,
    STREAM_CLOSED,
    STREAM_DAMAGED,
    STREAM_LOCKED,
    STREAM_SLOW,
    UNREADABLE_STREAM,
)
from storage.streams.read_only_sqlite import Unreadable, open_read_only
from storage.values.streams import StreamGap, StreamMessage, StreamSummary

LOOK_SECONDS_MAX = 2.0
RECENT_SECONDS = 10
"""The rate of now is the mean of so many whole seconds."""

GAPS_MAX = 500
TEXT_MAX = 400
"""How much of a message is shown, in characters or bytes."""

READ_BYTES_MAX = 1024 * 1024
"""SQLite reads a payload whole to give its beginning. Of larger ones only the size is read."""

SIZE = "octet_length(payload)" if driver().sqlite_version_info >= (3, 43) else "length(CAST(payload AS BLOB))"

HEAD = """SELECT CAST(version AS INTEGER), CAST(url AS TEXT), CAST(messages AS INTEGER), last_at,
  CAST(holder AS TEXT), CAST(alive_at AS TEXT) FROM stream"""
RECENT = "SELECT CAST(coalesce(sum(messages), 0) AS INTEGER) FROM stream_rate WHERE second >= ? AND second < ?"
PER_SPAN = """WITH RECURSIVE span(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM span WHERE n + 1 < ?3)
  SELECT (SELECT CAST(coalesce(sum(messages), 0) AS INTEGER) FROM stream_rate
    WHERE second >= ?1 + n * ?2 AND second < ?1 + (n + 1) * ?2) FROM span ORDER BY n"""
"""A sum per span takes a sixth of the time that GROUP BY does, which sorts what is in order already."""

GAPS = "SELECT began_at, ended_at, CAST(reason AS TEXT) FROM stream_gaps ORDER BY id DESC LIMIT ?"
COUNT_GAPS = "SELECT count(*), coalesce(max(ended_at IS NULL), 0) FROM stream_gaps"
MESSAGES = f"""SELECT CAST(id AS INTEGER), CAST(timestamp AS TEXT), {SIZE},
  CASE WHEN {SIZE} <= {READ_BYTES_MAX} THEN substr(payload, 1, {TEXT_MAX}) END
  FROM stream_data WHERE id < ? ORDER BY id DESC LIMIT ?"""


REASONS: Mapping[str, Fault] = {
    "ERROR": HOLDS_NO_STREAM.fault(),
    "BUSY": STREAM_LOCKED.fault(),
    "LOCKED": STREAM_LOCKED.fault(),
    "INTERRUPT": STREAM_SLOW.fault(seconds=LOOK_SECONDS_MAX),
    "NOTADB": NOT_A_DATABASE.fault(),
    "CORRUPT": STREAM_DAMAGED.fault(),
    "CANTOPEN": STREAM_CLOSED.fault(),
}
"""Why a file can't be read, by SQLite's word for it."""


class StreamReader:
    """One state of a stream's file. Made by ``reading``."""

    def __init__(self, connection: Any, path: Path) -> None:
        self._connection = connection
        self._path = path

    def summary(self, now_us: int) -> StreamSummary:
        """Where the stream stands. Raises UnreadableStream for what a later version wrote."""
        version, url, messages, last_at, holder, alive_at = self._one(HEAD)
        if version > VERSION:
            raise UnreadableStream.of(NEWER_STREAM)
        gaps, is_away = self._one(COUNT_GAPS)
        now_seconds = now_us // SECOND_US
        (recent,) = self._one(RECENT, now_seconds - RECENT_SECONDS, now_seconds)
        return StreamSummary(
            url=url,
            messages=messages,
            size=_size_of(self._path),
            last_at=moment(last_at),
            alive_at=moment(alive_at),
            state=state_of(holder, alive_at, bool(is_away), now_us),
            rate=recent / RECENT_SECONDS,
            gaps=gaps,
        )

    def rates(self, start: int, span_seconds: int, spans: int) -> list[int]:
        """How many messages came in each span of time, the first of which begins at second ``start``."""
        return [count for (count,) in self._all(PER_SPAN, start, span_seconds, spans)]

    def gaps(self) -> list[StreamGap]:
        """The last ones, the newest first."""
        rows = self._all(GAPS, GAPS_MAX)
        return [
            StreamGap(began, moment(ended_at), reason)
            for began_at, ended_at, reason in rows
            if (began := moment(began_at)) is not None
        ]

    def messages(self, before: int, limit: int) -> list[StreamMessage]:
        """The newest first, of those with an id below ``before``."""
        return [_message(*row) for row in self._all(MESSAGES, before, limit)]

    def _one(self, sql: str, *values: int) -> Sequence[Any]:
        row: Sequence[Any] | None = self._connection.execute(sql, values).fetchone()
        if row is None:
            raise UnreadableStream.of(HOLDS_NO_STREAM)
        return row

    def _all(self, sql: str, *values: int) -> list[Any]:
        rows: list[Any] = self._connection.execute(sql, values).fetchall()
        return rows


@contextmanager
def reading(path: Path) -> Iterator[StreamReader]:
    """Look into the file at one moment. Raises UnreadableStream, also for what goes wrong inside."""
    try:
        if not path.is_file():
            raise UnreadableStream.of(NOT_A_FILE if path.exists() else NO_FILE)
        with open_read_only(path, LOOK_SECONDS_MAX) as connection:
            yield StreamReader(connection, path)
    except Unreadable as error:
        unknown = UNREADABLE_STREAM.fault(reason=str(error))
        raise UnreadableStream(REASONS.get(error.kind, unknown)) from None
    except OSError as error:
        raise UnreadableStream.of(UNREADABLE_STREAM, reason=str(error.strerror)) from None


def _message(id: int, timestamp: str, size: int | None, head: str | bytes | float | None) -> StreamMessage:
    """Another program may have stored a number, which is shown as text."""
    shown = str(head) if isinstance(head, int | float) else head
    return StreamMessage(id, timestamp, size or 0, shown)


def _size_of(path: Path) -> int:
    """With the log, which is a part of the file that stands beside it."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
