"""Of each row of a tutorial app is known whether it was served since the app last heard that its record is gone.

Nobody noted it before, so it is taken to be so. What such an app deleted itself it may have had back by a pull, and was
never told: of records from elsewhere, whose numbers can't stand for another record, that is told once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TELL_AGAIN = """
UPDATE tutorial_rows SET offered_seq = 0
WHERE held IS NULL AND offered_seq IS NULL AND EXISTS (
    SELECT 1 FROM tutorial_numbers
    WHERE tutorial_numbers.device_id = tutorial_rows.device_id
    AND tutorial_numbers.table_name = tutorial_rows.table_name
    AND tutorial_numbers.record_id = tutorial_rows.record_id
    AND tutorial_numbers.number < 0
)
"""


def upgrade() -> None:
    op.add_column("tutorial_rows", sa.Column("was_served", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(TELL_AGAIN)


def downgrade() -> None:
    op.drop_column("tutorial_rows", "was_served")
