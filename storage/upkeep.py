"""What looking after a database needs to know of its engine: how large it is, what is left over, how it finds rows.

Each engine has an Upkeep (see storage.engines); ``flask doctor`` and ``flask vacuum`` ask it, and know no engine. Sizes
are bytes. Nothing here knows a table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class Size:
    """``data`` is what the database takes, its log included; ``free`` what of that a vacuum would give back, if known.

    ``folder`` is where it lies, None where that is not for this machine to see.
    """

    data: int
    free: int | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """The log that commits go to first: its length, the part that can't be copied yet, and how long it ought to be."""

    bytes: int
    held_bytes: int
    usual_bytes: int


@dataclass(frozen=True)
class Upkeep:
    """``log`` is None for an engine whose log is its own affair.

    ``searched`` tells, of each table that a statement reads, the columns by which an index finds its rows; none where
    the whole table is read. ``vacuum`` gives back the space of what was deleted and counts anew what decides about
    plans; ``waits`` says who has to wait meanwhile, ``room`` how many times its size a database needs free for it.

    ``keeper`` makes what is called after each commit, in the writer's turn.
    """

    size: Callable[[Connection], Size]
    log: Callable[[Engine], Log | None]
    searched: Callable[[Connection, str, Any], Mapping[str, Set[str]]]
    vacuum: Callable[[Engine], None]
    waits: str
    room: int
    keeper: Callable[[Engine], Callable[[], None]]
