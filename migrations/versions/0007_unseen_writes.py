"""Clocks also tell the latest write by another replica than a cell's last writer.

They stand behind the clock that was there, so that rows from before are read as they are: nothing is known of others.
Going back takes them off again, since a version before this one reads four parts and no more.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 500
PARTS_OF_A_CLOCK = 4

contacts = sa.table("contacts", *map(sa.column, ("book_id", "id", "clocks")))


def upgrade() -> None:
    pass


def downgrade() -> None:
    connection = op.get_bind()
    where = (contacts.c.book_id == sa.bindparam("of_book"), contacts.c.id == sa.bindparam("of_id"))
    update = contacts.update().where(*where).values(clocks=sa.bindparam("shorter"))
    place = (0, "")
    while rows := connection.execute(_rows_after(place)).all():
        shortened = [
            {"of_book": book_id, "of_id": record_id, "shorter": shorter}
            for book_id, record_id, clocks in rows
            if (shorter := _shortened(clocks)) is not None
        ]
        if shortened:
            connection.execute(update, shortened)
        place = rows[-1].book_id, rows[-1].id


def _rows_after(place: tuple[int, str]) -> sa.Select[int, str, str]:
    """The next rows by their key, some hundred at a time so that memory stays small."""
    book_id, record_id = place
    later = sa.or_(contacts.c.book_id > book_id, sa.and_(contacts.c.book_id == book_id, contacts.c.id > record_id))
    keys = (contacts.c.book_id, contacts.c.id)
    return sa.select(*keys, contacts.c.clocks).where(later).order_by(*keys).limit(ROWS_AT_ONCE)


def _shortened(clocks: str) -> str | None:
    """The clocks without what stands behind their four parts; None where nothing does."""
    parts = json.loads(clocks)
    if all(len(clock) <= PARTS_OF_A_CLOCK for clock in parts.values()):
        return None
    return json.dumps({cell: clock[:PARTS_OF_A_CLOCK] for cell, clock in parts.items()}, separators=(",", ":"))
