"""Names of users are compared without case, and attempts to sign in know what they count for.

``folded`` is the name as names are compared. Where several users have the same, all of theirs stay empty: each signs in
by the exact spelling until they are renamed. Folding is written out here, as it was when this migration was made.

Attempts of the last quarter of an hour are forgotten, in both directions: they counted for something else.
"""

from __future__ import annotations

from collections import Counter
from unicodedata import normalize

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FOLDED_LENGTH_MAX = 300

users = sa.table("users", *map(sa.column, ("id", "name", "folded")))


def upgrade() -> None:
    op.add_column("users", sa.Column("folded", sa.String(FOLDED_LENGTH_MAX)))
    _fill(op.get_bind())
    op.create_index("ix_users_folded", "users", ["folded"], unique=True)
    op.execute("DELETE FROM attempts")
    op.add_column("attempts", sa.Column("browser", sa.String(40), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("tried", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.drop_index("ix_attempts_address_at", "attempts")
    op.create_index("ix_attempts_address_name_at", "attempts", ["address", "name", "at"])


def downgrade() -> None:
    op.execute("DELETE FROM attempts")
    op.drop_index("ix_attempts_address_name_at", "attempts")
    op.create_index("ix_attempts_address_at", "attempts", ["address", "at"])
    op.drop_column("attempts", "tried")
    op.drop_column("attempts", "browser")
    op.drop_index("ix_users_folded", "users")
    op.drop_column("users", "folded")


def _fill(connection: sa.Connection) -> None:
    names = {row.id: _folded(row.name) for row in connection.execute(sa.select(users.c.id, users.c.name))}
    times = Counter(names.values())
    update = users.update().where(users.c.id == sa.bindparam("of_user")).values(folded=sa.bindparam("alone"))
    alone = [
        {"of_user": user_id, "alone": name}
        for user_id, name in names.items()
        if times[name] == 1 and len(name) <= FOLDED_LENGTH_MAX
    ]
    if alone:
        connection.execute(update, alone)


def _folded(name: str) -> str:
    return " ".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())
