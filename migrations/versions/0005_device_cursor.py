"""Devices know how far they are: the seq of the cursor that each was given last.

Nobody noted it before, so it is not known until a device syncs again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("cursor_seq", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("devices", "cursor_seq")
