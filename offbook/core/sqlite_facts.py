"""What is true of SQLite whoever uses it: a server or a device."""

from __future__ import annotations

WAL_INDEX_BYTES = 64 * 1024
"""The room that SQLite needs beside a file in WAL mode to open it: the log's index (-shm) takes half of it."""


def has_wal_reset_race(version: tuple[int, ...]) -> bool:
    """Whether connections to one WAL can corrupt the file: fixed in 3.51.3, and in two older lines.

    https://sqlite.org/wal.html#walresetbug
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return not fixed
