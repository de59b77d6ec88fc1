"""Labels of contacts are records of their own.

Those that contacts name already are added behind the migration, as changes (services.labels). An older version has no
such table: going back forgets its records and what happened to them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(2000)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("clocks", LONG, nullable=False),
        sa.Column("search", LONG),
        sa.Column("sort_key", sa.String(100), nullable=False, server_default=sa.text("''")),
        sa.Column("digest", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_labels_book_id"),
        sa.PrimaryKeyConstraint("book_id", "id", name="pk_labels"),
        sa.UniqueConstraint("book_id", "seq", name="uq_labels_book_id_seq"),
    )
    op.create_index("ix_labels_list", "labels", ["book_id", "deleted", "sort_key", "id", "digest"])


def downgrade() -> None:
    op.drop_table("labels")
    for table in ("changes", "conflicts"):
        rows = sa.table(table, sa.column("table_name"))
        op.execute(rows.delete().where(rows.c.table_name == "labels"))
