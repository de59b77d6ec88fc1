"""Copying SQLite's log into the file, aside: inside a commit that held a message up for 150 ms and more.

The bulk is copied by a thread while commits go on. What came meanwhile is little, and the writer copies that itself:
then the whole log is in the file, and the next commit begins it anew. Neither waits for a reader; one that stays long
only makes the log longer until it ends.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from offbook.database.connection import SqliteError, connect

if TYPE_CHECKING:
    import sqlite3

LOG_BYTES = 1024 * 1024
"""How much is committed before it is copied. SQLite takes four times as much, which holds the disk for longer."""

COPY = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpointer:
    """Call note_commit() after each commit of the connection, which from now on copies nothing by itself."""

    def __init__(self, writer: sqlite3.Connection, path: Path) -> None:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        self._writer = writer
        self._connection = connect(path, check_same_thread=False)
        self._thread = ThreadPoolExecutor(1, "offbook-copying")
        self._copy_future: Future[None] | None = None
        self._bytes_since_copy = 0

    def note_commit(self, size: int) -> None:
        """So many bytes were committed."""
        self._bytes_since_copy += size
        if self._copy_future is None and self._bytes_since_copy >= LOG_BYTES:
            self._bytes_since_copy = 0
            self._copy_future = self._thread.submit(_checkpoint, self._connection)
        elif self._copy_future is not None and self._copy_future.done():
            self._copy_future = None
            _checkpoint(self._writer)

    def close(self) -> None:
        """Wait for a copy that is on its way, and close its connection."""
        self._thread.shutdown()
        self._connection.close()


def _checkpoint(connection: sqlite3.Connection) -> None:
    """A disk that is full, or a file that is gone: the log stays as it is, and the next commit raises what is wrong."""
    with suppress(SqliteError):
        connection.execute(COPY).fetchone()
