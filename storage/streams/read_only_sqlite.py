"""Reading a SQLite file that another program writes to, without being able to change it or to hold anyone up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from storage.engines.sqlite import driver

BUSY_SECONDS = 0.25
STEPS = 10_000
"""After so many steps the time of a statement is checked: several times in a millisecond."""


class Unreadable(Exception):
    """SQLite does not read the file. ``kind`` is its word for why, like NOTADB."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        name: str = getattr(error, "sqlite_errorname", "")
        self.kind = name.removeprefix("SQLITE_").split("_")[0]


@contextmanager
def open_read_only(path: Path, seconds_max: float) -> Iterator[Any]:
    """One state of the file, that of the first question, on a connection of the driver. Raises Unreadable.

    What takes longer is cut off. In WAL mode a reader and a writer don't wait for each other. What the file says is not
    trusted: neither its schema to call functions, nor its text to be UTF-8.
    """
    module, deadline = driver(), time.monotonic() + seconds_max
    try:
        address = f"{path.as_uri()}?mode=ro"
        with closing(module.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
            connection.execute("PRAGMA query_only = 1")
            connection.execute("PRAGMA trusted_schema = 0")
            connection.execute("BEGIN")
            yield connection
    except module.Error as error:
        raise Unreadable(error) from None
