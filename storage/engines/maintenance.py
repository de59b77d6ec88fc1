"""What looking after a database needs to know of its engine: how large it is, what is left over, how it finds rows.

Each engine has such a module beside it (see storage.engines.adapter); ``flask doctor`` and ``flask vacuum`` ask it, and
know no engine. Sizes are bytes. Nothing here knows a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from storage.values.databases import DatabaseSize, LogSize

GROWING_SECONDS = 5
"""How long whoever adds to a table waits for those who use it: a backup may take long."""


class Maintenance(Protocol):
    """A module that has all of this."""

    VACUUM_LOCK_NOTICE: str
    """Who has to wait while a vacuum runs, as a sentence."""

    VACUUM_SPACE_FACTOR: int
    """How many times its size a database needs free for a vacuum."""

    def size(self, connection: Connection, /) -> DatabaseSize:
        """What it takes."""

    def log(self, engine: Engine, /) -> LogSize | None:
        """The state of its log, None for an engine whose log is its own affair."""

    def index_columns_used(self, connection: Connection, sql: str, values: Any, /) -> Mapping[str, Set[str]]:
        """By which columns an index finds, or could find, the rows of each table that a statement reads.

        None for one that can only be read whole; what the statement needs nothing of is left out.
        """

    def vacuum(self, engine: Engine, /) -> None:
        """Give back the space of what was deleted, and count anew what decides about plans."""

    def after_commit(self, engine: Engine, /) -> Callable[[], None]:
        """What is to be called after each commit, in the writer's turn."""
