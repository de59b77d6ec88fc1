"""Contacts as cards of CardDAV: what they are called in paths, what each device has of them, what was refused of it.

A contact is found by the UID of its card, by an index of its own. Going back forgets all of it: devices list every card
anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _index("ix_contacts_book_id_uid", "contacts", ["book_id", "uid"], "uid IS NOT NULL")
    op.create_table(
        "cards",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("segment", sa.String(255), nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id", "record_id"],
            ["contacts.book_id", "contacts.id"],
            name="fk_cards_book_id_record_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", "segment", name="pk_cards"),
        sa.UniqueConstraint("book_id", "record_id", name="uq_cards_book_id_record_id"),
    )
    op.create_table(
        "device_cards",
        sa.Column("device_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.Column("confirmed_seq", sa.BigInteger()),
        sa.Column("offered_seq", sa.BigInteger()),
        sa.Column("listed", sa.BigInteger()),
        sa.Column("sent", LONG),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_device_cards_device_id"),
        sa.PrimaryKeyConstraint("device_id", "record_id", name="pk_device_cards"),
    )
    for column in ("offered_seq", "listed"):
        name = f"ix_device_cards_device_id_{column}"
        _index(name, "device_cards", ["device_id", column], f"{column} IS NOT NULL")
    op.create_table(
        "card_programs",
        sa.Column("device_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("program", sa.String(200)),
        sa.Column("refused", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("segment", sa.String(255)),
        sa.Column("code", sa.String(40)),
        sa.Column("detail", LONG),
        sa.Column("refused_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_card_programs_device_id"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_card_programs_book_id"),
        sa.PrimaryKeyConstraint("device_id", "book_id", name="pk_card_programs"),
    )
    op.create_index("ix_card_programs_book_id", "card_programs", ["book_id"])


def _index(name: str, table: str, columns: list[str], of: str) -> None:
    """An index of some rows, where an engine can leave out the others."""
    op.create_index(name, table, columns, sqlite_where=sa.text(of), postgresql_where=sa.text(of))


def downgrade() -> None:
    for table in ("card_programs", "device_cards", "cards"):
        op.drop_table(table)
    op.drop_index("ix_contacts_book_id_uid", "contacts")
