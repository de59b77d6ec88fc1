"""Who has which label is found, and counted, by an index of its own; on SQLite, which reads all details without one.

The other engines read the details of a book as fast without it, and could not index texts of any length.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INDEX = "ix_contact_details_named"
NAMES_LABEL = sa.text("kind = 'group' AND removed IS 0")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(INDEX, "contact_details", ["book_id", "value", "contact_id"], sqlite_where=NAMES_LABEL)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(INDEX, "contact_details")
