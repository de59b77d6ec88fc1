"""Looking after a SQLite file: its size, its log, how a statement finds rows, and giving back what is free.

A commit goes to the log (WAL), and a *checkpoint* copies the log into the file. SQLite begins the log anew only when
all of it was copied and no reader needs it, and never waits for that moment: readers that overlap without a gap, or one
that stays open, let it grow without end. So whoever has just committed looks at the file's length. Where it is far too
long, they make a checkpoint that does wait, briefly: readers that begin meanwhile need the log no more, so that those
who hold it become fewer. The log is then empty. A reader that stays longer is left alone until the next attempt; and
when it has gone and SQLite begins the log anew, it cuts the file back by itself (``journal_size_limit``).

How readers and checkpoints get in each other's way: https://sqlite.org/wal.html#ckpt.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Mapping, Set
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from storage.values.databases import DatabaseSize, LogSize

logger = logging.getLogger("offbook")

LOG_BYTES_MAX = 32 * 1024 * 1024
"""More than the log has when SQLite begins it anew in time (WAL_PAGES of storage.engines.sqlite): only where something
was in the way is it longer, and then it is cut back."""

WAIT_MS = 100
"""How long writers wait for readers to let go of the log. A page takes a reader a few milliseconds."""

AGAIN_SECONDS = 1.0
"""When that was in vain, it is tried again so much later, or when the log has grown by as much as it may have. So a
reader that stays costs the writers about a tenth of their time, until it goes."""

VACUUM_LOCK_NOTICE = "Whoever writes waits until it is done; whoever reads does not."
VACUUM_SPACE_FACTOR = 2

STEP = re.compile(r"^(?:SEARCH|SCAN) (\w+)(?: .*?\((.*)\))?")
"""A line of EXPLAIN QUERY PLAN: ``SEARCH contacts USING INDEX ix_contacts_list (book_id=? AND (name,id)>(?,?))``."""


class LogKeeper:
    """Keeps the log from growing without end. Called by one writer at a time, after its commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = f"{engine.url.database}-wal"
        self._again_at = 0.0
        self._again_bytes = 0

    def __call__(self) -> None:
        log_bytes = length(self._path)
        if log_bytes <= LOG_BYTES_MAX or (time.monotonic() < self._again_at and log_bytes < self._again_bytes):
            return
        try:
            with closing(self._engine.raw_connection()) as connection:
                empty_log(connection.driver_connection, WAIT_MS)
        except Exception as error:  # the transaction is committed: its writer must not fail for this
            logger.warning("SQLite's log could not be cut back (%s)", type(error).__name__)
        self._again_at = time.monotonic() + AGAIN_SECONDS
        self._again_bytes = log_bytes + LOG_BYTES_MAX


def length(path: str | Path) -> int:
    """A file's; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def empty_log(connection: Any, wait_ms: int | None = None) -> bool:
    """Copy the log into the file and cut it to nothing; whether that could be done within the time.

    Without ``wait_ms``, it is what the connection waits in any case.
    """
    (usual,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {usual if wait_ms is None else wait_ms}")
    try:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    finally:
        connection.execute(f"PRAGMA busy_timeout = {usual}")


def size(connection: Connection) -> DatabaseSize:
    path = Path(connection.engine.url.database or "").resolve()
    free = pragma(connection, "freelist_count") * pragma(connection, "page_size")
    return DatabaseSize(length(path) + length(f"{path}-wal"), free, path.parent)


def log(engine: Engine) -> LogSize:
    """As it is after a checkpoint that waits for nobody."""
    connection = engine.raw_connection()
    try:
        driven: Any = connection.driver_connection
        (page,) = driven.execute("PRAGMA page_size").fetchone()
        _, pages, copied = driven.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return LogSize(pages * page, (pages - copied) * page, LOG_BYTES_MAX)
    finally:
        connection.close()


def pragma(connection: Connection, name: str) -> int:
    """The value of a PRAGMA that is a number."""
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def index_columns_used(connection: Connection, sql: str, values: Any) -> Mapping[str, Set[str]]:
    steps = [STEP.match(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    return {step[1]: frozenset(re.findall(r"\w+", step[2] or "")) for step in steps if step}


def vacuum(engine: Engine) -> None:
    """Write the file anew, without gaps. That goes through the log, which is emptied into it at the end."""
    connection = engine.raw_connection()
    try:
        driven: Any = connection.driver_connection
        driven.execute("VACUUM")
        driven.execute("ANALYZE")
        empty_log(driven)
    finally:
        connection.close()


def after_commit(engine: Engine) -> Callable[[], None]:
    return LogKeeper(engine)
