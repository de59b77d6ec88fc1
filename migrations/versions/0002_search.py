"""Contacts can be searched and sorted: two columns derived from the others, and the index that the list runs on.

Going back drops only what is derived; going forward again derives it anew. Folding is written out here, as it was when
this migration was made: a migration must not change with the code.
"""

from __future__ import annotations

from unicodedata import combining, normalize

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
ROWS_AT_ONCE = 500

CONTACT_TEXTS = (
    *("name", "email", "email_label", "phone", "phone_label", "given_name", "middle_name", "family_name", "prefix"),
    *(
        "suffix",
        "nickname",
        "file_as",
        "company",
        "department",
        "title",
        "birthday",
        "website",
        "website_label",
        "notes",
    ),
)
DETAIL_TEXTS = ("label", "value", "street", "city", "region", "postcode", "country")


def columns(*names: str) -> list[sa.ColumnClause[str]]:
    return [sa.column(name) for name in names]


contacts = sa.table("contacts", *columns("book_id", "id", "search", "sort_name", *CONTACT_TEXTS))
details = sa.table("contact_details", *columns("book_id", "contact_id", "removed", *DETAIL_TEXTS))


def upgrade() -> None:
    op.add_column("contacts", sa.Column("search", LONG))
    op.add_column("contacts", sa.Column("sort_name", sa.String(100), nullable=False, server_default=sa.text("''")))
    _fill(op.get_bind())
    op.create_index("ix_contacts_list", "contacts", ["book_id", "deleted", "starred", "sort_name", "id"])


def downgrade() -> None:
    op.drop_index("ix_contacts_list", "contacts")
    op.drop_column("contacts", "sort_name")
    op.drop_column("contacts", "search")


def _fill(connection: sa.Connection) -> None:
    """Derive both columns of every contact, some hundred at a time so that memory stays small."""
    ids = connection.execute(sa.select(contacts.c.book_id, contacts.c.id)).fetchall()
    update = (
        contacts.update()
        .where(contacts.c.book_id == sa.bindparam("of_book"), contacts.c.id == sa.bindparam("of_id"))
        .values(search=sa.bindparam("text"), sort_name=sa.bindparam("sorted_by"))
    )
    for start in range(0, len(ids), ROWS_AT_ONCE):
        connection.execute(update, [_derived(connection, *key) for key in ids[start : start + ROWS_AT_ONCE]])


def _derived(connection: sa.Connection, book_id: int, contact_id: str) -> dict[str, object]:
    row = connection.execute(
        sa.select(*(contacts.c[name] for name in CONTACT_TEXTS)).where(
            contacts.c.book_id == book_id, contacts.c.id == contact_id
        )
    ).one()
    entries = connection.execute(
        sa.select(*(details.c[name] for name in DETAIL_TEXTS)).where(
            details.c.book_id == book_id, details.c.contact_id == contact_id, details.c.removed == sa.false()
        )
    )
    texts = [text for texts_of_row in (row, *entries) for text in texts_of_row if text is not None]
    return {
        "of_book": book_id,
        "of_id": contact_id,
        "text": _fold("\n".join(texts)),
        "sorted_by": _fold(row.name or "")[:100],
    }


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(letter for letter in folded if not combining(letter))
