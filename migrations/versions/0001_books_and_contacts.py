"""Books with their records, people, devices and history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _create_people()
    _create_devices()
    _create_contacts()
    _create_history()
    _create_tutorial()


def downgrade() -> None:
    for table in (
        "tutorial_rows",
        "tutorial_numbers",
        "conflicts",
        "changes",
        "contact_details",
        "contacts",
        "devices",
        "settings",
        "attempts",
        "memberships",
        "users",
        "books",
    ):
        op.drop_table(table)


def _create_people() -> None:
    op.create_table(
        "books",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("policy", sa.String(20), nullable=False, server_default="merge"),
        sa.Column("epoch", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("pruned", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_books"),
        sa.UniqueConstraint("uuid", name="uq_books_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "users",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("role", sa.String(20), nullable=False, server_default="owner"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_memberships_book_id"),
        sa.PrimaryKeyConstraint("user_id", "book_id", name="pk_memberships"),
    )
    op.create_index("ix_memberships_book_id", "memberships", ["book_id"])
    op.create_table(
        "attempts",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_name_at", "attempts", ["name", "at"])
    op.create_index("ix_attempts_address_at", "attempts", ["address", "at"])
    op.create_table(
        "settings",
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("value", LONG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )


def _create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("book_id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger()),
        sa.Column("clock_offset_ms", sa.BigInteger()),
        sa.Column("parked", LONG),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_devices_book_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_devices_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
        sa.UniqueConstraint("uuid", name="uq_devices_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_devices_book_id", "devices", ["book_id"])
    op.create_index("ix_devices_user_id", "devices", ["user_id"])


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(300)),
        sa.Column("email", sa.String(320)),
        sa.Column("email_label", sa.String(100)),
        sa.Column("phone", sa.String(100)),
        sa.Column("phone_label", sa.String(100)),
        sa.Column("given_name", sa.String(200)),
        sa.Column("middle_name", sa.String(200)),
        sa.Column("family_name", sa.String(200)),
        sa.Column("prefix", sa.String(100)),
        sa.Column("suffix", sa.String(100)),
        sa.Column("nickname", sa.String(200)),
        sa.Column("file_as", sa.String(300)),
        sa.Column("company", sa.String(300)),
        sa.Column("department", sa.String(300)),
        sa.Column("title", sa.String(300)),
        sa.Column("birthday", sa.String(10)),
        sa.Column("website", sa.String(2000)),
        sa.Column("website_label", sa.String(100)),
        sa.Column("notes", LONG),
        sa.Column("starred", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("clocks", LONG, nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_contacts_book_id"),
        sa.PrimaryKeyConstraint("book_id", "id", name="pk_contacts"),
        sa.UniqueConstraint("book_id", "seq", name="uq_contacts_book_id_seq"),
    )
    op.create_table(
        "contact_details",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.String(36), nullable=False),
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20)),
        sa.Column("label", sa.String(100)),
        sa.Column("value", sa.String(2000)),
        sa.Column("position", sa.BigInteger()),
        sa.Column("street", sa.String(500)),
        sa.Column("city", sa.String(200)),
        sa.Column("region", sa.String(200)),
        sa.Column("postcode", sa.String(50)),
        sa.Column("country", sa.String(200)),
        sa.Column("removed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.ForeignKeyConstraint(
            ["book_id", "contact_id"],
            ["contacts.book_id", "contacts.id"],
            name="fk_contact_details_book_id_contact_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("book_id", "contact_id", "entry_id", name="pk_contact_details"),
    )


def _create_history() -> None:
    op.create_table(
        "changes",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("book_id", NUMBER, nullable=False),
        sa.Column("change_id", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger()),
        sa.Column("table_name", sa.String(64)),
        sa.Column("record_id", sa.String(36)),
        sa.Column("operation", sa.String(10)),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("replica", sa.String(36)),
        sa.Column("timestamp", sa.BigInteger()),
        sa.Column("received_at", sa.BigInteger()),
        sa.Column("base", sa.BigInteger()),
        sa.Column("bases", LONG),
        sa.Column("data", LONG),
        sa.Column("before", LONG),
        sa.Column("beaten", LONG),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.Column("code", sa.String(40)),
        sa.Column("detail", LONG),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_changes_book_id"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.UniqueConstraint("book_id", "change_id", name="uq_changes_book_id_change_id"),
    )
    op.create_index("ix_changes_book_id_seq", "changes", ["book_id", "seq"])
    op.create_index("ix_changes_book_id_record_id", "changes", ["book_id", "record_id"])
    op.create_table(
        "conflicts",
        sa.Column("book_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.Column("cell", sa.String(120), nullable=False),
        sa.Column("ours", LONG),
        sa.Column("theirs", LONG),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("winner", LONG),
        sa.Column("change_id", sa.String(36), nullable=False),
        sa.Column("replica", sa.String(36), nullable=False),
        sa.Column("device_id", sa.BigInteger()),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.Column("resolved_by", sa.String(36)),
        sa.ForeignKeyConstraint(["book_id"], ["books.id"], name="fk_conflicts_book_id"),
        sa.PrimaryKeyConstraint("book_id", "id", name="pk_conflicts"),
    )
    op.create_index("ix_conflicts_book_id_seq", "conflicts", ["book_id", "seq"])
    op.create_index("ix_conflicts_book_id_record_id", "conflicts", ["book_id", "record_id"])


def _create_tutorial() -> None:
    op.create_table(
        "tutorial_numbers",
        sa.Column("device_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_tutorial_numbers_device_id"),
        sa.PrimaryKeyConstraint("device_id", "table_name", "number", name="pk_tutorial_numbers"),
        sa.UniqueConstraint(
            "device_id", "table_name", "record_id", name="uq_tutorial_numbers_device_id_table_name_record_id"
        ),
    )
    op.create_table(
        "tutorial_rows",
        sa.Column("device_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("table_name", sa.String(64), nullable=False),
        sa.Column("record_id", sa.String(36), nullable=False),
        sa.Column("held", LONG),
        sa.Column("held_seq", sa.BigInteger()),
        sa.Column("offered", LONG),
        sa.Column("offered_seq", sa.BigInteger()),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_tutorial_rows_device_id"),
        sa.PrimaryKeyConstraint("device_id", "table_name", "record_id", name="pk_tutorial_rows"),
    )
