"""Who made a change: the names that go with the numbers in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from models import Base
from offbook.core.model import Author
from storage.sql.array_params import in_array
from storage.sql.queries import CHANGES

DEVICES = Base.metadata.tables["devices"]
USERS = Base.metadata.tables["users"]

AUTHORED = (
    select(CHANGES.c.change_id, USERS.c.name, DEVICES.c.name, CHANGES.c.timestamp)
    .outerjoin(USERS, USERS.c.id == CHANGES.c.user_id)
    .outerjoin(DEVICES, DEVICES.c.id == CHANGES.c.device_id)
    .where(CHANGES.c.book_id == bindparam("book"), in_array(CHANGES.c.change_id, "ids"))
    .where(CHANGES.c.received_at.is_not(None))
)
IDS_AT_ONCE = 1000


def authors_of(connection: Connection, book_id: int, change_ids: Iterable[str]) -> Mapping[str, Author]:
    """By the changes' ids; what was pruned, or never was, is left out."""
    ids = sorted(set(change_ids))
    authors: dict[str, Author] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        rows = connection.execute(AUTHORED, {"book": book_id, "ids": ids[start : start + IDS_AT_ONCE]})
        authors.update((change_id, Author(user, device, at)) for change_id, user, device, at in rows)
    return authors
