"""Changes know the act that they are a part of: an import, a restore, an undo.

Changes of before have none. An older version writes none, and does not show them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEX = "ix_changes_book_id_batch_seq"
HAS_BATCH = sa.text("batch IS NOT NULL")


def upgrade() -> None:
    op.add_column("changes", sa.Column("batch", sa.String(36)))
    columns = ["book_id", "batch", "seq"]
    op.create_index(INDEX, "changes", columns, sqlite_where=HAS_BATCH, postgresql_where=HAS_BATCH)


def downgrade() -> None:
    op.drop_index(INDEX, "changes")
    op.drop_column("changes", "batch")
