"""A conflict knows what both of its versions began with, and the open ones are found without a look at the settled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.add_column("conflicts", sa.Column("common", LONG))
    op.create_index("ix_conflicts_book_id_resolved_at", "conflicts", ["book_id", "resolved_at"])


def downgrade() -> None:
    op.drop_index("ix_conflicts_book_id_resolved_at", "conflicts")
    op.drop_column("conflicts", "common")
