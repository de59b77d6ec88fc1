"""Photos: bytes by their hash, in each book, and what pages show of them.

An older version has no place for them: going back forgets the photos, and contacts keep their hashes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_blobs_book_id"),
        sa.PrimaryKeyConstraint("book_id", "sha256", name="pk_blobs"),
    )
    op.create_table(
        "blob_chunks",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("width", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", BYTES, nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_blob_chunks_book_id"),
        sa.ForeignKeyConstraint(
            ["book_id", "sha256"], ["blobs.book_id", "blobs.sha256"], name="fk_blob_chunks_book_id_sha256"
        ),
        sa.PrimaryKeyConstraint("book_id", "sha256", "width", "number", name="pk_blob_chunks"),
    )


def downgrade() -> None:
    for table in ("blob_chunks", "blobs"):
        op.drop_table(table)
