"""What the columns of CSVs are, as people said when they imported one, by the header lines of the files.

An older version proposes a mapping each time: going back forgets them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "csv_mappings",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("header", sa.String(32), nullable=False),
        sa.Column("mapping", LONG, nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_csv_mappings_book_id"),
        sa.PrimaryKeyConstraint("book_id", "header", name="pk_csv_mappings"),
    )


def downgrade() -> None:
    op.drop_table("csv_mappings")
