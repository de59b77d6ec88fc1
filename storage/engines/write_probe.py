"""Whether a database takes changes at the moment: by its last note, or by one that is made to find out.

To be able to read says nothing about it, and what nobody wrote to for a while may have lost its room meanwhile. So the
time is written to a row of settings that nothing reads; seldom, since whoever watches a server asks all the time.
"""

from __future__ import annotations

import time

from models import Base
from storage.engines.database import Database
from storage.errors import Unwritable
from storage.messages import NOT_WRITTEN

SETTINGS = Base.metadata.tables["settings"]
PROBE = "probe"

EVERY_SECONDS = 10.0
"""A note that is not older is recent enough."""


def refused(database: Database) -> Unwritable | None:
    """Why no changes are taken; None where they are."""
    if database.refused is None and time.monotonic() - database.wrote_at < EVERY_SECONDS:
        return None
    return probe(database)


def probe(database: Database) -> Unwritable | None:
    """Why a write that is made now is refused; None where it ends well."""
    values = [{"name": PROBE, "value": str(time.time_ns())}]
    if database.note(database.upsert(SETTINGS, ["name", "value"]), values):
        return None
    return database.refused or Unwritable(NOT_WRITTEN.fault())
