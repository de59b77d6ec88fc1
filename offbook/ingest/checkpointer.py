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
    """Tell grown() after each commit of the connection, which from now on copies nothing by itself."""

    def __init__(self, writer: sqlite3.Connection, path: Path) -> None:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        self._writer = writer
        self._aside = connect(path, check_same_thread=False)
        self._thread = ThreadPoolExecutor(1, "offbook-copying")
        self._copying: Future[None] | None = None
        self._grown = 0

    def grown(self, size: int) -> None:
        """So many bytes were committed."""
        self._grown += size
        if self._copying is None and self._grown >= LOG_BYTES:
            self._grown = 0
            self._copying = self._thread.submit(_copy, self._aside)
        elif self._copying is not None and self._copying.done():
            self._copying = None
            _copy(self._writer)

    def close(self) -> None:
        self._thread.shutdown()
        self._aside.close()


def _copy(connection: sqlite3.Connection) -> None:
    """A disk that is full, or a file that is gone: the log stays as it is, and committing tells what is wrong."""
    with suppress(SqliteError):
        connection.execute(COPY).fetchone()
