"""Why a database takes no changes: a mark in its settings, which names the move or the restore that closed it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from models import Base
from offbook.core.messages import Fault
from ops import messages
from storage.engines.database import Database
from storage.engines.read_only_mode import CLOSED, RESTORED, RESTORING

SETTINGS = Base.metadata.tables["settings"]


@dataclass(frozen=True, slots=True)
class ClosedMarker:
    """Why a database is closed: the move's id, and where to; ``to`` is empty where the move leads into it."""

    move: str
    to: str = ""


RESTORE = ClosedMarker(**json.loads(RESTORING))
RESTORES = (RESTORE, ClosedMarker(**json.loads(RESTORED)))


def why_closed(database: Database) -> Fault | None:
    """Why the database takes no changes, and what to do; None where it takes them."""
    with database.read() as connection:
        mark = mark_in(connection)
    if mark is None:
        return None
    if mark in RESTORES:
        return messages.CLOSED_BY_RESTORE.fault()
    return messages.CLOSED_BY_MOVE.fault(place=mark.to) if mark.to else messages.CLOSED_TARGET.fault()


def value_of(connection: Connection, name: str) -> str | None:
    """The value of a setting, None where it is not set."""
    return connection.execute(select(SETTINGS.c.value).where(SETTINGS.c.name == name)).scalar_one_or_none()


def mark_in(connection: Connection) -> ClosedMarker | None:
    """Why the database is closed, None where it is open."""
    value = value_of(connection, CLOSED)
    return None if value is None else ClosedMarker(**json.loads(value))


def set_mark(connection: Connection, mark: ClosedMarker) -> None:
    """Close the database, or close it for another reason."""
    connection.execute(delete(SETTINGS).where(SETTINGS.c.name == CLOSED))
    value = json.dumps({"move": mark.move, "to": mark.to})
    connection.execute(SETTINGS.insert(), {"name": CLOSED, "value": value})
