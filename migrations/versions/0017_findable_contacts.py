"""Contacts are sorted by first and by last name, and found by name first; a book may have a region for phone numbers.

What is derived is made in steps behind the migration (ops.search_texts), while servers go on. Until then the list has
each contact by the name that is shown, whatever it is sorted by. Going back drops what is derived, and the regions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
KEYS = ("sort_first", "sort_last")

CONTACTS = sa.table("contacts", *(sa.column(name) for name in ("sort_name", *KEYS)))


def upgrade() -> None:
    op.add_column("books", sa.Column("region", sa.String(2)))
    op.add_column("contacts", sa.Column("search_name", LONG))
    for key in KEYS:
        op.add_column("contacts", sa.Column(key, sa.String(100), nullable=False, server_default=sa.text("''")))
    op.execute(CONTACTS.update().values(dict.fromkeys(KEYS, CONTACTS.c.sort_name)))
    for key in KEYS:
        op.create_index(f"ix_contacts_{key}", "contacts", ["book_id", "deleted", "starred", key, "id"])


def downgrade() -> None:
    for key in KEYS:
        op.drop_index(f"ix_contacts_{key}", "contacts")
    for column in ("search_name", *KEYS):
        op.drop_column("contacts", column)
    op.drop_column("books", "region")
