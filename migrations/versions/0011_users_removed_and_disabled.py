"""Users can be disabled, and removed: kept in the trash for a while, then purged with their books.

Older versions let in everyone who is in the table, so that there is no way back while anyone is to be kept out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("disabled_at", sa.BigInteger()))
    op.add_column("users", sa.Column("removed_at", sa.BigInteger()))
    op.add_column("users", sa.Column("is_purging", sa.Boolean(), nullable=False, server_default=sa.false()))


KEPT_OUT = "SELECT count(*) FROM users WHERE disabled_at IS NOT NULL OR removed_at IS NOT NULL"


def downgrade() -> None:
    count = op.get_bind().exec_driver_sql(KEPT_OUT).scalar_one()
    if count:
        raise RuntimeError(
            f"{count} users are disabled or in the trash, and an older version would let them in: enable, restore or "
            "purge them first (`flask user list` shows all)."
        )
    for name in ("is_purging", "removed_at", "disabled_at"):
        op.drop_column("users", name)
