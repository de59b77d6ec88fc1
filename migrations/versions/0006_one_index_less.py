"""The list's index also holds the digests: the sum over a book is read from it, and every write has one index less.

Nothing in any row changes.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LIST = ["book_id", "deleted", "starred", "sort_name", "id"]


def upgrade() -> None:
    op.drop_index("ix_contacts_digests", "contacts")
    op.drop_index("ix_contacts_list", "contacts")
    op.create_index("ix_contacts_list", "contacts", [*LIST, "digest"])


def downgrade() -> None:
    op.drop_index("ix_contacts_list", "contacts")
    op.create_index("ix_contacts_list", "contacts", LIST)
    op.create_index("ix_contacts_digests", "contacts", ["book_id", "deleted", "id", "digest"])
