"""A stream's file, open to be written: commits, gaps, and who holds it. Whoever calls says what time it is.

One process writes. It signs each commit (``holder``, ``alive_at``), which shows a reader that it lives, the next one
when it died, and a second one to stay away: two would store every message twice.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack, closing
from pathlib import Path

from offbook.core.stream_format import is_held, timestamp_text
from offbook.database.connection import atomic, connect
from offbook.database.lease import active_holders, holder_name, is_alive
from offbook.ingest import schema
from offbook.ingest.batch import MessageBatch
from offbook.ingest.checkpointer import Checkpointer
from offbook.ingest.errors import FileLocked, OtherStream, WriteFailed
from offbook.ingest.messages import FILE_LOCKED, FILE_REPLACED, FILE_TAKEN, OTHER_STREAM

BUSY_MS = 100
"""Nothing is received while SQLite waits for another writer, so that longer waits are made outside of it."""

LOG_BYTES_MAX = 64 * 1024 * 1024
"""What the log is cut back to after a reader had kept it from being written back."""

INSERT = "INSERT INTO stream_data (timestamp, payload) VALUES (?, ?)"
COUNT = """INSERT INTO stream_rate (second, messages) VALUES (?, ?)
  ON CONFLICT (second) DO UPDATE SET messages = messages + excluded.messages"""
SIGN = "UPDATE stream SET messages = messages + ?, last_at = coalesce(?, last_at), alive_at = ? WHERE holder = ?"
OPEN_GAP = """INSERT INTO stream_gaps (began_at, after_id, reason)
  SELECT ?, (SELECT coalesce(max(id), 0) FROM stream_data), ?
  WHERE NOT EXISTS (SELECT 1 FROM stream_gaps WHERE ended_at IS NULL)"""
CLOSE_GAP = "UPDATE stream_gaps SET ended_at = max(began_at, ?) WHERE ended_at IS NULL"

KILLED = "The ingest ended without a word."
STOPPED = "The ingest was stopped."


class StreamWriter:
    """Raises IngestError where the file can't be had, and SQLite's errors where it can't be written."""

    def __init__(self, path: Path, url: str, now_us: int, moved: bool = False) -> None:
        schema.require_stream_file(path)
        self.path = path
        self._holder = holder_name(str(uuid.uuid4()))
        with ExitStack() as undo:
            self._connection = undo.enter_context(closing(connect(path)))
            self._checkpointer = undo.enter_context(closing(Checkpointer(self._connection, path)))
            self._connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}")
            self._file = _identity_of(path)
            undo.callback(active_holders.discard, self._holder)
            self._claim(url, now_us, moved)  # last: if it fails, no other process finds the file taken
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            undo.pop_all()

    def commit(self, batch: MessageBatch, now_us: int) -> None:
        """All of the batch or nothing, on disk when it returns. An empty one says that the ingest lives."""
        with atomic(self._connection):
            self._connection.executemany(INSERT, batch.rows)
            self._connection.executemany(COUNT, batch.counts.items())
            self._renew_claim(now_us, len(batch), batch.last_at)
        self._checkpointer.note_commit(batch.size)
        if _identity_of(self.path) != self._file:
            raise WriteFailed.of(FILE_REPLACED, path=self.path)

    def open_gap(self, at_us: int, now_us: int, reason: str) -> None:
        """Open a gap that begins at ``at_us``, unless one is open."""
        with atomic(self._connection):
            self._connection.execute(OPEN_GAP, (timestamp_text(at_us), reason))
            self._renew_claim(now_us)

    def close_gap(self, now_us: int) -> None:
        """The stream is there again."""
        with atomic(self._connection):
            self._connection.execute(CLOSE_GAP, (timestamp_text(now_us),))
            self._renew_claim(now_us)

    def stop(self, now_us: int) -> None:
        """Give the file back. From here on the stream is away, as far as the file knows."""
        with atomic(self._connection):
            self._connection.execute(OPEN_GAP, (timestamp_text(now_us), STOPPED))
            self._renew_claim(now_us)
            self._connection.execute("UPDATE stream SET holder = NULL")

    def close(self) -> None:
        """Close the file. stop() says before that the stream is away."""
        active_holders.discard(self._holder)
        with closing(self._connection):
            self._checkpointer.close()

    def _claim(self, url: str, now_us: int, moved: bool) -> None:
        """Become the one who writes. What the last one left open becomes a gap since it was last alive."""
        active_holders.add(self._holder)
        with atomic(self._connection):
            schema.install(self._connection, url, timestamp_text(now_us))
            url_before, holder, alive_at = self._connection.execute(
                "SELECT url, holder, alive_at FROM stream"
            ).fetchone()
            if is_held(holder, alive_at, now_us) and is_alive(holder):
                raise FileLocked.of(FILE_LOCKED, process=holder.partition(":")[0], path=self.path)
            if url_before != url and not moved:
                raise OtherStream.of(OTHER_STREAM, path=self.path, url=url_before)
            if holder is not None:
                self._connection.execute(OPEN_GAP, (alive_at, KILLED))
            sql = "UPDATE stream SET url = ?, holder = ?, alive_at = ?"
            self._connection.execute(sql, (url, self._holder, timestamp_text(now_us)))

    def _renew_claim(self, now_us: int, messages: int = 0, last_at: str | None = None) -> None:
        signed = self._connection.execute(SIGN, (messages, last_at, timestamp_text(now_us), self._holder))
        if signed.rowcount != 1:
            raise FileLocked.of(FILE_TAKEN, path=self.path)


def _identity_of(path: Path) -> tuple[int, int] | None:
    """Which file is at the path. SQLite would go on to write into one that was deleted, and nobody would ever know."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
