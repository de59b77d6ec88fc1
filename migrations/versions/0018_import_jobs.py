"""Imports that go on beside requests: how far each is, and who carries it out.

Going back forgets how far they were: what they wrote stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "import_jobs",
        sa.Column("user_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("batch", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("choices", LONG_TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("runner", sa.String(36), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("report", LONG_TEXT, nullable=True),
        sa.Column("problem", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_import_jobs_book_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_import_jobs_user_id"),
        sa.PrimaryKeyConstraint("user_id", "book_id", name="pk_import_jobs"),
    )
    op.create_index("ix_import_jobs_book_id", "import_jobs", ["book_id"])


def downgrade() -> None:
    op.drop_table("import_jobs")
