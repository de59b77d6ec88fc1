"""Whether a database takes changes at the moment: told by the last write, or else by one that is made to find out.

To be able to read says nothing about it, and what nobody wrote to for a while may have lost its room meanwhile. So the
time is written to a row of settings that nothing reads; seldom, since whoever watches a server asks all the time.
"""

from __future__ import annotations

import time

from models import Base
from storage.engines import Database
from storage.unwritable import Unwritable

SETTINGS = Base.metadata.tables["settings"]
PROBE = "probe"

EVERY_SECONDS = 10.0
"""A write that is not older tells enough."""


def refused(database: Database) -> Unwritable | None:
    """Why no changes are taken; None where they are. Where that can't be found out now, what was known last."""
    if database.refused is not None or time.monotonic() - database.wrote_at >= EVERY_SECONDS:
        probe(database)
    return database.refused


def probe(database: Database) -> bool:
    """Whether a write ends well now. Where not, ``database.refused`` is why, if that was said."""
    values = [{"name": PROBE, "value": str(time.time_ns())}]
    return database.note(database.upsert(SETTINGS, ["name", "value"]), values)
